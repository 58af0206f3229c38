import { EVENT_OF } from "../../job/event.js";
import type { HistoryEntry } from "../../job/history.js";
import type { Notifier, PublishResult } from "../../ports/notifier.js";

/** The next entries of one job for one notifier. */
export interface Offer {
  /** Lowest first; those that the notifier's filters leave out count as delivered. */
  readonly entries: readonly HistoryEntry[];
  /** Those of them that are to be published. */
  readonly wanted: readonly HistoryEntry[];
}

const DELIVERED: PublishResult = { status: "delivered" };
const UNANSWERED: PublishResult = { status: "retry", reason: "no answer was given for it" };

/**
 * What to offer next: as many wanted entries as there is room for, and what the filters leave out up to the next wanted
 * one, so that its cursor need not stop there.
 */
export function offerOf(
  { kinds, on }: Pick<Notifier, "kinds" | "on">,
  kind: string,
  undelivered: readonly HistoryEntry[],
  room: number,
): Offer {
  const kindWanted = kinds === undefined || kinds.includes(kind);
  const isWanted = (entry: HistoryEntry): boolean =>
    kindWanted && (on === undefined || on.includes(EVENT_OF[entry.edge]));
  const entries: HistoryEntry[] = [];
  const wanted: HistoryEntry[] = [];
  for (const entry of undelivered) {
    const publish = isWanted(entry);
    if (publish && wanted.length >= room) break;
    entries.push(entry);
    if (publish) wanted.push(entry);
  }
  return { entries, wanted };
}

/** Results for every entry of an offer, from those for the wanted ones, in order. */
export function resultsFor(offer: Offer, published: readonly PublishResult[]): readonly PublishResult[] {
  const wanted = new Set(offer.wanted);
  let used = 0;
  return offer.entries.map((entry) => {
    if (!wanted.has(entry)) return DELIVERED;
    used += 1;
    return published[used - 1] ?? UNANSWERED;
  });
}
