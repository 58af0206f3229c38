import type { Fault, Setup } from "./model/world.js";

/** What is searched: at the bounds of the protocol check, and smaller for the test command. */
interface Family {
  readonly whole: Setup;
  readonly small: Setup;
}

const NONE = { release: 0, notifierFails: 0, resend: null };

type Given = Omit<Partial<Setup>, "faults"> & { readonly faults: readonly Fault[] };

function family(given: Given, smaller: Partial<Given> = {}): Family {
  return { whole: setup(given), small: setup({ ...given, ...smaller }) };
}

function setup(given: Given): Setup {
  return {
    ...{
      queue: "q",
      own: false,
      workers: 1,
      reconcilers: 1,
      relays: 0,
      outcomes: ["complete", "retry"],
      budget: NONE,
    },
    ...{ cancel: false, deadLetters: false, notifier: false, heartbeat: false, purge: false },
    ...given,
    faults: new Set(given.faults),
  };
}

/**
 * By the letters of the protocol check: two attempts, two workers unless said. Every fault named is free: any number of
 * times, at any point; notifiers fail, workers release and, where the store forgets, messages are sent again on mere age as
 * often as the budget says. A worker that outlives its lease is
 * in all of them.
 */
export const FAMILIES = {
  /** A queue that loses, doubles, refuses and gives up. */
  A: family(
    {
      ...{ workers: 2, deadLetters: true },
      faults: [
        ...(["crash", "lost reply", "duplicate", "loss", "outage"] as const),
        ...(["send unknown", "send rejected"] as const),
      ],
    },
    // Without lost replies, which are in A2 and B, a third of the states.
    {
      ...{ workers: 1, outcomes: ["complete"] },
      faults: ["crash", "duplicate", "loss", "outage", "send unknown", "send rejected"],
    },
  ),
  /** Two workers on one queue: A at another small size. */
  A2: family({ workers: 2, faults: ["crash", "lost reply", "outage"] }),
  /** A less outage, dead letter and rejection, plus a canceller. */
  B: family(
    { workers: 2, cancel: true, faults: ["crash", "lost reply", "duplicate", "loss", "send unknown"] },
    { workers: 1, faults: ["crash", "lost reply", "duplicate", "loss"] },
  ),
  /** External work; two reconcilers poll. */
  C1: family(
    {
      ...{ reconcilers: 2, outcomes: ["await", "retry"] },
      faults: ["crash", "lost reply", "duplicate", "loss", "send unknown", "poll fails"],
    },
    { outcomes: ["await"], faults: ["poll fails"] },
  ),
  C2: family(
    {
      ...{ cancel: true, outcomes: ["await", "retry"] },
      faults: ["crash", "lost reply", "duplicate", "loss", "send unknown", "poll fails"],
    },
    { outcomes: ["await"], faults: ["crash"] },
  ),
  /** The store is the queue. */
  E: family({
    ...{ queue: null, workers: 2, cancel: true, heartbeat: true, outcomes: ["complete", "retry", "release"] },
    ...{ budget: { ...NONE, release: 1 }, faults: ["crash", "lost reply"] },
  }),
  /** The store is the queue; external work. */
  M: family(
    {
      ...{ queue: null, reconcilers: 2, cancel: true, outcomes: ["await", "retry"] },
      faults: ["crash", "lost reply", "poll fails"],
    },
    { outcomes: ["await"] },
  ),
  /** The application hands the job over itself: claims by id, of one that was given back and of one whose message is lost. */
  O: family(
    {
      ...{ queue: null, own: true, workers: 2, cancel: true, heartbeat: true },
      ...{ outcomes: ["complete", "retry", "release"], budget: { ...NONE, release: 1 } },
      faults: ["crash", "lost reply"],
    },
    { cancel: false, heartbeat: false, outcomes: ["complete", "retry"] },
  ),
  /** The same with external work, which a reconciler looks at. */
  O2: family(
    {
      ...{ queue: null, own: true, cancel: true, outcomes: ["await", "retry"] },
      faults: ["crash", "lost reply", "poll fails"],
    },
    { outcomes: ["await"], faults: ["crash"] },
  ),
  /** One relay, the reconciler, to a notifier that may fail. */
  N: family(
    {
      ...{ queue: null, workers: 2, cancel: true, notifier: true },
      ...{ budget: { ...NONE, notifierFails: 1 }, faults: ["crash", "lost reply", "notifier fails"] },
    },
    { workers: 1, cancel: false, outcomes: ["complete"], faults: ["crash", "notifier fails"] },
  ),
  /** Two relays: the reconciler, and the process that makes the changes. */
  F: family(
    {
      ...{ queue: null, relays: 1, notifier: true, heartbeat: true },
      ...{ budget: { ...NONE, notifierFails: 1 }, faults: ["crash", "notifier fails"] },
    },
    { heartbeat: false, outcomes: ["complete"], faults: ["notifier fails"] },
  ),
  /** Two reconcilers. */
  H: family({ workers: 2, reconcilers: 2, faults: ["duplicate", "loss"] }, { workers: 1 }),
  H1: family(
    { workers: 2, reconcilers: 2, heartbeat: true, faults: ["duplicate", "loss"] },
    { workers: 1, outcomes: ["complete"] },
  ),
  /** Settled jobs are purged while messages of theirs are on the way. */
  P: family({ workers: 2, purge: true, faults: ["duplicate", "loss", "lost reply"] }, { workers: 1 }),
  /** The store loses what it acknowledged, once, at any point after the create. */
  R: family(
    { workers: 2, budget: { ...NONE, resend: 1 }, faults: ["duplicate", "rollback"] },
    { workers: 1, outcomes: ["complete"] },
  ),
  /** R with a notifier: what a relay knows of the lost time, it must not plan by. */
  R2: family(
    {
      ...{ queue: null, cancel: true, notifier: true, outcomes: ["complete"] },
      faults: ["rollback"],
    },
    { cancel: false },
  ),
} as const satisfies Record<string, Family>;

export type FamilyName = keyof typeof FAMILIES;

/** Beyond the bounds of the protocol check, for the long run. */
export const LARGER: Readonly<Record<string, Setup>> = {
  "A with a canceller": { ...FAMILIES.A.whole, cancel: true },
  "R with a canceller": { ...FAMILIES.R.whole, cancel: true },
  /** Families with a notifier have no queue: here a relay tells of a job whose messages are lost and doubled. */
  "N through a queue": {
    ...FAMILIES.N.whole,
    ...{ queue: "q", workers: 1, cancel: false },
    faults: new Set<Fault>(["crash", "lost reply", "duplicate", "loss", "notifier fails"]),
  },
};
