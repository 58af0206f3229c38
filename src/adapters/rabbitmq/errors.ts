import { isWaybillError, WaybillError } from "../../core/errors/errors.js";
import { isError } from "../../core/errors/foreign.js";

/** Reply codes of AMQP 0-9-1 and RabbitMQ that say what is wrong (https://www.rabbitmq.com/amqp-0-9-1-reference). */
const REPLIES: Readonly<Record<number, string>> = {
  311: "the message is too large for the broker",
  320: "the broker closed the connection",
  403: "the user lacks a permission",
  404: "a queue or an exchange is missing",
  405: "a queue is exclusive to another connection",
  406: "the broker refused it: a queue or an exchange is declared otherwise, or a delivery was held too long",
  530: "the broker does not allow it",
  541: "the broker failed",
};

/** What the driver says in words alone, without a code, where the broker ends a connection that is being opened. */
const HANDSHAKES: readonly (readonly [RegExp, string])[] = [
  [/^Handshake terminated by server: 403 /, "the broker refused the user or its password"],
  [
    /^Expected ConnectionOpenOk; got <ConnectionClose/,
    "there is no such virtual host, or the user may not use it or has too many connections",
  ],
];

/** The broker could not be heard in time. The message is for a reason. */
export class BrokerSilent extends Error {}

/**
 * What happened, in words that hold nothing of the connection's address: drivers and Node put it, with its credentials, into
 * messages and properties of errors.
 */
export function reasonOf(error: unknown): string {
  if (isWaybillError(error)) return error.code;
  if (error instanceof BrokerSilent) return error.message;
  const code = codeOf(error);
  if (typeof code === "number") return REPLIES[code] ?? `the broker answered ${String(code)}`;
  if (typeof code === "string" && /^[A-Z][A-Z0-9_]{1,60}$/.test(code)) return code;
  const text = isError(error) ? error.message : "";
  const refused = HANDSHAKES.find(([said]) => said.test(text));
  return refused?.[1] ?? "the connection or the channel was closed";
}

/** The broker's reply code, or the system's; `null`: none. */
export function codeOf(error: unknown): string | number | null {
  if (typeof error !== "object" || error === null) return null;
  const { code } = error as { readonly code?: unknown };
  return typeof code === "string" || typeof code === "number" ? code : null;
}

/** Whether the broker has no queue, or no exchange, of the name. */
export function isMissing(error: unknown): boolean {
  return codeOf(error) === 404;
}

export function unavailable(part: "queue" | "feed", sentence: string, error?: unknown): WaybillError {
  if (isWaybillError(error, "waybill.closed")) return error;
  const reason = error === undefined ? "" : ` (${reasonOf(error)})`;
  return new WaybillError(`${part}.unavailable`, `${sentence}${reason}.`);
}
