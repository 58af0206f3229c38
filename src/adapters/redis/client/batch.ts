import { isWaybillError, StoreUnavailableError } from "../../../core/errors/errors.js";
import type { Unreadable } from "../../../core/ports/store.js";
import type { Effect } from "./errors.js";
import type { Answer, Session } from "./session.js";

/** Items of one shard, with their places in the whole batch. */
interface Share<I> {
  readonly shard: number;
  readonly items: readonly I[];
  readonly places: readonly number[];
}

/** An answer of one shard: its items' results in their order. */
export interface ShareAnswer<R> {
  readonly nowMs: number;
  readonly results: readonly R[];
}

/**
 * Runs a batch, one script for each shard that it touches, side by side, and answers in the order of the items.
 *
 * @throws StoreUnavailableError `unknown` where some shards have done their part and others have not
 */
export async function eachShard<I, R>(
  session: Session,
  items: readonly I[],
  idOf: (item: I) => string,
  effect: Effect,
  run: (shard: number, items: readonly I[]) => Promise<ShareAnswer<R>>,
): Promise<ShareAnswer<R>> {
  const shares = sharesOf(session, items, idOf);
  const [only] = shares;
  if (shares.length === 1 && only !== undefined) return run(only.shard, only.items);
  const answers = await allOrUnknown(
    effect,
    shares.map((share) => run(share.shard, share.items)),
  );
  const results: R[] = [];
  for (const [index, answer] of answers.entries()) {
    for (const [place, result] of answer.results.entries()) {
      results[shares[index]?.places[place] ?? 0] = result;
    }
  }
  return { nowMs: latest(answers), results };
}

/** A call without items asks one shard all the same, for the time. */
function sharesOf<I>(session: Session, items: readonly I[], idOf: (item: I) => string): readonly Share<I>[] {
  if (session.shards === 1 || items.length === 0) {
    return [{ shard: 0, items, places: items.map((_, index) => index) }];
  }
  const shares = new Map<
    number,
    { readonly shard: number; readonly items: I[]; readonly places: number[] }
  >();
  for (const [place, item] of items.entries()) {
    const shard = session.places.shardOf(idOf(item));
    let share = shares.get(shard);
    if (share === undefined) shares.set(shard, (share = { shard, items: [], places: [] }));
    share.items.push(item);
    share.places.push(place);
  }
  return [...shares.values()];
}

/** Waits for all: what fails must not leave others running behind the caller's back. */
export async function allOrUnknown<T>(effect: Effect, running: readonly Promise<T>[]): Promise<readonly T[]> {
  const settled = await Promise.allSettled(running);
  const failed = settled.filter((one) => one.status === "rejected");
  const [first] = failed;
  if (first === undefined) return settled.map((one) => (one as PromiseFulfilledResult<T>).value);
  const error: unknown = first.reason;
  const isWhole = failed.length === settled.length && failed.every((one) => saysNotApplied(one.reason));
  if (effect === "reads" || isWhole || !isWaybillError(error, "store.unavailable")) throw error;
  throw new StoreUnavailableError("Redis did a part of a call, and the rest of it failed.", {
    outcome: "unknown",
    cause: error.cause,
  });
}

/** What several answers could not read, as a part of one reply. */
export function allUnreadable(answers: readonly Unreadable[]): Unreadable {
  const ids = answers.flatMap(({ unreadable = [] }) => unreadable);
  return ids.length === 0 ? {} : { unreadable: ids };
}

function saysNotApplied(error: unknown): boolean {
  return isWaybillError(error) && error.outcome === "not_applied";
}

/** Servers of a cluster have a clock each: the latest is the one that decided last. */
export function latest(answers: readonly Pick<Answer, "nowMs">[]): number {
  return answers.reduce((most, { nowMs }) => Math.max(most, nowMs), 0);
}

/** A script that looks at more at once would stop the server for long, and at some thousands Lua gives up. */
const MOST_AT_ONCE = 2_000;

/** What a call that is asked for more is answered with; there is always a next call. */
export function atOnce(limit: number): number {
  return Math.min(limit, MOST_AT_ONCE);
}

/** How many of the first places over all shards lie in each, oldest first. */
export function quotas(
  heads: readonly (readonly { readonly id: string; readonly at: number }[])[],
  limit: number,
): readonly number[] {
  const all = heads.flatMap((places, shard) => places.map((place) => ({ ...place, shard })));
  all.sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));
  const counts = heads.map(() => 0);
  for (const { shard } of all.slice(0, limit)) counts[shard] = (counts[shard] ?? 0) + 1;
  return counts;
}
