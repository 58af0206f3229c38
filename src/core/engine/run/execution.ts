import { codeOf } from "../context.js";
import { detailsOf } from "../failure-details.js";
import type { Updates } from "../../decide/held.js";
import { isSuspect } from "../../decide/suspect.js";
import { type HistoryEntry, historyOf } from "../../job/history.js";
import {
  type AbortReason,
  type CallbackTokenOptions,
  HandlerAborted,
  type RuntimeHandler,
} from "../../handler.js";
import type { Logger } from "../../environment/logger.js";
import type { StoredJob } from "../../ports/store.js";
import type { JobRecord, Snapshot } from "../../job/record.js";
import { count, observe } from "../../environment/telemetry.js";
import { jobOf, type RuntimeJob } from "../read/job.js";
import type { WorkerParts } from "../worker/parts.js";
import { signLaunch } from "./callback-token.js";
import { LazyAbortSignal, type AbortListening } from "./abort-signal.js";
import { type ContextHost, handlerContext, jobLogger } from "./handler-context.js";
import { HeldClaim, type HeldClaimEvents } from "./claim.js";
import { Lease, type LeaseEvents } from "./lease/lease.js";
import { noNews, orUnstorable } from "./outcome/unstorable-outcome.js";
import { UpdateWriter } from "./updates.js";
import {
  checkedInput,
  decideOutcome,
  type Outcome,
  type WrittenOutcome,
  outcomeOfAbort,
  outcomeOfReturned,
  outcomeOfThrown,
  runnable,
} from "./outcome/outcome.js";
import { stackOf } from "./stack.js";
import { isThenable } from "../../errors/foreign.js";

/** A claim as its answer brought it. */
export interface Claimed {
  /** With input. */
  readonly stored: StoredJob;
  readonly token: string;
  readonly leaseMs: number;
  /** When the first call under the token was sent, by `parts.now`. */
  readonly claimedAt: number;
  readonly handler: RuntimeHandler;
  /** The lease has been extended: what stands for the job elsewhere may be kept hidden as long. */
  readonly beaten?: () => void;
}

/**
 * How a claim ended.
 * - `durable`: its own outcome is stored.
 * - `lost`: another has the job, or it is over; the record as far as it is known.
 * - `unknown`: whether the outcome was stored is not known.
 */
export type Ending =
  | { readonly status: "durable"; readonly outcome: WrittenOutcome; readonly snapshot: Snapshot }
  | { readonly status: "lost"; readonly snapshot: Snapshot }
  | { readonly status: "unknown" };

const ABORT_TEXT: Readonly<Record<AbortReason, string>> = {
  LeaseLost: "The claim on the job is over: another worker may have it.",
  Cancelled: "Somebody asked to cancel the job.",
  DeadlineExceeded: "The job was not done before its deadline.",
  ShuttingDown: "The worker is shutting down.",
};

/** Longer than a worker usually has a job in hand; a kind that takes longer says so by `expectedMs`. */
const LONG_RUN_MS = 60 * 60_000;
/** At the end of a shutdown nobody waits long for a store that does not answer: the lease lapses then. */
const LAST_WORD_PATIENCE_MS = 2_000;

/** Runs one claimed job to its stored outcome. Never rejects. */
export function execute(parts: WorkerParts, claimed: Claimed): Promise<Ending> {
  return new Execution(parts, claimed).run();
}

/** Parts that a short and silent job never needs (its updates, its logger) are made when they are. */
class Execution implements ContextHost, HeldClaimEvents, LeaseEvents {
  readonly #parts: WorkerParts;
  readonly #claimed: Claimed;
  readonly abortSignal = new LazyAbortSignal();
  readonly #lease: Lease;
  readonly #claim: HeldClaim;
  #updates: UpdateWriter | null = null;
  #logger: Logger | null = null;
  #job: RuntimeJob | null = null;
  #lost = false;
  #concluding = false;
  #cancelDeadline: (() => void) | null = null;
  #cancelDeaf: (() => void) | null = null;
  #toldOfLong = false;

  constructor(parts: WorkerParts, claimed: Claimed) {
    this.#parts = parts;
    this.#claimed = claimed;
    const { core, now, heartbeatTimer, deadlineTimer } = parts;
    const { stored, token, leaseMs, claimedAt } = claimed;
    this.#claim = new HeldClaim(core, stored, token, now, this);
    const { id } = stored.record;
    this.#lease = new Lease(
      core,
      {
        id,
        token,
        leaseMs,
        claimedAt,
        now,
        heartbeatTimer,
        deadlineTimer,
        version: () => this.#claim.snapshot.record.version,
      },
      this,
    );
  }

  get stored(): StoredJob {
    return this.#claimed.stored;
  }

  get job(): RuntimeJob {
    return (this.#job ??= jobOf(this.#claimed.handler.definition, this.stored));
  }

  get logger(): Logger {
    return (this.#logger ??= jobLogger(this.#parts.core.logger, this.stored));
  }

  /** What takes the handler's updates. A handler that speaks after its end is not heard. */
  get updateWriter(): UpdateWriter {
    if (this.#updates !== null) return this.#updates;
    const { core } = this.#parts;
    const { leaseMs, handler } = this.#claimed;
    const { definition } = handler;
    const about = { core, leaseMs, claim: this.#claim, lease: this.#lease, definition, logger: this.logger };
    this.#updates = new UpdateWriter(about);
    if (this.#concluding) void this.#updates.close();
    return this.#updates;
  }

  async callbackToken(options: CallbackTokenOptions | undefined): Promise<string> {
    return signLaunch(this.#parts.core, this.#claimed.handler, this.stored.record, options);
  }

  confirmed(sentAt: number): void {
    this.#lease.confirm(sentAt);
  }

  lost(): void {
    if (!this.#lost) count(this.#parts.core.telemetry, "lease_lost");
    this.#lost = true;
    this.#stop("LeaseLost");
  }

  cancelled(): void {
    this.#stop("Cancelled");
  }

  expired(): void {
    this.lost();
  }

  refused(snapshot: Snapshot | null): void {
    this.#claim.lose(snapshot);
  }

  beaten(): void {
    this.#claimed.beaten?.();
    this.#tellIfLong();
  }

  async run(): Promise<Ending> {
    const { core, closing, isolation } = this.#parts;
    const { record } = this.stored;
    const shutDown = (): void => {
      this.#stop("ShuttingDown");
    };
    isolation.held();
    try {
      // Read once, before anything runs: a job whose history is damaged is left to its lease.
      core.announce({ snapshot: this.stored, entries: claimEntries(record) });
      if (record.cancel !== null) this.#stop("Cancelled");
      closing.on(shutDown);
      this.#armDeadline(record);
      return await this.#conclude(await this.#work());
    } catch (error) {
      this.logger.error("the outcome of a job could not be stored; it is recovered when its lease is over", {
        code: codeOf(error),
      });
      return { status: "unknown" };
    } finally {
      closing.off(shutDown);
      isolation.dropped();
      this.#cancelDeaf?.();
      this.#cancelDeadline?.();
      this.#lease.stop();
    }
  }

  /** The first reason stays: a signal is aborted once. */
  #stop(reason: AbortReason): void {
    if (this.abortSignal.aborted) return;
    this.abortSignal.abort(new HandlerAborted(reason, ABORT_TEXT[reason]));
    const { leaseMs } = this.#claimed;
    this.#cancelDeaf = this.#parts.core.clock.timer(leaseMs, () => {
      const fields = { signal: reason, sinceMs: leaseMs };
      this.logger.warn("a handler has not ended since its signal aborted; it keeps its place", fields);
    });
  }

  /** Whoever waits for a handler that never settles sees beats and nothing else. */
  #tellIfLong(): void {
    const { expectedMs } = this.#claimed.handler.definition;
    const runningMs = this.#parts.now() - this.#claimed.claimedAt;
    if (this.#toldOfLong || runningMs < Math.max(LONG_RUN_MS, 10 * (expectedMs ?? 0))) return;
    this.#toldOfLong = true;
    this.logger.warn("a handler runs very long and keeps its place; deadlineMs would bound it", {
      runningMs,
    });
  }

  #armDeadline(record: JobRecord): void {
    const { clock, time } = this.#parts.core;
    const { deadlineAt } = record;
    if (deadlineAt === null) return;
    const leftMs = deadlineAt - time.now();
    // A timer may be shorter than what was asked of it: it looks again.
    if (leftMs > 0)
      this.#cancelDeadline = clock.timer(leftMs, () => {
        this.#armDeadline(record);
      });
    else this.#stop("DeadlineExceeded");
  }

  /** Runs the handler when it is its turn. Its outcome, or that of a signal that came first. */
  #work(): Promise<Outcome> {
    const confirming = this.#lease.start();
    // A lease that cannot be confirmed ends by its deadline, which aborts.
    if (confirming !== null)
      return Promise.race([confirming, aborted(this.abortSignal)]).then(() => this.#whenItsTurn());
    return this.#whenItsTurn();
  }

  #whenItsTurn(): Promise<Outcome> {
    return isSuspect(this.stored.record) ? this.#alone() : this.#atTheGate();
  }

  /** Where another suspect has been set apart already, this one is left to be claimed again. */
  async #alone(): Promise<Outcome> {
    const { isolation } = this.#parts;
    const leave = await isolation.enter(this.#claimed.leaseMs, this.abortSignal);
    if (leave === null) return { do: "release", begun: false };
    this.logger.warn("a job whose claims have lapsed is at its last attempt and is run alone");
    try {
      return await this.#atTheGate();
    } finally {
      leave();
    }
  }

  #atTheGate(): Promise<Outcome> {
    const { gate } = this.#parts;
    const { abortSignal } = this;
    if (!abortSignal.aborted && gate.enterNow()) return this.#orCalledBack(this.#handle());
    return gate
      .enter(abortSignal)
      .then((entered) => (entered ? this.#orCalledBack(this.#handle()) : outcomeOfAbort(abortSignal, false)));
  }

  /** Checks the input and runs the handler, in its place at the gate. Never rejects. */
  async #handle(): Promise<Outcome> {
    const { core, gate, neutral } = this.#parts;
    const { handler } = this.#claimed;
    const { definition } = handler;
    const { abortSignal } = this;
    try {
      // Where this throws (the schema may ask somebody) another attempt may fare better.
      const checked = checkedInput(definition, this.stored.input);
      const input = runnable(core, isThenable(checked) ? await checked : checked);
      if (!input.ok) return input.outcome;
      if (abortSignal.aborted) return outcomeOfAbort(abortSignal, false);
      const call = { port: "handler", operation: definition.kind, items: 1 } as const;
      const context = handlerContext(this, input.value);
      const outcome = outcomeOfReturned(
        core,
        handler,
        // Around the hook too, so that what it makes current is so for the handler.
        await neutral(() =>
          observe(
            core.telemetry,
            call,
            () => core.reentry.call(() => handler.run(context)),
            this.stored.record.trace,
          ),
        ),
        (error) => {
          this.logger.error("what a handler returned could not be checked; its job failed", {
            stack: stackOf(error),
          });
        },
      );
      return isThenable(outcome) ? await outcome : outcome;
    } catch (error) {
      const outcome = outcomeOfThrown(error, abortSignal, core.policy.maxTextChars, (given) =>
        detailsOf(core, handler.definition.kind, given),
      );
      this.#tellOf(error, outcome);
      return outcome;
    } finally {
      // A handler that does not hear its signal keeps its place as long as it runs.
      gate.leave();
    }
  }

  /** For whoever is on call: the record keeps what an exception says, and not where it came from. Giving in is none. */
  #tellOf(thrown: unknown, outcome: Outcome): void {
    const fields = { stack: stackOf(thrown) };
    const { attempt, maxAttempts } = this.stored.record;
    if (outcome.do === "retry" && attempt < maxAttempts)
      this.logger.warn("a handler threw; its job is tried again", fields);
    else if (outcome.do === "retry" || (outcome.do === "fail" && outcome.failure.reason === "error"))
      this.logger.error("a handler threw; its job failed", fields);
  }

  /** What the handler makes of the job; at the end of a shutdown it is given back, whether or not the handler hears. */
  #orCalledBack(running: Promise<Outcome>): Promise<Outcome> {
    const { leaving } = this.#parts;
    return new Promise((resolve) => {
      const callBack = (): void => {
        this.logger.warn("a handler did not end in the time of the shutdown; its job was given back");
        resolve({ do: "release", begun: true });
      };
      leaving.on(callBack);
      void running.then((outcome) => {
        leaving.off(callBack);
        resolve(outcome);
      });
    });
  }

  /** A worker that stops waits for a store, and not for one whose client was closed before it. */
  #patienceMs(): number {
    const { core, closing, leaving } = this.#parts;
    if (leaving.fired) return LAST_WORD_PATIENCE_MS;
    const { unknownRetryMs } = core.policy;
    return closing.fired ? unknownRetryMs : Math.max(unknownRetryMs, this.#lease.remainingMs());
  }

  #conclude(outcome: Outcome): Promise<Ending> {
    this.#concluding = true;
    if (this.#updates === null) return this.#store(outcome, noNews);
    return Promise.resolve(this.#updates.close()).then((newsFor) => this.#store(outcome, newsFor));
  }

  async #store(outcome: Outcome, newsFor: (snapshot: Snapshot) => Updates): Promise<Ending> {
    const { core, slots } = this.#parts;
    const { handler, token } = this.#claimed;
    if (outcome.do === "leave" || this.#claim.lost) return { status: "lost", snapshot: this.#claim.snapshot };
    // Beats go on until it is stored. After the local deadline none does, and the store judges this one write: work that
    // is done is not thrown away while nobody else has begun it.
    this.#lease.settle();
    const patienceMs = this.#patienceMs();
    const write = (what: WrittenOutcome, news: typeof newsFor): Promise<Ending> =>
      this.#claim
        .write(decideOutcome(core, what, { token, handler, newsFor: news }), { patienceMs })
        .then(({ status }) => ({
          status: status === "applied" ? "durable" : "lost",
          outcome: what,
          snapshot: this.#claim.snapshot,
        }));
    slots.settling();
    try {
      return await orUnstorable(outcome, newsFor, write, () => this.logger);
    } finally {
      slots.settled();
    }
  }
}

/** Resolves when the signal aborts. */
function aborted(signal: AbortListening): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else {
      const end = (): void => {
        resolve();
      };
      signal.addEventListener("abort", end, { once: true });
    }
  });
}

/** The entries that the claim appended: T4, and T2 before it where the record was still PENDING. */
export function claimEntries(record: JobRecord): readonly HistoryEntry[] {
  const entries = historyOf(record).slice(-2);
  const [first, second] = entries;
  const both = first?.edge === "T2" && first.transitionId === second?.transitionId;
  return both ? entries : entries.slice(-1);
}
