import type { ProcessingJob } from "../api/job.js";
import type { CallbackTokenOptions, Done, ProgressOptions, Tracked } from "../handler.js";
import type { Json } from "../json/json.js";
import type { Logger } from "../environment/logger.js";
import type { AnyDef, TypesOf } from "./any-def.js";

/** Whether an output is `null` and no more; `any`, of which every question is true, is asked for first. */
type HasNoOutput<Output> = unknown extends Output ? false : [Output] extends [null] ? true : false;

/** What a handler gives for an output: nothing where the kind has none. */
export type GivenOutput<D extends AnyDef> =
  HasNoOutput<TypesOf<D>["output"]> extends true
    ? // eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- an async function without `return` gives Promise<void>
      void | null
    : TypesOf<D>["output"];

/**
 * What `run` is given. Functions can be taken out of it (`({ input, phase }) => …`); `phase`, `progress` and `warn` return
 * at once, are written in the background, and never fail the job.
 */
export interface RunContext<D extends AnyDef> {
  /** The stored input as the schema reads it now. */
  readonly input: TypesOf<D>["parsed"];
  /** The job as it was claimed. */
  readonly job: ProcessingJob<D>;
  /** Which run this is, from 1. */
  readonly attempt: number;
  /** Grows at every claim: hand it to outside resources that refuse a smaller one. */
  readonly fence: number;
  /** Aborts when the claim is lost, the job cancelled or out of time, or the worker stops; `reason` says which. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
  /**
   * Enters a phase, with a text for users: an event `job.phase`. One that the kind does not declare, or that the job is past, is
   * ignored with a line in the log.
   */
  readonly phase: (name: TypesOf<D>["phase"], message?: string) => void;
  /** Absolute counters, coalesced to two writes a second. What would lower `percent` is left out whole; single counters may fall. */
  readonly progress: (progress: TypesOf<D>["progress"], options?: ProgressOptions) => void;
  /** An event `job.warning`, recorded and delivered while the job goes on. */
  readonly warn: (code: string, message: string) => void;
  /** A key for one step, the same at every attempt: the idempotency key of a call to the outside. */
  readonly key: (step: string) => string;
  /** Stores how far it got; resolves when durable. The next attempt finds it in `lastCheckpoint`. */
  readonly checkpoint: (value: Json) => Promise<void>;
  /** What `checkpoint` stored last, at an earlier attempt; `null`: nothing. */
  readonly lastCheckpoint: Json;
}

/** What only a kind with external work has, while it launches it. */
export interface LaunchContext {
  /**
   * A token to hand to the work before it is launched: whoever has it may tell of the work, by `POST /callbacks/{token}` or
   * `waybill.report`, and of nothing else. It is signed over the job's id, its kind and this run's fence, so that it finds
   * nothing once the job is run again. Treat it as a credential: it belongs in no log.
   *
   * @throws {WaybillError} `config.invalid`: `createWaybill` has no `callbacks`, or `ttlMs` is no duration
   */
  readonly callbackToken: (options?: CallbackTokenOptions) => Promise<string>;
}

/** What `run` of a kind with external work is given: it ends in `track(ref)` or `done(output)`. */
export interface TrackingContext<D extends AnyDef> extends RunContext<D>, LaunchContext {
  /** What to return when the work goes on outside: nobody runs the job then, and polls or reports bring its outcome. */
  readonly track: (ref: TypesOf<D>["ref"]) => Tracked<TypesOf<D>["ref"]>;
  /** What to return when the work is done already. */
  readonly done: (output: GivenOutput<D>) => Done<TypesOf<D>["output"]>;
}

/** What `poll` and `cancel` are given. */
export interface ExternalContext<D extends AnyDef> {
  /** What `track` was given. */
  readonly ref: TypesOf<D>["ref"];
  readonly job: ProcessingJob<D>;
  readonly attempt: number;
  readonly fence: number;
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/** What `poll` is given. */
export interface PollContext<D extends AnyDef> extends ExternalContext<D> {
  /** Somebody asked to cancel: `done` and `failed` both end the job, `failed` as cancelled. */
  readonly cancelRequested: boolean;
  /**
   * An event `job.warning`, recorded and delivered while the work goes on, with what the poll answers. Said at every look, it
   * is one warning: a code and text that the job has are not repeated.
   */
  readonly warn: (code: string, message: string) => void;
}

/** What `cancel` is given. */
export interface CancelContext<D extends AnyDef> extends ExternalContext<D> {
  /** In the words of whoever asked. */
  readonly reason: string | null;
}

/** External work is still open. */
export interface PollOpen<D extends AnyDef> {
  readonly state: "open";
  readonly phase?: TypesOf<D>["phase"] | undefined;
  /** Shown with the phase, where it is entered. */
  readonly message?: string | undefined;
  readonly progress?: TypesOf<D>["progress"] | undefined;
  /** The order of phases and `percent` may go back. Else what falls behind, such as a late event, is left out whole. @default false */
  readonly allowDecrease?: boolean | undefined;
  /** When it is expected to be done; left out: as `percent` tells, else as said before. */
  readonly etaAt?: Date | null | undefined;
  /** Instead of `pollEveryMs`, this once. */
  readonly nextPollMs?: number | undefined;
}

interface PollOutput<D extends AnyDef> {
  readonly state: "done";
  readonly output: TypesOf<D>["output"];
  readonly progress?: TypesOf<D>["progress"] | undefined;
}

/** External work is proven done. A kind without output needs to give none. */
export type PollDone<D extends AnyDef> =
  HasNoOutput<TypesOf<D>["output"]> extends true
    ? Omit<PollOutput<D>, "output"> & { readonly output?: null | undefined }
    : PollOutput<D>;

/** External work is proven to have failed. */
export interface PollFailed<D extends AnyDef> {
  readonly state: "failed";
  readonly message: string;
  /** The application's own code. */
  readonly code?: string | undefined;
  /** The message may be shown to users. @default false */
  readonly expose?: boolean | undefined;
  /** The application's own account of it, JSON of at most 4 KiB, public with `expose`; more is left out, with a line in the log. */
  readonly details?: Json | undefined;
  /** Run the job again while attempts remain, launching anew. @default false */
  readonly rerun?: boolean | undefined;
  readonly progress?: TypesOf<D>["progress"] | undefined;
}

/** What was seen of external work: by `poll`, or by an outside event through `report`. */
export type Poll<D extends AnyDef> = PollOpen<D> | PollDone<D> | PollFailed<D>;
