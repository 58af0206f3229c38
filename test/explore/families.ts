import type { Fault, Setup } from "./model/world.js";

const NONE = { release: 0, notifierFails: 0, rollback: 0 };

function family(given: Omit<Partial<Setup>, "faults"> & { readonly faults: readonly Fault[] }): Setup {
  return {
    ...{ queue: "q", workers: 1, reconcilers: 1, relays: 0, outcomes: ["complete", "retry"], budget: NONE },
    ...{ cancel: false, deadLetters: false, notifier: false, heartbeat: false },
    ...given,
    faults: new Set(given.faults),
  };
}

/** What is searched, by the letters of the protocol check, at smaller bounds. Every fault named is free: any number of times. */
export const FAMILIES = {
  /** One worker on a queue that loses and doubles. */
  A: family({ faults: ["crash", "lost reply", "duplicate", "loss", "outage"] }),
  /** A queue that refuses and gives up. */
  D: family({
    deadLetters: true,
    outcomes: ["complete"],
    faults: ["send unknown", "send rejected"],
  }),
  /** Two workers on one queue. */
  A2: family({ workers: 2, faults: ["crash", "lost reply", "outage"] }),
  B: family({ cancel: true, faults: ["crash", "lost reply", "duplicate", "loss"] }),
  /** Two reconcilers poll external work. */
  C1: family({ reconcilers: 2, outcomes: ["await"], faults: ["poll fails"] }),
  C2: family({ cancel: true, outcomes: ["await"], faults: ["crash"] }),
  /** The store is the queue. */
  E: family({
    ...{ queue: null, workers: 2, cancel: true, heartbeat: true, outcomes: ["complete", "retry", "release"] },
    ...{ budget: { ...NONE, release: 1 }, faults: ["crash", "lost reply"] },
  }),
  /** One relay to one notifier that may fail. */
  N: family({
    ...{ queue: null, notifier: true, outcomes: ["complete"], budget: { ...NONE, notifierFails: 1 } },
    faults: ["crash", "notifier fails"],
  }),
  /** Two relays: the reconciler, and the process that makes the changes. */
  F: family({
    ...{ queue: null, notifier: true, relays: 1, outcomes: ["complete"] },
    ...{ budget: { ...NONE, notifierFails: 1 }, faults: ["notifier fails"] },
  }),
  /** Two reconcilers against one heartbeat. */
  H: family({ reconcilers: 2, heartbeat: true, outcomes: ["complete"], faults: [] }),
} as const satisfies Record<string, Setup>;

export type FamilyName = keyof typeof FAMILIES;
