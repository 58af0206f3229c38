import type { Snapshot } from "../job/record.js";
import { doubled } from "./backoff.js";
import { change, type Decision, type DecideContext, refuse } from "./change/change.js";
import { failed } from "./failed.js";

/**
 * T2: the queue confirmed a dispatch. Losing to a claim, or to a later dispatch, is normal.
 *
 * @param redispatchAfterMs - the pace of the queue that it went through
 */
export function markSent(
  snapshot: Snapshot,
  dispatch: number,
  context: DecideContext,
  redispatchAfterMs = context.policy.redispatchAfterMs,
): Decision {
  const { record } = snapshot;
  if (record.status !== "PENDING") return refuse("not_in_status");
  if (record.dispatch !== dispatch || record.queue === null) return refuse("other_dispatch");
  const arrives = Math.max(context.now, record.sendAt ?? context.now);
  return change(snapshot, context, {
    guard: { dispatch },
    drafts: [{ edge: "T2" }],
    patch: {
      queuedAt: record.queuedAt ?? context.now,
      sendAt: arrives + doubled(0, redispatchAfterMs, context.policy.redispatchCapMs),
    },
  });
}

/**
 * The *same* dispatch is to be sent again, on mere age: nothing is known of the message, nothing is rolled back. The next
 * time is twice as far away, also where the queue still holds what it was sent and nothing is sent now.
 *
 * @param redispatchAfterMs - the pace of the queue that it goes through
 */
export function sendAgain(
  snapshot: Snapshot,
  context: DecideContext,
  redispatchAfterMs = context.policy.redispatchAfterMs,
): Decision {
  const { record } = snapshot;
  if (record.status !== "QUEUED" || record.sendAt === null) return refuse("not_in_status");
  if (record.sendAt > context.now) return refuse("not_due");
  const { redispatchCapMs } = context.policy;
  return change(snapshot, context, {
    guard: { dispatch: record.dispatch },
    patch: {
      send: record.send + 1,
      sendAt: context.now + doubled(record.send + 1, redispatchAfterMs, redispatchCapMs),
    },
  });
}

/** T3: evidence that the message is gone for good. A new dispatch follows; a copy of the old message is stale. */
export function recall(
  snapshot: Snapshot,
  evidence: "dead_letter" | "returned" | "operator",
  context: DecideContext,
): Decision {
  const { record } = snapshot;
  if (record.status !== "QUEUED" || record.queue === null) return refuse("not_in_status");
  return change(snapshot, context, {
    drafts: [{ edge: "T3", reason: evidence }],
    patch: recalled(snapshot, evidence === "dead_letter", context),
  });
}

function recalled({ record }: Snapshot, redrive: boolean, { now }: DecideContext) {
  return {
    dispatch: record.dispatch + 1,
    send: 0,
    redrives: record.redrives + (redrive ? 1 : 0),
    sendAt: now,
  };
}

/** T8: the queue refused the message for good. A copy sent earlier in doubt finds a final record. */
export function rejectSend(
  snapshot: Snapshot,
  dispatch: number,
  why: string,
  context: DecideContext,
): Decision {
  const { record } = snapshot;
  if (record.status !== "PENDING") return refuse("not_in_status");
  if (record.dispatch !== dispatch || record.queue === null) return refuse("other_dispatch");
  return failed(snapshot, { reason: "enqueue_rejected", message: why }, context, { guard: { dispatch } });
}

/**
 * A dead letter of dispatch `dispatch`. Acts only while that dispatch is the record's and nobody runs the job: PENDING and
 * QUEUED prove that this dispatch was never claimed, so it is handed over again whatever the attempt, after a minute
 * doubling to an hour. Past `maxRedrives` the job is FAILED(`dead_lettered`). Everything else drops the letter.
 */
export function deadLetter(snapshot: Snapshot, dispatch: number, context: DecideContext): Decision {
  const { record } = snapshot;
  if (record.status !== "PENDING" && record.status !== "QUEUED") return refuse("not_in_status");
  if (record.dispatch !== dispatch || record.queue === null) return refuse("other_dispatch");
  // Its message was received, which proves T2 where the mark got lost.
  const proven = record.status === "PENDING" ? [{ edge: "T2" } as const] : [];
  if (record.redrives < context.policy.maxRedrives) {
    const { redriveAfterMs, redriveCapMs } = context.policy;
    const sendAt = context.now + doubled(record.redrives, redriveAfterMs, redriveCapMs);
    return change(snapshot, context, {
      drafts: [...proven, { edge: "T3", reason: "dead_letter" }],
      patch: { ...recalled(snapshot, true, context), sendAt, queuedAt: record.queuedAt ?? context.now },
    });
  }
  return failed(snapshot, { reason: "dead_lettered", message: "The queue gave its message up." }, context, {
    before: proven,
  });
}
