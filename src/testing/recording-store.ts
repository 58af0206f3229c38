import { isWaybillError } from "../core/errors/errors.js";
import type {
  AdvanceResult,
  BeatResult,
  ClaimNext,
  ClaimRequest,
  ClaimResult,
  CreateResult,
  Store,
  StoredJob,
  StoreRequest,
  WriteResult,
} from "../core/ports/store.js";
import { callsOf } from "./linearizability/calls.js";
import { stateOf } from "./linearizability/job-state.js";
import type { JobAnswer, JobCall } from "./linearizability/operation.js";
import { History, type OpenOperation, type StoreHistory } from "./linearizability/store-history.js";

/** A wrapped store and what is recorded of it: pass `store` on in place of the one that was wrapped. */
export interface RecordingStore<Tx = never> {
  readonly store: Store<Tx>;
  readonly history: StoreHistory;
}

/** What a reply says about a job that the call did not name. */
interface Shown {
  readonly jobId: string | null;
  readonly call: JobCall;
  readonly answer: JobAnswer;
}

interface Recorded<R> {
  /** One for each item; those that name no job have `null`. */
  readonly calls: readonly { readonly jobId: string | null; readonly call: JobCall }[];
  readonly run: () => Promise<R>;
  /** In the order of the calls; `null`: this reply does not say. */
  readonly answers: (reply: R) => readonly (JobAnswer | null)[];
  readonly shown?: (reply: R) => readonly Shown[];
}

/**
 * Records what callers ask a store about its jobs and what they are answered, to be checked afterwards by
 * `history.check()`. It stands where the answers arrive: outside of everything that may lose or delay them.
 *
 * `list`, `byRef` and what is not about single jobs pass unrecorded. Several recorders may share one history, as long as
 * they run in one process: the order of events is that in which they are seen here.
 *
 * @example
 * const { store, history } = recordingStore(myStore);
 * // … use the store, from many sides at once …
 * assert.deepEqual(history.check(), []);
 */
export function recordingStore<Tx = never>(inner: Store<Tx>, shared?: StoreHistory): RecordingStore<Tx> {
  const history = shared ?? new History();
  if (!(history instanceof History)) throw new TypeError("The history was not made by storeHistory().");
  return { store: recorded(inner, history), history };
}

type RecordedMethod = "create" | "read" | "write" | "beat" | "claim" | "takeDue" | "advance" | "purge";

function recorded<Tx>(inner: Store<Tx>, history: History): Store<Tx> {
  const record = recorderOf(history, inner.capabilities.clock === "caller");
  return { ...passedOn(inner), ...namingJobs(inner, record), ...namingNone(inner, record) };
}

function namingJobs<Tx>(
  inner: Store<Tx>,
  record: Recorder,
): Pick<Store<Tx>, Exclude<RecordedMethod, "takeDue" | "purge">> {
  return {
    create: (request) =>
      record(request, {
        calls: request.items.map(callsOf.create),
        run: () => inner.create(request),
        answers: ({ results }) =>
          results.map((result, index) =>
            // Inside the caller's transaction it is there when that commits, if ever.
            request.tx === undefined ? createAnswer(result, request.items[index]?.record.id) : null,
          ),
        shown: ({ results }) => results.flatMap(shownByCreate),
      }),
    read: (request) =>
      record(request, {
        calls: request.ids.map(callsOf.read),
        run: () => inner.read(request),
        answers: ({ jobs }) =>
          jobs.map((job) => ({ status: "ok", seen: job === null ? null : stateOf(job) })),
      }),
    write: (request) =>
      record(request, {
        calls: [...request.items.map(callsOf.write), ...claimNextCalls(request.thenClaim)],
        run: () => inner.write(request),
        answers: ({ results }) => results.map(writeAnswer),
        shown: ({ claimed = [] }) => shownByClaim(request.thenClaim, claimed),
      }),
    beat: (request) =>
      record(request, {
        calls: request.items.map(callsOf.beat),
        run: () => inner.beat(request),
        answers: ({ results }) => results.map(beatAnswer),
      }),
    claim: (request) =>
      record(request, {
        calls: claimCalls(request),
        run: () => inner.claim(request),
        answers: ({ results }) => results.map(claimAnswer),
        shown: ({ jobs }) => shownByClaim(request.next, jobs),
      }),
    advance: (request) =>
      record(request, {
        calls: request.items.map(callsOf.advance),
        run: () => inner.advance(request),
        answers: ({ results }) => results.map(advanceAnswer),
      }),
  };
}

function namingNone<Tx>(inner: Store<Tx>, record: Recorder): Pick<Store<Tx>, "takeDue" | "purge"> {
  return {
    takeDue: (request) =>
      record(request, {
        calls: [],
        run: () => inner.takeDue(request),
        answers: () => [],
        shown: ({ jobs }) => jobs.map((job) => looked("takeDue", job)),
      }),
    purge: (request) =>
      record(request, {
        calls: [callsOf.purge],
        run: () => inner.purge(request),
        answers: () => [],
        shown: ({ jobs }) => (jobs === 0 ? [] : [{ ...callsOf.purge, answer: { status: "perhaps" } }]),
      }),
  };
}

/** What is not about single jobs. */
function passedOn<Tx>(inner: Store<Tx>): Omit<Store<Tx>, RecordedMethod> {
  const migrate = inner.migrate?.bind(inner);
  const onLostWrites = inner.onLostWrites?.bind(inner);
  return {
    capabilities: inner.capabilities,
    ...(inner.feed && { feed: inner.feed }),
    ...(inner.tellsChanges && { tellsChanges: true }),
    list: (request) => inner.list(request),
    byRef: (request) => inner.byRef(request),
    park: (request) => inner.park(request),
    parked: (request) => inner.parked(request),
    unpark: (request) => inner.unpark(request),
    pulse: (request) => inner.pulse(request),
    health: (request) => inner.health(request),
    ready: () => inner.ready(),
    ...(migrate && { migrate }),
    ...(onLostWrites && { onLostWrites }),
    close: () => inner.close(),
  };
}

type Recorder = <R>(request: StoreRequest, recorded: Recorded<R>) => Promise<R>;

/** Writes a call down: when it was made, when it was answered, and what of it is certain. */
function recorderOf(history: History, byCallersClock: boolean): Recorder {
  return async (request, { calls, run, answers, shown }) => {
    const invokedAt = history.nextEvent();
    const nowMs = byCallersClock ? request.nowMs : null;
    const open = calls.map(({ jobId, call }) => history.begin({ jobId, call, invokedAt, nowMs }));
    let reply: Awaited<ReturnType<typeof run>>;
    try {
      reply = await run();
    } catch (error) {
      for (const each of open) if (leavesNothing(each, error)) history.drop(each);
      throw error;
    }
    const answeredAt = history.nextEvent();
    const known = answers(reply);
    for (const [index, each] of open.entries()) {
      const answer = known[index];
      if (answer !== null && answer !== undefined) history.answer(each, answer, answeredAt);
      // What names no job is written down for each job that the reply shows.
      else if (each.jobId === null) history.drop(each);
    }
    for (const { jobId, call, answer } of shown?.(reply) ?? []) {
      history.answer({ jobId, call, invokedAt, nowMs }, answer, answeredAt);
    }
    return reply;
  };
}

/** Whether a failed call certainly did nothing: it only looks, or the error says so. */
function leavesNothing({ call }: OpenOperation, error: unknown): boolean {
  if (call.op === "read" || call.op === "takeDue") return true;
  // A record that cannot be read is found so after the change was stored.
  return isWaybillError(error) && error.outcome === "not_applied" && error.code !== "store.corrupt";
}

function claimCalls({ byMessage, next }: ClaimRequest): Recorded<never>["calls"] {
  if (byMessage === undefined) return claimNextCalls(next);
  return byMessage.items.map((item) => callsOf.claim(item, byMessage.terms));
}

function claimNextCalls(next: ClaimNext | undefined): Recorded<never>["calls"] {
  return next === undefined ? [] : [{ jobId: null, call: callsOf.claimNext(next) }];
}

function createAnswer(result: CreateResult, id: string | undefined): JobAnswer {
  if (result.status === "created") return { status: "ok" };
  // Its key belongs to another job: then there is none of this id.
  return { status: "refused", seen: result.job.record.id === id ? stateOf(result.job) : null };
}

/** The job that was in the way was seen too, whichever it is. */
function shownByCreate(result: CreateResult): readonly Shown[] {
  return result.status === "existing" ? [looked("read", result.job)] : [];
}

function looked(op: "read" | "takeDue", job: StoredJob): Shown {
  return { jobId: job.record.id, call: { op }, answer: { status: "ok", seen: stateOf(job) } };
}

function shownByClaim(next: ClaimNext | undefined, jobs: readonly StoredJob[]): readonly Shown[] {
  if (next === undefined) return [];
  const call = callsOf.claimNext(next);
  return jobs.map((job) => ({
    jobId: job.record.id,
    call,
    answer: { status: "ok", seen: stateOf(job) },
  }));
}

function writeAnswer(result: WriteResult): JobAnswer {
  if (result.status !== "ok") return refusal(result);
  return result.leaseUntil === undefined ? { status: "ok" } : { status: "ok", leaseUntil: result.leaseUntil };
}

function beatAnswer(result: BeatResult): JobAnswer {
  if (result.status !== "ok") return refusal(result);
  const { leaseUntil, version, cancelRequested } = result;
  return { status: "beaten", leaseUntil, version, cancelRequested };
}

function claimAnswer(result: ClaimResult): JobAnswer {
  return result.status === "ok" ? { status: "ok", seen: stateOf(result.job) } : refusal(result);
}

function advanceAnswer(result: AdvanceResult): JobAnswer {
  if (result.status === "gone") return refusal(result);
  const wake = result.status === "ok" ? result.wake : "refused";
  return { status: "advanced", wake, cursors: result.cursors };
}

function refusal(
  result: { readonly status: "refused"; readonly job: StoredJob } | { readonly status: "gone" },
): JobAnswer {
  return { status: "refused", seen: result.status === "gone" ? null : stateOf(result.job) };
}
