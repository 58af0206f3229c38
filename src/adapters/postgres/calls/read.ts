import type { ReadReply, ReadRequest } from "../../../core/ports/store.js";
import { decodeJob, numberOf } from "../rows/codec.js";
import { jobColumns } from "../rows/columns.js";
import type { Session } from "../client/session.js";
import { CLOCK } from "../client/statement.js";

/** One lookup by key for each id, in the order asked; always a row, so that the clock is told. */
function readStatement(job: string, columns: string): string {
  return (
    `with ${CLOCK} select clock.ms as now_ms, r.* from clock ` +
    "left join json_array_elements_text($1::text::json) with ordinality as asked (id, place) on true " +
    `left join lateral (select ${columns} from ${job} j where j.id = asked.id limit 1) r on true order by asked.place`
  );
}

export async function readJobs(session: Session, request: ReadRequest): Promise<ReadReply> {
  const { ids } = request;
  const sql = readStatement(session.names.job, jobColumns(request));
  const rows = await session.run(sql, [JSON.stringify(ids)], "reads");
  const [first] = rows;
  return {
    nowMs: first === undefined ? request.nowMs : numberOf(first, "now_ms"),
    jobs: ids.map((_, place) => {
      const row = rows[place];
      return row === undefined || row["id"] === null ? null : decodeJob(row, request);
    }),
  };
}
