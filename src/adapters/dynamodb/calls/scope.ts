import { isWaybillError, StoreUnavailableError } from "../../../core/errors/errors.js";
import type { CreateResult } from "../../../core/ports/store.js";
import type { JobRecord } from "../../../core/job/record.js";
import type { Item } from "../client/client.js";
import { decodeHot, decodeProvisional, type HotJob, isProvisional, PROVISIONAL } from "../items/codec.js";
import { Update } from "../client/expression.js";
import { type Attributes, present } from "../items/fields.js";
import { purgeAttributes, purgePlace, statusAttributes, wakeAttributes } from "../items/indexed.js";
import { metBy, readItems } from "../items/items.js";
import { jobKey, scopeKey } from "../names.js";
import { dropProvisional } from "../items/removal.js";
import type { Session } from "../settings.js";

/** A create that does not come through leaves a job that nobody sees; `purge` removes it after this. */
const PROVISIONAL_MS = 3_600_000;
/** Each round is lost to another create under the same key, or to a removal. */
const MAX_ROUNDS = 20;

interface KeyedJob {
  readonly record: JobRecord;
  readonly scope: string;
}

/** Stores the job provisional, its input before it; whether its id was free. */
type StoreProvisional = () => Promise<boolean>;

/**
 * Creates a job under an idempotency key, without a transaction:
 *
 * 1. the job is stored whole, but provisional: nobody sees it;
 * 2. the item of the key is made, and names the job: of all that try, one gets it;
 * 3. the job is confirmed.
 *
 * Whoever meets a key that names an provisional job ends step 3 in its author's place. The item of a key is made only when its
 * job is there, so a key whose job is missing is left over from one that was removed, and is given to the next.
 */
export async function createUnderScope(
  session: Session,
  job: KeyedJob,
  storeProvisional: StoreProvisional,
): Promise<CreateResult> {
  const result = await create(session, job, storeProvisional);
  if (result === null) throw keptChanging();
  return result;
}

/** Ends what somebody else began under a key: the job is confirmed, or gives way to the one that has the key. */
export async function endCreateUnderScope(session: Session, job: KeyedJob): Promise<void> {
  await create(session, job, null);
}

/** `null`: there is no such job, and none is to be stored. */
async function create(
  session: Session,
  { record, scope }: KeyedJob,
  storeProvisional: StoreProvisional | null,
): Promise<CreateResult | null> {
  let stored = false;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const [named, own] = await read(session, scope, record.id);
    if (own !== null && !isProvisional(own)) return { status: "existing", job: decodeHot(own).job };
    const holder = named === null || named === record.id ? null : await holderOf(session, named, scope);
    if (holder !== null) {
      if (own !== null) await dropProvisional(session, own);
      return { status: "existing", job: holder.job };
    }
    if (own === null) {
      if (storeProvisional === null) return null;
      if (!(await storeProvisional())) continue;
      stored = true;
    }
    if (!(await takeKey(session, { scope, from: named, to: record.id }))) continue;
    const confirmed = await inDoubt(() => confirm(session, record));
    if (confirmed === null) continue;
    return stored ? { status: "created" } : { status: "existing", job: confirmed.job };
  }
  throw keptChanging();
}

function keptChanging(): StoreUnavailableError {
  return new StoreUnavailableError("An idempotency key kept changing hands.", { outcome: "unknown" });
}

/** The id that the key names, and the item under the id of the job that is to be created. */
async function read(
  { connection }: Session,
  scope: string,
  id: string,
): Promise<readonly [string | null, Item | null]> {
  const [key, own] = await readItems(connection, [scopeKey(scope), jobKey(id)]);
  return [key?.["job"]?.S ?? null, own ?? null];
}

/** The job that a key names, confirmed if need be; `null`: the key is left over. */
async function holderOf(session: Session, id: string, scope: string): Promise<HotJob | null> {
  const [item = null] = await readItems(session.connection, [jobKey(id)]);
  if (item === null) return null;
  if (!isProvisional(item)) {
    const hot = decodeHot(item);
    // An id that was free again may have been taken under another key.
    return hot.job.record.scope === scope ? hot : null;
  }
  const record = decodeProvisional(item);
  return record.scope === scope ? confirm(session, record) : null;
}

async function takeKey(
  { connection }: Session,
  { scope, from, to }: { readonly scope: string; readonly from: string | null; readonly to: string },
): Promise<boolean> {
  if (from === to) return true;
  const job = { S: to };
  const written =
    from === null
      ? await connection.put(scopeKey(scope), { job })
      : await connection.update(scopeKey(scope), new Update().set("job", job).when("job", { S: from }));
  // Refused by what an earlier try of the same request wrote: the next round sees it.
  return written.status === "ok";
}

/** What of a job is stored before it is known that its key is its own. */
export function unbornAttributes(attributes: Attributes, { id, status }: JobRecord, nowMs: number): Item {
  return present({
    ...attributes,
    status: { S: PROVISIONAL },
    bornAs: { S: status },
    wakeShard: null,
    wakeKey: null,
    unfinishedShard: null,
    failedShard: null,
    ...purgePlace(id, nowMs + PROVISIONAL_MS),
  });
}

/** Makes an provisional job one like any other; `null`: it was removed. Twice is once. */
async function confirm(session: Session, record: JobRecord): Promise<HotJob | null> {
  const { id, status } = record;
  const update = new Update()
    .setAll({ status: { S: status }, bornAs: null })
    .setAll(wakeAttributes(id, record.wakeAt))
    .setAll(statusAttributes(id, status))
    .setAll(purgeAttributes(session, id, record.purgeAt))
    .when("status", { S: PROVISIONAL });
  const { item } = await session.connection.update(jobKey(id), update, "ALL_NEW");
  return metBy(session.connection, id, item);
}

/** From here on another create under the same key may end what this one began. */
async function inDoubt<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (!isWaybillError(error, "store.unavailable")) throw error;
    throw new StoreUnavailableError(
      "A job under an idempotency key may come into being without its author.",
      {
        outcome: "unknown",
        cause: error.cause,
      },
    );
  }
}
