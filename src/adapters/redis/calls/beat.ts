import { StoreCorruptError } from "../../../core/errors/errors.js";
import type { BeatItem, BeatReply, BeatResult } from "../../../core/ports/store.js";
import { eachShard } from "../client/batch.js";
import { encodeLine } from "../documents/document.js";
import type { Reply } from "../documents/reply.js";
import { BEAT } from "../scripts/changes.js";
import type { Session } from "../client/session.js";

export async function beatJobs(session: Session, items: readonly BeatItem[]): Promise<BeatReply> {
  return eachShard(
    session,
    items,
    ({ id }) => id,
    "writes",
    async (shard, given) => {
      const args = given.flatMap(({ id, token, leaseMs }) => [id, encodeLine(token), String(leaseMs)]);
      const { nowMs, reply } = await session.run(BEAT, shard, args, "writes");
      return { nowMs, results: given.map((item) => resultOf(reply, item, nowMs)) };
    },
  );
}

function resultOf(reply: Reply, { id, leaseMs }: BeatItem, nowMs: number): BeatResult {
  const verdict = reply.number();
  if (verdict === 1) {
    const version = reply.number();
    const cancelRequested = reply.number() === 1;
    return { status: "ok", leaseUntil: nowMs + leaseMs, version, cancelRequested };
  }
  const job = reply.jobOrNull(id);
  if (verdict === -1) return { status: "gone" };
  if (job === null) throw new StoreCorruptError(id, "no document");
  return { status: "refused", job };
}
