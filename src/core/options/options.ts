import { WaybillError } from "../errors/errors.js";
import { HIGHEST_COUNT, isDurationMs } from "./durations.js";
import { meant } from "./nearest.js";

/**
 * Refuses what is no object and every option that is not known, naming the nearest one that is. Every entry of the library
 * passes through here before anything is written: a misspelt option is otherwise silent.
 *
 * @param what - what the options are of, as a sentence begins: "submit", "sqsQueue"
 * @throws {WaybillError} `config.invalid`
 */
export function checkOptions(what: string, given: unknown, known: readonly string[]): void {
  if (given !== undefined) requireOptions(what, given, known);
}

/** The same where there must be some. */
export function requireOptions(what: string, given: unknown, known: readonly string[]): void {
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw new WaybillError(
      "config.invalid",
      `The options of ${what} must be an object. It takes ${known.join(", ")}.`,
    );
  }
  for (const [name, value] of Object.entries(given)) {
    if (known.includes(name)) checkShape(what, name, value);
    else
      throw new WaybillError("config.invalid", `${what} has no option ${shown(name)}. ${meant(name, known)}`);
  }
}

type Shape = readonly [sentence: string, is: (value: unknown) => boolean];

const FUNCTION: Shape = ["a function", (value) => typeof value === "function"];
const FLAG: Shape = ["true or false", (value) => typeof value === "boolean"];
const TEXT: Shape = ["a text", (value) => typeof value === "string"];
const OBJECT: Shape = ["an object", (value) => isObject(value) && !Array.isArray(value)];
const LIST: Shape = ["a list", Array.isArray];
const TEXTS: Shape = [
  "a list of texts",
  (value) => Array.isArray(value) && value.every((each) => typeof each === "string"),
];

/** What has methods, whatever made it. */
function having(sentence: string, methods: readonly string[]): Shape {
  const is = (value: unknown): boolean =>
    isObject(value) &&
    methods.every((method) => typeof (value as Readonly<Record<string, unknown>>)[method] === "function");
  return [sentence, is];
}

/** What an option is wherever it is taken: those of one name are one thing. What is left out here has a check of its own. */
const SHAPES: ReadonlyMap<string, Shape> = new Map([
  ["signal", having("an AbortSignal", ["addEventListener", "throwIfAborted"])],
  ["clock", having("a clock, with now, timer and defer", ["now", "timer", "defer"])],
  ["logger", having("a logger, with debug, info, warn and error", ["debug", "info", "warn", "error"])],
  ["feed", having("a feed, such as memoryFeed() or that of an engine", ["publish", "subscribe", "close"])],
  ["telemetry", OBJECT],
  ["policy", OBJECT],
  ["faults", OBJECT],
  ["known", OBJECT],
  ...["newId", "random", "onTrim", "onPublish", "onParked", "onWarning"].map((name): [string, Shape] => [
    name,
    FUNCTION,
  ]),
  ...["ordered", "declare", "timeToLive"].map((name): [string, Shape] => [name, FLAG]),
  ...["jobId", "notifier"].map((name): [string, Shape] => [name, TEXT]),
  ["retired", TEXTS],
  ["versions", LIST],
]);

function checkShape(what: string, name: string, value: unknown): void {
  const shape = SHAPES.get(name);
  if (value === undefined || shape?.[1](value) !== false) return;
  throw new WaybillError("config.invalid", `${name} of ${what} must be ${shape[0]}.`);
}

/** Functions too: a logger may be one, with its levels on it. */
function isObject(value: unknown): value is object {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

/** A duration: whole, not negative, not absurd. */
export function checkWhole(option: string, value: unknown): void {
  if (value === undefined || isDurationMs(value)) return;
  throw new WaybillError(
    "config.invalid",
    `${option} must be a whole number of milliseconds, from 0 to a hundred years.`,
  );
}

/** One of a few words. */
export function checkOneOf(option: string, value: unknown, words: readonly string[]): void {
  if (typeof value === "string" && words.includes(value)) return;
  throw new WaybillError(
    "config.invalid",
    `${option} must be ${words.map((word) => `"${word}"`).join(" or ")}.`,
  );
}

/** How many: whole, at least one, and no more than every store keeps. */
export function checkCount(option: string, value: unknown): void {
  if (value === undefined) return;
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= HIGHEST_COUNT) return;
  throw new WaybillError("config.invalid", `${option} must be a whole number above 0.`);
}

/** Somebody's key, in a sentence: bounded, since it may be anything. */
function shown(name: string): string {
  return JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name);
}
