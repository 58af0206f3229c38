import { StoreCorruptError } from "../../../core/errors/errors.js";
import { joinHistory } from "../../../core/job/history.js";
import { type JobStatus, STATUSES } from "../../../core/job/lifecycle.js";
import type { AttributeValue, Item } from "../client/client.js";
import { decodeText } from "./text.js";

/** Where a payload is: within the item, or in one of its own under the nonce, but for its tail. */
export type PayloadPlace = { readonly inline: string } | { readonly nonce: string; readonly tail: string };

/** Reads the attributes of an item, and tells of what the store never writes. */
export class ItemReader {
  readonly id: string;
  readonly #item: Item;

  constructor(item: Item) {
    this.#item = item;
    this.id = item["pk"]?.S ?? "";
  }

  status(attribute: string): JobStatus {
    const stored = this.#item[attribute]?.S;
    return STATUSES.find((status) => status === stored) ?? this.corrupt("a status that does not exist");
  }

  text(attribute: string): string {
    return this.textOrNull(attribute) ?? this.corrupt(`no ${attribute}`);
  }

  textOrNull(attribute: string): string | null {
    const value = this.#string(attribute);
    if (value === null) return null;
    return this.#parsed(attribute, () => decodeText(value));
  }

  json(attribute: string): unknown {
    const value = this.#string(attribute);
    if (value === null) return null;
    return this.#parsed(attribute, () => JSON.parse(value) as unknown);
  }

  number(attribute: string): number {
    return this.numberOrNull(attribute) ?? this.corrupt(`no ${attribute}`);
  }

  numberOrNull(attribute: string): number | null {
    const value = this.#item[attribute];
    if (value === undefined) return null;
    const number = value.N === undefined ? Number.NaN : Number(value.N);
    return Number.isFinite(number) ? number : this.corrupt(`an unreadable ${attribute}`);
  }

  count(attribute: string): number {
    return this.numberOrNull(attribute) ?? 0;
  }

  /** Each write appended an element of its own. */
  history(): string {
    const chunks = this.#item["history"]?.L ?? this.corrupt("no history");
    return chunks.reduce(
      (joined, { S }) => joinHistory(joined, S ?? this.corrupt("an unreadable history")),
      "",
    );
  }

  payload(part: "input" | "output"): PayloadPlace | null {
    const inline = this.#item[part]?.S;
    if (inline !== undefined) return { inline };
    const nonce = this.#item[`${part}Key`]?.S;
    return nonce === undefined ? null : { nonce, tail: this.#item[`${part}Tail`]?.S ?? "" };
  }

  corrupt(what: string): never {
    throw new StoreCorruptError(this.id, what);
  }

  #string(attribute: string): string | null {
    const value: AttributeValue | undefined = this.#item[attribute];
    if (value === undefined) return null;
    return value.S ?? this.corrupt(`an unreadable ${attribute}`);
  }

  #parsed<T>(attribute: string, parse: () => T): T {
    try {
      return parse();
    } catch {
      return this.corrupt(`an unreadable ${attribute}`);
    }
  }
}
