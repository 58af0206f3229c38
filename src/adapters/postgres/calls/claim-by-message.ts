import type { ClaimByMessage, ClaimReply, ClaimResult, ClaimTerms } from "../../../core/ports/store.js";
import { claimEffect, TERMS_COLUMNS, termsOf } from "./claim.js";
import type { Row } from "../client/client.js";
import { decodeJob, numberOf } from "../rows/codec.js";
import { JOB_COLUMNS, jobColumns } from "../rows/columns.js";
import { type Telling, telling } from "../listen/hints.js";
import { askUntilJudged } from "../client/refusal.js";
import type { Session } from "../client/session.js";
import { batch, CLOCK, inLockOrder, rowsOf } from "../client/statement.js";
import { encodeText } from "../rows/text.js";

/** The input goes with a claim, new or held already; a refusal is told without it. */
const claimStatement = (job: string, told: Telling): string =>
  `with ${CLOCK}, ${rowsOf(1, "id text, lane integer, dispatch integer, token text, lease_ms bigint")}, ` +
  `t as materialized (select * from json_to_record($2::text::json) as t (${TERMS_COLUMNS})), ` +
  `taken as (update ${job} j set ${claimEffect("w", "w.token", "greatest(j.dispatch, w.dispatch)")} from w, t, clock ` +
  "where w.lane = 0 and j.id = w.id and j.record_version <= t.record_version and j.dispatch <= w.dispatch " +
  "and (j.status = 'QUEUED' or (j.status = 'PENDING' and j.send_at <= clock.ms)) " +
  `returning ${jobColumns({ input: true })})${told.parts.map((part) => `, ${part}`).join("")} ` +
  `select clock.ms as now_ms, r.* from clock${told.join} left join (` +
  "select 'true' as claimed, id as asked, taken.* from taken union all " +
  "select 'false', w.id, s.* from w left join lateral (" +
  `select ${JOB_COLUMNS}, case when j.status = 'PROCESSING' and j.token = w.token then j.input end as input ` +
  `from ${job} j where j.id = w.id limit 1) s on true where w.id not in (select id from taken)) r on true`;

export async function claimByMessage(
  session: Session,
  terms: ClaimTerms,
  items: readonly ClaimByMessage[],
  nowMs: number,
): Promise<ClaimReply> {
  let now = nowMs;
  const ordered = inLockOrder(items);
  const statement = claimStatement(session.names.job, telling(session, ["taken"]));
  const results = await askUntilJudged(session, ordered, async (asked) => {
    const params = [batch(asked.map(columnsOf)), JSON.stringify(termsOf(terms))];
    const rows = await session.run(statement, params, "writes");
    now = rows[0] === undefined ? now : numberOf(rows[0], "now_ms");
    const shown = new Map(rows.map((row) => [row["asked"], row]));
    return new Map(asked.map((item) => [item.id, answerOf(item, terms, shown.get(item.id), now)]));
  });
  const byId = new Map(ordered.map((item, index) => [item.id, results[index]]));
  return { nowMs: now, jobs: [], results: items.map((item) => byId.get(item.id) as ClaimResult) };
}

function columnsOf({ id, dispatch, token, leaseMs }: ClaimByMessage): object {
  return { id, lane: 0, dispatch, token: encodeText(token), lease_ms: leaseMs };
}

/** `null`: refused by a row that is not the one shown. */
function answerOf(
  item: ClaimByMessage,
  terms: ClaimTerms,
  row: Row | undefined,
  nowMs: number,
): ClaimResult | null {
  if (row === undefined || row["id"] === null) return { status: "gone" };
  if (row["claimed"] === "true") return { status: "ok", job: decodeJob(row, { input: true }) };
  const job = decodeJob(row);
  const { status, token, recordVersion, dispatch, sendAt } = job.record;
  // The same delivery asks again: it is answered again.
  if (status === "PROCESSING" && token === item.token) {
    return { status: "ok", job: decodeJob(row, { input: true }) };
  }
  const isClaimable =
    recordVersion <= terms.recordVersion &&
    dispatch <= item.dispatch &&
    (status === "QUEUED" || (status === "PENDING" && sendAt !== null && sendAt <= nowMs));
  return isClaimable ? null : { status: "refused", job };
}
