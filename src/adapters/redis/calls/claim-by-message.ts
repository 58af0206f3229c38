import type { ClaimByMessage, ClaimReply, ClaimResult, ClaimTerms } from "../../../core/ports/store.js";
import { eachShard } from "../client/batch.js";
import { encodeLine } from "../documents/document.js";
import { jobWithInputOrNull, type Reply } from "../documents/reply.js";
import { CLAIM_BY_MESSAGE } from "../scripts/claims.js";
import type { Session } from "../client/session.js";
import { encodeTerms } from "./terms.js";

export async function claimByMessage(
  session: Session,
  terms: ClaimTerms,
  items: readonly ClaimByMessage[],
): Promise<ClaimReply> {
  const { nowMs, results } = await eachShard(
    session,
    items,
    ({ id }) => id,
    "writes",
    async (shard, given) => {
      const args = encodeTerms(terms);
      for (const { id, dispatch, token, leaseMs } of given) {
        args.push(id, String(dispatch), encodeLine(token), String(leaseMs));
      }
      const { nowMs: now, reply } = await session.run(CLAIM_BY_MESSAGE, shard, args, "writes");
      return { nowMs: now, results: given.map(({ id }) => resultOf(reply, id)) };
    },
  );
  return { nowMs, jobs: [], results };
}

function resultOf(reply: Reply, id: string): ClaimResult {
  const verdict = reply.number();
  const job = jobWithInputOrNull(id, reply.stored());
  if (job === null) return { status: "gone" };
  const { record, cursors } = job;
  return verdict === 1 ? { status: "ok", job } : { status: "refused", job: { record, cursors } };
}
