import type { RetryPolicy } from "../defaults.js";
import { historyOf } from "../job/history.js";
import { isFinal } from "../job/lifecycle.js";
import type { Awaiting, Snapshot } from "../job/record.js";
import { backoffMs } from "./backoff.js";
import {
  change,
  type Change,
  type Decision,
  type DecideContext,
  type EntryDraft,
  NOTHING,
  refuse,
  type Refusal,
} from "./change/change.js";
import { again, type AttemptError, cancelled, completed } from "./finish.js";
import { failed } from "./failed.js";
import { entitled, type EntitledSnapshot, type Updates, updatesEffect } from "./held.js";
import { etaFromPercent } from "./eta.js";
import { fallsBehind } from "./order.js";

/**
 * Who brings the news of external work: the owner of the current poll, an outside event that names the work, or a callback
 * that names the launch. Terminal is absorbing and the version refuses stale answers, so the last two need no claim.
 */
export type Witness =
  | { readonly by: "poll"; readonly token: string }
  | { readonly by: "event"; readonly refKey: string }
  | { readonly by: "callback"; readonly fence: number };

/** What the witness saw. Warnings are told once each, however often they are seen. */
export type SeenWork = { readonly warnings?: readonly EntryDraft[] } & SeenState;

type SeenState =
  | {
      readonly state: "open";
      readonly updates: Updates;
      /** The phases in their order, behind which updates must not fall; left out: they may. */
      readonly order?: readonly string[];
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
  const { status, awaiting } = snapshot.record;
  if (isFinal(status)) return refuse("already_final");
  if (awaiting === null) {
    return refuse(
      witness.by === "callback" && !isLaunching(snapshot, witness) ? "other_ref" : "not_awaiting",
    );
  }
  const mismatch = mismatchOf(snapshot, awaiting, witness);
  return mismatch ?? { snapshot: entitled(snapshot), awaiting };
}

/** Whether the claim that made the callback's token is running still: it has not said yet what it waits for. */
function isLaunching({ record }: Snapshot, { fence }: Extract<Witness, { by: "callback" }>): boolean {
  return record.status === "PROCESSING" && record.fence === fence;
}

function mismatchOf({ record }: Snapshot, awaiting: Awaiting, witness: Witness): Refusal | null {
  switch (witness.by) {
    case "poll":
      return record.poll?.token === witness.token ? null : refuse("poll_lost");
    case "event":
      return awaiting.refKeys.includes(witness.refKey) ? null : refuse("other_ref");
    case "callback":
      return awaiting.fence === witness.fence ? null : refuse("other_ref");
  }
}

/** What was seen of external work: still open, done (T5), failed (T6, or T7 where the kind says so), or nothing. */
export function seen(given: Snapshot, witness: Witness, work: SeenWork, context: DecideContext): Decision {
  const told = witnessed(given, witness);
  if ("do" in told) return told;
  const { snapshot, awaiting } = told;
  const warnings = newWarnings(snapshot, work.warnings ?? [], context);
  switch (work.state) {
    case "done":
      return completed(snapshot, work.output, withDrafts(work.updates, warnings), context);
    case "failed":
      return seenFailed(snapshot, { ...work, updates: withDrafts(work.updates, warnings) }, context);
    case "invalid":
      if (snapshot.record.cancel !== null) return cancelled(snapshot, context);
      return failed(snapshot, { reason: work.reason, message: work.message }, context);
    case "unseen": {
      const pollErrors = awaiting.pollErrors + 1;
      const waitMs = Math.max(1, backoffMs(pollErrors, work.backoff, context.random));
      const updates = withDrafts({}, warnings);
      const nextPollAt = context.now + waitMs;
      return stillOpen(snapshot, { ...awaiting, nextPollAt, pollErrors }, updates, context);
    }
    case "open":
      return seenOpen({ snapshot, awaiting }, witness, work, warnings, context);
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

function seenOpen(
  { snapshot, awaiting }: Witnessed,
  witness: Witness,
  work: Extract<SeenWork, { state: "open" }>,
  warnings: readonly EntryDraft[],
  context: DecideContext,
): Change {
  const updates = openUpdates(snapshot, awaiting, work, context);
  const said = withDrafts(updates, warnings);
  if (witness.by !== "poll") {
    // It may be late or made up: it brings the next look nearer, and neither puts it off nor takes it from whoever
    // is looking right now.
    const nextPollAt = Math.min(awaiting.nextPollAt, work.nextPollAt);
    return stillOpen(snapshot, { ...awaiting, nextPollAt }, said, context, snapshot.record.poll);
  }
  const cancelSent = awaiting.cancelSent || (work.cancelSent ?? false);
  return stillOpen(
    snapshot,
    { ...awaiting, nextPollAt: work.nextPollAt, pollErrors: 0, cancelSent },
    said,
    context,
  );
}

function stillOpen(
  snapshot: EntitledSnapshot,
  awaiting: Awaiting,
  updates: Updates,
  context: DecideContext,
  poll: Snapshot["record"]["poll"] = null,
): Change {
  const said = updatesEffect(snapshot, updates);
  return change(snapshot, context, { drafts: said.drafts, patch: { ...said.patch, awaiting, poll } });
}

/** What is kept of the updates of open work: nothing where they fall behind; an ETA from percent where none is set. */
function openUpdates(
  { record }: Snapshot,
  { since }: Awaiting,
  { updates, order }: Extract<SeenWork, { state: "open" }>,
  { now }: DecideContext,
): Updates {
  if (order !== undefined && fallsBehind(record, updates, order)) return {};
  const { percent: counted, ...others } = updates;
  // Unknown is as said before: else what is unknown once would let it go back.
  const percent = counted === null && order !== undefined ? undefined : counted;
  const moved = percent !== undefined && percent !== record.percent;
  const etaAt = updates.etaAt === undefined && moved ? etaFromPercent(percent, since, now) : updates.etaAt;
  // A poll says the phase each time: an entry only when it is another one, or said in other words.
  const drafts = (updates.drafts ?? []).filter((draft) => !saidLast(record, draft));
  return {
    ...others,
    drafts,
    ...(percent === undefined ? {} : { percent }),
    ...(etaAt === undefined ? {} : { etaAt }),
  };
}

function saidLast(record: Snapshot["record"], { reason, text = null }: EntryDraft): boolean {
  if (record.phase !== reason) return false;
  if (text === null) return true;
  const last = historyOf(record)
    .filter(({ edge }) => edge === "phase")
    .at(-1);
  return last?.reason === reason && last.text === text;
}

/** Those that the job does not have yet, as many as it may have. */
function newWarnings(
  { record }: Snapshot,
  warnings: readonly EntryDraft[],
  { policy }: DecideContext,
): readonly EntryDraft[] {
  if (warnings.length === 0) return warnings;
  const stored = historyOf(record).filter(({ edge }) => edge === "warning");
  const known = new Set(stored.map(saidIn));
  const fresh = warnings.filter((warning) => !known.has(saidIn(warning)));
  return fresh.slice(0, Math.max(0, policy.maxWarnings - stored.length));
}

/** Code and text as one, without taking "a b" and "c" for "a" and "b c". */
function saidIn({ reason, text }: Pick<EntryDraft, "reason" | "text">): string {
  return JSON.stringify([reason, text]);
}

function withDrafts(updates: Updates, warnings: readonly EntryDraft[]): Updates {
  return warnings.length === 0 ? updates : { ...updates, drafts: [...warnings, ...(updates.drafts ?? [])] };
}

/**
 * T6(`external_timeout`): the deadline of external work has passed; what became of it outside is not known. While somebody
 * looks it is not yet: that look is the last one.
 */
export function awaitTimeout(snapshot: Snapshot, context: DecideContext): Decision {
  const { awaiting, cancel, poll } = snapshot.record;
  if (snapshot.record.status !== "PROCESSING" || awaiting === null) return refuse("not_awaiting");
  if (awaiting.deadlineAt > context.now || (poll !== null && poll.until > context.now)) {
    return refuse("not_due");
  }
  if (cancel !== null) return cancelled(entitled(snapshot), context);
  const message = "The external work was not confirmed in time; its outcome is unknown.";
  return failed(snapshot, { reason: "external_timeout", message, expose: true }, context);
}
