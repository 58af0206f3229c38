/** A message as it is kept. */
interface Kept {
  readonly body: string;
  readonly groupId: string;
  readonly sentAt: number;
  receives: number;
  /** Hidden before this instant: delayed, or received by somebody. */
  visibleAt: number;
  /** `released` and hidden still holds up its group: what was received first must come back first. */
  state: "waiting" | "inFlight" | "released";
  /** Grows with each receive: only the newest receipt acts on the message. */
  receipt: number;
}

/** The right to act on one message, from one receive of it. */
export interface Receipt {
  readonly place: number;
  readonly receipt: number;
  readonly body: string;
  readonly receives: number;
  readonly sentAt: number;
  readonly groupId: string;
}

export interface MessageRules {
  /** Messages of one group wait while one of them is in flight, and keep their order. */
  readonly ordered: boolean;
  readonly visibilityMs: number;
  /** Receives after which a message that comes back is handed to `exhausted`; `null`: never. */
  readonly maxReceives: number | null;
}

/** How a `take` departs from the rules, message by message, for tests. */
export interface TakeDeviation {
  /** Which of `count` visible messages is taken next; 0 is the oldest. */
  readonly pick: (count: number) => number;
  /** Whether `pick` may answer anything but 0: if not, the others need not be looked for. */
  readonly picks: boolean;
  /** Whether the message stays visible although it was received. */
  readonly staysVisible: () => boolean;
}

/** The messages of one queue, in order of arrival. Knows no clock: each call is told the time. */
export class MessageList {
  // A Map keeps the order of insertion and removes in constant time; hidden messages are stepped over.
  readonly #kept = new Map<number, Kept>();
  readonly #rules: MessageRules;
  #places = 0;

  constructor(rules: MessageRules) {
    this.#rules = rules;
  }

  put(message: Pick<Kept, "body" | "groupId" | "sentAt" | "receives" | "visibleAt">): void {
    this.#kept.set(this.#places++, { ...message, state: "waiting", receipt: 0 });
  }

  /** Takes up to `max` visible messages and hides them. */
  take(now: number, max: number, deviation: TakeDeviation): Receipt[] {
    const taken: Receipt[] = [];
    const staying: Kept[] = [];
    while (taken.length < max) {
      const visible = this.#visible(now, deviation.picks ? Infinity : 1);
      const chosen = visible[visible.length > 1 ? deviation.pick(visible.length) : 0];
      if (chosen === undefined) break;
      const [place, kept] = chosen;
      kept.receives += 1;
      kept.receipt += 1;
      kept.state = "inFlight";
      kept.visibleAt = now + this.#rules.visibilityMs;
      taken.push({
        place,
        receipt: kept.receipt,
        body: kept.body,
        receives: kept.receives,
        sentAt: kept.sentAt,
        groupId: kept.groupId,
      });
      if (deviation.staysVisible()) staying.push(kept);
    }
    // Not within the loop: no broker hands one message over twice in one receive.
    for (const kept of staying) kept.visibleAt = now;
    return taken;
  }

  /** Removes the message, unless it was received again since. An ordered queue wants the visibility to last, too. */
  remove(receipt: Receipt, now: number): boolean {
    const kept = this.#held(receipt);
    if (!kept || (this.#rules.ordered && kept.visibleAt <= now)) return false;
    return this.#kept.delete(receipt.place);
  }

  /** Hides the message for `ms` from now, unless its visibility is over. `release`: nobody holds it meanwhile. */
  hide(receipt: Receipt, now: number, ms: number, why: "extend" | "release"): boolean {
    const kept = this.#held(receipt);
    if (!kept || kept.visibleAt <= now) return false;
    kept.visibleAt = now + Math.max(0, ms);
    if (why === "release") kept.state = "released";
    return true;
  }

  /** Removes and returns the messages that came back after their last permitted receive. */
  exhausted(now: number): Kept[] {
    const { maxReceives } = this.#rules;
    if (maxReceives === null) return [];
    const gone: Kept[] = [];
    for (const [place, kept] of this.#kept) {
      if (kept.receives < maxReceives || kept.visibleAt > now) continue;
      this.#kept.delete(place);
      gone.push(kept);
    }
    return gone;
  }

  /** The next instant at which a hidden message becomes visible; `null`: none is hidden. */
  nextVisibleAt(now: number): number | null {
    let next: number | null = null;
    for (const { visibleAt } of this.#kept.values()) {
      if (visibleAt > now && (next === null || visibleAt < next)) next = visibleAt;
    }
    return next;
  }

  count(now: number): { readonly waiting: number; readonly inFlight: number } {
    let inFlight = 0;
    for (const kept of this.#kept.values())
      if (kept.state === "inFlight" && kept.visibleAt > now) inFlight += 1;
    return { waiting: this.#kept.size - inFlight, inFlight };
  }

  clear(): void {
    this.#kept.clear();
  }

  #held(receipt: Receipt): Kept | undefined {
    const kept = this.#kept.get(receipt.place);
    return kept?.receipt === receipt.receipt ? kept : undefined;
  }

  #visible(now: number, most: number): [number, Kept][] {
    const visible: [number, Kept][] = [];
    const held = this.#rules.ordered ? new Set<string>() : null;
    for (const [place, kept] of this.#kept) {
      if (held?.has(kept.groupId)) continue;
      if (kept.visibleAt <= now) {
        visible.push([place, kept]);
        if (visible.length >= most) break;
        held?.add(kept.groupId);
      } else if (kept.state !== "waiting") held?.add(kept.groupId);
    }
    return visible;
  }
}
