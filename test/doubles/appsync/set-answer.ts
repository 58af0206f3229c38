import type { Fault, Faults } from "./faults.js";

/** How the notifier suite lets a receiver answer, as faults of the double. */
const FAULTS: Readonly<Record<string, Fault>> = {
  retry: "failed",
  held: "throttled",
  rejected: "refused",
  hang: "hang",
};

/** Lets the double answer so to one event from now on, however often it is asked. */
export function setAnswer(faults: Faults, eventId: string, how: string): void {
  faults.heal();
  const fault = FAULTS[how];
  if (fault !== undefined) faults.next(fault, { count: Infinity, where: ({ id }) => id === eventId });
}
