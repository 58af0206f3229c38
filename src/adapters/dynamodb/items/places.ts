import type { Item } from "../client/client.js";
import type { Connection } from "../client/connection.js";
import { Expression } from "../client/expression.js";
import { atOfPlace, idOfPlace, INDEXES, SHARD_NAMES } from "../names.js";

/** An entry of an index: an instant and the id of a job, and what else the index carries. */
export interface IndexEntry {
  readonly at: number;
  readonly id: string;
  readonly key: string;
  readonly item: Item;
}

/** An index by its attributes. */
interface IndexKeys {
  readonly index: string;
  readonly partition: string;
  readonly sort: string;
}

export const WAKE: IndexKeys = { index: INDEXES.wake, partition: "wakeShard", sort: "wakeKey" };
export const PURGE: IndexKeys = { index: INDEXES.purge, partition: "purgeShard", sort: "purgeKey" };
export const ALL: IndexKeys = { index: INDEXES.all, partition: "listShard", sort: "listKey" };
export const OWNER: IndexKeys = { index: INDEXES.owner, partition: "owner", sort: "listKey" };
export const SUBJECT: IndexKeys = { index: INDEXES.subject, partition: "subject", sort: "listKey" };
export const UNFINISHED: IndexKeys = {
  index: INDEXES.unfinished,
  partition: "unfinishedShard",
  sort: "listKey",
};
export const FAILED: IndexKeys = { index: INDEXES.failed, partition: "failedShard", sort: "listKey" };
export const UNDELIVERED: IndexKeys = {
  index: INDEXES.undeliverable,
  partition: "undeliverable",
  sort: "listKey",
};

/** Which part of an index is read, and in which direction. */
export interface Range {
  readonly keys: IndexKeys;
  readonly partition: string;
  /** Not before this: only where there is an end too. */
  readonly from?: string | undefined;
  /** Before this. */
  readonly below?: string | undefined;
  readonly newestFirst?: boolean;
  /** Entries of one request. */
  readonly pageSize: number;
}

/** Entries of one partition in order, fetched page by page as they are asked for. */
class PartitionReader {
  readonly #connection: Connection;
  readonly #range: Range;
  #page: IndexEntry[] = [];
  #start: Item | undefined;
  #ended: boolean;

  constructor(connection: Connection, range: Range) {
    this.#connection = connection;
    this.#range = range;
    const { from, below } = range;
    // DynamoDB refuses bounds in this order. A pass gets there when it goes on by a clock that is behind.
    this.#ended = from !== undefined && below !== undefined && from > below;
  }

  /** The next entry, which stays where it is. */
  async peek(): Promise<IndexEntry | null> {
    while (this.#page.length === 0 && !this.#ended) await this.#fetch();
    return this.#page[0] ?? null;
  }

  drop(): void {
    this.#page.shift();
  }

  async #fetch(): Promise<void> {
    const { keys, newestFirst = false, pageSize } = this.#range;
    const { Items = [], LastEvaluatedKey } = await this.#connection.query({
      ...queryOf(this.#range),
      IndexName: keys.index,
      ScanIndexForward: !newestFirst,
      Limit: pageSize,
      ...(this.#start === undefined ? {} : { ExclusiveStartKey: this.#start }),
    });
    this.#page = Items.map((item) => {
      const key = item[keys.sort]?.S ?? "";
      return { at: atOfPlace(key), id: idOfPlace(key), key, item };
    });
    this.#start = LastEvaluatedKey;
    this.#ended = LastEvaluatedKey === undefined;
  }
}

function queryOf({ keys, partition, from, below }: Omit<Range, "pageSize">) {
  const expression = new Expression();
  const is = `${expression.name(keys.partition)} = ${expression.value({ S: partition })}`;
  const sort = (): string => expression.name(keys.sort);
  const text = (value: string): string => expression.value({ S: value });
  // No text of a place is equal to a bound: BETWEEN, which takes both in, does.
  const until = (end: string): string =>
    from === undefined
      ? ` AND ${sort()} < ${text(end)}`
      : ` AND ${sort()} BETWEEN ${text(from)} AND ${text(end)}`;
  const within = below === undefined ? "" : until(below);
  return { KeyConditionExpression: is + within, ...expression.parts() };
}

/** Entries of several partitions as one row of entries in order. */
export class EntryReader {
  readonly #readers: readonly PartitionReader[];
  readonly #newestFirst: boolean;

  constructor(connection: Connection, ranges: readonly Range[]) {
    this.#readers = ranges.map((range) => new PartitionReader(connection, range));
    this.#newestFirst = ranges[0]?.newestFirst ?? false;
  }

  /** The next entries, in order; fewer than asked for only at the end. */
  async take(count: number): Promise<readonly IndexEntry[]> {
    const entries: IndexEntry[] = [];
    while (entries.length < count) {
      const first = await this.#first();
      if (first === null) break;
      entries.push(first.entry);
      first.reader.drop();
    }
    return entries;
  }

  async isAtEnd(): Promise<boolean> {
    return (await this.#first()) === null;
  }

  async #first(): Promise<{ readonly entry: IndexEntry; readonly reader: PartitionReader } | null> {
    const heads = await Promise.all(
      this.#readers.map(async (reader) => ({ reader, entry: await reader.peek() })),
    );
    let first: { readonly entry: IndexEntry; readonly reader: PartitionReader } | null = null;
    for (const { reader, entry } of heads) {
      if (entry === null) continue;
      if (first === null || entry.key < first.entry.key !== this.#newestFirst) first = { entry, reader };
    }
    return first;
  }
}

/** The same range of every shard. */
export function everyShard(range: Omit<Range, "partition">): readonly Range[] {
  return SHARD_NAMES.map((partition) => ({ ...range, partition }));
}

/** Counts entries without their items. */
export async function countEntries(connection: Connection, range: Omit<Range, "pageSize">): Promise<number> {
  let count = 0;
  let start: Item | undefined;
  do {
    const { Count = 0, LastEvaluatedKey } = await connection.query({
      ...queryOf(range),
      IndexName: range.keys.index,
      Select: "COUNT",
      ...(start === undefined ? {} : { ExclusiveStartKey: start }),
    });
    count += Count;
    start = LastEvaluatedKey;
  } while (start !== undefined);
  return count;
}
