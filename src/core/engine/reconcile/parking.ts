import { sha256Hex } from "../../json/hash.js";
import { count } from "../../environment/telemetry.js";
import type { Core } from "../context.js";
import type { ReceivedMessage } from "../worker/messages/received-message.js";

/** The most of a body that is kept. */
const MOST_BYTES = 64 * 1024;
/** Receives after which an unknown id is parked where the queue does not say when a message was sent. */
const RECEIVES_TO_PARK = 20;
const SHORTEST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 60_000;

const NO_JOB = "there is no job with its id";

/** Where a message was found. */
type Place = "queue" | "dead_letters";

/** Puts a message aside for people to look at, then acknowledges it. Twice is once. @throws when it cannot be stored */
export async function park(
  core: Core,
  received: ReceivedMessage,
  reason: string,
  place: Place = "queue",
): Promise<void> {
  const { name: queue, delivery } = received;
  const message = {
    id: sha256Hex(`${queue}\n${delivery.body}`),
    queue,
    body: storableBody(delivery.body),
    reason,
    at: core.time.now(),
  };
  await core.gateway.call("park", (store, request) => store.park({ ...request, messages: [message] }));
  count(core.telemetry, "message_parked");
  core.logger.warn("a message was parked", { queue, parkedId: message.id, reason });
  const { body, receives, sentAt } = delivery;
  core.tellParked({ queue, body, receives, sentAt, deadLetter: place === "dead_letters" }, reason);
  await received.ack();
}

/**
 * A message whose job is not there: its record may not be committed yet, or not be visible yet. It comes again for
 * `parkAfterMs` since it was sent, then it is parked.
 *
 * @returns whether it was parked
 */
export async function judgeUnknown(
  core: Core,
  received: ReceivedMessage,
  place: Place = "queue",
): Promise<boolean> {
  const { receives, sentAt } = received.delivery;
  const dead = place === "dead_letters";
  // A dead letter has had its time already, where nothing says how old it is.
  const leftMs = sentAt === null ? (dead ? 0 : null) : sentAt + core.policy.parkAfterMs - core.time.now();
  if (leftMs === null ? receives >= RECEIVES_TO_PARK : leftMs <= 0) {
    await park(core, received, NO_JOB, place);
    return true;
  }
  if (dead && leftMs !== null) {
    await received.release(leftMs, NO_JOB);
    return false;
  }
  const { maxReceives } = received.queue.capabilities;
  const delayMs = Math.min(LONGEST_DELAY_MS, SHORTEST_DELAY_MS * 2 ** Math.min(receives - 1, 16));
  // Before the broker gives the message up: the next receive is kept for the end.
  const last = maxReceives !== null && receives >= maxReceives - 1;
  await received.release(last && leftMs !== null ? Math.max(delayMs, leftMs) : delayMs, NO_JOB);
  return false;
}

/** As every store can hold it: well-formed, without NUL, cut where it is too long. */
function storableBody(body: string): string {
  const bytes = new TextEncoder().encode(body.replaceAll("\0", "\uFFFD"));
  if (bytes.length <= MOST_BYTES) return new TextDecoder().decode(bytes);
  // A character that was cut in half becomes one of three bytes.
  return new TextDecoder().decode(bytes.subarray(0, MOST_BYTES - 3));
}
