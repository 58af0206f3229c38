import { StoreUnavailableError } from "../../../core/errors/errors.js";
import type { StoredJob } from "../../../core/ports/store.js";
import type { Cursors } from "../../../core/job/record.js";
import type { Row } from "../client/client.js";
import { decodeRecord } from "./columns.js";
import { RowReader } from "./reader.js";

/** What a job is read with. `input` and `output` stand in for the payload's columns where they are asked for. */
export interface RowOptions {
  readonly input?: boolean | undefined;
  readonly output?: boolean | undefined;
}

/** @throws StoreCorruptError when the row holds what the store never writes */
export function decodeJob(row: Row, options: RowOptions = {}): StoredJob {
  const reader = new RowReader(row);
  return {
    record: decodeRecord(reader),
    cursors: reader.cursors(),
    ...(options.input === true ? { input: reader.raw("input") } : {}),
    ...(options.output === true ? { output: reader.rawOrNull("output") } : {}),
  };
}

export function decodeCursors(row: Row): Cursors {
  return new RowReader(row).cursors();
}

/** A text that is there. */
export function textOf(row: Row, column: string): string {
  const value = row[column];
  return typeof value === "string" ? value : "";
}

/** A number that is there. @throws StoreUnavailableError when there is none: somebody else answers in the store's place */
export function numberOf(row: Row, column: string): number {
  const value = row[column];
  const number = value === null || value === undefined || value === "" ? Number.NaN : Number(value);
  if (Number.isFinite(number)) return number;
  throw new StoreUnavailableError("Postgres answered a statement of the store as none does.", {
    outcome: "unknown",
  });
}

export function numberOrNull(row: Row, column: string): number | null {
  const value = row[column];
  return value === null || value === undefined ? null : numberOf(row, column);
}
