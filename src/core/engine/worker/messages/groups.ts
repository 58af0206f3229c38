import type { Delivery } from "../../../ports/queue.js";

/** Why one is given back whose turn does not come. */
export const SKIPPED = "an earlier message of its group is not done";

/** What became of one delivery, as far as its group is concerned. */
export type GroupFate = "acknowledged" | "kept";

interface GroupRun<D extends Pick<Delivery, "groupId">> {
  /** Deals with one delivery to its end. */
  readonly handle: (delivery: D) => Promise<GroupFate>;
  /** Gives back one whose turn does not come: what was before it in its group is not done. */
  readonly skip: (delivery: D) => Promise<void>;
}

/**
 * Deals with deliveries that came together: those of one group one after the other, in the order in which they came, and
 * after one that was not acknowledged the rest of its group is not begun. Deliveries without a group do not wait for each
 * other.
 *
 * @returns one promise per group, and per delivery without one
 */
export function inGroups<D extends Pick<Delivery, "groupId">>(
  deliveries: readonly D[],
  run: GroupRun<D>,
): readonly Promise<void>[] {
  const groups = new Map<string, D[]>();
  const alone: D[][] = [];
  for (const delivery of deliveries) {
    const { groupId } = delivery;
    if (groupId === undefined || groupId === null) alone.push([delivery]);
    else if (groups.has(groupId)) groups.get(groupId)?.push(delivery);
    else groups.set(groupId, [delivery]);
  }
  return [...groups.values(), ...alone].map((group) => oneByOne(group, run));
}

async function oneByOne<D extends Pick<Delivery, "groupId">>(
  group: readonly D[],
  { handle, skip }: GroupRun<D>,
): Promise<void> {
  let goesOn = true;
  for (const delivery of group) {
    if (goesOn) goesOn = (await handle(delivery)) === "acknowledged";
    else await skip(delivery);
  }
}
