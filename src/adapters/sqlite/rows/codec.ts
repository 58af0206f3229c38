import type { StoredJob } from "../../../core/ports/store.js";
import type { Cursors } from "../../../core/job/record.js";
import type { FieldCodec } from "./column.js";
import { decodeRecord } from "./columns.js";
import type { Row, SqliteValue } from "../driver.js";
import { RowReader } from "./reader.js";
import { encodeText } from "./text.js";

/** What a job is read with. `input` and `output` stand in for the payload's columns where they are asked for. */
export interface RowOptions {
  readonly input?: boolean | undefined;
  readonly output?: boolean | undefined;
}

export function encodeField(codec: FieldCodec, value: unknown): SqliteValue {
  if (value === null) return null;
  if (codec === "json") return JSON.stringify(value);
  if (codec === "text") return encodeText(value as string);
  return value as number;
}

/** @throws StoreCorruptError when the row holds what the store never writes */
export function decodeJob(row: Row, options: RowOptions = {}): StoredJob {
  const reader = new RowReader(row);
  return {
    record: decodeRecord(reader),
    cursors: reader.rawJson("cursors") as Cursors,
    ...(options.input === true ? { input: reader.raw("input") } : {}),
    ...(options.output === true ? { output: reader.rawOrNull("output") } : {}),
  };
}

export function decodeCursors(row: Row): Cursors {
  return new RowReader(row).rawJson("cursors") as Cursors;
}
