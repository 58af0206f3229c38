import { inTime } from "../../environment/clock.js";
import { deadline } from "../../decide/cancel.js";
import type { Decision, DecideContext } from "../../decide/change/change.js";
import { cursorOf } from "../../decide/change/cursors.js";
import { advance } from "../../decide/deliver.js";
import { sendAgain } from "../../decide/dispatch.js";
import { sweep } from "../../decide/finish.js";
import { awaitTimeout } from "../../decide/poll.js";
import { type Need, needs, type NeedReason } from "../../decide/change/wake.js";
import type { RuntimeHandler } from "../../handler.js";
import { type JobRecord, RECORD_VERSION, type Snapshot } from "../../job/record.js";
import { applyCommand } from "../store/apply.js";
import type { Core } from "../context.js";
import type { Dispatcher } from "../submit/dispatch.js";
import { pollOnce } from "./poller.js";
import type { Relay } from "../relay/relay.js";

export type Handlers = ReadonlyMap<string, RuntimeHandler>;

/** What was done, counted. */
export interface Tally {
  sent: number;
  swept: number;
  polled: number;
  notified: number;
  failedDeadlines: number;
}

/** What a record needs after the quick part. */
export interface Rest {
  readonly snapshot: Snapshot;
  /** Whoever can look at its external work, where that is due; `null`: not due, or nobody here. */
  readonly poll: RuntimeHandler | null;
  readonly notify: boolean;
  /** Something that is due has nobody here to do it. */
  readonly unserved: boolean;
  /** All that is due is another process's, and was due since; `null`: not so. */
  readonly elsewhereSince: number | null;
}

/** The parts that a look at a record is made with. */
export interface Tools {
  readonly core: Core;
  readonly dispatcher: Dispatcher;
  readonly relay: Relay;
  readonly handlers: Handlers;
  /** The notifiers to deliver to; `undefined`: all that this process has. */
  readonly notifiers?: ReadonlySet<string> | undefined;
  /** What cannot be done here is other processes' by design. */
  readonly leavesToOthers?: boolean;
  readonly tally: Tally;
  /** How queues are waited for; not given: until they have answered. */
  readonly slowQueues?: SlowQueues;
}

/** A queue that does not answer must hold up nothing but what goes through it. */
export interface SlowQueues {
  /** Those that did not answer in time: nobody waits for them again before they have. */
  readonly silent: Set<string | null>;
  /** Takes over a call that is waited for no longer. */
  readonly goOn: (what: string, call: Promise<unknown>) => void;
}

type QuickReason = Exclude<NeedReason, "poll" | "notify">;

/** What ends a job comes first, so that nothing is sent or swept in vain. */
const QUICK: readonly QuickReason[] = ["deadline", "await_deadline", "lease", "send", "redispatch"];
/** Of a queue that answers, some answers; of one that does not, little of the time of all others. */
const QUEUE_PATIENCE_MS = 1_000;
/** Later wake-ups are left to the reconciler: a message that waits longer may be lost or doubled on the way. */
const LONGEST_WAKE_MS = 15 * 60_000;

/**
 * Does what is due for a record and takes one or two round trips: deadlines, sweep, send. What asks the outside (polls,
 * notifiers) is handed back.
 *
 * @returns `null`: the record is gone
 */
export async function serveQuick(tools: Tools, taken: Snapshot): Promise<Rest | null> {
  // Of a newer format: its needs are not understood here.
  if (taken.record.recordVersion > RECORD_VERSION) {
    return { snapshot: taken, poll: null, notify: false, unserved: true, elsewhereSince: null };
  }
  let snapshot = taken;
  const left = new Set(QUICK);
  for (;;) {
    const due = dueNeeds(tools, snapshot);
    const reason = QUICK.find((each) => left.has(each) && has(due, each));
    if (reason === undefined) return restOf(tools, snapshot, due);
    left.delete(reason);
    const after = await act(tools, reason, snapshot, due);
    if (after === null) return null;
    snapshot = after;
  }
}

function dueNeeds({ core }: Tools, snapshot: Snapshot): readonly Need[] {
  const now = core.time.now();
  return needs(snapshot, core.policy).filter((need) => need.at <= now);
}

function has(due: readonly Need[], reason: NeedReason): boolean {
  return due.some((need) => need.reason === reason);
}

function restOf(tools: Tools, snapshot: Snapshot, due: readonly Need[]): Rest {
  const lacked = due.filter((need) => !canServe(tools, snapshot, due, need));
  const others = lacked.filter((need) => isOthers(tools, need));
  return {
    snapshot,
    poll: has(due, "poll") ? pollerOf(tools, snapshot) : null,
    notify: due.some((need) => need.notifier !== undefined && !lacked.includes(need)),
    unserved: others.length < lacked.length,
    elsewhereSince:
      others.length > 0 && others.length === due.length ? Math.min(...others.map((need) => need.at)) : null,
  };
}

/** Whether this process has what a need takes. */
function canServe(
  tools: Tools,
  snapshot: Snapshot,
  due: readonly Need[],
  { reason, notifier = "" }: Need,
): boolean {
  const { core, notifiers = core.notifiers } = tools;
  switch (reason) {
    case "notify":
      return core.retired.has(notifier) || (core.notifiers.has(notifier) && notifiers.has(notifier));
    case "poll":
      return pollerOf(tools, snapshot) !== null;
    case "send":
    case "redispatch":
      return canSend(core, snapshot);
    case "await_deadline":
      return !isLastLookOthers(tools, snapshot, due);
    case "deadline":
    case "lease":
      return true;
  }
}

/** Whether somebody else, who can look, is to look at external work before it is given up. */
function isLastLookOthers(tools: Tools, snapshot: Snapshot, due: readonly Need[]): boolean {
  return tools.leavesToOthers === true && has(due, "poll") && pollerOf(tools, snapshot) === null;
}

/** Whether another process is known to serve it. */
function isOthers({ core, leavesToOthers = false }: Tools, { notifier }: Need): boolean {
  return notifier === undefined ? leavesToOthers : core.notifierNames.includes(notifier);
}

function pollerOf({ handlers }: Tools, { record }: Snapshot): RuntimeHandler | null {
  const handler = handlers.get(record.kind);
  return handler === undefined || handler.poll === null ? null : handler;
}

function canSend(core: Core, { record }: Snapshot): boolean {
  return record.queue !== null && core.queues.has(record.queue);
}

async function act(
  tools: Tools,
  reason: QuickReason,
  snapshot: Snapshot,
  due: readonly Need[],
): Promise<Snapshot | null> {
  switch (reason) {
    case "deadline":
      return failLate(tools, snapshot, deadline);
    case "await_deadline":
      // A last look first: after an outage the work may be long done.
      if (has(due, "poll") && pollerOf(tools, snapshot) !== null) return snapshot;
      if (isLastLookOthers(tools, snapshot, due)) return snapshot;
      return failLate(tools, snapshot, awaitTimeout);
    case "lease":
      return sweepLease(tools, snapshot);
    case "send":
      return send(tools, snapshot);
    case "redispatch":
      return redispatch(tools, snapshot);
  }
}

async function failLate(
  { core, tally }: Tools,
  snapshot: Snapshot,
  decide: (snapshot: Snapshot, context: DecideContext) => Decision,
): Promise<Snapshot | null> {
  const applied = await applyCommand(core, snapshot, decide);
  if (applied.status === "gone") return null;
  if (applied.status === "applied") tally.failedDeadlines += 1;
  return applied.snapshot;
}

async function sweepLease(tools: Tools, snapshot: Snapshot): Promise<Snapshot | null> {
  const applied = await applyCommand(tools.core, snapshot, sweep);
  if (applied.status === "gone") return null;
  if (applied.status !== "applied") return applied.snapshot;
  tools.tally.swept += 1;
  return applied.snapshot.record.status === "PENDING" ? send(tools, applied.snapshot) : applied.snapshot;
}

/** Sends the current dispatch, where its queue is one of this process. */
async function send(tools: Tools, snapshot: Snapshot): Promise<Snapshot> {
  const { core, dispatcher, tally, slowQueues } = tools;
  const { record } = snapshot;
  if (!canSend(core, snapshot) || dispatcher.isSending(record)) return snapshot;
  const sending = dispatcher.send(snapshot).then((sent) => {
    if (sent.state === "confirmed" || sent.state === "unconfirmed") tally.sent += 1;
    if (sent.state !== "unconfirmed") slowQueues?.silent.delete(record.queue);
    return sent.snapshot;
  });
  return (await heard(tools, record, sending)) ?? snapshot;
}

/** What a queue answers; `null`: nothing in time, and the call goes on beside. */
async function heard<T>(
  { core, slowQueues }: Tools,
  { id, queue }: JobRecord,
  call: Promise<T>,
): Promise<T | null> {
  if (slowQueues === undefined) return call;
  const { silent, goOn } = slowQueues;
  const answer = await inTime<T | null>(core.clock, silent.has(queue) ? 0 : QUEUE_PATIENCE_MS, call, null);
  if (answer !== null) return answer;
  silent.add(queue);
  goOn(id, call);
  return null;
}

/**
 * The same dispatch again. A process without the queue must not put it off for those that have it. While the queue says that
 * messages wait in it, age proves nothing: the next look is put off and nothing is sent.
 */
async function redispatch(tools: Tools, snapshot: Snapshot): Promise<Snapshot | null> {
  const { core, dispatcher } = tools;
  const { queue } = snapshot.record;
  if (queue === null || !canSend(core, snapshot)) return snapshot;
  const waits = (await heard(tools, snapshot.record, dispatcher.hasBacklog(queue))) ?? false;
  const applied = await applyCommand(core, snapshot, (seen, context) =>
    sendAgain(seen, context, dispatcher.redispatchAfterMs(queue)),
  );
  if (applied.status === "gone") return null;
  return applied.status === "applied" && !waits ? send(tools, applied.snapshot) : applied.snapshot;
}

/**
 * Looks at external work that is due, hands over what its failure starts anew, and has the next look asked for by a
 * delayed message.
 */
export async function servePoll(
  tools: Tools,
  handler: RuntimeHandler,
  snapshot: Snapshot,
  signal?: AbortSignal,
): Promise<void> {
  const { core, tally } = tools;
  const polled = await pollOnce(core, handler, snapshot, signal);
  if (polled.snapshot === null) return;
  if (polled.looked) tally.polled += 1;
  if (has(dueNeeds(tools, polled.snapshot), "await_deadline")) {
    await failLate(tools, polled.snapshot, awaitTimeout);
    return;
  }
  if (!polled.looked) return;
  if (polled.snapshot.record.status === "PENDING") await send(tools, polled.snapshot);
  await wakeForPoll(tools, polled.snapshot);
}

/** Where no process runs that looks every second, the queue carries the next look. Best effort: the wake-up is stored. */
async function wakeForPoll(tools: Tools, { record }: Snapshot): Promise<void> {
  const { core, dispatcher } = tools;
  const { awaiting } = record;
  if (awaiting === null) return;
  const afterMs = Math.max(0, awaiting.nextPollAt - core.time.now());
  if (afterMs > LONGEST_WAKE_MS) return;
  await heard(
    tools,
    record,
    dispatcher.wake(record, afterMs).then(() => true),
  );
}

/** Delivers what its notifiers are due. */
export async function serveNotifiers({ relay, notifiers, tally }: Tools, snapshot: Snapshot): Promise<void> {
  const { cursors } = await relay.deliver(snapshot, notifiers);
  for (const [name, cursor] of Object.entries(cursors)) {
    if (cursor.upTo > cursorOf(snapshot.cursors, name).upTo) tally.notified += 1;
  }
}

/**
 * Ends the look at a record that was taken from the wake-up index: where nothing was due and nothing was written, its
 * wake-up is stored again in place of the hold. What is due and could not be done keeps the hold.
 */
export async function putBack(
  tools: Tools,
  taken: Snapshot,
  { snapshot, elsewhereSince }: Rest,
): Promise<void> {
  if (elsewhereSince !== null) {
    await leaveToOthers(tools, snapshot, elsewhereSince);
    return;
  }
  if (snapshot.record.version !== taken.record.version || dueNeeds(tools, snapshot).length > 0) return;
  const { core } = tools;
  await core.gateway.advance(advance(snapshot, {}, { now: core.time.now(), policy: core.policy }));
}

/** So long a record that is another process's stays due: that process looks every few seconds. */
const YOUNG_MS = 30_000;

/**
 * Gives a record back to the process that serves what it needs, due as it was: two processes that look at the same pace must
 * not hide it from each other. Where nobody came for it in a while, it is looked at ever more seldom.
 */
async function leaveToOthers({ core }: Tools, snapshot: Snapshot, dueSince: number): Promise<void> {
  const { policy, time } = core;
  const now = time.now();
  const ageMs = now - dueSince;
  const item = advance(snapshot, {}, { now, policy });
  // Not behind the place that this pass has come to: it is not found in it again.
  const wakeAt =
    ageMs < YOUNG_MS ? Math.floor(dueSince) : Math.ceil(now + Math.min(policy.takeDueHoldMs, ageMs / 4));
  await core.gateway.advance({ ...item, wakeAt, latestWakeAt: wakeAt });
}
