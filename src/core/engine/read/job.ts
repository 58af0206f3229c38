import type { Definition, Facts } from "../../definition.js";
import type { Json } from "../../json/json.js";
import { historyOf } from "../../job/history.js";
import { parseJsonText } from "../../json/json-text.js";
import type { CreateItem, StoredJob } from "../../ports/store.js";
import type { JobRecord, StoredError, StoredFailure } from "../../job/record.js";
import type { DispatchState } from "../submit/dispatch.js";
import { messageOf, newestMessage } from "../announce/events.js";

/** What a job says of its hand-over. A refused one is FAILED: its status says so. */
type ShownDispatch = Exclude<DispatchState, "rejected">;

interface JobBase {
  readonly id: string;
  readonly kind: string;
  readonly word: string;
  readonly version: number;
  readonly owner: string | null;
  readonly subject: string | null;
  readonly metadata: Json;
  readonly message: string;
  readonly attempt: number;
  readonly input: unknown;
  readonly createdAt: Date;
  readonly queuedAt: Date | null;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  readonly updatedAt: Date;
  readonly durationMs: number | null;
  readonly cancelRequestedAt: Date | null;
  readonly origin: string | null;
  readonly dispatch: ShownDispatch;
}

interface Waiting {
  readonly retryAt: Date | null;
  readonly lastError: (Omit<StoredError, "at"> & { readonly at: Date }) | null;
}

/** A job as the public API shows it, without the types of its kind. The claim's token is a secret: it is in no job. */
export type RuntimeJob =
  | (JobBase & Waiting & { readonly status: "PENDING" })
  | (JobBase & Waiting & { readonly status: "QUEUED" })
  | (JobBase & {
      readonly status: "PROCESSING";
      readonly phase: string | null;
      readonly progress: Json;
      readonly percent: number | null;
      readonly etaAt: Date | null;
      readonly worker: { readonly name: string; readonly leaseUntil: Date } | null;
      readonly awaiting: {
        readonly since: Date;
        readonly ref: Json;
        readonly nextPollAt: Date;
        readonly deadlineAt: Date;
      } | null;
    })
  | (JobBase & {
      readonly status: "COMPLETED";
      /** Absent where it was not read. */
      readonly output?: unknown;
    })
  | (JobBase & {
      readonly status: "FAILED";
      /** As it stood at the end. */
      readonly progress: Json;
      readonly failure: StoredFailure & { readonly attempts: number; readonly phase: string | null };
    });

/**
 * A stored job as the public API shows it: with what of input and output was read.
 *
 * @param definition - `undefined`: a kind that this process does not know
 * @param state - what the caller knows of the hand-over; else it is told from the record
 */
export function jobOf(
  definition: Definition | undefined,
  stored: StoredJob,
  state?: DispatchState,
): RuntimeJob {
  const { record } = stored;
  const input = stored.input === undefined ? undefined : parseJsonText(stored.input);
  // Added to, not spread: named fields behind a spread of so many take 10 µs (measured on V8), a quarter of a submit.
  const base = baseOf(record, toldOf(definition, record, input), input, state);
  const { status } = record;
  switch (status) {
    case "PENDING":
    case "QUEUED": {
      const { retryAt, lastError } = record;
      return Object.assign(base, { status, retryAt: dateOf(retryAt), lastError: lastErrorOf(lastError) });
    }
    case "PROCESSING":
      return Object.assign(base, { status }, processingOf(definition, record));
    case "COMPLETED":
      return Object.assign(base, { status }, outputOf(stored));
    case "FAILED":
      return Object.assign(base, { status, progress: record.progress, failure: failureOf(record) });
  }
}

/**
 * A job in the store's own queue that its create has just answered. What it tells follows from its status: no history is read,
 * and the text that was written here is parsed without a look for prototype keys (measured: 0.9 µs less for both).
 */
export function createdJobOf(definition: Definition, { record, input }: CreateItem): RuntimeJob {
  const given = JSON.parse(input) as Json;
  const facts: Facts = { status: "QUEUED", phase: null, failureReason: null };
  const told = { word: definition.wordOf(facts), message: messageOf(definition, facts, given) };
  return Object.assign(baseOf(record, told, given), {
    status: "QUEUED" as const,
    retryAt: null,
    lastError: null,
  });
}

/** A job as lists show it. */
export type ListedRuntimeJob = RuntimeJob extends infer J
  ? J extends RuntimeJob
    ? Omit<J, "input" | "output">
    : never
  : never;

/** The same without input and output; what is read of the input goes into its message only. */
export function listedJobOf(definition: Definition | undefined, stored: StoredJob): ListedRuntimeJob {
  const { record, cursors, input } = stored;
  const { input: _read, ...job }: RuntimeJob = jobOf(definition, {
    record,
    cursors,
    ...(input === undefined ? {} : { input }),
  });
  return job;
}

function outputOf({ output }: StoredJob): { readonly output?: unknown } {
  if (output === undefined) return {};
  return { output: output === null ? null : parseJsonText(output) };
}

/** Word and message. */
interface Told {
  readonly word: string;
  readonly message: string;
}

function baseOf(record: JobRecord, told: Told, input: unknown, state?: DispatchState): JobBase {
  return {
    id: record.id,
    kind: record.kind,
    word: told.word,
    version: record.version,
    owner: record.owner,
    subject: record.subject,
    metadata: record.metadata,
    message: told.message,
    attempt: record.attempt,
    input,
    createdAt: new Date(record.createdAt),
    queuedAt: dateOf(record.queuedAt),
    startedAt: dateOf(record.startedAt),
    finishedAt: dateOf(record.finishedAt),
    updatedAt: new Date(record.updatedAt),
    durationMs:
      record.finishedAt === null || record.startedAt === null ? null : record.finishedAt - record.startedAt,
    cancelRequestedAt: dateOf(cancelledAt(record)),
    origin: record.origin,
    dispatch: dispatchOf(record, state),
  };
}

/** When somebody asked to cancel; of a job that ended by it the request stands in the history only. */
function cancelledAt(record: JobRecord): number | null {
  if (record.cancel !== null) return record.cancel.at;
  if (record.failure?.reason !== "cancelled") return null;
  const asked = historyOf(record).filter(({ edge }) => edge === "cancel");
  // Before a claim there is no request: the job has ended by the asking.
  return asked.at(-1)?.at ?? record.finishedAt;
}

/**
 * The word of a record, by what it is now; its message, by the newest entry that tells of its status, else (that entry was
 * trimmed) the kind's default.
 */
function toldOf(definition: Definition | undefined, record: JobRecord, input: unknown): Told {
  const { status, phase } = record;
  const facts: Facts = { status, phase, failureReason: record.failure?.reason ?? null };
  return {
    word: definition?.wordOf(facts) ?? status,
    message: newestMessage(definition, record, input) ?? messageOf(definition, facts, input),
  };
}

function processingOf(definition: Definition | undefined, record: JobRecord) {
  const { awaiting, startedAt, worker, leaseUntil } = record;
  const expectedMs = definition?.expectedMs ?? null;
  const expectedAt = startedAt === null || expectedMs === null ? null : startedAt + expectedMs;
  return {
    phase: record.phase,
    progress: record.progress,
    percent: record.percent,
    etaAt: dateOf(record.etaAt ?? expectedAt),
    worker:
      worker === null || leaseUntil === null ? null : { name: worker, leaseUntil: new Date(leaseUntil) },
    awaiting:
      awaiting === null
        ? null
        : {
            since: new Date(awaiting.since),
            ref: awaiting.ref,
            nextPollAt: new Date(awaiting.nextPollAt),
            deadlineAt: new Date(awaiting.deadlineAt),
          },
  };
}

function failureOf(record: JobRecord) {
  // A FAILED record always has its failure; a store that lost it must not make the job unreadable.
  return { ...(record.failure ?? LOST_FAILURE), attempts: record.attempt, phase: record.phase };
}

const LOST_FAILURE: StoredFailure = {
  reason: "error",
  message: "",
  code: null,
  expose: false,
  retryable: false,
  details: null,
};

function lastErrorOf(error: StoredError | null): Waiting["lastError"] {
  return error === null ? null : { ...error, at: new Date(error.at) };
}

function dispatchOf(record: JobRecord, state?: DispatchState): ShownDispatch {
  // A status says more than the caller knows: where an answer came late, much may have happened since.
  if (record.status === "PENDING" && (state === "deferred" || state === "unconfirmed")) return state;
  // Nothing is on its way before the application claims it.
  if (record.handOver === "own" && record.status === "PENDING") return "deferred";
  if (record.status === "FAILED" && record.queuedAt === null) return "unconfirmed";
  if (record.status !== "PENDING") return "confirmed";
  return record.sendAt !== null && record.sendAt > record.updatedAt ? "deferred" : "unconfirmed";
}

function dateOf(instant: number | null): Date | null {
  return instant === null ? null : new Date(instant);
}
