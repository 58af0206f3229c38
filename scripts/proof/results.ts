import { existsSync, readFileSync } from "node:fs";

/** What every part writes; the rest of its file is its own. */
export interface Result {
  /** The digest of the code that it is about; `null` where it was run by hand. */
  readonly inputs: string | null;
  readonly complete: boolean;
  readonly violations: readonly unknown[];
  readonly elapsedMs: number;
}

/** The result of a part; `null` where it has none yet. */
export function readResult(path: string): Result | null {
  if (!existsSync(path)) return null;
  return JSON.parse(readFileSync(path, "utf8")) as Result;
}

/** The plain counts of a result, whatever the part. */
export function summaryOf(result: Result): Readonly<Record<string, number>> {
  const counts = Object.entries(result).filter(
    (entry): entry is [string, number] => typeof entry[1] === "number" && entry[0] !== "elapsedMs",
  );
  return Object.fromEntries(counts);
}
