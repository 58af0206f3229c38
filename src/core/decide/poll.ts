import type { RetryPolicy } from "../defaults.js";
import { isFinal } from "../lifecycle.js";
import type { Awaiting, Snapshot } from "../record.js";
import { backoffMs } from "./backoff.js";
import {
  change,
  type Change,
  type Decision,
  type DecideContext,
  NOTHING,
  refuse,
  type Refusal,
} from "./change.js";
import { again, type AttemptError, cancelled, completed } from "./finish.js";
import { failed } from "./failed.js";
import { entitled, type EntitledSnapshot, type Updates, updatesEffect } from "./held.js";

/**
 * Who brings the news of external work: the owner of the current poll, or an outside event that names the work.
 * Terminal is absorbing and the version refuses stale answers, so an event needs no claim.
 */
export type Witness =
  { readonly by: "poll"; readonly token: string } | { readonly by: "event"; readonly refKey: string };

/** What the witness saw. */
export type SeenWork =
  | {
      readonly state: "open";
      readonly updates: Updates;
      readonly nextPollAt: number;
      readonly cancelSent?: boolean;
    }
  | { readonly state: "done"; readonly output: string; readonly updates: Updates }
  | {
      readonly state: "failed";
      readonly error: AttemptError;
      readonly rerun: RetryPolicy | null;
      readonly updates: Updates;
    }
  | {
      readonly state: "invalid";
      readonly reason: "output_invalid" | "result_unstorable";
      readonly message: string;
    }
  | { readonly state: "unseen"; readonly backoff: Pick<RetryPolicy, "baseMs" | "capMs"> };

/** Takes the right to poll. Its expiry makes the poll due again; it never runs the job, or its launch, a second time. */
export function claimPoll(
  snapshot: Snapshot,
  poll: { readonly token: string; readonly leaseMs: number },
  context: DecideContext,
): Decision {
  const { record } = snapshot;
  if (record.status !== "PROCESSING" || record.awaiting === null) return refuse("not_awaiting");
  if (record.poll?.token === poll.token) return NOTHING;
  if (record.poll !== null && record.poll.until > context.now) return refuse("not_due");
  return change(snapshot, context, {
    patch: { fence: record.fence + 1, poll: { token: poll.token, until: context.now + poll.leaseMs } },
  });
}

interface Witnessed {
  readonly snapshot: EntitledSnapshot;
  readonly awaiting: Awaiting;
}

/** The external work that the witness speaks of, or why it may not speak. */
function witnessed(snapshot: Snapshot, witness: Witness): Witnessed | Refusal {
  const { status, awaiting, poll } = snapshot.record;
  if (isFinal(status)) return refuse("already_final");
  if (awaiting === null) return refuse("not_awaiting");
  if (witness.by === "poll") {
    if (poll?.token !== witness.token) return refuse("poll_lost");
  } else if (!awaiting.refKeys.includes(witness.refKey)) return refuse("other_ref");
  return { snapshot: entitled(snapshot), awaiting };
}

/** What was seen of external work: still open, done (T5), failed (T6, or T7 where the kind says so), or nothing. */
export function seen(given: Snapshot, witness: Witness, work: SeenWork, context: DecideContext): Decision {
  const told = witnessed(given, witness);
  if ("do" in told) return told;
  const { snapshot, awaiting } = told;
  switch (work.state) {
    case "done":
      return completed(snapshot, work.output, work.updates, context);
    case "failed":
      return seenFailed(snapshot, work, context);
    case "invalid":
      if (snapshot.record.cancel !== null) return cancelled(snapshot, context);
      return failed(snapshot, { reason: work.reason, message: work.message }, context);
    case "unseen": {
      const pollErrors = awaiting.pollErrors + 1;
      const waitMs = Math.max(1, backoffMs(pollErrors, work.backoff, context.random));
      return stillOpen(
        snapshot,
        awaiting,
        { updates: {}, nextPollAt: context.now + waitMs, pollErrors },
        context,
      );
    }
    case "open":
      return stillOpen(snapshot, awaiting, { ...work, pollErrors: 0 }, context);
  }
}

function seenFailed(
  snapshot: EntitledSnapshot,
  work: Extract<SeenWork, { state: "failed" }>,
  context: DecideContext,
): Decision {
  if (work.rerun !== null) return again(snapshot, work.error, work.rerun, work.updates, context);
  const said = updatesEffect(snapshot, work.updates);
  if (snapshot.record.cancel !== null) return cancelled(snapshot, context, said);
  const { message, code, expose, details = null } = work.error;
  const facts = { reason: "external_failed", message, code, expose, details } as const;
  return failed(snapshot, facts, context, { before: said.drafts, patch: said.patch });
}

interface Open {
  readonly updates: Updates;
  readonly nextPollAt: number;
  readonly pollErrors: number;
  readonly cancelSent?: boolean;
}

function stillOpen(
  snapshot: EntitledSnapshot,
  awaiting: Awaiting,
  open: Open,
  context: DecideContext,
): Change {
  const { phase } = snapshot.record;
  // A poll says the phase each time: an entry only when it is another one.
  const updates = open.updates.phase === phase ? { ...open.updates, drafts: [] } : open.updates;
  const next: Awaiting = {
    ...awaiting,
    nextPollAt: open.nextPollAt,
    pollErrors: open.pollErrors,
    cancelSent: awaiting.cancelSent || (open.cancelSent ?? false),
  };
  const said = updatesEffect(snapshot, updates);
  return change(snapshot, context, {
    drafts: said.drafts,
    patch: { ...said.patch, awaiting: next, poll: null },
  });
}

/** T6(`external_timeout`): the deadline of external work has passed; what became of it outside is not known. */
export function awaitTimeout(snapshot: Snapshot, context: DecideContext): Decision {
  const { awaiting, cancel } = snapshot.record;
  if (snapshot.record.status !== "PROCESSING" || awaiting === null) return refuse("not_awaiting");
  if (awaiting.deadlineAt > context.now) return refuse("not_due");
  if (cancel !== null) return cancelled(entitled(snapshot), context);
  const message = "The external work was not confirmed in time; its outcome is unknown.";
  return failed(snapshot, { reason: "external_timeout", message, expose: true }, context);
}
