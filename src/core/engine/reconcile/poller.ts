import { monotonicNow } from "../../environment/clock.js";
import { type Decision, type DecideContext, type EntryDraft, refuse } from "../../decide/change/change.js";
import { claimPoll, seen, type SeenWork } from "../../decide/poll.js";
import type { PollContext, RuntimeHandler } from "../../handler.js";
import { onAbort } from "../../live/on-abort.js";
import type { JobRecord, Snapshot } from "../../job/record.js";
import { observe } from "../../environment/telemetry.js";
import { type Applied, applyCommand } from "../store/apply.js";
import { isUnstorable, whyUnstorable } from "../store/unstorable.js";
import type { Core } from "../context.js";
import { jobOf } from "../read/job.js";
import { stackOf } from "../run/stack.js";
import { pollAnswerOf, unseen, warningDraft } from "./poll-answer.js";

/** What became of a look at external work. */
export interface Polled {
  /** `false`: somebody else is looking, or it is not due any more. */
  readonly looked: boolean;
  /** What is stored now; `null`: the record is gone. */
  readonly snapshot: Snapshot | null;
}

/** One look: what it is made with, and what is known of it so far. */
interface Look {
  readonly core: Core;
  readonly handler: RuntimeHandler;
  readonly poll: NonNullable<RuntimeHandler["poll"]>;
  /** The record under the claim of this look. */
  readonly held: Snapshot;
  readonly token: string;
  /** The outside has taken the request to stop. Known even where the look after it came to nothing. */
  cancelSent: boolean;
  /** What the look has warned of so far. */
  readonly warnings: EntryDraft[];
}

/**
 * Looks at external work once: takes the right to, asks the outside to stop where somebody wants that, asks how it
 * stands, stores what was seen. An owner that crashes on the way loses the right after `pollLeaseMs` and the work is
 * looked at again; the job, or its launch, never runs a second time for it.
 *
 * @param signal - calls the look off: the right is given back, and somebody else looks
 * @throws StoreUnavailableError when what was seen could not be stored
 */
export async function pollOnce(
  core: Core,
  handler: RuntimeHandler,
  snapshot: Snapshot,
  signal?: AbortSignal,
): Promise<Polled> {
  const { poll } = handler;
  if (poll === null || signal?.aborted === true) return { looked: false, snapshot };
  const token = core.ids.token();
  const leaseMs = core.policy.pollLeaseMs;
  // Counted from before the claim leaves: by the store's clock the right ends no earlier.
  const endsAt = monotonicNow(core.clock) + leaseMs;
  const claimed = await applyCommand(core, snapshot, (stored, context) => {
    const { awaiting, poll } = stored.record;
    // Somebody else has looked while the claim was on its way.
    if (awaiting !== null && poll?.token !== token && awaiting.nextPollAt > context.now)
      return refuse("not_due");
    return claimPoll(stored, { token, leaseMs }, context);
  });
  if (claimed.status === "gone") return { looked: false, snapshot: null };
  if (claimed.status === "refused") return { looked: false, snapshot: claimed.snapshot };

  const look: Look = { core, handler, poll, held: claimed.snapshot, token, cancelSent: false, warnings: [] };
  const work = await within(core, endsAt, signal, (stop) => ask(look, stop));
  if (work === "late") {
    const { id, kind, attempt } = look.held.record;
    core.logger.warn("a poll did not end in its time and is left behind", { jobId: id, kind, attempt });
  }
  const stored = await storeSeen(look, work);
  return { looked: true, snapshot: stored.status === "gone" ? null : stored.snapshot };
}

/**
 * What was seen, stored. Where the store can keep it at no time, work that is still open was not seen, and the end of work is
 * that of the job all the same: it fails and says why.
 */
async function storeSeen(look: Look, work: SeenWork | Cut): Promise<Applied> {
  const store = (seen: SeenWork | Cut): Promise<Applied> =>
    applyCommand(look.core, look.held, (current, context) => judge(look, seen, current, context));
  try {
    return await store(work);
  } catch (error) {
    if (!isUnstorable(error)) throw error;
    warn(look.core, "what a poll saw cannot be stored", look.held.record, error);
    const isOver = typeof work === "object" && (work.state === "done" || work.state === "failed");
    if (!isOver) return store(unseen(look.core, look.handler));
    return store({ state: "invalid", reason: "result_unstorable", message: whyUnstorable(error) });
  }
}

/** What ended a look before it had an answer. */
type Cut = "late" | "called_off";

/** Runs `work` for as long as the right to look lasts. Work that does not hear its signal is left behind. */
async function within<T>(
  core: Core,
  endsAt: number,
  outer: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T | Cut> {
  const stop = new AbortController();
  let cut: (why: Cut) => void = () => undefined;
  const ended = new Promise<Cut>((resolve) => {
    cut = (why) => {
      stop.abort(new Error(why === "late" ? "The poll took too long." : "The worker is shutting down."));
      resolve(why);
    };
  });
  const callOff = (): void => {
    cut("called_off");
  };
  const cancelTimer = core.clock.timer(endsAt - monotonicNow(core.clock), () => {
    cut("late");
  });
  const deaf = onAbort(outer, callOff);
  try {
    return await Promise.race([ended, work(stop.signal)]);
  } finally {
    cancelTimer();
    deaf();
  }
}

/** Asks outside. Never rejects: what throws was not seen. */
async function ask(look: Look, signal: AbortSignal): Promise<SeenWork> {
  const { core, handler, held } = look;
  const { record } = held;
  try {
    const context = await contextOf(look, signal);
    await askToStop(look, context);
    const answer = await observed(core, record, "poll", async () => look.poll(context));
    const work = await pollAnswerOf(core, handler.definition, handler, answer);
    if (look.warnings.length === 0) return work;
    return { ...work, warnings: [...look.warnings, ...(work.warnings ?? [])] };
  } catch (error) {
    warn(core, "a poll failed", record, error);
    return unseen(core, handler);
  }
}

/** Hands a request to cancel to the outside, until it has been taken once. The job waits for what polls say of it. */
async function askToStop(look: Look, context: PollContext): Promise<void> {
  const { core, handler, held } = look;
  const { cancel: request, awaiting } = held.record;
  const { cancel } = handler;
  if (request === null || cancel === null || awaiting?.cancelSent === true) return;
  try {
    await observed(core, held.record, "cancel", async () => cancel(context));
    look.cancelSent = true;
  } catch (error) {
    warn(core, "external work could not be asked to stop", held.record, error);
  }
}

async function contextOf({ core, handler, held, warnings }: Look, signal: AbortSignal): Promise<PollContext> {
  const { record } = held;
  const stored = await core.gateway.read(record.id, { input: true });
  const context = {
    ref: record.awaiting?.ref,
    job: jobOf(handler.definition, { ...stored, ...held }),
    attempt: record.attempt,
    fence: record.fence,
    signal,
    logger: core.logger,
    cancelRequested: record.cancel !== null,
    reason: record.cancel?.reason ?? null,
    warn: (code: unknown, message: unknown) => {
      const usable = typeof code === "string" && typeof message === "string";
      if (usable && warnings.length < core.policy.maxWarnings)
        warnings.push(warningDraft(core, code, message));
      else core.logger.warn("a warning of a poll was ignored", { jobId: record.id, kind: record.kind });
    },
  };
  return context;
}

const NOTHING_SEEN = { state: "open", updates: {}, nextPollAt: 0 } as const;

/** What to store of a look, on the record as it is by now. */
function judge(look: Look, given: SeenWork | Cut, current: Snapshot, context: DecideContext): Decision {
  const { core, handler, held, token, cancelSent } = look;
  const witness = { by: "poll", token } as const;
  const work = given === "late" ? unseen(core, handler) : given;
  if (work !== "called_off" && work.state !== "open" && work.state !== "unseen") {
    return seen(current, witness, work, context);
  }
  const open = work !== "called_off" && work.state === "open" ? work : null;
  const kept: Extract<SeenWork, { state: "open" }> = { ...(open ?? NOTHING_SEEN), cancelSent };
  // A request to cancel that came during the look must not wait for the next pace.
  const asked = handler.cancel !== null && current.record.cancel !== null && held.record.cancel === null;
  if (work === "called_off" || asked) {
    return seen(current, witness, { ...kept, nextPollAt: context.now }, context);
  }
  if (open !== null) return seen(current, witness, { ...open, cancelSent }, context);
  if (!cancelSent) return seen(current, witness, work, context);
  // "Not seen" does not carry that the outside was asked to stop, and it must not be asked twice.
  const nextPollAt = context.now + unseen(core, handler).backoff.baseMs;
  return seen(current, witness, { ...kept, nextPollAt }, context);
}

function observed<T>(
  core: Core,
  { kind, trace }: JobRecord,
  what: "poll" | "cancel",
  run: () => Promise<T>,
): Promise<T> {
  const call = { port: "handler", operation: `${what} ${kind}`, items: 1 } as const;
  return observe(core.telemetry, call, () => core.reentry.call(run), trace);
}

function warn(core: Core, message: string, { id, kind, attempt }: JobRecord, error: unknown): void {
  core.logger.warn(message, { jobId: id, kind, attempt, stack: stackOf(error) });
}
