import { WaybillError } from "../../core/errors.js";
import { type JobStatus, STATUSES } from "../../core/lifecycle.js";
import type { ChangingFields, JobRecord } from "../../core/record.js";

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

/** Instants of the first line, in the order of their places; `deadlineAt` is behind them. What ends a claim is side by side. */
export const INSTANTS = [
  "leaseUntil",
  "wakeAt",
  "purgeAt",
  "updatedAt",
  "finishedAt",
  "readyAt",
  "sendAt",
  "retryAt",
  "startedAt",
  "queuedAt",
] as const satisfies readonly Patchable[];

/** What is no whole number would make a document that nobody can read. */
export function encodeInstant(value: number | null): string {
  if (value === null) return NO_INSTANT;
  if (value > LAST_INSTANT) throw notWhole();
  return encodeCount(value).padStart(WIDTH, "0");
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
    "config.invalid",
    "The Redis store was given an instant or a count that is not whole.",
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

/** Beside `awaiting`: the keys of the outside work, for the index. */
export const REFS_LETTER = "F";
