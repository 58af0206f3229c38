import type { Issue } from "../definition.js";
import { BRAND, CodedError, type ErrorFacts } from "./coded-error.js";
import { ERROR_CODES, type ErrorCode, type Outcome } from "./error-codes.js";
import type { Json } from "../json/json.js";
import type { FailureReason } from "../job/record.js";

export type { ErrorFacts };

/**
 * Every error that Waybill returns or throws. Recognise it with `isWaybillError`, never with `instanceof`: two copies of
 * the package (ESM and CommonJS) have two classes.
 */
export class WaybillError<C extends ErrorCode = ErrorCode> extends CodedError<C> {
  /** @param sentence - one clear sentence: what is wrong, in the caller's words */
  constructor(code: C, sentence: string, facts: ErrorFacts = {}) {
    super(code, ERROR_CODES[code], sentence, facts);
  }

  // What a definition throws is made without this class, and is an error of Waybill all the same.
  static override [Symbol.hasInstance](value: unknown): boolean {
    return this === WaybillError ? isWaybillError(value) : super[Symbol.hasInstance](value);
  }
}

/** Errors that carry facts of their own, by code. */
interface ErrorsWithFacts {
  readonly "input.invalid": InputInvalidError;
  readonly "result.job_failed": JobFailedError;
}

/** The error of a code, with its facts. */
export type ErrorOf<C extends ErrorCode> = C extends keyof ErrorsWithFacts
  ? ErrorsWithFacts[C]
  : WaybillError<C>;

/** Whether a value is an error of Waybill, optionally of one code, and then with its facts; works across copies of the package. */
export function isWaybillError(value: unknown): value is WaybillError;
export function isWaybillError<C extends ErrorCode>(value: unknown, code: C): value is ErrorOf<C>;
export function isWaybillError(value: unknown, code?: ErrorCode): boolean {
  if (typeof value !== "object" || value === null) return false;
  const candidate = value as { brand?: unknown; code?: unknown };
  return candidate.brand === BRAND && (code === undefined || candidate.code === code);
}

// ---- refusals: Waybill decided no, and nothing was written -----------------------------------------------------------------

export type { Issue };

/** The input does not match its schema, or is not safe as JSON. */
export class InputInvalidError extends WaybillError<"input.invalid"> {
  /** What is wrong and where, at most 20. Never the values. */
  readonly issues: readonly Issue[];

  constructor(sentence: string, issues: readonly Issue[]) {
    super("input.invalid", sentence);
    this.name = "InputInvalidError";
    this.issues = issues;
  }
}

/** Refused: an input, or what was reported, does not fit its kind or is not safe as JSON. `issues` says what and where. */
export type InputInvalid = InputInvalidError;
/** Refused: input or metadata is larger than the store or the policy allows. */
export type InputTooLarge = WaybillError<"input.too_large">;
/** Refused: the idempotency key was used before with another input. */
export type IdempotencyConflict = WaybillError<"idempotency.conflict">;
/** Refused: the id that the caller gave belongs to a job already, whatever its input. */
export type IdTaken = WaybillError<"id.taken">;
/** Refused: no notifier of this name was given to `createWaybill`. */
export type NotifierUnknown = WaybillError<"notifier.unknown">;
/** Refused: there is no job of this id or reference, or it is of another kind or owner than was asked for. */
export type JobNotFound = WaybillError<"job.not_found">;
/** Refused: the job is COMPLETED or FAILED, and stays so. */
export type JobAlreadyFinal = WaybillError<"job.already_final">;
/** Refused: the job's external work is open, and no handler of its kind can cancel it. */
export type JobCannotCancel = WaybillError<"job.cannot_cancel">;
/** Refused: only a FAILED job can be run again. */
export type JobNotFailed = WaybillError<"job.not_failed">;

// ---- thrown: misuse, unreachable, or unknown -------------------------------------------------------------------------------

/** The store could not be reached. `outcome` says whether the call may have had an effect. Thrown by adapters. */
export class StoreUnavailableError extends WaybillError<"store.unavailable"> {
  constructor(sentence: string, facts: ErrorFacts & { readonly outcome: Outcome }) {
    super("store.unavailable", sentence, facts);
    this.name = "StoreUnavailableError";
  }
}

/** The store's schema is not the one that this version works with. Thrown by `ready()`. */
export class StoreNotMigratedError extends WaybillError<"store.not_migrated"> {
  constructor(sentence: string) {
    super("store.not_migrated", sentence);
    this.name = "StoreNotMigratedError";
  }
}

/** A stored record holds what Waybill never writes; the id is named, the content never. */
export class StoreCorruptError extends WaybillError<"store.corrupt"> {
  constructor(jobId: string, what: string) {
    super("store.corrupt", `Job ${jobId} is stored with ${what}.`, { jobId });
    this.name = "StoreCorruptError";
  }
}

/** The job whose result was awaited is FAILED. HTTP layers pass messages on: it says only what was made public. */
export class JobFailedError extends WaybillError<"result.job_failed"> {
  readonly reason: FailureReason;

  /** @param shown - what the application made public of it; `null`: nothing, and the job's `failure` says more */
  constructor(jobId: string, reason: FailureReason, shown: string | null) {
    const why = shown === null ? "." : `: ${shown}`;
    super("result.job_failed", `Job ${jobId} failed (${reason})${why}`, { jobId });
    this.name = "JobFailedError";
    this.reason = reason;
  }
}

/** The job did not reach a final status in the time given; it goes on. */
export class WaitTimeoutError extends WaybillError<"result.timeout"> {
  constructor(jobId: string, timeoutMs: number) {
    super("result.timeout", `Job ${jobId} was not final after ${String(timeoutMs)} ms.`, { jobId });
    this.name = "WaitTimeoutError";
  }
}

// ---- thrown by handlers, to steer ------------------------------------------------------------------------------------------

/** Options of an error that a handler throws. */
export interface HandlerErrorOptions {
  /** The application's own code, stored and shown with the failure. */
  readonly code?: string | undefined;
  /** The text may be shown to users. @default false */
  readonly expose?: boolean | undefined;
  /** The application's own account of the failure, JSON of at most 4 KiB; left out, with a line in the log, where it is more. */
  readonly details?: Json | undefined;
  readonly cause?: unknown;
}

/** Thrown by a handler: the job is FAILED at once, whatever attempts remain. */
export class PermanentError extends Error {
  readonly brand = "waybill.permanent";
  readonly code: string | undefined;
  readonly expose: boolean;
  readonly details: Json | undefined;

  constructor(message: string, options: HandlerErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "PermanentError";
    this.code = options.code;
    this.expose = options.expose ?? false;
    this.details = options.details;
  }

  /** With the text, which is no property that JSON would show; without the cause, which may hold anything. */
  toJSON(): Readonly<Record<string, unknown>> {
    return { ...(this as object), message: this.message };
  }
}

/** Thrown by a handler: try again, after `afterMs` where given (else by the kind's backoff); uses up an attempt. */
export class RetryError extends Error {
  readonly brand = "waybill.retry";
  readonly code: string | undefined;
  readonly expose: boolean;
  readonly details: Json | undefined;
  readonly afterMs: number | undefined;

  constructor(
    message: string,
    options: HandlerErrorOptions & { readonly afterMs?: number | undefined } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "RetryError";
    this.code = options.code;
    this.expose = options.expose ?? false;
    this.details = options.details;
    this.afterMs = options.afterMs;
  }

  /** With the text, which is no property that JSON would show; without the cause, which may hold anything. */
  toJSON(): Readonly<Record<string, unknown>> {
    return { ...(this as object), message: this.message };
  }
}
