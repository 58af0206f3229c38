import type { JobStatus } from "../../core/job/lifecycle.js";
import type { StoredJob } from "../../core/ports/store.js";
import type { Cursors } from "../../core/job/record.js";

/**
 * What the checker compares of a stored job: everything that a guard of the port looks at, and the last history entry,
 * which names the call that wrote it. The wake-up is left out: a `takeDue` names no jobs, so one without an answer may have
 * postponed any of them.
 */
export interface JobState {
  readonly kind: string;
  /** The store is the queue of this job. */
  readonly inStore: boolean;
  readonly recordVersion: number;
  readonly status: JobStatus;
  readonly version: number;
  readonly token: string | null;
  readonly fence: number;
  readonly dispatch: number;
  readonly attempt: number;
  readonly awaiting: boolean;
  readonly cancelRequested: boolean;
  /** `undefined`: by a clock that nobody was told of. Never in what was seen. */
  readonly leaseUntil: number | null | undefined;
  readonly readyAt: number | null;
  readonly sendAt: number | null;
  readonly purgeAt: number | null;
  /** Text that differs where the last entry differs; `undefined`: its instant is not known. Never in what was seen. */
  readonly lastEntry: string | undefined;
  readonly cursors: Cursors;
}

/** A job that is not stored. */
export const ABSENT = "absent";
/** Nothing is known of what is stored: after a store lost writes, until somebody saw it. */
export const ANYTHING = "anything";

/** What may be stored under an id. */
export type Possible = JobState | typeof ABSENT | typeof ANYTHING;

export function stateOf({ record, cursors }: Pick<StoredJob, "record" | "cursors">): JobState {
  return {
    kind: record.kind,
    inStore: record.queue === null,
    recordVersion: record.recordVersion,
    status: record.status,
    version: record.version,
    token: record.token,
    fence: record.fence,
    dispatch: record.dispatch,
    attempt: record.attempt,
    awaiting: record.awaiting !== null,
    cancelRequested: record.cancel !== null,
    leaseUntil: record.leaseUntil,
    readyAt: record.readyAt,
    sendAt: record.sendAt,
    purgeAt: record.purgeAt,
    lastEntry: lastEntryOf(record.history),
    cursors,
  };
}

/**
 * The end of an encoded history, without reading all of it. A text may hold the same marks as stand between entries; then
 * less than the last entry is taken, and still the same of every history that ends alike.
 */
export function lastEntryOf(history: string): string {
  const before = history.lastIndexOf("],[");
  return history.slice(before < 0 ? 1 : before + 3);
}

const keys = new WeakMap<JobState, string>();

/** Equal keys, equal states. */
export function keyOf(state: Possible): string {
  if (typeof state === "string") return state;
  const known = keys.get(state);
  if (known !== undefined) return known;
  const { kind, inStore, recordVersion, status, version, token, fence, dispatch, attempt } = state;
  const { awaiting, cancelRequested, leaseUntil, readyAt, sendAt, purgeAt, lastEntry, cursors } = state;
  const parts = [kind, inStore, recordVersion, status, version, token, fence, dispatch, attempt, awaiting];
  parts.push(cancelRequested, readyAt, sendAt, purgeAt);
  const text = JSON.stringify([...parts, leaseUntil === undefined ? "?" : leaseUntil, cursorsKey(cursors)]);
  const key = `${text}${lastEntry ?? "?"}`;
  keys.set(state, key);
  return key;
}

/** Equal texts, equal cursors, in whatever order a store gives them. */
export function cursorsKey(cursors: Cursors): string {
  const names = Object.keys(cursors);
  if (names.length === 0) return "";
  return JSON.stringify(
    names.sort().map((name) => {
      const cursor = cursors[name];
      return [
        name,
        cursor?.upTo,
        cursor?.attempts,
        cursor?.since,
        cursor?.retryAt,
        cursor?.reason,
        cursor?.exhausted,
      ];
    }),
  );
}

/** What is stored if this was seen of it; `null`: this cannot have been seen. */
export function agree(state: Possible, seen: JobState | null): Possible | null {
  if (state === ANYTHING) return seen ?? ABSENT;
  if (seen === null || state === ABSENT) return seen === null && state === ABSENT ? ABSENT : null;
  if (keyOf(state) === keyOf(seen)) return state;
  if (state.leaseUntil !== undefined && state.lastEntry !== undefined) return null;
  const { leaseUntil = seen.leaseUntil, lastEntry = seen.lastEntry } = state;
  return keyOf({ ...state, leaseUntil, lastEntry }) === keyOf(seen) ? seen : null;
}
