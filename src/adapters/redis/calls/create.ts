import { WaybillError } from "../../../core/errors/errors.js";
import type { CreateItem, CreateReply, CreateResult } from "../../../core/ports/store.js";
import { eachShard } from "../client/batch.js";
import { encodeDocument, holdsInput } from "../documents/document.js";
import { shardOfEnd } from "../names.js";
import { CREATE } from "../scripts/create.js";
import type { Session } from "../client/session.js";

export async function createJobs(session: Session, items: readonly CreateItem[]): Promise<CreateReply> {
  for (const item of items) checkScope(session, item);
  return eachShard(
    session,
    items,
    ({ record }) => record.id,
    "writes",
    async (shard, given) => {
      const args: string[] = [];
      for (const { record, input } of given) {
        if (holdsInput(input)) args.push(record.id, encodeDocument(record, input));
        else args.push(record.id, encodeDocument(record, null), input);
      }
      const { nowMs, reply } = await session.run(CREATE, shard, args, "writes");
      const results: CreateResult[] = given.map(() => ({ status: "created" }));
      while (!reply.isOver) {
        const place = reply.number();
        // The id of the job that has the scope is its own; the document does not hold it.
        const id = reply.text();
        results[place] = { status: "existing", job: reply.job(id) };
      }
      return { nowMs, results };
    },
  );
}

/** A scope is unique where its job is: over shards nothing can be unique in one step. */
function checkScope(session: Session, { record: { id, scope } }: CreateItem): void {
  if (scope === null || session.shards === 1) return;
  if (shardOfEnd(scope.slice(0, 2), session.shards) === session.places.shardOf(id)) return;
  throw new WaybillError(
    "id.invalid",
    "On several shards an id made under an idempotency key must end with the first two characters of its scope.",
  );
}
