import { StoreCorruptError } from "../../../core/errors/errors.js";
import { type JobStatus, STATUSES } from "../../../core/job/lifecycle.js";
import type { Cursors } from "../../../core/job/record.js";
import type { Row } from "../client/client.js";
import { withReasons } from "./cursors.js";
import { decodeText } from "./text.js";

/** Reads the columns of a row, and tells of what the store never writes. */
export class RowReader {
  readonly id: string;
  readonly #row: Row;

  constructor(row: Row) {
    this.#row = row;
    this.id = this.rawOrNull("id") ?? "";
  }

  status(): JobStatus {
    const stored = this.#row["status"];
    return STATUSES.find((status) => status === stored) ?? this.#corrupt("a status that does not exist");
  }

  raw(column: string): string {
    return this.rawOrNull(column) ?? this.#corrupt(`no ${column}`);
  }

  rawOrNull(column: string): string | null {
    const value = this.#row[column];
    return typeof value === "string" ? value : null;
  }

  text(column: string): string {
    return this.textOrNull(column) ?? this.#corrupt(`no ${column}`);
  }

  textOrNull(column: string): string | null {
    const value = this.rawOrNull(column);
    if (value === null) return null;
    return this.#parsed(column, () => decodeText(value));
  }

  json(column: string): unknown {
    const value = this.rawOrNull(column);
    if (value === null) return null;
    return this.#parsed(column, () => JSON.parse(value) as unknown);
  }

  cursors(): Cursors {
    const cursors = this.json("cursors") as Cursors;
    return this.#parsed("cursors", () => withReasons(cursors, decodeText));
  }

  number(column: string): number {
    return this.numberOrNull(column) ?? this.#corrupt(`no ${column}`);
  }

  numberOrNull(column: string): number | null {
    const value = this.#row[column];
    // pg hands int8 over as text, others as bigint, and an application may have told them otherwise.
    if (value === null || value === undefined) return null;
    const number = Number(value);
    return Number.isFinite(number) ? number : this.#corrupt(`an unreadable ${column}`);
  }

  /** A double as its eight bytes in hex. */
  doubleOrNull(column: string): number | null {
    const bits = this.rawOrNull(column);
    if (bits === null) return null;
    return this.#parsed(column, () => Buffer.from(bits, "hex").readDoubleBE());
  }

  #parsed<T>(column: string, parse: () => T): T {
    try {
      return parse();
    } catch {
      return this.#corrupt(`an unreadable ${column}`);
    }
  }

  #corrupt(what: string): never {
    throw new StoreCorruptError(this.id, what);
  }
}
