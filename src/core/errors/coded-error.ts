import type { CodeFacts } from "./code-facts.js";
import type { ErrorCode, Outcome } from "./error-codes.js";

/** Facts that go with an error. Never a payload, a secret or a credential. */
export interface ErrorFacts {
  readonly outcome?: Outcome;
  readonly jobId?: string | undefined;
  readonly cause?: unknown;
}

/** What tells an error of Waybill, whichever copy of the package made it. */
export const BRAND = "waybill.error";

/**
 * What every error of Waybill is made of. It is told what its code means, so that who needs one code, as a page that holds
 * definitions does, loads no table of all.
 */
export class CodedError<C extends ErrorCode = ErrorCode> extends Error {
  readonly brand = BRAND;
  readonly code: C;
  /** Whether the same call may succeed later without a change. */
  readonly retryable: boolean;
  /** What is known of the effect of the call. */
  readonly outcome: Outcome;
  readonly jobId: string | undefined;
  /** Where the code is explained. */
  readonly docs: string;

  /** @param sentence - one clear sentence: what is wrong, in the caller's words */
  constructor(code: C, { remedy, retryable }: CodeFacts, sentence: string, facts: ErrorFacts) {
    super(`${sentence} ${remedy} [${code}]`, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = "WaybillError";
    this.code = code;
    this.retryable = retryable;
    this.outcome = facts.outcome ?? "not_applied";
    this.jobId = facts.jobId;
    this.docs = `docs/errors.md#${code.replace(".", "")}`;
  }

  /** With the sentence, which is no property that JSON would show; without the cause, which may hold anything. */
  toJSON(): Readonly<Record<string, unknown>> {
    return { ...(this as object), message: this.message };
  }
}
