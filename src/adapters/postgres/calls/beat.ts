import type { BeatItem, BeatReply, BeatResult } from "../../../core/ports/store.js";
import type { Row } from "../client/client.js";
import { decodeJob, numberOf } from "../rows/codec.js";
import { JOB_COLUMNS } from "../rows/columns.js";
import { askUntilJudged } from "../client/refusal.js";
import type { Session } from "../client/session.js";
import { batch, CLOCK, inLockOrder, rowsOf } from "../client/statement.js";
import { encodeText } from "../rows/text.js";

/** No index holds the lease, so a beat moves none. Of the token see `guardOf`. */
const beatStatement = (job: string): string =>
  `with ${CLOCK}, ${rowsOf(1, "id text, lane integer, token text, lease_ms bigint")}, ` +
  `beaten as (update ${job} j set lease_until = clock.ms + w.lease_ms from w, clock ` +
  "where w.lane = 0 and j.id = w.id and j.status = 'PROCESSING' and j.token is not distinct from w.token and j.awaiting is null " +
  "returning j.id, j.version, j.cancel is not null as cancelled) " +
  "select clock.ms as now_ms, w.id as asked, beaten.version as beaten_at, beaten.cancelled::text as cancelled, r.* " +
  "from clock left join w on true left join beaten on beaten.id = w.id " +
  `left join lateral (select ${JOB_COLUMNS} from ${job} j where j.id = w.id and beaten.id is null limit 1) r on true`;

export async function beatJobs(
  session: Session,
  items: readonly BeatItem[],
  nowMs: number,
): Promise<BeatReply> {
  let now = nowMs;
  const ordered = inLockOrder(items);
  const results = await askUntilJudged(session, ordered, async (asked) => {
    const params = batch(asked.map((item) => ({ ...item, lane: 0, ...columnsOf(item) })));
    const rows = await session.run(beatStatement(session.names.job), [params], "writes");
    now = rows[0] === undefined ? now : numberOf(rows[0], "now_ms");
    const shown = new Map(rows.map((row) => [row["asked"], row]));
    return new Map(asked.map((item) => [item.id, answerOf(item, shown.get(item.id), now)]));
  });
  const byId = new Map(ordered.map((item, index) => [item.id, results[index]]));
  return { nowMs: now, results: items.map((item) => byId.get(item.id) as BeatResult) };
}

function columnsOf({ token, leaseMs }: BeatItem): { readonly token: string; readonly lease_ms: number } {
  return { token: encodeText(token), lease_ms: leaseMs };
}

/** `null`: refused by a row that is not the one shown. */
function answerOf({ token, leaseMs }: BeatItem, row: Row | undefined, nowMs: number): BeatResult | null {
  if (row === undefined) return { status: "gone" };
  if (row["beaten_at"] !== null) {
    return {
      status: "ok",
      leaseUntil: nowMs + leaseMs,
      version: numberOf(row, "beaten_at"),
      cancelRequested: row["cancelled"] === "true",
    };
  }
  if (row["id"] === null) return { status: "gone" };
  const job = decodeJob(row);
  const { status, token: held, awaiting } = job.record;
  if (status === "PROCESSING" && held === token && awaiting === null) return null;
  return { status: "refused", job };
}
