import { configInvalid } from "../errors/config-invalid.js";

/** How many items there are in all, and how many in each state. */
export type Tally<S extends string> = { readonly total: number } & { readonly [State in S]: number };

/**
 * Counters for progress, by states of which each item is in exactly one: they always sum to `total`.
 *
 * ```ts
 * tally(servers, (server) => server.state, ["launching", "ready", "failed"]); // { total: 6, launching: 2, ready: 3, failed: 1 }
 * ```
 *
 * @throws {WaybillError} `config.invalid` for an item in another state: what it means is not known, and a poll that throws
 * is asked again instead of being believed
 */
export function tally<Item, const S extends string>(
  items: Iterable<Item>,
  stateOf: (item: Item) => NoInfer<S>,
  states: readonly S[],
): Tally<S> {
  const counts = new Map<string, number>(states.map((state) => [state, 0]));
  if (counts.size < states.length || counts.has("total")) {
    throw configInvalid('tally takes each state once, and none that is named "total".');
  }
  let total = 0;
  for (const item of items) {
    const state = stateOf(item);
    const count = counts.get(state);
    if (count === undefined) {
      const sentence = `Item ${total} of a tally is in none of its states (${states.join(", ")}).`;
      throw configInvalid(sentence);
    }
    counts.set(state, count + 1);
    total += 1;
  }
  return { total, ...Object.fromEntries(counts) } as Tally<S>;
}
