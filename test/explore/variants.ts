import { FAMILIES, type FamilyName } from "./families.js";
import { REAL, type Rules } from "./model/rules.js";
import type { Fault, Setup } from "./model/world.js";
import type { Monitor } from "./monitors.js";
import * as rules from "./variant-rules.js";

/** The protocol with one rule taken away. */
interface Weakened {
  readonly name: string;
  readonly family: FamilyName;
  readonly rules: Rules;
  /** Changed at any bounds. */
  readonly setup?: Partial<Setup>;
  /** Switched off where the rule is guarded twice, to see the harm behind the first alarm. */
  readonly off?: readonly Monitor[];
  /** Changed for the test command, where the bounds of the study take too long. */
  readonly smaller?: Partial<Setup>;
}

/** No harm of being stuck lies deeper: states beyond this are not asked one by one whether they can end. */
export const STUCK_WITHIN = 12;

/** A search that does not find the harm would see nothing. */
export interface Broken extends Weakened {
  /** How the finding begins. */
  readonly found: string;
  /** Steps of the counterexample in the study of the protocol; ours is no longer (see `stepsOf`). */
  readonly listed: number;
  /** Where the model of the study differs. */
  readonly note?: string;
}

/** What the protocol could do without: nothing is found. */
export interface Spare extends Weakened {
  readonly note?: string;
}

/** Steps that the study has no step for: its time is free, its relay reads and publishes at once, its store forgets by itself. */
const NO_STEP = /^time passes$|^relay \d reads the job$|^from here on the store forgets$/;

/** The length of a counterexample as the study counts. */
export function stepsOf(steps: readonly string[]): number {
  return steps.filter((step) => !NO_STEP.test(step)).length;
}

const W1 = "W1 the wake-up covers every need";
const S4 = "S4 versions rise, each entry its own";
const S10 = "S10 acknowledged only when spent";
const S14 = "S14 settled means delivered";
const S15 = "S15 first deliveries in order";

/** Nobody takes a lapsed claim over but the reconciler, so that without one any crash of a worker is stuck. */
const NO_TAKEOVER = "without a reconciler the claim of a crashed worker is nobody's, message or not";

/** Workers that meet what is said, and nobody who looks after what is left behind. */
function unattended(...faults: readonly Fault[]): Partial<Setup> {
  return { reconcilers: 0, deadLetters: false, outcomes: ["complete"], faults: new Set(faults) };
}

const CLAIMS: readonly Broken[] = [
  {
    name: "worker writes guarded by status only",
    family: "A",
    rules: { ...REAL, workerGuard: "status" },
    ...{ found: "S5", listed: 11 },
  },
  {
    name: "worker writes guarded by status only: one that lapsed writes into the next claim",
    family: "A",
    rules: { ...REAL, workerGuard: "status" },
    setup: { outcomes: ["complete"], faults: new Set(["duplicate"]) },
    ...{ found: "S5", listed: 11 },
    note: "listed with 9 where a message takes a lapsed claim over; here a sweep and a new dispatch do",
  },
  {
    name: "worker writes without a guard",
    family: "A",
    rules: { ...REAL, workerGuard: "none" },
    ...{ found: "S", listed: 7 },
  },
  {
    name: "a refused worker writes again, token nowhere",
    family: "A",
    rules: { ...rules.VERSION_ONLY, afterRefusal: "write_again" },
    smaller: { deadLetters: false, faults: new Set(["crash", "lost reply"]) },
    ...{ found: "S5", listed: 14 },
  },
  {
    name: "version only, on a store that loses writes",
    family: "R",
    rules: rules.VERSION_ONLY,
    ...{ found: "S5", listed: 11 },
  },
  {
    name: "fence instead of token, on a store that loses writes",
    family: "R",
    rules: rules.FENCE_FOR_TOKEN,
    ...{ found: "S5", listed: 11 },
  },
  {
    name: "no transition id",
    family: "A",
    rules: { ...REAL, recognise: () => "not_applied" },
    ...{ found: "S9", listed: 7 },
  },
  {
    name: "sweep by status only",
    family: "H1",
    rules: rules.SWEEP_BY_STATUS,
    ...{ found: "S16", listed: 9 },
  },
  {
    name: "sweep does not look at the lease again",
    family: "H1",
    rules: rules.SWEEP_WITHOUT_LEASE,
    ...{ found: "S16", listed: 12 },
    note: "listed for a delayed claim; a beat changes no version here, so one beat shows it",
  },
  {
    name: "retry ignores a request to cancel",
    family: "B",
    rules: rules.blindToCancel("retry"),
    ...{ found: "X3", listed: 9 },
  },
  {
    name: "sweep ignores a request to cancel",
    family: "B",
    rules: rules.blindToCancel("sweep"),
    ...{ found: "X3", listed: 9 },
  },
  {
    name: "a recovered claim does not read the request to cancel",
    family: "B",
    rules: rules.RECOVERED_CLAIM_BLIND_TO_CANCEL,
    ...{ found: "X3", listed: 9 },
  },
  {
    name: "a lapsed poll is swept like a lease",
    family: "C1",
    rules: { ...REAL, lapsedPoll: "sweep" },
    ...{ found: "X2", listed: 18 },
  },
];

const MESSAGES: readonly Broken[] = [
  { name: "blind mark", family: "A", rules: { ...REAL, mark: "blind" }, found: "S1 ", listed: 5 },
  {
    name: "store down: acknowledge",
    family: "A",
    rules: { ...REAL, onOutage: "ack" },
    ...{ found: "S10", listed: 4 },
  },
  {
    name: "store down: acknowledge, no reconciler",
    family: "A",
    rules: { ...REAL, onOutage: "ack" },
    setup: unattended("outage"),
    ...{ off: [S10], found: "stuck", listed: 4 },
  },
  {
    name: "acknowledge after the claim, no reconciler",
    family: "A",
    rules: { ...REAL, acknowledges: "after its claim" },
    setup: unattended("worker crash"),
    ...{ found: "stuck", listed: 5, note: NO_TAKEOVER },
  },
  {
    name: "acknowledge busy, no reconciler",
    family: "A",
    rules: { ...REAL, acknowledge: () => ({ do: "ack", why: "busy" }) },
    setup: unattended("worker crash", "duplicate"),
    ...{ off: [S10], found: "stuck", listed: 7, note: NO_TAKEOVER },
  },
  {
    name: "claim from QUEUED only, else acknowledge",
    family: "A",
    rules: rules.CLAIM_FROM_QUEUED_ONLY,
    ...{ found: "S10", listed: 4 },
  },
  { name: "no new dispatch at retry", family: "A", rules: rules.NO_NEW_DISPATCH, found: "S10", listed: 7 },
  {
    name: "a dead letter fails whatever it finds",
    family: "A",
    rules: rules.DEAD_LETTER_FAILS_ALL,
    ...{ found: "X4", listed: 8 },
  },
  {
    name: "create without a key",
    family: "A",
    rules: { ...REAL, create: "blind" },
    ...{ found: "S17", listed: 2 },
  },
  {
    name: "asked again after the purge: refused",
    family: "P",
    rules: { ...REAL, goneAfterDoubt: "refused" },
    ...{ found: "S9", listed: 8 },
  },
];

const WAKE_UPS: readonly Broken[] = [
  ...(["T1", "T2", "T4", "T7"] as const).map((edge) => ({
    name: `no wake-up after ${edge}`,
    family: "A" as const,
    rules: rules.sleepingAfter(edge),
    ...{ off: [W1] as const, found: "stuck", listed: { T1: 2, T2: 4, T4: 5, T7: 5 }[edge] },
  })),
  {
    name: "no wake-up when work is awaited",
    family: "C2",
    rules: rules.patching(["awaitExternal"], { wakeAt: null }),
    ...{ off: [W1], found: "stuck", listed: 7 },
  },
  {
    name: "takeDue clears the wake-up",
    family: "A",
    rules: rules.CLEARED_WHEN_TAKEN,
    ...{ off: [W1], found: "stuck", listed: 4 },
  },
  {
    name: "a claim sets the wake-up for its lease only",
    family: "N",
    rules: rules.CLAIM_WAKES_FOR_LEASE_ONLY,
    ...{ found: "W1", listed: 3 },
  },
  {
    name: "no reconciler",
    family: "A",
    rules: REAL,
    setup: { reconcilers: 0 },
    ...{ off: [W1], found: "stuck", listed: 2 },
  },
];

/** A relay that publishes unasked is the nearest to the one of the study. */
const RELAY = { setup: { relays: 1 } };

const NOTIFICATIONS: readonly Broken[] = [
  {
    name: "advance writes the wake-up at any version",
    family: "N",
    ...RELAY,
    rules: rules.ADVANCE_AT_ANY_VERSION,
    ...{ found: "W1", listed: 4 },
  },
  {
    name: "advance writes the wake-up at any version: an end is not heard of",
    family: "N",
    ...RELAY,
    rules: rules.ADVANCE_AT_ANY_VERSION,
    ...{ off: [W1], found: "S14", listed: 6 },
  },
  {
    name: "advance trusts cursors that another relay has moved",
    family: "F",
    setup: { budget: { ...FAMILIES.F.whole.budget, notifierFails: 2 } },
    rules: rules.ADVANCE_ON_OLD_CURSORS,
    smaller: { heartbeat: false, outcomes: ["complete"], faults: new Set(["notifier fails"]) },
    ...{ found: "W1", listed: 12, note: "not in the study, which has no retry instants; the length is ours" },
  },
  {
    name: "advance trusts a version that came again after a loss",
    family: "R2",
    rules: rules.ADVANCE_AT_THE_VERSION,
    ...{ found: "W1", listed: 9, note: "not in the study, whose R has no notifier; the length is ours" },
  },
  {
    name: "advance moves to the current version",
    family: "N",
    ...RELAY,
    rules: rules.ADVANCE_TO_CURRENT_VERSION,
    ...{ off: [W1], found: "S14", listed: 6 },
  },
  {
    name: "advance moves to the current version: out of order",
    family: "F",
    rules: rules.ADVANCE_TO_CURRENT_VERSION,
    ...{ off: [W1, S14], found: "S15", listed: 9, note: "listed without a length; this one is ours" },
  },
  {
    name: "two entries share a version",
    family: "N",
    ...RELAY,
    rules: rules.SHARED_VERSION,
    ...{ off: [S4, S15], found: "S14", listed: 9 },
  },
  {
    name: "two entries share a version: seen at once",
    family: "N",
    ...RELAY,
    rules: rules.SHARED_VERSION,
    ...{ found: "S4", listed: 9 },
  },
  {
    name: "cursor moved though the notifier failed",
    family: "N",
    ...RELAY,
    rules: rules.CURSOR_MOVES_ANYWAY,
    ...{ off: [S15], found: "S14", listed: 12 },
  },
  {
    name: "trim everything delivered",
    family: "N",
    ...RELAY,
    rules: {
      ...rules.trimming(0),
      recognise: (...given) => {
        const answer = REAL.recognise(...given);
        return answer === "unknown" ? "not_applied" : answer;
      },
    },
    ...{ found: "S9", listed: 13 },
  },
];

export const BROKEN: readonly Broken[] = [...CLAIMS, ...MESSAGES, ...WAKE_UPS, ...NOTIFICATIONS];

/** A queue that loses and doubles, with one worker. */
const SMALL_QUEUE: Pick<Spare, "family" | "smaller"> = {
  family: "A",
  smaller: {
    deadLetters: false,
    outcomes: ["complete", "retry"],
    faults: new Set(["crash", "lost reply", "duplicate", "loss", "outage"]),
  },
};

export const SPARE: readonly Spare[] = [
  { ...SMALL_QUEUE, name: "version only", rules: rules.VERSION_ONLY },
  { ...SMALL_QUEUE, name: "fence instead of token", rules: rules.FENCE_FOR_TOKEN },
  {
    ...SMALL_QUEUE,
    name: "mark without the dispatch",
    rules: {
      ...REAL,
      mark: "any dispatch",
      markSent: (seen, _dispatch, context) => REAL.markSent(seen, seen.record.dispatch, context),
    },
    note: "QUEUED without a message until the redispatch",
  },
  {
    ...SMALL_QUEUE,
    name: "store down: acknowledge, rescued by the wake-up",
    rules: { ...REAL, onOutage: "ack" },
    off: [S10],
  },
  {
    ...SMALL_QUEUE,
    name: "acknowledge after the claim",
    rules: { ...REAL, acknowledges: "after its claim" },
  },
  { ...SMALL_QUEUE, name: "acknowledge busy", rules: { ...REAL, receives: 9 } },
  { ...SMALL_QUEUE, name: "acknowledge a lost lease without looking", rules: { ...REAL, lostLease: "ack" } },
  {
    ...SMALL_QUEUE,
    name: "an unsure claim is given up for another",
    rules: { ...REAL, unsureClaim: "new token" },
  },
  { name: "a request to cancel waits for the next poll", family: "C2", rules: rules.CANCEL_WAITS_FOR_POLL },
  { name: "trim what was delivered but for the last two", family: "N", rules: rules.trimming(2) },
  {
    name: "a new dispatch by age",
    family: "H",
    rules: rules.NEW_DISPATCH_BY_AGE,
    note: "a backlog longer than the age makes every message stale when it comes: a livelock that no search of one job shows",
  },
  {
    name: "only workers compare the token, on a store that loses writes",
    family: "R",
    rules: rules.TOKEN_OF_WORKERS_ONLY,
    note: "listed for a rollback with a delayed write; here for the rollback alone",
  },
];

/** What the study lists and this search cannot show, with the reason. */
export const NOT_APPLICABLE: readonly (readonly [variant: string, reason: string])[] = [
  [
    "sweep without re-checking the lease, after a claim re-applied late",
    "a delayed write is not modelled; the same guard is shown by a beat in H1",
  ],
  ["fence instead of token, with a delayed write", "a delayed write is not modelled; R shows it"],
  [
    "writes of others without the observed token, with a delayed write",
    "no counterexample is known there either",
  ],
];
