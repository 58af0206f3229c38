import { isWaybillError } from "../../../core/errors/errors.js";
import type { PulseRequest, PurgeReply, PurgeRequest, StoreHealth } from "../../../core/ports/store.js";
import { forEach } from "../client/batch.js";
import type { Item } from "../client/client.js";
import { decodeHot, type HotJob, isProvisional } from "../items/codec.js";
import { numeric } from "../items/fields.js";
import { UNDELIVERABLE } from "../items/indexed.js";
import { readItems } from "../items/items.js";
import { endOf, jobKey, PARKED_SHARD, PULSE_KEY, SHARDS } from "../names.js";
import { purgeParked } from "./parked.js";
import {
  countEntries,
  EntryReader,
  everyShard,
  type IndexEntry,
  PURGE,
  UNDELIVERED,
  WAKE,
} from "../items/places.js";
import { dropProvisional, removeSettled } from "../items/removal.js";
import type { Session } from "../settings.js";

/** Jobs that are removed side by side, each with a few requests. */
const AT_ONCE = 25;

export async function pulse({ connection }: Session, { nowMs, unserved }: PulseRequest): Promise<void> {
  await connection.put(PULSE_KEY, { at: numeric(nowMs), unserved: numeric(unserved) }, false);
}

/** Lag and counts are read from indexes, which follow the table by a moment. */
export async function health({ connection }: Session, nowMs: number): Promise<Omit<StoreHealth, "nowMs">> {
  const due = new EntryReader(connection, everyShard({ keys: WAKE, below: endOf(nowMs), pageSize: 1 }));
  const expired = new EntryReader(connection, everyShard({ keys: PURGE, below: endOf(nowMs), pageSize: 1 }));
  const [[last], [oldest], [first], parked, undeliverable] = await Promise.all([
    readItems(connection, [PULSE_KEY]),
    due.take(1),
    expired.take(1),
    countEntries(connection, { keys: PURGE, partition: PARKED_SHARD }),
    countEntries(connection, { keys: UNDELIVERED, partition: UNDELIVERABLE }),
  ]);
  return {
    lastPulseAt: last?.["at"]?.N === undefined ? null : Number(last["at"].N),
    unserved: Number(last?.["unserved"]?.N ?? 0),
    oldestDueAt: oldest?.at ?? null,
    oldestReadyAt: null,
    oldestExpiredAt: first?.at ?? null,
    parked,
    undeliverable,
  };
}

/** Removes what has had its time, the longest past first. */
export async function purge(session: Session, request: PurgeRequest): Promise<Omit<PurgeReply, "nowMs">> {
  const { nowMs, limit, parkedBefore } = request;
  const pageSize = Math.max(1, Math.ceil((2 * Math.min(limit, AT_ONCE)) / SHARDS));
  const reader = new EntryReader(
    session.connection,
    everyShard({ keys: PURGE, below: endOf(nowMs), pageSize }),
  );
  let jobs = 0;
  while (jobs < limit) {
    const entries = await reader.take(Math.min(limit - jobs, AT_ONCE));
    if (entries.length === 0) break;
    const removed = await forEach(entries, "writes", (entry) => remove(session, entry));
    jobs += removed.filter(Boolean).length;
  }
  return { jobs, parked: await purgeParked(session.connection, parkedBefore) };
}

/** The index lags behind: what is removed is what the table says. Jobs that were never confirmed are not counted. */
async function remove(session: Session, { id, key }: IndexEntry): Promise<boolean> {
  const [item = null] = await readItems(session.connection, [jobKey(id)]);
  if (item?.["purgeKey"]?.S !== key) return false;
  if (isProvisional(item)) {
    await dropProvisional(session, item);
    return false;
  }
  const hot = readable(item);
  return hot !== null && removeSettled(session, hot);
}

/** `null`: it cannot be read, so what belongs to it is not known. It stays, and in nobody's way. */
function readable(item: Item): HotJob | null {
  try {
    return decodeHot(item);
  } catch (error) {
    if (isWaybillError(error, "store.corrupt")) return null;
    throw error;
  }
}
