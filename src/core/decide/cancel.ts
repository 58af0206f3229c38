import { isFinal } from "../job/lifecycle.js";
import type { Snapshot } from "../job/record.js";
import { change, clip, type Decision, type DecideContext, NOTHING, refuse } from "./change/change.js";
import { failed } from "./failed.js";

/**
 * Cancel, from any process. Before a claim it is immediate (T8, T9). Running work gets a flag that its worker learns at
 * the next heartbeat or write; external work is asked to stop at once, and the job waits for its confirmation.
 */
export function cancel(
  snapshot: Snapshot,
  why: { readonly reason: string | null },
  context: DecideContext,
): Decision {
  const { record } = snapshot;
  if (isFinal(record.status)) return refuse("already_final");
  if (record.cancel !== null) return NOTHING;
  if (record.status !== "PROCESSING") {
    return failed(
      snapshot,
      { reason: "cancelled", message: why.reason ?? "Cancelled.", expose: true },
      context,
    );
  }
  if (record.awaiting !== null && !record.awaiting.cancellable) return refuse("cannot_cancel");
  return change(snapshot, context, {
    drafts: [{ edge: "cancel", text: why.reason, expose: true }],
    patch: {
      cancel: {
        at: context.now,
        actor: context.actor,
        reason: clip(why.reason, context.policy.maxTextChars),
      },
      ...(record.awaiting === null ? {} : { awaiting: { ...record.awaiting, nextPollAt: context.now } }),
    },
  });
}

/** T6, T8, T9: the job's own deadline has passed. A worker that still runs it learns at its next write. */
export function deadline(snapshot: Snapshot, context: DecideContext): Decision {
  const { record } = snapshot;
  if (isFinal(record.status)) return refuse("already_final");
  if (record.deadlineAt === null || record.deadlineAt > context.now) return refuse("not_due");
  const message = "The job was not done before its deadline.";
  return failed(snapshot, { reason: "deadline_exceeded", message, expose: true }, context);
}
