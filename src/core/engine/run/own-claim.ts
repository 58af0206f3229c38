import { claimTerms } from "../../decide/claim.js";
import { StoreUnavailableError, WaybillError } from "../../errors/errors.js";
import type { Definition } from "../../definition.js";
import { done, type RunContext, type RuntimeHandler, track } from "../../handler.js";
import { isFinal } from "../../job/lifecycle.js";
import { onAbort } from "../../live/on-abort.js";
import { checkWhole } from "../../options/options.js";
import { isOf, type Whose } from "../../options/owner-option.js";
import type { StoredJob } from "../../ports/store.js";
import type { JobRecord } from "../../job/record.js";
import { err, ok, type Result } from "../../errors/result.js";
import { isId } from "../compose/option-checks.js";
import type { Core } from "../context.js";
import { leaseMsOf } from "../kind-settings.js";
import { jobOf, type RuntimeJob } from "../read/job.js";
import { shown } from "../read/reads.js";
import type { Reconciler } from "../reconcile/reconciler.js";
import type { Dispatcher } from "../submit/dispatch.js";
import { checkIntake } from "../worker/options.js";
import { createWorkerParts, type WorkerParts } from "../worker/parts.js";
import { type Ending, execute } from "./execution.js";
import { GiveBack } from "./outcome/outcome.js";

/** How a claim that the application held has ended. */
export interface ClaimEnd {
  readonly job: RuntimeJob;
  /** The application's own message may go: stored, and nothing is left to do for it. */
  readonly acknowledge: boolean;
  /** When the message should come again; `null`: no need. */
  readonly retryAfterMs: number | null;
}

/** Why a claim was refused, and what that means for the application's own message. */
export interface Refusal {
  readonly code: "job.not_found" | "job.already_final" | "job.claimed" | "job.not_due";
  readonly acknowledge: boolean;
  readonly retryAfterMs: number | null;
  readonly holder: { readonly name: string; readonly leaseUntil: Date } | null;
}

export type ClaimRefusedError = WaybillError<Refusal["code"]> & Omit<Refusal, "code">;

export interface OwnClaimOptions {
  readonly whose: Whose;
  readonly name?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface Means {
  readonly core: Core;
  readonly dispatcher: Dispatcher;
  readonly reconciler: Reconciler;
}

/** A message may overtake the commit of its job. */
const NOT_THERE_YET_MS = 5_000;

/**
 * Claims a job that the application hands over itself, and keeps the claim alive until it is ended. The decisions are those
 * of a worker's run: only who calls them differs.
 *
 * @throws WaybillError `config.invalid` when the kind's jobs are handed over by a queue
 * @throws StoreUnavailableError when the store cannot be reached
 */
export async function claimOwn(
  means: Means,
  definition: Definition,
  id: string,
  options: OwnClaimOptions,
): Promise<Result<OwnClaim, ClaimRefusedError>> {
  const { core } = means;
  if (definition.handOver !== "own") {
    const sentence = `Jobs of ${definition.kind} are handed over by a queue: claim is for kinds with handOver "own".`;
    throw new WaybillError("config.invalid", sentence);
  }
  const { name, whose, signal } = options;
  const settings = checkIntake(core, [], { concurrency: 1, ...(name === undefined ? {} : { name }) });
  const stored = isId(id) ? await core.gateway.read(id) : null;
  if (stored?.record.kind !== definition.kind || !isOf(whose, stored.record.owner)) {
    return err(refused(NOT_FOUND));
  }
  const { parts, stop } = createWorkerParts({ ...means, settings, kickReconciler: () => undefined });
  const token = core.ids.token();
  const leaseMs = leaseMsOf(core, definition);
  const claimedAt = parts.now();
  const claimed = await core.gateway.claim(
    { id, dispatch: stored.record.dispatch, token, leaseMs },
    claimTerms(settings.name, core.ids.transition(), core.policy),
  );
  if (claimed.status === "gone") return err(refused(NOT_FOUND));
  if (claimed.status === "refused") return err(refusedBy(core, claimed.job.record));
  const claim = new OwnClaim(parts, definition, { stored: claimed.job, token, leaseMs, claimedAt });
  // A process passes one signal to all its claims: each listens no longer than it lasts.
  claim.whenOver(onAbort(signal, stop));
  if (signal?.aborted === true) stop();
  return (await claim.begun())
    ? ok(claim)
    : // Its stored input is not valid any more, or its time was over: it has ended before it began.
      err(refusedBy(core, (await core.gateway.read(id))?.record ?? claimed.job.record));
}

const NOT_FOUND: Refusal = {
  code: "job.not_found",
  acknowledge: false,
  retryAfterMs: NOT_THERE_YET_MS,
  holder: null,
};

function refusedBy({ time }: Core, record: JobRecord): ClaimRefusedError {
  const now = time.now();
  if (isFinal(record.status)) {
    return refused({ code: "job.already_final", acknowledge: true, retryAfterMs: null, holder: null });
  }
  if (record.status !== "PROCESSING") {
    const afterMs = Math.max(1_000, (record.sendAt ?? now) - now);
    return refused({ code: "job.not_due", acknowledge: false, retryAfterMs: afterMs, holder: null });
  }
  const { worker, leaseUntil, awaiting } = record;
  // Another copy of the message has launched the work, which settled it: this one goes as that did, or it would come again
  // and again for as long as the work takes.
  if (awaiting !== null) {
    const facts = { acknowledge: true, retryAfterMs: null, holder: null };
    return refused(
      { code: "job.claimed", ...facts },
      "The external work of the job is open: the message may go.",
    );
  }
  return refused({
    code: "job.claimed",
    acknowledge: false,
    retryAfterMs: heldMs(leaseUntil, now),
    holder:
      worker === null || leaseUntil === null ? null : { name: worker, leaseUntil: new Date(leaseUntil) },
  });
}

/** What the message of an ending means by the record that it left: nothing may be left to do when it goes. */
function mayGo(record: JobRecord, now: number): Pick<ClaimEnd, "acknowledge" | "retryAfterMs"> {
  const { status, awaiting, sendAt, leaseUntil } = record;
  if (status === "PENDING") return { acknowledge: false, retryAfterMs: Math.max(0, (sendAt ?? 0) - now) };
  if (status === "PROCESSING" && awaiting === null)
    return { acknowledge: false, retryAfterMs: heldMs(leaseUntil, now) };
  return { acknowledge: true, retryAfterMs: null };
}

/** Until a claim may have lapsed. */
function heldMs(leaseUntil: number | null, now: number): number {
  return Math.max(1_000, (leaseUntil ?? now) - now);
}

const SENTENCES: Readonly<Record<Refusal["code"], string>> = {
  "job.not_found": "There is no such job.",
  "job.already_final": "The job is over.",
  "job.claimed": "Somebody else holds the job.",
  "job.not_due": "The job is not to be run yet.",
};

function refused({ code, ...facts }: Refusal, sentence = SENTENCES[code]): ClaimRefusedError {
  return Object.assign(new WaybillError(code, sentence), facts);
}

interface Held {
  readonly stored: StoredJob;
  readonly token: string;
  readonly leaseMs: number;
  readonly claimedAt: number;
}

/** A claim in the hands of the application: a run whose handler is the application's own code, wherever that stands. */
export class OwnClaim {
  readonly #parts: WorkerParts;
  readonly #definition: Definition;
  /** As it was claimed, with its input. */
  readonly #stored: StoredJob;
  readonly #context: Promise<RunContext>;
  readonly #ending: Promise<Ending>;
  #given: RunContext | null = null;
  #finish!: (outcome: unknown) => void;
  #fail!: (error: unknown) => void;
  /** What ended it; every later ending gets the same answer, so that a doubt is never turned into a failure. */
  #ended: Promise<ClaimEnd> | null = null;

  constructor(parts: WorkerParts, definition: Definition, held: Held) {
    this.#parts = parts;
    this.#definition = definition;
    this.#stored = held.stored;
    const outcome = new Promise<unknown>((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    });
    let begin!: (context: RunContext) => void;
    this.#context = new Promise((resolve) => {
      begin = resolve;
    });
    const handler: RuntimeHandler = {
      ...{ definition, poll: null, cancel: null, pollEveryMs: null, timeoutMs: null },
      run: (context) => {
        begin(context);
        return outcome;
      },
    };
    this.#ending = execute(parts, { ...held, handler: this.#seenElsewhere(handler) });
  }

  /**
   * The kind's external work is looked at, and asked to stop, by whichever worker has its handler, at the policy's pace. One
   * that has no `cancel` goes on looking, and a request changes nothing of what it sees.
   */
  #seenElsewhere(handler: RuntimeHandler): RuntimeHandler {
    if (!this.#definition.external) return handler;
    const elsewhere = (): Promise<never> => Promise.reject(new TypeError("this process does not poll"));
    return { ...handler, poll: elsewhere, cancel: elsewhere };
  }

  /** Resolves `true` once the work may begin; `false`: the job ended before. */
  async begun(): Promise<boolean> {
    const ended = this.#ending.then(() => null);
    this.#given = await Promise.race([this.#context, ended]);
    return this.#given !== null;
  }

  /** Calls `heard` once the claim is over, however it ends. */
  whenOver(heard: () => void): void {
    void this.#ending.then(heard);
  }

  get context(): RunContext {
    if (this.#given === null) throw new TypeError("the claim has not begun");
    return this.#given;
  }

  complete(output: unknown): Promise<ClaimEnd> {
    return this.#end(() => {
      this.#finish(this.#definition.external ? done(output) : output);
    });
  }

  track(ref: unknown): Promise<ClaimEnd> {
    return this.#end(() => {
      this.#finish(track(ref));
    });
  }

  fail(error: unknown): Promise<ClaimEnd> {
    return this.#end(() => {
      this.#fail(error);
    });
  }

  /** Gives the claim back, its attempt with it; after another ending: nothing. Never throws for a claim that is lost. */
  async release(afterMs = 0): Promise<void> {
    checkWhole("afterMs", afterMs);
    if (this.#ended !== null) return;
    await this.#end(() => {
      this.#finish(new GiveBack(afterMs));
    }).catch(() => undefined);
  }

  #end(say: () => void): Promise<ClaimEnd> {
    if (this.#ended === null) {
      say();
      this.#ended = this.#ending.then((ending) => this.#endOf(ending));
      // Whoever awaits it hears of it; a caller who does not must not lose its process by it.
      this.#ended.catch(() => undefined);
    }
    return this.#ended;
  }

  async #endOf(ending: Ending): Promise<ClaimEnd> {
    if (ending.status === "lost") {
      throw new WaybillError("claim.lost", "The claim on the job was over before its outcome was stored.");
    }
    if (ending.status === "unknown") {
      throw new StoreUnavailableError("It is not known whether the outcome was stored.", {
        outcome: "unknown",
      });
    }
    const { core } = this.#parts;
    const { outcome, snapshot } = ending;
    const { record } = snapshot;
    const left = { ...this.#stored, ...snapshot };
    return {
      // Where the answer was lost, others may have claimed the job since, and have completed it.
      job:
        outcome.do === "complete"
          ? jobOf(this.#definition, { ...left, output: outcome.output })
          : await shown(core, left),
      ...mayGo(record, core.time.now()),
    };
  }
}
