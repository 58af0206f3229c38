import type { ReadRequest, StoredJob } from "../../../core/ports/store.js";
import type { Connection } from "../client/connection.js";
import { readHot } from "../items/items.js";
import { withPayloads } from "../items/payload.js";

/** Strong: jobs are read from the table itself. */
export async function readJobs(
  connection: Connection,
  { ids, input, output }: ReadRequest,
): Promise<readonly (StoredJob | null)[]> {
  return withPayloads(connection, await readHot(connection, ids), { input, output });
}
