import type { ReadReply, ReadRequest, StoredJob } from "../../../core/ports/store.js";
import { decodeJob, type RowOptions } from "../rows/codec.js";
import { jobColumns } from "../rows/columns.js";
import type { Session } from "../connection.js";

const read = (asked: RowOptions): string => `select ${jobColumns(asked)} from waybill_job where id = ?`;

/** By what is asked for beside the record. */
const READ = {
  hot: read({}),
  input: read({ input: true }),
  output: read({ output: true }),
  both: read({ input: true, output: true }),
};

/** One job; `null`: there is none. */
export function readOne(session: Session, id: string, asked: RowOptions = {}): StoredJob | null {
  const input = asked.input === true;
  const output = asked.output === true;
  const sql = input && output ? READ.both : input ? READ.input : output ? READ.output : READ.hot;
  const [row] = session.all(sql, id);
  return row === undefined ? null : decodeJob(row, asked);
}

export function readJobs(session: Session, request: ReadRequest): ReadReply["jobs"] {
  return request.ids.map((id) => readOne(session, id, request));
}

/** The answer of a statement whose guard did not hold: what is stored, or that nothing is. */
export function refusal(
  session: Session,
  id: string,
): { readonly status: "refused"; readonly job: StoredJob } | { readonly status: "gone" } {
  const job = readOne(session, id);
  return job === null ? { status: "gone" } : { status: "refused", job };
}
