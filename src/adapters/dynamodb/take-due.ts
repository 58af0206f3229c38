import { isWaybillError, type WaybillError } from "../../core/errors.js";
import type { TakeDueReply, TakeDueRequest } from "../../core/ports/store.js";
import { forEach } from "./batch.js";
import { hotOf } from "./items.js";
import { Update } from "./expression.js";
import { wakeAttributes } from "./indexed.js";
import { behind, endOf, jobKey, SHARDS } from "./names.js";
import { EntryReader, everyShard, type IndexEntry, WAKE } from "./places.js";
import type { Session } from "./settings.js";

type Due = TakeDueReply["jobs"][number];

/** A shard holds about its share of what is due. */
const SHARES_PER_PAGE = 2;

/**
 * Takes what is due, each under the condition that it is still due at that instant: the index lags behind, and others take
 * too. A page without a job ends a pass, so it goes on until it has some, or nothing is left.
 */
export async function takeDue(session: Session, request: TakeDueRequest): Promise<readonly Due[]> {
  const { nowMs, limit, holdMs, after } = request;
  const reader = new EntryReader(
    session.connection,
    everyShard({
      keys: WAKE,
      ...(after === undefined ? {} : { from: behind(after.wakeAt, after.id) }),
      below: endOf(nowMs),
      pageSize: Math.max(1, Math.ceil((SHARES_PER_PAGE * limit) / SHARDS)),
    }),
  );
  const taken: Due[] = [];
  let unreadable: WaybillError | null = null;
  while (taken.length < limit) {
    const entries = await reader.take(limit - taken.length);
    if (entries.length === 0) break;
    const jobs = await forEach(entries, "writes", (entry) => postpone(session, entry, nowMs + holdMs));
    for (const job of jobs) {
      if (isWaybillError(job)) unreadable = job;
      else if (job !== null) taken.push(job);
    }
  }
  // Those due at the same time are served; alone, it is told.
  if (taken.length === 0 && unreadable !== null) throw unreadable;
  return taken;
}

async function postpone(
  { connection }: Session,
  { at, id, key }: IndexEntry,
  until: number,
): Promise<Due | WaybillError | null> {
  const update = new Update().setAll(wakeAttributes(id, until)).when("wakeKey", { S: key });
  const written = await connection.update(jobKey(id), update, "ALL_NEW");
  // Refused: taken by another, changed or gone since the index was written. Should it be the doing of this very request, the
  // job comes back after its hold.
  if (written.status === "refused") return null;
  try {
    const hot = hotOf(written.item);
    return hot === null ? null : { ...hot.job, dueAt: at };
  } catch (error) {
    if (isWaybillError(error, "store.corrupt")) return error;
    throw error;
  }
}
