import { isWaybillError, StoreUnavailableError } from "../../../core/errors/errors.js";
import type { Item, ItemKey } from "../client/client.js";
import { decodeHot, type HotJob, isProvisional } from "./codec.js";
import type { Connection } from "../client/connection.js";
import { jobKey } from "../names.js";

/** Most keys of one BatchGetItem. */
const MAX_KEYS = 100;
/** Rounds for keys that the engine left out; each round but the last brings some. */
const MAX_ROUNDS = 30;

/** Reads items strongly, in the order of the keys; `null`: not there. */
export async function readItems(
  connection: Connection,
  keys: readonly ItemKey[],
): Promise<readonly (Item | null)[]> {
  const found = new Map<string, Item>();
  const distinct = [...new Map(keys.map((key) => [textOf(key), key])).values()];
  for (let from = 0; from < distinct.length; from += MAX_KEYS) {
    for (const item of await batch(connection, distinct.slice(from, from + MAX_KEYS))) {
      found.set(textOf({ pk: item["pk"]?.S ?? "", sk: item["sk"]?.S ?? "" }), item);
    }
  }
  return keys.map((key) => found.get(textOf(key)) ?? null);
}

async function batch(connection: Connection, keys: readonly ItemKey[]): Promise<readonly Item[]> {
  const items: Item[] = [];
  let left = keys;
  for (let round = 1; left.length > 0; round += 1) {
    const { Responses, UnprocessedKeys } = await connection.batchGet(left);
    const got = Responses?.[connection.table] ?? [];
    items.push(...got);
    left = (UnprocessedKeys?.[connection.table]?.Keys ?? []).map((key) => ({
      pk: key["pk"]?.S ?? "",
      sk: key["sk"]?.S ?? "",
    }));
    if (left.length > 0 && round >= MAX_ROUNDS) {
      throw new StoreUnavailableError("DynamoDB left keys out of its answer again and again.", {
        outcome: "not_applied",
      });
    }
    // Nothing at all: the table is busy.
    if (left.length > 0 && got.length === 0) {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(1_000, 25 * 2 ** round)));
    }
  }
  return items;
}

/** A space is in no partition key of the store's. */
function textOf({ pk, sk }: ItemKey): string {
  return `${pk} ${sk}`;
}

/** Reads jobs strongly, in the order of the ids; `null`: no such job, or none yet. */
export async function readHot(
  connection: Connection,
  ids: readonly string[],
): Promise<readonly (HotJob | null)[]> {
  const items = await readItems(connection, ids.map(jobKey));
  return items.map(hotOf);
}

/** The same where one that cannot be read stands in nobody's way: it is `null` too, and told by its id. */
export async function readReadable(
  connection: Connection,
  ids: readonly string[],
): Promise<{ readonly jobs: readonly (HotJob | null)[]; readonly unreadable: readonly string[] }> {
  const unreadable: string[] = [];
  const items = await readItems(connection, ids.map(jobKey));
  const jobs = items.map((item) => {
    try {
      return hotOf(item);
    } catch (error) {
      if (!isWaybillError(error, "store.corrupt") || error.jobId === undefined) throw error;
      unreadable.push(error.jobId);
      return null;
    }
  });
  return { jobs, unreadable };
}

export async function readOne(connection: Connection, id: string): Promise<HotJob | null> {
  const [hot] = await readHot(connection, [id]);
  return hot ?? null;
}

export function hotOf(item: Item | null): HotJob | null {
  return item === null || isProvisional(item) ? null : decodeHot(item);
}

/** What a refused condition met: what the engine returned, or what is read now where it returned nothing. */
export async function metBy(
  connection: Connection,
  id: string,
  returned: Item | null,
): Promise<HotJob | null> {
  return returned === null ? readOne(connection, id) : hotOf(returned);
}
