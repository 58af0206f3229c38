import { StoreCorruptError } from "../../../core/errors/errors.js";
import { type JobStatus, STATUSES } from "../../../core/job/lifecycle.js";
import type { Column } from "./column.js";
import type { Row } from "../driver.js";
import { decodeText } from "./text.js";

/** Reads the columns of a row, and tells of what the store never writes. */
export class RowReader {
  readonly id: string;
  readonly #row: Row;
  /** What stands in columns of the record, by their places. */
  #unpacked: readonly unknown[] | null = null;

  constructor(row: Row) {
    this.#row = row;
    this.id = String(row["id"]);
  }

  /** A column of the row itself. */
  raw(name: string): string {
    return this.rawOrNull(name) ?? this.#corrupt(`no ${name}`);
  }

  rawOrNull(name: string): string | null {
    const value = this.#row[name];
    return typeof value === "string" ? value : null;
  }

  /** JSON in a column of the row itself. */
  rawJson(name: string): unknown {
    return this.#parsed(name, this.rawOrNull(name));
  }

  status({ at }: Column): JobStatus {
    const stored = this.#packed[at];
    return STATUSES.find((status) => status === stored) ?? this.#corrupt("a status that does not exist");
  }

  text(column: Column): string {
    return this.textOrNull(column) ?? this.#corrupt(`no ${column.name}`);
  }

  textOrNull({ at, name }: Column): string | null {
    const value = this.#packed[at];
    if (typeof value !== "string") return null;
    try {
      return decodeText(value);
    } catch {
      return this.#corrupt(`an unreadable ${name}`);
    }
  }

  json({ at, name }: Column): unknown {
    const value = this.#packed[at];
    return typeof value === "string" ? this.#parsed(name, value) : null;
  }

  number(column: Column): number {
    return this.numberOrNull(column) ?? this.#corrupt(`no ${column.name}`);
  }

  numberOrNull({ at, name }: Column): number | null {
    const value = this.#packed[at];
    if (typeof value !== "number") return null;
    return Number.isFinite(value) ? value : this.#corrupt(`an unreadable ${name}`);
  }

  /** A fraction is a column of the row itself. */
  realOrNull({ name }: Column): number | null {
    const value = this.#row[name];
    // bigint: the caller's connection reads whole numbers so.
    if (typeof value !== "number" && typeof value !== "bigint") return null;
    const number = Number(value);
    return Number.isFinite(number) ? number : this.#corrupt(`an unreadable ${name}`);
  }

  get #packed(): readonly unknown[] {
    return (this.#unpacked ??= this.rawJson("packed") as readonly unknown[]);
  }

  #parsed(name: string, value: string | null): unknown {
    // What stands in nearly every record.
    if (value === null) return null;
    if (value === "{}") return {};
    if (value === "[]") return [];
    try {
      return JSON.parse(value) as unknown;
    } catch {
      return this.#corrupt(`an unreadable ${name}`);
    }
  }

  #corrupt(what: string): never {
    throw new StoreCorruptError(this.id, what);
  }
}
