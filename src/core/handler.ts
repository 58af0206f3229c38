import type { Definition } from "./definition.js";
import type { Json } from "./json/json.js";
import type { Logger } from "./environment/logger.js";

/**
 * Marks what `track` and `done` return: no JSON has it, so that an output is never taken for it. Registered, so that two
 * copies of the package agree.
 */
const OUTCOME = Symbol.for("waybill.outcome");

// The types are marked by a name instead: a symbol would be another one in the declarations of each of those copies.

/** External work was started and is open: the job stays PROCESSING until proof arrives. */
export interface Tracked<Ref = unknown> {
  readonly "~outcome": "track";
  readonly ref: Ref;
}

/** The work is done here and now, although its kind may track external work. */
export interface Done<Output = unknown> {
  readonly "~outcome": "done";
  readonly output: Output;
}

export function track<Ref>(ref: Ref): Tracked<Ref> {
  return marked({ "~outcome": "track", ref });
}

export function done<Output>(output: Output): Done<Output> {
  return marked({ "~outcome": "done", output });
}

function marked<T extends Tracked | Done>(outcome: T): T {
  return Object.defineProperty(outcome, OUTCOME, { value: true });
}

/** What a handler returned, told apart: a plain value is an output. */
export function outcomeOf(
  returned: unknown,
): { readonly kind: "track"; readonly ref: unknown } | { readonly kind: "done"; readonly output: unknown } {
  if (typeof returned === "object" && returned !== null && OUTCOME in returned) {
    const outcome = returned as object as Tracked | Done;
    return outcome["~outcome"] === "track"
      ? { kind: "track", ref: outcome.ref }
      : { kind: "done", output: outcome.output };
  }
  return { kind: "done", output: returned };
}

/** Why a handler's signal was aborted. */
export type AbortReason = "LeaseLost" | "Cancelled" | "DeadlineExceeded" | "ShuttingDown";

/** The `signal.reason` of a handler. Rethrowing it is fine: it is recognised, and not taken for the handler's own error. */
export class HandlerAborted extends Error {
  readonly brand = "waybill.aborted";
  readonly reason: AbortReason;

  constructor(reason: AbortReason, message: string) {
    super(message);
    this.name = "HandlerAborted";
    this.reason = reason;
  }

  /** With the text, which is no property that JSON would show; without the cause, which may hold anything. */
  toJSON(): Readonly<Record<string, unknown>> {
    return { ...(this as object), message: this.message };
  }
}

/** How long a token holds. */
export interface CallbackTokenOptions {
  /** @default `callbacks.ttlMs` of `createWaybill` */
  readonly ttlMs?: number | undefined;
}

/** What is said with counters. */
export interface ProgressOptions {
  /** When it is expected to be done; `null`: nobody knows any more; left out: as `percent` tells, else as said before. */
  readonly etaAt?: Date | null | undefined;
  /** `percent` may go back. Else what falls behind is left out whole. @default false */
  readonly allowDecrease?: boolean | undefined;
}

/** What `run` gets, without its types (`defineJob` adds them). */
export interface RunContext {
  readonly input: unknown;
  /** The job as claimed. */
  readonly job: unknown;
  readonly attempt: number;
  /** For outside resources that refuse older claims. After a store lost acknowledged writes it may repeat. */
  readonly fence: number;
  readonly signal: AbortSignal;
  readonly logger: Logger;
  /** Enters a phase; written with the next news or the outcome. Never fails the job. */
  readonly phase: (name: string, message?: string) => void;
  /** Absolute counters; coalesced. Never fails the job. */
  readonly progress: (progress: unknown, options?: ProgressOptions) => void;
  /** A warning that people and notifiers hear before the end. At most 50 a job are kept. */
  readonly warn: (code: string, message: string) => void;
  /** A key for an outside call that is the same at every attempt: the outside can recognise a repetition. */
  readonly key: (step: string) => string;
  /** Stores a value that later attempts read as `lastCheckpoint`. Resolves when it is durable. */
  readonly checkpoint: (value: unknown) => Promise<void>;
  readonly lastCheckpoint: Json;
  /** A token by which the outside tells of the work that this run launches. */
  readonly callbackToken: (options?: CallbackTokenOptions) => Promise<string>;
  readonly track: (ref: unknown) => Tracked;
  readonly done: (output: unknown) => Done;
}

/** What `poll` and `cancel` get, without their types. */
export interface PollContext {
  readonly ref: unknown;
  readonly job: unknown;
  readonly fence: number;
  readonly signal: AbortSignal;
  readonly logger: Logger;
  /** How often the job has been run. */
  readonly attempt: number;
  /** Somebody asked to cancel; `cancel` of the handler has been called for it. */
  readonly cancelRequested: boolean;
  /** Why, where they said it. */
  readonly reason: string | null;
  /** A warning that people and notifiers hear while the work goes on; stored with what the poll answers. */
  readonly warn: (code: string, message: string) => void;
}

/** What a poll, or an outside event, says of external work. */
export type PollAnswer =
  | {
      readonly state: "open";
      readonly phase?: string | undefined;
      readonly message?: string | undefined;
      readonly progress?: unknown;
      readonly allowDecrease?: boolean | undefined;
      readonly etaAt?: Date | number | null | undefined;
      /** When to look again, instead of the handler's pace. */
      readonly nextPollMs?: number | undefined;
    }
  | { readonly state: "done"; readonly output: unknown; readonly progress?: unknown }
  | {
      readonly state: "failed";
      readonly message: string;
      readonly code?: string | undefined;
      readonly expose?: boolean | undefined;
      readonly details?: unknown;
      /** Run the job again (an attempt) instead of ending it. */
      readonly rerun?: boolean | undefined;
      readonly progress?: unknown;
    };

/** The implementation of a kind: what `definition.handle(…)` makes, as the engine knows it. */
export interface RuntimeHandler {
  readonly definition: Definition;
  readonly run: (context: RunContext) => Promise<unknown>;
  readonly poll: ((context: PollContext) => Promise<PollAnswer>) | null;
  readonly cancel: ((context: PollContext) => Promise<void>) | null;
  readonly pollEveryMs: number | null;
  /** How long external work may stay open. */
  readonly timeoutMs: number | null;
}
