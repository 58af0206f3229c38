import type { StoredJob } from "../../../core/ports/store.js";
import type { Cursors, JobRecord } from "../../../core/job/record.js";
import type { Item } from "../client/client.js";
import { decodeRecord } from "./fields.js";
import { ItemReader, type PayloadPlace } from "./reader.js";

/**
 * The status of a job whose create is not through yet: its key is not known to be its own. No guard names it, and to
 * everybody but `create` and `purge` there is no such job.
 */
export const PROVISIONAL = "PROVISIONAL";

/** A job's item, read. */
export interface HotJob {
  readonly job: StoredJob;
  readonly item: Item;
  readonly input: PayloadPlace;
  /** `null`: none was written. */
  readonly output: PayloadPlace | null;
}

export function isProvisional(item: Item): boolean {
  return item["status"]?.S === PROVISIONAL;
}

/** @throws StoreCorruptError when the item holds what the store never writes */
export function decodeHot(item: Item): HotJob {
  const reader = new ItemReader(item);
  return {
    job: { record: decodeRecord(reader, reader.status("status")), cursors: decodeCursors(reader) },
    item,
    input: reader.payload("input") ?? reader.corrupt("no input"),
    output: reader.payload("output"),
  };
}

/** A job that is being created, as it will be. */
export function decodeProvisional(item: Item): JobRecord {
  const reader = new ItemReader(item);
  return decodeRecord(reader, reader.status("bornAs"));
}

function decodeCursors(reader: ItemReader): Cursors {
  return (reader.json("cursors") ?? {}) as Cursors;
}
