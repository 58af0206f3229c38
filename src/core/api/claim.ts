import type { AnyDef, TypesOf } from "../define/any-def.js";
import type { GivenOutput, LaunchContext, RunContext } from "../define/handler-context.js";
import type { WaybillError } from "../errors/errors.js";
import type { OwnerOption } from "../options/owner-option.js";
import type { CompletedJob, FailedJob, PendingJob, ProcessingJob } from "./job.js";

/** How to claim. */
export interface ClaimOptions extends OwnerOption {
  /** For people to read: who claims. @default made from chance */
  readonly name?: string | undefined;
  /** Tells the work to stop (`ShuttingDown`), as a worker that stops does. */
  readonly signal?: AbortSignal | undefined;
}

/** How a claim has ended, and what that means for the application's own message. */
export interface ClaimEnd<D extends AnyDef> {
  /**
   * As the ending left it, or as others have left it since, where the answer of the store was lost: PROCESSING it is then in
   * another's claim. The first ending of a claim counts, and one that is called after it gets the same answer; an output or a
   * reference that the schema refuses, or that cannot be stored, ends the job FAILED.
   */
  readonly job: PendingJob<D> | ProcessingJob<D> | CompletedJob<D> | FailedJob<D>;
  /** The message may go: the end is stored, and nothing is left to do for it. */
  readonly acknowledge: boolean;
  /** When the message should come again; `null`: no need. */
  readonly retryAfterMs: number | null;
}

/** Why a claim was refused, and what that means for the application's own message. */
export type ClaimRefused = WaybillError<
  "job.not_found" | "job.already_final" | "job.claimed" | "job.not_due"
> & {
  /**
   * The message may go: `true` for a job that is over, and for one whose external work is open, since `track` let the first
   * copy go. `false` else: a message may overtake the commit of its job.
   */
  readonly acknowledge: boolean;
  /** When the message should come again; `null`: no need. */
  readonly retryAfterMs: number | null;
  /** Who holds the job; `null`: nobody, or external work is open. */
  readonly holder: { readonly name: string; readonly leaseUntil: Date } | null;
};

/**
 * A job in the application's own hands. The claim renews itself until it is ended, and shows no token. An ending throws
 * `claim.lost` when the claim was over before (do not acknowledge), and `store.unavailable` when it is not known whether the
 * end was stored: every later ending of the claim then throws the same, so that a doubt is never turned into a failure.
 */
export interface HeldClaim<D extends AnyDef> extends RunContext<D> {
  /** Judged as what a handler throws: retried while attempts are left, unless it is a `PermanentError`. */
  fail(error: unknown): Promise<ClaimEnd<D>>;
  /**
   * Gives the job back, its attempt with it; after another ending: nothing. Of a claim that is over, or a store that is out of
   * reach, it throws nothing: the job comes back when the lease is over.
   */
  release(options?: { readonly afterMs?: number | undefined }): Promise<void>;
  /** As `release`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** A claim on a kind without external work. */
export interface PlainClaim<D extends AnyDef> extends HeldClaim<D> {
  /** The work is done. */
  complete(output: GivenOutput<D>): Promise<ClaimEnd<D>>;
}

/** A claim on a kind with external work: submitted is not done, so there is no `complete`. */
export interface TrackingClaim<D extends AnyDef> extends HeldClaim<D>, LaunchContext {
  /** External work is open: the claim ends, the job stays PROCESSING until proof arrives. */
  track(ref: TypesOf<D>["ref"]): Promise<ClaimEnd<D>>;
  /** The work is done here and now. */
  done(output: GivenOutput<D>): Promise<ClaimEnd<D>>;
}

/** A claim on a job of one kind. */
export type Claim<D extends AnyDef> = [TypesOf<D>["ref"]] extends [never] ? PlainClaim<D> : TrackingClaim<D>;
