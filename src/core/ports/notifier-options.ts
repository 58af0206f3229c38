import { WaybillError } from "../errors/errors.js";
import { EVENT_OF } from "../job/event.js";
import { isDurationMs } from "../options/durations.js";
import { nearest } from "../options/nearest.js";
import { requireOptions } from "../options/options.js";
import type { NotifierOptions } from "./notifier.js";

const SHARED: readonly (keyof NotifierOptions)[] = ["kinds", "on", "giveUpAfterMs", "timeoutMs"];
const EVENTS: readonly string[] = [...new Set(Object.values(EVENT_OF))];

/**
 * Refuses what no notifier can work with, and options that the factory does not know.
 *
 * @param what - the factory
 * @param own - its options beside those of every notifier
 * @throws {WaybillError} `config.invalid`
 */
export function checkNotifierOptions(what: string, options: NotifierOptions, own: readonly string[]): void {
  requireOptions(what, options, [...own, ...SHARED]);
  const { kinds = [], on = [] } = options as { readonly kinds?: unknown; readonly on?: unknown };
  if (!isListOfText(kinds)) refuse("kinds must be a list.");
  if (!Array.isArray(on)) refuse("on must be a list of events.");
  for (const [index, type] of (on as readonly unknown[]).entries()) checkEvent(index, type);
  checkMs("giveUpAfterMs", options.giveUpAfterMs);
  checkMs("timeoutMs", options.timeoutMs);
}

function isListOfText(value: unknown): boolean {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}

function checkEvent(index: number, type: unknown): void {
  if (typeof type === "string" && EVENTS.includes(type)) return;
  const near = typeof type === "string" ? nearest(type, EVENTS) : null;
  refuse(
    `on[${String(index)}] is no event. ${near === null ? `There are ${EVENTS.join(", ")}.` : `Did you mean ${near}?`}`,
  );
}

function checkMs(name: string, value: unknown): void {
  if (value === undefined || (isDurationMs(value) && value > 0)) return;
  refuse(`${name} must be a whole number of milliseconds above 0.`);
}

function refuse(sentence: string): never {
  throw new WaybillError("config.invalid", sentence);
}
