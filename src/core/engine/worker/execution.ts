import { type HistoryEntry, historyOf } from "../../history.js";
import { type AbortReason, HandlerAborted, type RuntimeHandler } from "../../handler.js";
import type { Logger } from "../../logger.js";
import type { StoredJob } from "../../ports/store.js";
import type { JobRecord, Snapshot } from "../../record.js";
import { count, observe } from "../../telemetry.js";
import type { Crew } from "./crew.js";
import { Halt, type Halting } from "./halt.js";
import { handlerContext, jobLogger } from "./handler-context.js";
import { Hold } from "./hold.js";
import { Lease } from "./lease.js";
import { NewsDesk } from "./news.js";
import {
  checkedInput,
  decideOutcome,
  type Outcome,
  outcomeOfAbort,
  outcomeOfReturned,
  outcomeOfThrown,
} from "./outcome.js";
import { codeOf } from "./text.js";

/** A claim as its answer brought it. */
export interface Claimed {
  /** With input. */
  readonly stored: StoredJob;
  readonly token: string;
  readonly leaseMs: number;
  /** When the first call under the token was sent, by `crew.now`. */
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
  | { readonly status: "durable"; readonly outcome: Outcome["do"]; readonly snapshot: Snapshot }
  | { readonly status: "lost"; readonly snapshot: Snapshot }
  | { readonly status: "unknown" };

const ABORT_TEXT: Readonly<Record<AbortReason, string>> = {
  LeaseLost: "The claim on the job is over: another worker may have it.",
  Cancelled: "Somebody asked to cancel the job.",
  DeadlineExceeded: "The job was not done before its deadline.",
  ShuttingDown: "The worker is shutting down.",
};

/** At the end of a shutdown nobody waits long for a store that does not answer: the lease lapses then. */
const LAST_WORD_PATIENCE_MS = 2_000;

/** Runs one claimed job to its stored outcome. Never rejects. */
export async function execute(crew: Crew, claimed: Claimed): Promise<Ending> {
  try {
    return await new Execution(crew, claimed).run();
  } catch (error) {
    jobLogger(crew.core.logger, claimed.stored).error(
      "the outcome of a job could not be stored; it is recovered when its lease is over",
      { code: codeOf(error) },
    );
    return { status: "unknown" };
  }
}

class Execution {
  readonly #crew: Crew;
  readonly #claimed: Claimed;
  readonly #logger: Logger;
  readonly #halt = new Halt();
  readonly #lease: Lease;
  readonly #hold: Hold;
  readonly #desk: NewsDesk;
  #lost = false;
  #cancelDeadline: () => void = () => undefined;

  constructor(crew: Crew, claimed: Claimed) {
    this.#crew = crew;
    this.#claimed = claimed;
    const { core } = crew;
    const { stored, token, leaseMs, claimedAt, handler } = claimed;
    this.#logger = jobLogger(core.logger, stored);
    const cancelled = (): void => {
      this.#stop("Cancelled");
    };
    this.#hold = new Hold(core, stored, token, crew.now, {
      cancelled,
      confirmed: (sentAt) => {
        this.#lease.confirm(sentAt);
      },
      lost: () => {
        this.#lose();
      },
    });
    const { id } = stored.record;
    this.#lease = new Lease(
      core,
      { id, token, leaseMs, claimedAt, now: crew.now, metronome: crew.metronome },
      {
        cancelled,
        expired: () => {
          this.#lose();
        },
        refused: (snapshot) => {
          this.#hold.lose(snapshot);
        },
        beaten: () => claimed.beaten?.(),
      },
    );
    this.#desk = new NewsDesk({
      core,
      leaseMs,
      hold: this.#hold,
      lease: this.#lease,
      definition: handler.definition,
      logger: this.#logger,
    });
  }

  async run(): Promise<Ending> {
    const { core, closing } = this.#crew;
    const { stored } = this.#claimed;
    // Read once, before anything runs: a job whose history is damaged is left to its lease.
    core.announce({ snapshot: stored, entries: claimEntries(stored.record) });
    if (stored.record.cancel !== null) this.#stop("Cancelled");
    const deafen = closing.hear(() => {
      this.#stop("ShuttingDown");
    });
    this.#armDeadline(stored.record);
    try {
      return await this.#conclude(await this.#work());
    } finally {
      deafen();
      this.#cancelDeadline();
      this.#lease.stop();
    }
  }

  /** The first reason stays: a signal is aborted once. */
  #stop(reason: AbortReason): void {
    if (!this.#halt.aborted) this.#halt.abort(new HandlerAborted(reason, ABORT_TEXT[reason]));
  }

  #lose(): void {
    if (!this.#lost) count(this.#crew.core.telemetry, "lease_lost");
    this.#lost = true;
    this.#stop("LeaseLost");
  }

  #armDeadline(record: JobRecord): void {
    const { clock, time } = this.#crew.core;
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
  async #work(): Promise<Outcome> {
    const { gate } = this.#crew;
    const halt = this.#halt;
    const confirming = this.#lease.start();
    // A lease that cannot be confirmed ends by its deadline, which aborts.
    if (confirming !== null) await Promise.race([confirming, aborted(halt)]);
    if (!(await gate.enter(halt))) return outcomeOfAbort(halt);
    const running = this.#handle();
    // A handler that does not hear its signal keeps its place as long as it runs.
    void running.then(() => {
      gate.leave();
    });
    return this.#orCalledBack(running);
  }

  /** Checks the input and runs the handler. Never rejects. */
  async #handle(): Promise<Outcome> {
    const { core } = this.#crew;
    const { handler, stored } = this.#claimed;
    const { definition } = handler;
    const halt = this.#halt;
    try {
      const input = await checkedInput(core, definition, stored.input, halt);
      if (!input.ok) return input.outcome;
      if (halt.aborted) return outcomeOfAbort(halt);
      const context = handlerContext({
        definition,
        stored,
        input: input.value,
        halt,
        logger: this.#logger,
        desk: this.#desk,
      });
      const call = { port: "handler", operation: definition.kind, items: 1 } as const;
      const returned = await observe(core.telemetry, call, () => handler.run(context));
      return await outcomeOfReturned(core, handler, returned);
    } catch (error) {
      return outcomeOfThrown(error, halt, core.policy.maxTextChars);
    }
  }

  /** What the handler makes of the job; at the end of a shutdown it is given back, whether or not the handler hears. */
  #orCalledBack(running: Promise<Outcome>): Promise<Outcome> {
    const { leaving } = this.#crew;
    return new Promise((resolve) => {
      const deafen = leaving.hear(() => {
        this.#logger.warn("a handler did not end in the time of the shutdown; its job was given back");
        resolve({ do: "release" });
      });
      void running.then((outcome) => {
        deafen();
        resolve(outcome);
      });
    });
  }

  async #conclude(outcome: Outcome): Promise<Ending> {
    const { core, leaving } = this.#crew;
    const { handler, token } = this.#claimed;
    const newsFor = await this.#desk.close();
    if (outcome.do === "leave" || this.#hold.lost) return { status: "lost", snapshot: this.#hold.snapshot };
    // Beats go on until it is stored. After the local deadline none does, and the store judges this one write: work that
    // is done is not thrown away while nobody else has begun it.
    this.#lease.settle();
    const decide = decideOutcome(core, outcome, { token, handler, newsFor });
    const patienceMs = leaving.rung
      ? LAST_WORD_PATIENCE_MS
      : Math.max(core.policy.unknownRetryMs, this.#lease.remainingMs());
    const settled = this.#crew.slots.settling();
    try {
      const applied = await this.#hold.write(decide, { patienceMs });
      if (applied.status === "applied")
        return { status: "durable", outcome: outcome.do, snapshot: applied.snapshot };
    } finally {
      settled();
    }
    return { status: "lost", snapshot: this.#hold.snapshot };
  }
}

/** Resolves when the signal aborts. */
function aborted(signal: Halting): Promise<void> {
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
