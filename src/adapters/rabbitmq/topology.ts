import type { OpenChannel } from "./channel.js";
import { isMissing } from "./errors.js";
import { openChannel } from "./channel.js";

/** The names of a work queue and what belongs to it. */
export interface QueueNames {
  readonly queue: string;
  readonly deadLetters: string;
}

/** A rung's queue is named after its longest delay, 2^7 to 2^20 ms: 128 ms to 17.5 min. */
const LOWEST_RUNG = 7;
const HIGHEST_RUNG = 20;

/** The longest delay of one pass through the ladder, milliseconds; `Queue.capabilities.maxDelayMs`. */
export const LONGEST_DELAY_MS = 15 * 60_000;
/** In place of no limit, which RabbitMQ 3.10 has no number for and 4.0 has a default against. */
const NO_LIMIT = 1_000_000_000;

/**
 * A step of the delay ladder: a queue that nobody consumes, whose messages expire into the work queue. RabbitMQ drops expired
 * messages at the head of a queue only, so a message waits for those before it; within one rung no delay is more than twice
 * another, so it comes at most twice as late, and never early.
 */
export interface Rung {
  readonly queue: string;
  /** What a message of it is given as its expiration, milliseconds. */
  readonly expiresMs: number;
}

/** The rung of a delay, which is cut to the longest one. */
export function rungOf(queue: string, delayMs: number): Rung {
  const expiresMs = Math.ceil(Math.min(Math.max(delayMs, 1), LONGEST_DELAY_MS));
  const exponent = Math.min(HIGHEST_RUNG, Math.max(LOWEST_RUNG, Math.ceil(Math.log2(expiresMs))));
  return { queue: rungName(queue, exponent), expiresMs };
}

/** All rungs that a queue can have. */
export function rungNames(queue: string): readonly string[] {
  return Array.from({ length: HIGHEST_RUNG - LOWEST_RUNG + 1 }, (_, step) =>
    rungName(queue, LOWEST_RUNG + step),
  );
}

function rungName(queue: string, exponent: number): string {
  return `${queue}.delay.${String(2 ** exponent)}`;
}

/**
 * Replicated, and moving messages on with a confirmation (RabbitMQ 3.10 and newer): what expires or is given up reaches its
 * next queue before it leaves this one. That asks for a queue that refuses instead of dropping where it is full.
 */
function quorum(limit: number, leadsTo: string | null): Readonly<Record<string, unknown>> {
  return {
    "x-queue-type": "quorum",
    "x-delivery-limit": limit,
    ...(leadsTo !== null && {
      "x-dead-letter-exchange": "",
      "x-dead-letter-routing-key": leadsTo,
      "x-dead-letter-strategy": "at-least-once",
      "x-overflow": "reject-publish",
    }),
  };
}

/** @param maxReceives - the broker counts deliveries that came back: one less */
export async function declareQueue(open: OpenChannel, names: QueueNames, maxReceives: number): Promise<void> {
  await declare(open, names.deadLetters, quorum(NO_LIMIT, null));
  await declare(open, names.queue, quorum(maxReceives - 1, names.deadLetters));
}

export function declareRung(open: OpenChannel, rung: string, queue: string): Promise<void> {
  return declare(open, rung, quorum(NO_LIMIT, queue));
}

async function declare(
  open: OpenChannel,
  name: string,
  args: Readonly<Record<string, unknown>>,
): Promise<void> {
  await open.answer(open.channel.assertQueue(name, { durable: true, arguments: { ...args } }));
}

/**
 * Makes an exchange unless one of the name is there, of whatever kind: an application's own is used as it is, and needs no
 * permission to configure.
 */
export async function ensureExchange(
  open: OpenChannel,
  name: string,
  type: "topic" | "fanout",
): Promise<void> {
  // The broker closes a channel that asks for what is missing.
  const asking = await openChannel(open.session);
  try {
    await asking.answer(asking.channel.checkExchange(name));
  } catch (error) {
    if (!isMissing(error)) throw error;
    await open.answer(open.channel.assertExchange(name, type, { durable: true }));
  } finally {
    await asking.close();
  }
}
