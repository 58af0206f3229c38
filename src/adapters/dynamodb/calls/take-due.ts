import { isWaybillError } from "../../../core/errors/errors.js";
import type { TakeDueReply, TakeDueRequest } from "../../../core/ports/store.js";
import { isDoubtful, settledAll } from "../client/batch.js";
import type { Item } from "../client/client.js";
import type { Connection, Written } from "../client/connection.js";
import { hotOf, readItems } from "../items/items.js";
import { Update } from "../client/expression.js";
import { wakeAttributes } from "../items/indexed.js";
import { behind, endOf, jobKey, place, SHARDS } from "../names.js";
import { EntryReader, everyShard, type IndexEntry, WAKE } from "../items/places.js";
import type { Session } from "../settings.js";

type Due = TakeDueReply["jobs"][number];

/** A shard holds about its share of what is due. */
const SHARES_PER_PAGE = 2;

/**
 * Takes what is due, each under the condition that it is still due at that instant: the index lags behind, and others take
 * too. A page without a job ends a pass, so it goes on until it has some, or nothing is left.
 */
export async function takeDue(
  session: Session,
  request: TakeDueRequest,
): Promise<Omit<TakeDueReply, "nowMs">> {
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
  const failures: Error[] = [];
  const isOutOfReach = (): boolean => failures.some((error) => !isWaybillError(error, "store.corrupt"));
  while (taken.length < limit && !isOutOfReach()) {
    const entries = await reader.take(limit - taken.length);
    if (entries.length === 0) break;
    const postponed = await settledAll(entries, (entry) => postpone(session, entry, nowMs + holdMs));
    taken.push(...postponed.done.filter((job) => job !== null));
    failures.push(...postponed.failures);
  }
  // What was taken is hidden from everybody until its hold is over, so it is served whatever became of the others. Alone,
  // their trouble is told.
  const corrupt = failures.filter((error) => isWaybillError(error, "store.corrupt"));
  const others = failures.filter((error) => !isWaybillError(error, "store.corrupt"));
  const [first] = others;
  if (taken.length === 0 && first !== undefined) throw others.find(isDoubtful) ?? first;
  const ids = corrupt.flatMap(({ jobId }) => jobId ?? []);
  return { jobs: taken, ...(ids.length === 0 ? {} : { unreadable: ids }) };
}

/** `null`: taken by another, changed or gone since the index was written. */
async function postpone(
  { connection }: Session,
  { at, id, key }: IndexEntry,
  until: number,
): Promise<Due | null> {
  const update = new Update().setAll(wakeAttributes(id, until)).when("wakeKey", { S: key });
  const written = await connection.update(jobKey(id), update, "ALL_NEW");
  const item = written.status === "ok" ? written.item : await ownDoing(connection, id, until, written);
  const hot = hotOf(item);
  return hot === null ? null : { ...hot.job, dueAt: at };
}

/**
 * The item that a refusal met, where an earlier try of the same request moved it: its answer was lost. Left alone, the job
 * would be nobody's for the whole hold. Another who takes in the same millisecond for as long leaves the same behind; then
 * two serve the job, which is harmless.
 */
async function ownDoing(
  connection: Connection,
  id: string,
  until: number,
  { doubt, item }: Extract<Written, { readonly status: "refused" }>,
): Promise<Item | null> {
  if (!doubt) return null;
  const [met = null] = item === null ? await readItems(connection, [jobKey(id)]) : [item];
  return met?.["wakeKey"]?.S === place(until, id) ? met : null;
}
