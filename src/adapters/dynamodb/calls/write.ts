import { StoreUnavailableError } from "../../../core/errors/errors.js";
import { isFinal } from "../../../core/job/lifecycle.js";
import type { WriteGuard, WriteItem, WriteResult } from "../../../core/ports/store.js";
import type { Item } from "../client/client.js";
import { decodeHot, type HotJob } from "../items/codec.js";
import type { PayloadPlace } from "../items/reader.js";
import { Update } from "../client/expression.js";
import { type Attributes, encodePatch, numeric } from "../items/fields.js";
import { purgeAttributes, statusAttributes, wakeAttributes } from "../items/indexed.js";
import { metBy, readOne } from "../items/items.js";
import { jobKey } from "../names.js";
import { asWellAsMayBe, dropPayload, isSamePlace, putPayload, requirePayloadFits } from "../items/payload.js";
import { placeAttributes, placeOfOutput } from "../items/payload-place.js";
import { addRefs, dropRefs } from "../items/refs.js";
import type { Session } from "../settings.js";
import { requireFits } from "../items/size.js";
import { expireBelongings } from "../items/time-to-live.js";
import { encodeText } from "../items/text.js";

/** A write that has been checked and encoded: nothing of it is stored yet. */
interface Prepared {
  readonly item: WriteItem;
  readonly attributes: Attributes;
  readonly output: PayloadPlace | null;
  readonly leaseUntil: number | null;
}

/**
 * Checks and encodes a write. The whole call is prepared before anything of it is written.
 *
 * @throws WaybillError `input.too_large`
 */
export function prepareWrite(session: Session, item: WriteItem, nowMs: number): Prepared {
  const { id, patch, history, leaseMs, output } = item;
  const { wakeAt, purgeAt, ...plain } = patch;
  const place = output === undefined ? null : placeOfOutput(output);
  if (output !== undefined) requirePayloadFits("output", output, id);
  const leaseUntil = leaseMs === undefined ? null : nowMs + leaseMs + session.clockSkewMs;
  const attributes = {
    ...encodePatch(plain),
    ...(patch.status !== undefined && isFinal(patch.status) ? statusAttributes(id, patch.status) : {}),
    ...(wakeAt === undefined ? {} : wakeAttributes(id, wakeAt)),
    ...(purgeAt === undefined ? {} : purgeAttributes(session, id, purgeAt)),
    ...(leaseUntil === null ? {} : { leaseUntil: numeric(leaseUntil) }),
    ...(place === null ? {} : placeAttributes("output", place)),
    ...("replace" in history ? { history: { L: chunks(history.replace) } } : {}),
  };
  const appended = "append" in history ? { history: { L: chunks(history.append) } } : {};
  requireFits({ ...attributes, ...appended }, "A change", id);
  return { item, attributes, output: place, leaseUntil };
}

/** An element of the stored history for each write that had entries. */
export function chunks(entries: string): { S: string }[] {
  return entries === "" ? [] : [{ S: entries }];
}

/** One change: its payload first, which counts only when the job names it; then the job, in one step. */
export async function writeJob(session: Session, prepared: Prepared, nowMs: number): Promise<WriteResult> {
  const { id, guard, patch } = prepared.item;
  if (guard.expiredLease !== undefined && guard.expiredLease > nowMs)
    return refusal(await readOne(session.connection, id));
  const { awaiting } = patch;
  if (awaiting === undefined || awaiting === null) return change(session, prepared);
  // Keys of outside work are found under the job's kind and place, which the change does not carry.
  const before = await readOne(session.connection, id);
  if (before?.job.record.version !== guard.version) return refusal(before);
  const { record } = before.job;
  await addRefs(session.connection, record, awaiting, {
    version: patch.version,
    expires: session.timeToLive,
  });
  const result = await change(session, prepared);
  if (result.status === "ok") {
    const ended = (record.awaiting?.refKeys ?? []).filter((refKey) => !awaiting.refKeys.includes(refKey));
    await dropRefs(session.connection, record, ended, patch.version);
  }
  return result;
}

async function change(
  session: Session,
  { item, attributes, output, leaseUntil }: Prepared,
): Promise<WriteResult> {
  const { connection } = session;
  const { id, guard, history, patch } = item;
  if (output !== null)
    await putPayload(connection, id, { part: "output", at: output, text: item.output ?? "" });
  const update = guarded(new Update().setAll(attributes), guard);
  if ("append" in history && history.append !== "") update.append("history", chunks(history.append));
  const settles = session.timeToLive && typeof patch.purgeAt === "number";
  const ends = patch.awaiting === null;
  const written = await connection.update(jobKey(id), update, settles || ends ? "ALL_OLD" : "NONE");
  if (written.status === "ok") {
    await asWellAsMayBe(() => afterwards(session, item, written.item, output));
    return leaseUntil === null ? { status: "ok" } : { status: "ok", leaseUntil };
  }
  const met = await metBy(connection, id, written.item);
  // The client's own retry may have met what its first try wrote. The core finds out by the id of the change.
  if (written.doubt) throw inDoubt(id);
  if (met !== null && !isSamePlace(met.output, output)) await dropPayload(connection, id, "output", output);
  return refusal(met);
}

function guarded(update: Update, { status, version, token, expiredLease, dispatch }: WriteGuard): Update {
  update.when("status", { S: status }).when("version", numeric(version));
  update.when("token", token === null ? null : { S: encodeText(token) });
  if (expiredLease !== undefined) update.when("leaseUntil", numeric(expiredLease));
  if (dispatch !== undefined) update.when("dispatch", numeric(dispatch));
  return update;
}

/** What belongs to a job and lies elsewhere follows its change. */
async function afterwards(
  session: Session,
  { patch }: WriteItem,
  before: Item | null,
  output: PayloadPlace | null,
): Promise<void> {
  if (before === null) return;
  const hot = decodeHot(before);
  const { record } = hot.job;
  if (patch.awaiting === null && record.awaiting !== null) {
    await dropRefs(session.connection, record, record.awaiting.refKeys, patch.version);
  }
  if (typeof patch.purgeAt === "number") {
    await expireBelongings(session, { ...hot, output: output ?? hot.output }, patch.purgeAt);
  }
}

function refusal(met: HotJob | null): WriteResult {
  return met === null ? { status: "gone" } : { status: "refused", job: met.job };
}

function inDoubt(jobId: string): StoreUnavailableError {
  return new StoreUnavailableError(
    "A change was sent more than once, and may be the very one that is stored.",
    {
      outcome: "unknown",
      jobId,
    },
  );
}
