import { sha256Hex } from "../../hash.js";
import { count } from "../../telemetry.js";
import type { WorkerParts } from "./parts.js";
import { ack, type ReceivedMessage, release } from "./received-message.js";

/** The most of a body that is kept. */
const MOST_BYTES = 64 * 1024;
/** Receives after which an unknown id is parked where the queue does not say when a message was sent. */
const RECEIVES_TO_PARK = 20;
const SHORTEST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 60_000;

/** Puts a message aside for people to look at, then acknowledges it. Twice is once. @throws when it cannot be stored */
export async function park(
  parts: WorkerParts,
  { name, delivery }: ReceivedMessage,
  reason: string,
): Promise<void> {
  const { core } = parts;
  const message = {
    id: sha256Hex(`${name}\n${delivery.body}`),
    queue: name,
    body: storableBody(delivery.body),
    reason,
    at: core.time.now(),
  };
  await core.gateway.call("park", (store, request) => store.park({ ...request, messages: [message] }));
  count(core.telemetry, "message_parked");
  core.logger.warn("a message was parked", { queue: name, parkedId: message.id, reason });
  await ack(parts, delivery);
}

/**
 * A message whose job is not there: its record may not be committed yet, or not be visible yet. It comes again for
 * `parkAfterMs` since it was sent, then it is parked.
 */
export async function judgeUnknown(parts: WorkerParts, received: ReceivedMessage): Promise<void> {
  const { core } = parts;
  const { receives, sentAt } = received.delivery;
  const leftMs = sentAt === null ? null : sentAt + core.policy.parkAfterMs - core.time.now();
  if (leftMs === null ? receives >= RECEIVES_TO_PARK : leftMs <= 0) {
    await park(parts, received, "there is no job with its id");
    return;
  }
  const { maxReceives } = received.queue.capabilities;
  const delayMs = Math.min(LONGEST_DELAY_MS, SHORTEST_DELAY_MS * 2 ** Math.min(receives - 1, 16));
  // Before the broker gives the message up: the next receive is kept for the end.
  const last = maxReceives !== null && receives >= maxReceives - 1;
  await release(parts, received.delivery, last && leftMs !== null ? Math.max(delayMs, leftMs) : delayMs);
}

/** As every store can hold it: well-formed, without NUL, cut where it is too long. */
function storableBody(body: string): string {
  const bytes = new TextEncoder().encode(body.replaceAll("\0", "\uFFFD"));
  if (bytes.length <= MOST_BYTES) return new TextDecoder().decode(bytes);
  // A character that was cut in half becomes one of three bytes.
  return new TextDecoder().decode(bytes.subarray(0, MOST_BYTES - 3));
}
