import type { AdvanceItem, AdvanceResult } from "../../../core/ports/store.js";
import { type Cursor, type Cursors, isBehind, mergeCursor, START } from "../../../core/job/record.js";
import type { HotJob } from "../items/codec.js";
import { Update } from "../client/expression.js";
import { numeric } from "../items/fields.js";
import { cursorAttributes, purgeAttributes, wakeAttributes } from "../items/indexed.js";
import { metBy, readOne } from "../items/items.js";
import { jobKey } from "../names.js";
import type { Session } from "../settings.js";
import { encodeText } from "../items/text.js";
import { expireBelongings } from "../items/time-to-live.js";

/** Each round is lost to another change of the same job. */
const MAX_ROUNDS = 20;

/** Cursors always move; wake-up and purge instant only on the record and the cursors that they were planned on. */
export async function advanceJob(session: Session, item: AdvanceItem): Promise<AdvanceResult> {
  let hot = await readOne(session.connection, item.id);
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    if (hot === null) return { status: "gone" };
    const { result, update } = decide(session, hot, item);
    if (update === null) return result;
    const written = await session.connection.update(jobKey(item.id), update);
    if (written.status === "ok") {
      if (result.wake === "written" && item.purgeAt !== null)
        await expireBelongings(session, hot, item.purgeAt);
      return result;
    }
    hot = await metBy(session.connection, item.id, written.item);
  }
  return hot === null ? { status: "gone" } : { status: "refused", cursors: hot.job.cursors };
}

interface Decided {
  readonly result: Extract<AdvanceResult, { readonly status: "ok" }>;
  /** `null`: it is stored already. */
  readonly update: Update | null;
}

/** What `advance` comes to on this record, under the condition that all that was looked at is still so. */
function decide(session: Session, { job, item: stored }: HotJob, item: AdvanceItem): Decided {
  const { record, cursors: before } = job;
  const cursors = mergeCursors(before, item.cursors);
  const planned = isPlannedOn(record, item.plannedOn) && !isPlannedOnOldNews(before, item.cursors);
  const forward = record.wakeAt !== null && record.wakeAt > item.latestWakeAt;
  const wakeAt = planned ? item.wakeAt : forward ? item.latestWakeAt : record.wakeAt;
  const purgeAt = planned ? item.purgeAt : record.purgeAt;
  const result = { status: "ok", wake: planned ? "written" : "kept", cursors } as const;
  const attributes = {
    ...cursorAttributes(cursors),
    ...(wakeAt === record.wakeAt ? {} : wakeAttributes(record.id, wakeAt)),
    ...(purgeAt === record.purgeAt ? {} : purgeAttributes(session, record.id, purgeAt)),
  };
  const isStored = Object.entries(attributes).every(
    ([name, value]) => (stored[name]?.S ?? stored[name]?.N) === (value?.S ?? value?.N),
  );
  if (isStored) return { result, update: null };
  const { status, version, token } = record;
  const update = new Update()
    .setAll(attributes)
    .when("status", { S: status })
    .when("version", numeric(version))
    .when("token", token === null ? null : { S: encodeText(token) })
    .when("cursors", stored["cursors"] ?? null)
    .when("wakeAt", stored["wakeAt"] ?? null);
  return { result, update };
}

function isPlannedOn(record: HotJob["job"]["record"], plannedOn: AdvanceItem["plannedOn"]): boolean {
  const { status, version, token } = plannedOn;
  return record.version === version && record.status === status && record.token === token;
}

function isPlannedOnOldNews(stored: Cursors, given: Cursors): boolean {
  return Object.entries(given).some(([name, cursor]) => isBehind(cursor, storedCursor(stored, name)));
}

function mergeCursors(stored: Cursors, given: Cursors): Cursors {
  const merged = Object.entries(given).map(([name, cursor]): [string, Cursor] => [
    name,
    mergeCursor(storedCursor(stored, name), cursor),
  ]);
  // fromEntries makes own keys: a notifier may be called __proto__.
  return Object.fromEntries([...Object.entries(stored), ...merged]);
}

function storedCursor(stored: Cursors, name: string): Cursor {
  return (Object.hasOwn(stored, name) ? stored[name] : undefined) ?? START;
}
