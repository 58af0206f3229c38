import type { BeatItem, BeatResult } from "../../../core/ports/store.js";
import { Update } from "../client/expression.js";
import { numeric } from "../items/fields.js";
import { hotOf, metBy } from "../items/items.js";
import { jobKey } from "../names.js";
import type { Session } from "../settings.js";
import { encodeText } from "../items/text.js";

/** A sign of life: the lease and nothing else, so that no index moves. Said twice it says the same. */
export async function beatJob(
  session: Session,
  { id, token, leaseMs }: BeatItem,
  nowMs: number,
): Promise<BeatResult> {
  const leaseUntil = nowMs + leaseMs + session.clockSkewMs;
  const update = new Update()
    .set("leaseUntil", numeric(leaseUntil))
    .when("status", { S: "PROCESSING" })
    .when("token", { S: encodeText(token) })
    .when("awaiting", null);
  const written = await session.connection.update(jobKey(id), update, "ALL_NEW");
  if (written.status === "refused") {
    const met = await metBy(session.connection, id, written.item);
    return met === null ? { status: "gone" } : { status: "refused", job: met.job };
  }
  const hot = hotOf(written.item);
  if (hot === null) return { status: "gone" };
  const { version, cancel } = hot.job.record;
  return { status: "ok", leaseUntil, version, cancelRequested: cancel !== null };
}
