import type { ReadReply, ReadRequest, StoredJob } from "../../../core/ports/store.js";
import { eachShard } from "../client/batch.js";
import { jobWithInputOrNull, type Reply, type StoredParts } from "../documents/reply.js";
import { READ } from "../scripts/reads.js";
import type { Session } from "../client/session.js";

interface Asked {
  readonly input?: boolean | undefined;
  readonly output?: boolean | undefined;
}

/** How scripts are told what is wanted. */
export function asked({ input, output }: Asked): readonly [string, string] {
  return [input === true ? "1" : "", output === true ? "1" : ""];
}

/** What a script shows of a job. */
interface Shown {
  readonly stored: StoredParts;
  readonly output: string | null;
}

export function nextShown(reply: Reply): Shown {
  return { stored: reply.stored(), output: reply.textOrNull() };
}

/** `null`: there is none. */
export function jobOf(
  id: string,
  { stored, output: outputText }: Shown,
  { input, output }: Asked,
): StoredJob | null {
  const job = jobWithInputOrNull(id, stored);
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
      return { nowMs: now, results: ids.map((id) => jobOf(id, nextShown(reply), request)) };
    },
  );
  return { nowMs, jobs: results };
}
