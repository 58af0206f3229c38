import { WaybillError } from "../../../core/errors/errors.js";
import { type JobStatus, STATUSES } from "../../../core/job/lifecycle.js";
import type { ChangingFields, JobRecord } from "../../../core/job/record.js";

/** A status in a document. PROCESSING is R, running: P is taken. */
export const LETTERS: Readonly<Record<JobStatus, string>> = {
  PENDING: "P",
  QUEUED: "Q",
  PROCESSING: "R",
  COMPLETED: "C",
  FAILED: "F",
};

const STATUS_OF = new Map<string, JobStatus>(STATUSES.map((status) => [LETTERS[status], status]));

/** @returns `undefined` where no status has this letter */
export function statusOf(letter: string): JobStatus | undefined {
  return STATUS_OF.get(letter);
}

/** Every instant of the first line has this width, so that scripts read and change it by its place. */
const WIDTH = 15;

export const NO_INSTANT: string = "-".repeat(WIDTH);

/** A guard that asks for no lease. */
export const ANY_INSTANT: string = " ".repeat(WIDTH);

const LAST_INSTANT = 10 ** WIDTH - 1;

type Patchable = Exclude<keyof ChangingFields, "history">;

type InstantField =
  | "leaseUntil"
  | "wakeAt"
  | "purgeAt"
  | "updatedAt"
  | "finishedAt"
  | "readyAt"
  | "sendAt"
  | "retryAt"
  | "startedAt"
  | "queuedAt";

/**
 * Instants of the first line, in the order of their places; `deadlineAt` is behind them. What ends a claim is side by side.
 * Each by its name: to look fields up by variable names takes most of the time of what goes through all of them.
 */
export function instantsOf(
  of: Partial<Pick<JobRecord, InstantField>>,
): readonly (number | null | undefined)[] {
  return [
    of.leaseUntil,
    of.wakeAt,
    of.purgeAt,
    of.updatedAt,
    of.finishedAt,
    of.readyAt,
    of.sendAt,
    of.retryAt,
    of.startedAt,
    of.queuedAt,
  ];
}

/** Jobs that come together have few different instants: what was encoded lately is kept, by its last digits. */
const LATELY = 16;
const lately: { readonly values: number[]; readonly texts: string[] } = {
  values: Array.from({ length: LATELY }, () => -1),
  texts: Array.from({ length: LATELY }, () => ""),
};

/** What is no whole number would make a document that nobody can read. */
export function encodeInstant(value: number | null): string {
  if (value === null) return NO_INSTANT;
  const place = value % LATELY;
  if (lately.values[place] === value) return lately.texts[place] ?? "";
  if (value > LAST_INSTANT) throw notWhole();
  const text = encodeCount(value).padStart(WIDTH, "0");
  lately.values[place] = value;
  lately.texts[place] = text;
  return text;
}

/** An instant that only bounds another one from above. */
export function encodeBound(value: number): string {
  return encodeInstant(Math.min(value, LAST_INSTANT));
}

export function encodeCount(value: number): string {
  if (Number.isSafeInteger(value) && value >= 0) return String(value);
  throw notWhole();
}

function notWhole(): WaybillError {
  return new WaybillError(
    "store.unstorable",
    "The Redis store was given an instant or a count that is not whole, or out of range.",
  );
}

/** What is seldom set: a letter and JSON. Where it is absent, it is `null`, and a count is 0. */
export const SELDOM = {
  send: "s",
  releases: "l",
  redrives: "d",
  historyTrimmed: "h",
  phase: "p",
  progress: "g",
  percent: "c",
  etaAt: "e",
  lastError: "r",
  awaiting: "a",
  poll: "o",
  cancel: "x",
  checkpoint: "k",
  failure: "f",
} as const satisfies Partial<Record<Patchable, string>>;

/** The seldom set parts of a record or of what changes in one, in the order of `SELDOM`. */
export function seldomOf(of: Partial<Pick<JobRecord, keyof typeof SELDOM>>): readonly unknown[] {
  return [
    of.send,
    of.releases,
    of.redrives,
    of.historyTrimmed,
    of.phase,
    of.progress,
    of.percent,
    of.etaAt,
    of.lastError,
    of.awaiting,
    of.poll,
    of.cancel,
    of.checkpoint,
    of.failure,
  ];
}

/** What is set where a seldom set part is not stored. */
export const NOTHING_SELDOM: Pick<JobRecord, keyof typeof SELDOM> = {
  send: 0,
  releases: 0,
  redrives: 0,
  historyTrimmed: 0,
  phase: null,
  progress: null,
  percent: null,
  etaAt: null,
  lastError: null,
  awaiting: null,
  poll: null,
  cancel: null,
  checkpoint: null,
  failure: null,
};

/** The letters of `SELDOM`, each behind the tab that begins its part. */
export const SELDOM_LETTERS: readonly string[] = Object.values(SELDOM).map((letter) => `\t${letter}`);

/** Beside `awaiting`: the keys of the outside work, for the index. */
export const REFS_LETTER = "F";

// Beside all of these a script may leave `y`, a short output. It belongs to no record.
