import type { CodedError } from "../errors/coded-error.js";
import { configInvalid } from "../errors/config-invalid.js";
import { FOR_EVER_MS, HIGHEST_COUNT, isDurationMs } from "../options/durations.js";
import { meant } from "../options/nearest.js";

/** The error of a definition or handler that cannot be used. */
export function fail(sentence: string): CodedError<"config.invalid"> {
  return configInvalid(sentence);
}

/** Whether a value is an object with options in it. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Refuses options that do not exist: a misspelt one would be left out in silence. */
export function onlyKnown(
  where: string,
  given: Readonly<Record<string, unknown>>,
  known: readonly string[],
): void {
  for (const name of Object.keys(given)) {
    if (!known.includes(name)) throw fail(`${where} has no option "${name}". ${meant(name, known)}`);
  }
}

/** A length of time; `null` where it is left out. */
export function positiveMs(where: string, name: string, value: unknown): number | null {
  if (value === undefined) return null;
  if (isDurationMs(value) && value > 0) return value;
  throw fail(`${where}: ${name} must be a whole number of milliseconds above 0, at most a hundred years.`);
}

/** How long something is kept, `Number.POSITIVE_INFINITY` for ever; `null` where it is left out. */
export function keptMs(where: string, name: string, value: unknown): number | null {
  return value === Number.POSITIVE_INFINITY ? FOR_EVER_MS : positiveMs(where, name, value);
}

/** A whole number from 1; `null` where it is left out. */
export function positiveInteger(where: string, name: string, value: unknown): number | null {
  if (value === undefined) return null;
  if (typeof value === "number" && Number.isInteger(value) && value > 0 && value <= HIGHEST_COUNT)
    return value;
  throw fail(`${where}: ${name} must be a whole number above 0.`);
}

/** A function; `null` where it is left out. */
export function optionalFunction(
  where: string,
  name: string,
  value: unknown,
): ((...args: unknown[]) => unknown) | null {
  if (value === undefined) return null;
  if (typeof value !== "function") throw fail(`${where}: ${name} must be a function.`);
  return value as (...args: unknown[]) => unknown;
}
