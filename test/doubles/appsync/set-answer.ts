import type { Fault, Faults } from "./faults.js";

/** How the notifier suite lets a receiver answer, as faults of the double. */
const FAULTS: Readonly<Record<string, Fault>> = {
  retry: "failed",
  held: "throttled",
  rejected: "refused",
  hang: "hang",
};

/** What each double was told, by event. */
const TOLD = new WeakMap<Faults, Map<string, string>>();

/** Lets the double answer so to one event from now on, however often it is asked; others are answered as they were told. */
export function setAnswer(faults: Faults, eventId: string, how: string): void {
  const told = TOLD.get(faults) ?? new Map<string, string>();
  TOLD.set(faults, told.set(eventId, how));
  faults.heal();
  for (const [event, answer] of told) {
    const fault = FAULTS[answer];
    if (fault !== undefined) faults.next(fault, { count: Infinity, where: ({ id }) => id === event });
  }
}
