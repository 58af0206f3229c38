import type { Outcome } from "../core/errors/error-codes.js";

/** Why the server said no, and wrote nothing. */
export type RefusalCode =
  | "input.invalid"
  | "input.too_large"
  | "idempotency.conflict"
  | "id.taken"
  | "job.not_found"
  | "job.already_final"
  | "job.cannot_cancel"
  | "job.not_failed";

/**
 * Why there is no answer that counts.
 *
 * - `access.denied`: no credential, an expired one, or one that may not do this
 * - `server.unreachable`: no answer, however often it was asked
 * - `server.error`: an answer that is none: a fault of the server, or of somebody between who speaks for it
 * - `config.invalid`: the call is wrong
 * - `client.closed`: this client was closed
 */
export type FaultCode =
  "access.denied" | "server.unreachable" | "server.error" | "config.invalid" | "client.closed";

/** What of an input was refused, and where. */
export interface InputIssue {
  /** As a JSON pointer in a fragment: `#/items/0/name`. */
  readonly pointer: string;
  readonly detail: string;
}

interface Facts {
  /** The HTTP status of the answer; `null`: there was none. */
  readonly status: number | null;
  /** Whether the same call may succeed later without a change. */
  readonly retryable: boolean;
  /** What is known of the effect of the call. */
  readonly outcome: Outcome;
  /** `input.invalid`: what was wrong, and where. */
  readonly issues: readonly InputIssue[];
}

/**
 * Every error of the client. It is recognised by `isWaybillError` too, and bears the server's code where the server
 * decided; its `issues` are pointers, where those of an error of the server's have paths. The server's table of sentences stays
 * on the server: `message` is what its answer said.
 */
export class ClientError<C extends RefusalCode | FaultCode = RefusalCode | FaultCode>
  extends Error
  implements Facts
{
  override readonly name = "ClientError";
  readonly brand = "waybill.error";
  declare readonly code: C;
  declare readonly status: number | null;
  declare readonly retryable: boolean;
  declare readonly outcome: Outcome;
  declare readonly issues: readonly InputIssue[];

  constructor(code: C, sentence: string, facts?: Partial<Facts>, options?: ErrorOptions) {
    super(`${sentence} [${code}]`, options);
    const none: Facts = { status: null, retryable: false, outcome: "not_applied", issues: [] };
    Object.assign(this, { code, ...none, ...facts });
  }

  /** With the text, which is no property that JSON would show; without the cause, which may hold anything. */
  toJSON(): Readonly<Record<string, unknown>> {
    return { ...(this as object), message: this.message };
  }
}

/** A call, or an option, that is wrong. */
export function invalid(sentence: string): ClientError {
  return new ClientError("config.invalid", sentence);
}

/** The server decided no, and nothing was written. */
export type ClientRefusal<C extends RefusalCode = RefusalCode> = ClientError<C>;
