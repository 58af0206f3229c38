import type { ReadReply, ReadRequest, StoredJob } from "../../core/ports/store.js";
import { eachShard } from "./batch.js";
import type { Reply } from "./reply.js";
import { READ } from "./scripts/reads.js";
import type { Session } from "./session.js";

interface Asked {
  readonly input?: boolean | undefined;
  readonly output?: boolean | undefined;
}

/** How scripts are told what is wanted. */
export function asked({ input, output }: Asked): readonly [string, string] {
  return [input === true ? "1" : "", output === true ? "1" : ""];
}

/** What a script shows of a job; `null`: there is none. */
export function shown(reply: Reply, id: string, { input, output }: Asked): StoredJob | null {
  const job = reply.jobWithInputOrNull(id);
  const outputText = reply.textOrNull();
  if (job === null) return null;
  return {
    record: job.record,
    cursors: job.cursors,
    ...(input === true ? { input: job.input } : {}),
    ...(output === true ? { output: outputText } : {}),
  };
}

export async function readJobs(session: Session, request: ReadRequest): Promise<ReadReply> {
  const { nowMs, results } = await eachShard(
    session,
    request.ids,
    (id) => id,
    "reads",
    async (shard, ids) => {
      const { nowMs: now, reply } = await session.run(READ, shard, [...asked(request), ...ids], "reads");
      return { nowMs: now, results: ids.map((id) => shown(reply, id, request)) };
    },
  );
  return { nowMs, jobs: results };
}
