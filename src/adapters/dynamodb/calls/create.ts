import type { CreateItem, CreateResult } from "../../../core/ports/store.js";
import type { Item } from "../client/client.js";
import { decodeHot, decodeProvisional, isProvisional } from "../items/codec.js";
import type { PayloadPlace } from "../items/reader.js";
import type { Written } from "../client/connection.js";
import { type Attributes, encodeRecord, present } from "../items/fields.js";
import { listAttributes, purgeAttributes, statusAttributes, wakeAttributes } from "../items/indexed.js";
import { readItems } from "../items/items.js";
import { jobKey } from "../names.js";
import { dropPayload, putPayload, requirePayloadFits } from "../items/payload.js";
import { placeAttributes, placeOfInput } from "../items/payload-place.js";
import { addRefs } from "../items/refs.js";
import { createUnderScope, endCreateUnderScope, unbornAttributes } from "./scope.js";
import type { Session } from "../settings.js";
import { requireFits, requireIndexable } from "../items/size.js";
import { encodeText } from "../items/text.js";
import { chunks } from "./write.js";

/** A first record that has been checked and encoded: nothing of it is stored yet. */
export interface PreparedCreate extends CreateItem {
  readonly attributes: Attributes;
  readonly at: PayloadPlace;
}

/**
 * Checks and encodes a first record. The whole call is prepared before anything of it is written.
 *
 * @throws WaybillError `input.too_large`
 */
export function prepareCreate(session: Session, { record, input }: CreateItem): PreparedCreate {
  const { id } = record;
  requirePayloadFits("input", input, id);
  requireIndexable(record.owner === null ? null : encodeText(record.owner), "The owner", id);
  requireIndexable(record.subject === null ? null : encodeText(record.subject), "The subject", id);
  const stored = {
    ...encodeRecord(record),
    ...wakeAttributes(id, record.wakeAt),
    ...purgeAttributes(session, id, record.purgeAt),
    ...listAttributes(record),
    ...statusAttributes(id, record.status),
    history: { L: chunks(record.history) },
  };
  const at = placeOfInput(id, input, stored);
  const attributes = { ...stored, ...placeAttributes("input", at) };
  requireFits(attributes, "The first record", id);
  return { record, input, attributes, at };
}

/** Stores a first record: its input first, which counts only when the job names it; then the job, if its id is free. */
export async function createJob(
  session: Session,
  prepared: PreparedCreate,
  nowMs: number,
): Promise<CreateResult> {
  const { connection } = session;
  const { record, input, at, attributes } = prepared;
  if (record.awaiting !== null) {
    await addRefs(connection, record, record.awaiting, {
      version: record.version,
      expires: session.timeToLive,
    });
  }
  const store = async (item: Item): Promise<Written> => {
    await putPayload(connection, record.id, { part: "input", at, text: input });
    return connection.put(jobKey(record.id), item);
  };
  if (record.scope === null) {
    const written = await store(present(attributes));
    return written.status === "ok"
      ? { status: "created" }
      : metAnother(session, prepared, written.item, nowMs);
  }
  const storeProvisional = async (): Promise<boolean> => {
    const written = await store(unbornAttributes(attributes, record, nowMs));
    if (written.status === "refused") await dropUnlessNamed(session, prepared, written.item);
    return written.status === "ok";
  };
  return createUnderScope(session, { record, scope: record.scope }, storeProvisional);
}

/** The id is taken: by another job, by an earlier try of this call, or by a job under a key that is not confirmed yet. */
async function metAnother(
  session: Session,
  prepared: PreparedCreate,
  returned: Item | null,
  nowMs: number,
): Promise<CreateResult> {
  const item = await dropUnlessNamed(session, prepared, returned);
  if (item !== null && !isProvisional(item)) return { status: "existing", job: decodeHot(item).job };
  if (item !== null) {
    const record = decodeProvisional(item);
    if (record.scope !== null) await endCreateUnderScope(session, { record, scope: record.scope });
  }
  return createJob(session, prepared, nowMs);
}

/** Removes the input of this call unless the stored job names it, which an earlier try of the same request may have made. */
async function dropUnlessNamed(
  { connection }: Session,
  { record, at }: PreparedCreate,
  returned: Item | null,
): Promise<Item | null> {
  const item = returned ?? (await readItems(connection, [jobKey(record.id)]))[0] ?? null;
  const named = item?.["inputKey"]?.S;
  if (item !== null && "nonce" in at && at.nonce !== named)
    await dropPayload(connection, record.id, "input", at);
  return item;
}
