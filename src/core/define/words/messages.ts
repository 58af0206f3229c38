import type { Facts } from "../../definition.js";
import { hearPromises } from "../../errors/foreign.js";
import { type JobStatus, STATUSES } from "../../job/lifecycle.js";
import { fail, isRecord, onlyKnown } from "../check.js";
import { plainMessage } from "./plain-message.js";
import { keysOf, pick } from "./words.js";

type Text = string | ((job: unknown) => unknown);
type Entry = Text | Readonly<Record<string, Text>>;

/** What users are told where nothing was said with a change. */
export interface Messages {
  readonly readInput: boolean;
  readonly messageOf: (facts: Facts, input: unknown) => string;
}

/** Reads the option `messages`. */
export function messagesOf(where: string, given: unknown, phases: readonly string[]): Messages {
  const entries = given === undefined ? new Map<JobStatus, Entry>() : entriesOf(where, given, phases);
  return {
    // A function is given the input, and may read it.
    readInput: [...entries.values()].some((entry) =>
      typeof entry === "object" ? Object.values(entry).some(isFunction) : isFunction(entry),
    ),
    messageOf(facts, input) {
      const entry = entries.get(facts.status);
      const key = facts.status === "FAILED" ? facts.failureReason : facts.phase;
      const text = typeof entry === "object" ? pick(entry, key) : entry;
      return say(text, facts, input) ?? plainMessage(facts);
    },
  };
}

function isFunction(text: Text): boolean {
  return typeof text === "function";
}

/** The application's code: what it throws, or gives instead of text, must not keep a change from anybody. */
function say(text: Text | undefined, { status, phase, failureReason }: Facts, input: unknown): string | null {
  if (typeof text !== "function") return text ?? null;
  try {
    const said = text({ input, status, phase, reason: failureReason });
    hearPromises(said);
    return typeof said === "string" && said !== "" ? said : null;
  } catch {
    return null;
  }
}

function entriesOf(where: string, given: unknown, phases: readonly string[]): ReadonlyMap<JobStatus, Entry> {
  if (!isRecord(given)) throw fail(`${where}: messages must be an object with statuses as keys.`);
  onlyKnown(`${where}: messages`, given, STATUSES);
  const entries = new Map<JobStatus, Entry>();
  for (const status of STATUSES) {
    const value = given[status];
    if (value !== undefined)
      entries.set(status, entryOf(`${where}: messages.${status}`, value, keysOf(status, phases)));
  }
  return entries;
}

function entryOf(where: string, given: unknown, keys: readonly string[] | null): Entry {
  if (keys === null || !isRecord(given)) return textOrFail(where, given);
  onlyKnown(where, given, keys);
  const entry: Record<string, Text> = {};
  for (const [key, text] of Object.entries(given)) {
    if (text !== undefined) entry[key] = textOrFail(`${where}.${key}`, text);
  }
  return entry;
}

function textOrFail(where: string, text: unknown): Text {
  if (typeof text === "function" || (typeof text === "string" && text !== "")) return text as Text;
  throw fail(`${where} must be a text, or a function that gives one.`);
}
