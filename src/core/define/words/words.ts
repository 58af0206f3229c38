import type { Facts } from "../../definition.js";
import { type JobStatus, STATUSES } from "../../job/lifecycle.js";
import { fail, isRecord, onlyKnown } from "../check.js";
import { FAILURE_REASONS } from "./failure-reasons.js";

/** Something by phase or reason, and what holds for every other. */
type WithDefault<T> = Readonly<Record<string, T>> & { readonly default: T };

/** A word, or words by phase or reason with a default. */
type Entry = string | WithDefault<string>;

/** The vocabulary of a kind. */
export interface Words {
  readonly wordOf: (facts: Facts) => string;
  readonly statusesOf: (word: string) => readonly JobStatus[];
}

/** The longest word, characters: it goes into every event and URL. */
const MAX_WORD_CHARS = 100;

/** Reads the option `words`; left out, the statuses are the words. */
export function wordsOf(where: string, given: unknown, phases: readonly string[]): Words {
  const entries = given === undefined ? null : entriesOf(where, given, phases);
  const statusesByWord = new Map<string, JobStatus[]>();
  for (const status of STATUSES) {
    const entry = entries?.get(status) ?? status;
    for (const word of new Set(typeof entry === "string" ? [entry] : Object.values(entry))) {
      statusesByWord.set(word, [...(statusesByWord.get(word) ?? []), status]);
    }
  }
  return {
    wordOf({ status, phase, failureReason }) {
      const entry = entries?.get(status) ?? status;
      if (typeof entry === "string") return entry;
      return pick(entry, status === "FAILED" ? failureReason : phase);
    },
    statusesOf: (word) => statusesByWord.get(word) ?? [],
  };
}

/** What is said for a phase or reason, else the default. */
export function pick<T>(entry: WithDefault<T>, key: string | null): T;
export function pick<T>(entry: Readonly<Record<string, T>>, key: string | null): T | undefined;
export function pick<T>(entry: Readonly<Record<string, T>>, key: string | null): T | undefined {
  return (key !== null && Object.hasOwn(entry, key) ? entry[key] : undefined) ?? entry["default"];
}

/** The keys that `PROCESSING` and `FAILED` may have in `words` and `messages`. */
export function keysOf(status: JobStatus, phases: readonly string[]): readonly string[] | null {
  if (status === "PROCESSING") return ["default", ...phases];
  return status === "FAILED" ? ["default", ...FAILURE_REASONS] : null;
}

function entriesOf(where: string, given: unknown, phases: readonly string[]): ReadonlyMap<JobStatus, Entry> {
  if (!isRecord(given))
    throw fail(`${where}: words must be an object with a word for each of ${STATUSES.join(", ")}.`);
  onlyKnown(`${where}: words`, given, STATUSES);
  return new Map(
    STATUSES.map((status) => [
      status,
      entryOf(`${where}: words.${status}`, given[status], keysOf(status, phases)),
    ]),
  );
}

function entryOf(where: string, given: unknown, keys: readonly string[] | null): Entry {
  if (keys === null || !isRecord(given)) return wordOrFail(where, given);
  onlyKnown(where, given, keys);
  const entry: Record<string, string> & { default: string } = {
    default: wordOrFail(`${where}.default`, given["default"]),
  };
  for (const [key, word] of Object.entries(given)) {
    if (word !== undefined) entry[key] = wordOrFail(`${where}.${key}`, word);
  }
  return entry;
}

function wordOrFail(where: string, word: unknown): string {
  if (typeof word === "string" && word !== "" && word.length <= MAX_WORD_CHARS) return word;
  throw fail(`${where} must be a word of 1 to ${MAX_WORD_CHARS} characters.`);
}
