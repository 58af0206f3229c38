import { isFinal } from "../job/lifecycle.js";
import { type JobRecord, RECORD_VERSION } from "../job/record.js";

/** What to do with a delivery whose claim was refused. A message goes only with proof that nothing is left to do for it. */
export type AckDecision =
  | { readonly do: "ack"; readonly why: "final" | "older_dispatch" | "busy" }
  | {
      readonly do: "release";
      readonly afterMs: number;
      readonly why: "busy" | "waiting" | "early" | "newer_format" | "again";
    };

interface DeliveryFacts {
  readonly dispatch: number;
  readonly receives: number;
  /** `null`: the queue has no limit. */
  readonly maxReceives: number | null;
  readonly now: number;
  /** A reconciler runs: what is claimed will be recovered without this message. */
  readonly recovered: boolean;
}

/** A process that cannot read a newer format leaves it to one that can. */
const NEWER_FORMAT_MS = 60_000;
const LONGEST_RELEASE_MS = 15 * 60_000;

/** Judges a delivery against the record that refused its claim. */
export function acknowledge(record: JobRecord, delivery: DeliveryFacts): AckDecision {
  const { now } = delivery;
  if (isFinal(record.status)) return { do: "ack", why: "final" };
  if (delivery.dispatch < record.dispatch) return { do: "ack", why: "older_dispatch" };
  if (record.recordVersion > RECORD_VERSION)
    return { do: "release", afterMs: NEWER_FORMAT_MS, why: "newer_format" };
  if (record.status === "PROCESSING") {
    // Recovery makes a new dispatch, so the message is spent; before it falls to the dead letters it may go.
    const last = delivery.maxReceives !== null && delivery.receives >= delivery.maxReceives - 1;
    if (last && delivery.recovered) return { do: "ack", why: "busy" };
    const until = record.awaiting?.nextPollAt ?? record.leaseUntil ?? now;
    return {
      do: "release",
      afterMs: bounded(until - now),
      why: record.awaiting === null ? "busy" : "waiting",
    };
  }
  if (record.status === "PENDING" && record.sendAt !== null && record.sendAt > now) {
    return { do: "release", afterMs: bounded(record.sendAt - now), why: "early" };
  }
  return { do: "release", afterMs: bounded(0), why: "again" };
}

function bounded(ms: number): number {
  return Math.min(LONGEST_RELEASE_MS, Math.max(1_000, ms));
}
