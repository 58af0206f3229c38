import * as store from "../../../src/adapters/memory/store-semantics.js";
import { acknowledge } from "../../../src/core/decide/acknowledge.js";
import { cancel, deadline } from "../../../src/core/decide/cancel.js";
import type { DecideContext } from "../../../src/core/decide/change/change.js";
import { claimTerms } from "../../../src/core/decide/claim.js";
import { createRecord, judgeExisting } from "../../../src/core/decide/create.js";
import { advance, afterPublish } from "../../../src/core/decide/deliver.js";
import { deadLetter, markSent, rejectSend, sendAgain } from "../../../src/core/decide/dispatch.js";
import { awaitExternal, complete, fail, release, retry, sweep } from "../../../src/core/decide/finish.js";
import { holdRefusal } from "../../../src/core/decide/held.js";
import { awaitTimeout, claimPoll, seen } from "../../../src/core/decide/poll.js";
import { recognise } from "../../../src/core/decide/change/recognise.js";
import { DEFAULT_POLICY, type Policy } from "../../../src/core/defaults.js";

/** The present. It never moves: a tick moves every instant of the state towards it, so that states stay finite. */
export const NOW = 1_000_000;

/** Every delay is one tick or two: enough for each to come due before, with and after each other. */
export const TICKS = {
  ...{ lease: 2, poll: 1, pollLease: 1, awaitDeadline: 3, hold: 1, notifierHold: 1 },
  deadline: 6,
} as const;

export const BACKOFF = { maxAttempts: 2, baseMs: 2, capMs: 2 } as const;
/** What fails for longer waits longer: a cursor that stands still is looked at later than one that has moved. */
export const NOTIFIER_POLICY = { giveUpAfterMs: 1_000, baseMs: 1, capMs: 6 } as const;

export const POLICY: Policy = {
  ...DEFAULT_POLICY,
  sendGraceMs: 1,
  notifyGraceMs: 1,
  redispatchAfterMs: 2,
  redispatchCapMs: 2,
  maxReleases: 1,
  maxRedrives: 1,
  redriveAfterMs: 1,
  redriveCapMs: 1,
};

let names = 0;

/** A name that nothing else has. States are compared by who holds which name, never by the name. */
export function fresh(): string {
  names += 1;
  return `n${names}`;
}

export function context(transitionId: string): DecideContext {
  return { now: NOW, policy: POLICY, transitionId, actor: null, random: 0.5 };
}

/** Nobody recognises a claim by its entry: its token is enough. */
export const TERMS = claimTerms("w", "claim", POLICY);

/** What the search runs: the decisions and the store's semantics as they ship. A broken variant replaces one of them. */
export const REAL = {
  ...{ applyWrite: store.applyWrite, applyBeat: store.applyBeat, applyTakeDue: store.applyTakeDue },
  ...{ applyClaimByMessage: store.applyClaimByMessage, applyClaimNext: store.applyClaimNext },
  ...{ applyAdvance: store.applyAdvance },
  ...{ createRecord, judgeExisting, markSent, sendAgain, rejectSend, deadLetter, cancel, deadline },
  ...{ complete, fail, retry, release, sweep, awaitExternal, holdRefusal },
  ...{ claimPoll, seen, awaitTimeout, afterPublish, advance, acknowledge, recognise },
  /** What a worker does with its message when the store cannot be reached. */
  onOutage: "release" as "release" | "ack",
  /** When a worker removes its message. */
  acknowledges: "after its outcome" as "after its outcome" | "after its claim",
  /** How often a message came that meets a job being run: a seldom one is given back, one near the queue's limit goes. */
  receives: 1,
  /** A claim without an answer is asked again under the same token, or given up for another. */
  unsureClaim: "same token" as "same token" | "new token",
  /** A worker that lost its lease looks at the record before it removes its message, or does not. */
  lostLease: "look" as "look" | "ack",
  /** A refused worker looks whether its claim is the current one, or simply writes again at the newer version. */
  afterRefusal: "look" as "look" | "write_again",
  /** A worker's write of doubt that meets no record is in doubt still, or counts as refused. */
  goneAfterDoubt: "unknown" as "unknown" | "refused",
  /** A create that is asked again finds the first one, or makes another job. */
  create: "keyed" as "keyed" | "blind",
  /** A mark is for one dispatch; for whichever is the record's; or is written whatever the record says. */
  mark: "guarded" as "guarded" | "any dispatch" | "blind",
  /** A worker's write carries its guard, the status alone, or nothing. */
  workerGuard: "full" as "full" | "status" | "none",
  /** The store refuses what was decided on an older version, so that steps in vain can be spared. */
  spares: true,
  /** Histories are trimmed, which none is that has so few entries. */
  trims: false,
  /** The lease of a poll that lapsed makes the poll due, or is swept as if a worker had held it. */
  lapsedPoll: "poll" as "poll" | "sweep",
};

export type Rules = typeof REAL;
