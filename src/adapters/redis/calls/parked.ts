import { StoreCorruptError } from "../../../core/errors/errors.js";
import type {
  ParkedMessage,
  ParkedReply,
  ParkedRequest,
  ParkRequest,
  StoreReply,
  StoreRequest,
} from "../../../core/ports/store.js";
import { atOnce } from "../client/batch.js";
import { PARK, PARKED, UNPARK } from "../scripts/operations.js";
import type { Session } from "../client/session.js";
import { encodeCount } from "../documents/fixed-width.js";

/** Parked messages are few and belong to no job: they have one shard. */
export const PARKED_SHARD = 0;

type Tuple = readonly [id: string, queue: string, body: string, reason: string, at: number];

export async function park(session: Session, { messages }: ParkRequest): Promise<StoreReply> {
  const args = messages.flatMap(({ id, queue, body, reason, at }) => [
    id,
    JSON.stringify([id, queue, body, reason, at] satisfies Tuple),
    encodeCount(at),
  ]);
  const { nowMs } = await session.run(PARK, PARKED_SHARD, args, "writes");
  return { nowMs };
}

export async function parkedMessages(
  session: Session,
  { limit, after }: ParkedRequest,
): Promise<ParkedReply> {
  const args = [String(atOnce(limit)), after ?? ""];
  const { nowMs, reply } = await session.run(PARKED, PARKED_SHARD, args, "reads");
  const messages: ParkedMessage[] = [];
  while (!reply.isOver) messages.push(decode(reply.text()));
  return { nowMs, messages };
}

export async function unpark(
  session: Session,
  { ids }: StoreRequest & { readonly ids: readonly string[] },
): Promise<StoreReply> {
  const { nowMs } = await session.run(UNPARK, PARKED_SHARD, ids, "writes");
  return { nowMs };
}

function decode(text: string): ParkedMessage {
  try {
    const [id, queue, body, reason, at] = JSON.parse(text) as Tuple;
    return { id, queue, body, reason, at };
  } catch {
    throw new StoreCorruptError("of a parked message", "an unreadable message");
  }
}
