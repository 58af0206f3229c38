import { codeOf } from "../context.js";
import { claimTerms } from "../../decide/claim.js";
import type { ClaimNext, NextReady, StoredJob } from "../../ports/store.js";
import type { PiggybackedClaim } from "../store/gateway.js";
import { leaseMsOf } from "../kind-settings.js";
import type { WorkerParts } from "./parts.js";
import { type Ending, execute } from "../run/execution.js";
import { createDryPace, type DryPace } from "../wake/dry-pace.js";
import type { Ears } from "../wake/ears.js";
import { createIdle, type Idle } from "./idle.js";
import { roomFor } from "./slots.js";

/** A call that was made, or is to be repeated as it was. */
interface Call {
  readonly claim: ClaimNext;
  /** When it was first sent. */
  readonly sentAt: number;
  /** Kicks before it was sent. */
  readonly kicks: number;
}

/**
 * Claims jobs where the store is the queue. A claim travels with outcomes that are being written where the store can do
 * both in one trip; where none is being written it goes by itself.
 */
export class StoreLoop {
  readonly #parts: WorkerParts;
  readonly #idle: Idle;
  /** Kicks so far: one that comes while a claim is under way is not answered by it. */
  #kicks = 0;
  /** The last claim brought all that it asked for: there may be more. */
  #more = true;
  /**
   * A call whose outcome is not known: repeated as it was, so that what it took is not lost for a lease. Only while that
   * lease may last: what the call took then comes back, and must not be taken a second time under its token.
   */
  #doubtful: Call | null = null;
  /** A call that is travelling with a write. */
  #travelling: (Call & { readonly answered: () => void }) | null = null;
  #answer: Promise<void> = Promise.resolve();
  /** Ends the wait for room. */
  #interrupt: (() => void) | null = null;

  readonly #pace: DryPace;
  #ears: Ears | null = null;

  constructor(parts: WorkerParts) {
    const { core, settings } = parts;
    this.#parts = parts;
    this.#idle = createIdle(core.clock);
    this.#pace = createDryPace(settings.pollIntervalMs, () => core.ids.random());
  }

  /** There may be new work. */
  kick(): void {
    this.#kicks += 1;
    this.#more = true;
    this.#idle.kick();
  }

  /** @param ears - how it hears of work; `null`: it does not */
  async run(ears: Ears | null): Promise<void> {
    const { core, stopping } = this.#parts;
    this.#ears = ears;
    const leave = core.gateway.ride(this.#piggyback());
    while (!stopping.aborted) {
      await this.#turn();
      if (this.#more || this.#doubtful !== null) continue;
      await this.#idle.nap(this.#pace.nextMs(this.#isTold()), stopping);
      this.#more = true;
    }
    leave();
    await this.#answer;
    // What a call in doubt may have taken is given back, if the store says so at once.
    const call = this.#inDoubt();
    if (call !== null) await this.#ask(call);
  }

  /** Whether new work is told of; in a store that no other process shares all of it is. */
  #isTold(): boolean {
    return this.#ears?.isTold() ?? true;
  }

  /** The call to repeat; one whose lease may be over is given up, and its slots with it. */
  #inDoubt(): Call | null {
    const call = this.#doubtful;
    if (call === null || this.#parts.now() < call.sentAt + shortestLeaseMs(call.claim)) return call;
    this.#doubtful = null;
    this.#parts.slots.give(call.claim.limit);
    return null;
  }

  async #turn(): Promise<void> {
    const { slots, stopping, breaker } = this.#parts;
    await breaker.pause(stopping);
    if (stopping.aborted) return;
    const inDoubt = this.#inDoubt();
    if (inDoubt !== null) {
      await this.#ask(inDoubt);
      return;
    }
    const room = await this.#room();
    // While it waited, a claim that rode along may have brought the answer, or its own doubt.
    if (room === 0 || !this.#mayAsk()) {
      slots.give(room);
      return;
    }
    await this.#ask({ claim: this.#claim(room), sentAt: this.#parts.now(), kicks: this.#kicks });
  }

  #mayAsk(): boolean {
    return !this.#parts.stopping.aborted && this.#more && this.#doubtful === null;
  }

  async #room(): Promise<number> {
    const { slots, stopping, core } = this.#parts;
    const waiting = new AbortController();
    const end = (): void => {
      waiting.abort();
    };
    this.#interrupt = end;
    stopping.addEventListener("abort", end, { once: true });
    const room = await roomFor(slots, core.clock, this.#most(), waiting.signal);
    stopping.removeEventListener("abort", end);
    this.#interrupt = null;
    return room;
  }

  #most(): number {
    return this.#parts.core.gateway.store.capabilities.maxBatch;
  }

  #claim(limit: number): ClaimNext {
    const { core, settings } = this.#parts;
    return {
      terms: claimTerms(settings.name, core.ids.transition(), core.policy),
      // One for all jobs of the claim: their ids tell them apart. Made before the call, so that it can be repeated.
      token: core.ids.token(),
      kinds: settings.storeKinds.map((kind) => ({ kind, leaseMs: this.#leaseMs(kind) })),
      limit,
    };
  }

  #leaseMs(kind: string): number {
    const { core, settings } = this.#parts;
    const handler = settings.handlers.get(kind);
    return handler === undefined ? core.policy.leaseMs : leaseMsOf(core, handler.definition);
  }

  async #ask(call: Call): Promise<void> {
    const { core, breaker } = this.#parts;
    this.#ears?.ready.asked();
    try {
      const { jobs, nextReady = null } = await core.gateway.claimNext(call.claim);
      breaker.ok();
      this.#doubtful = null;
      this.#took(call, jobs, nextReady);
    } catch (error) {
      breaker.failed();
      if (this.#doubtful === null) {
        core.logger.warn("the store could not be asked for work; it is asked again", {
          code: codeOf(error),
        });
      }
      this.#doubtful = call;
    }
  }

  #took({ claim, sentAt, kicks }: Call, jobs: readonly StoredJob[], next: NextReady | null): void {
    const { slots, tasks } = this.#parts;
    this.#more = jobs.length >= claim.limit || kicks !== this.#kicks;
    this.#ears?.answered(jobs.length, claim.limit, next);
    if (jobs.length > 0) this.#pace.found();
    // Whoever brought the answer, the loop looks again: it must not sleep on work that was held back.
    if (this.#more) this.#idle.kick();
    slots.give(claim.limit - jobs.length);
    if (jobs.length === 0) return;
    tasks.add("claimed jobs", this.#begin(claim, sentAt, jobs));
  }

  async #begin(claim: ClaimNext, sentAt: number, jobs: readonly StoredJob[]): Promise<void> {
    await this.#turnOfHandlers();
    for (const stored of jobs) this.#parts.tasks.add("a job", this.#run(claim, sentAt, stored));
  }

  /**
   * Handlers begin when the outcomes that wait are on their way: the store works while they run, instead of after them
   * (measured: 13 to 57 % more jobs a second). One turn sends those outcomes, and the handlers have the next.
   */
  #turnOfHandlers(): Promise<void> {
    const { clock } = this.#parts.core;
    return new Promise((resolve) => {
      clock.defer(() => {
        clock.defer(resolve);
      });
    });
  }

  #run({ token }: ClaimNext, claimedAt: number, stored: StoredJob): Promise<void> {
    const { slots, settings } = this.#parts;
    const { kind } = stored.record;
    const handler = settings.handlers.get(kind);
    if (handler === undefined) {
      slots.give(1);
      return Promise.reject(new TypeError("the store handed over a kind that was not asked for"));
    }
    return execute(this.#parts, { stored, token, leaseMs: this.#leaseMs(kind), claimedAt, handler }).then(
      (ending) => {
        this.#ended(ending);
        slots.give(1);
      },
    );
  }

  #ended(ending: Ending): void {
    if (ending.status !== "durable") return;
    const { readyAt, awaiting } = ending.snapshot.record;
    const now = this.#parts.core.time.now();
    // Back in the queue already: it may be one's own again.
    if (readyAt !== null && readyAt <= now) this.kick();
    if (awaiting !== null && awaiting.nextPollAt <= now) this.#parts.kickReconciler();
  }

  #piggyback(): PiggybackedClaim {
    return {
      claimFor: (items) => {
        const { slots, stopping, breaker, now } = this.#parts;
        if (stopping.aborted || this.#doubtful !== null || this.#travelling !== null || breaker.isOpen())
          return null;
        // An idle worker polls at its own pace, not with every progress that it writes.
        if (!this.#more && slots.leaving() === 0) return null;
        const room = slots.borrow(this.#most(), items, this.#interrupt === null ? 0 : 1);
        if (room === 0) return null;
        const claim = this.#claim(room);
        this.#ears?.ready.asked();
        this.#answer = new Promise((answered) => {
          this.#travelling = { claim, sentAt: now(), kicks: this.#kicks, answered };
        });
        return claim;
      },
      arrived: (jobs) => {
        const call = this.#travelling;
        if (call === null) return;
        this.#travelling = null;
        call.answered();
        if (jobs !== null) {
          this.#took(call, jobs, null);
          return;
        }
        this.#doubtful = call;
        this.#parts.breaker.failed();
        // The loop repeats it, whatever it is waiting for.
        this.#idle.kick();
        this.#interrupt?.();
      },
    };
  }
}

function shortestLeaseMs({ kinds }: ClaimNext): number {
  return Math.min(...kinds.map(({ leaseMs }) => leaseMs));
}
