import { WaybillError } from "../errors.js";

/** The error of a definition or handler that cannot be used. */
export function fail(sentence: string): WaybillError<"config.invalid"> {
  return new WaybillError("config.invalid", sentence);
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
    if (!known.includes(name)) throw fail(`${where} has no option "${name}"; there are ${known.join(", ")}.`);
  }
}

/** A length of time; `null` where it is left out. */
export function positiveMs(where: string, name: string, value: unknown): number | null {
  return positiveInteger(where, name, value, "milliseconds");
}

/** A whole number from 1; `null` where it is left out. */
export function positiveInteger(where: string, name: string, value: unknown, unit = ""): number | null {
  if (value === undefined) return null;
  if (Number.isSafeInteger(value) && (value as number) > 0) return value as number;
  throw fail(`${where}: ${name} must be a whole number${unit === "" ? "" : ` of ${unit}`} above 0.`);
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
