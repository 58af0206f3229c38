import { ABSENT, ANYTHING, type JobState, type Possible } from "./job-state.js";
import type { JobAnswer, LostWrites, StoreOperation } from "./operation.js";

/** The operations of one job between two losses of the store: what can be put in one order. */
export interface Timeline {
  readonly initial: Possible;
  readonly operations: readonly StoreOperation[];
}

/** What was recorded, sorted by job. */
export interface ByJob {
  readonly jobs: ReadonlyMap<string, readonly StoreOperation[]>;
  /** Calls that name no job and may have changed any. */
  readonly anonymous: readonly StoreOperation[];
}

export function sortByJob(operations: readonly StoreOperation[]): ByJob {
  const jobs = new Map<string, StoreOperation[]>();
  const anonymous: StoreOperation[] = [];
  for (const operation of operations) {
    const { jobId } = operation;
    if (jobId === null) {
      anonymous.push(operation);
      continue;
    }
    const known = jobs.get(jobId);
    if (known === undefined) jobs.set(jobId, [operation]);
    else known.push(operation);
  }
  return { jobs, anonymous };
}

/**
 * What happened to one job, in pieces. A store that lost acknowledged writes is not linearizable, but what it did before
 * and what it does after are, each for itself: the second piece begins with nothing known, and calls that were under way
 * at the loss may have taken effect in either.
 */
export function timelinesOf(
  jobId: string,
  own: readonly StoreOperation[],
  anonymous: readonly StoreOperation[],
  lost: readonly LostWrites[],
): readonly Timeline[] {
  const traces = tracesOf(own);
  const operations = [...own, ...anonymous.filter((operation) => mayMatter(operation, traces))];
  const cuts = lost.filter(({ jobIds }) => jobIds === null || jobIds.includes(jobId)).map(({ at }) => at);
  const starts = [0, ...cuts];
  return starts.map((start, index) => ({
    initial: index === 0 ? ABSENT : ANYTHING,
    operations: operations.flatMap((operation) => within(operation, start, cuts[index] ?? Infinity)),
  }));
}

/** The part of an operation that belongs between two losses. */
function within(operation: StoreOperation, start: number, end: number): readonly StoreOperation[] {
  const { invokedAt, answeredAt } = operation;
  if (invokedAt > end || (answeredAt !== null && answeredAt < start)) return [];
  const isWhole = invokedAt >= start && answeredAt !== null && answeredAt <= end;
  if (isWhole) return [operation];
  return withoutAnswer({ ...operation, invokedAt: Math.max(invokedAt, start) });
}

/** The operation as if its answer had not come; none where it only looks. */
export function withoutAnswer(operation: StoreOperation): readonly StoreOperation[] {
  const { op } = operation.call;
  return op === "read" || op === "takeDue" ? [] : [{ ...operation, answeredAt: null, answer: null }];
}

/** What a job's own operations tell of calls that do not name it. */
interface Traces {
  /** Found missing, or made twice. */
  readonly wasGone: boolean;
  /** A plan was not written. That shows without a record that somebody had changed it. */
  readonly wasKept: boolean;
  readonly tokens: ReadonlySet<string | null>;
}

function tracesOf(own: readonly StoreOperation[]): Traces {
  const tokens = new Set<string | null>();
  let wasKept = false;
  let creates = 0;
  let wasGone = false;
  for (const { call, answer } of own) {
    const seen = seenIn(answer);
    if (seen === null) wasGone = true;
    else if (seen !== undefined) tokens.add(seen.token);
    const named = tokenIn(call);
    if (named !== null) tokens.add(named);
    if (call.op === "create") creates += 1;
    if (answer?.status === "advanced" && answer.wake !== "written") wasKept = true;
  }
  return { wasGone: wasGone || creates > 1, wasKept, tokens };
}

/**
 * Whether a call that names no job can explain anything of this one; else the search need not try it. Left out is only
 * what no answer could tell apart from its never having happened.
 */
function mayMatter({ call }: StoreOperation, { wasGone, wasKept, tokens }: Traces): boolean {
  if (call.op === "purge") return wasGone;
  return call.op === "claimNext" && (wasKept || tokens.has(call.facts.token));
}

function tokenIn(call: StoreOperation["call"]): string | null {
  switch (call.op) {
    case "write":
      return call.guard.token;
    case "beat":
      return call.token;
    case "claim":
    case "claimNext":
      return call.facts.token;
    case "advance":
      return call.plannedOn.token;
    case "create":
    case "read":
    case "takeDue":
    case "purge":
      return null;
  }
}

/** `null`: that there is no such job; `undefined`: nothing of it. */
function seenIn(answer: JobAnswer | null): JobState | null | undefined {
  return answer?.status === "ok" || answer?.status === "refused" ? answer.seen : undefined;
}
