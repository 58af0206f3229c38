import type { Decision } from "../../../src/core/decide/change/change.js";
import { undelivered } from "../../../src/core/decide/deliver.js";
import { needs } from "../../../src/core/decide/change/wake.js";
import { decodeHistory, type HistoryEntry } from "../../../src/core/job/history.js";
import type { PublishResult } from "../../../src/core/ports/notifier.js";
import { type Snapshot, START } from "../../../src/core/job/record.js";
import type { Author } from "../monitors.js";
import { BACKOFF, context, fresh, NOTIFIER_POLICY, NOW, POLICY, TICKS } from "./rules.js";
import { type Actor, IDLE, snapshotOf, type State, withActor } from "./state.js";
import { mark } from "./submitter.js";
import { advance, changeOf, type Emit, found, may, put, send, type World, write } from "./world.js";
import { spend } from "./worker.js";

type To = (next: State, actor: Actor) => State;

/** One reconciler: takes the record when it is due, does one thing that is due, stores the wake-up again. */
export function reconcilerSteps(world: World, state: State, index: number, emit: Emit): void {
  const actor = state.reconcilers[index]!;
  const name = `reconciler ${index + 1}`;
  const to: To = (next, after) => withActor(next, "reconcilers", index, after);
  const { row } = state;
  switch (actor.at) {
    case "idle":
      if (row !== null && row.record.wakeAt !== null && row.record.wakeAt <= NOW) {
        emit(`${name} takes the record`, () => {
          const taken = world.rules.applyTakeDue(row, TICKS.hold, NOW).row;
          return to(put(world, state, taken), { ...IDLE, at: "looks", seen: snapshotOf(taken) });
        });
      }
      return;
    case "looks":
      looks(world, state, actor, name, to, emit);
      break;
    case "sends":
      sends(world, state, actor, name, to, emit);
      break;
    case "sent":
      emit(`${name} marks the job queued`, () => to(mark(world, state, actor), IDLE));
      break;
    case "polls":
      polls(world, state, actor, name, to, emit);
      break;
    case "published":
      emit(`${name} moves the cursor`, () => to(advance(world, state, actor.seen!, actor.moved), IDLE));
      break;
  }
  if (may(world, "crash")) emit(`${name} crashes`, () => to(state, IDLE), true);
}

function looks(world: World, state: State, actor: Actor, name: string, to: To, emit: Emit): void {
  const seen = actor.seen!;
  const { rules } = world;
  const due = needs(seen, POLICY).filter((need) => need.at <= NOW);
  const writes = (what: string, decide: () => Decision, by: Author["by"], then: Actor = IDLE): void => {
    emit(`${name} ${what}`, () => act(world, state, seen, decide(), { by }, to, then));
  };
  if (due.length === 0)
    emit(`${name} finds nothing to do`, () => to(advance(world, state, seen, null), IDLE));
  for (const { reason } of due) {
    switch (reason) {
      case "send":
        sends(world, state, { ...actor, message: seen.record.dispatch }, name, to, emit);
        break;
      case "redispatch":
        redispatch(world, state, seen, to, name, emit);
        break;
      case "lease":
        writes("sweeps", () => rules.sweep(seen, context(fresh())), "sweep");
        break;
      case "poll":
        poll(world, state, seen, writes);
        break;
      case "await_deadline":
        writes("ends the wait", () => rules.awaitTimeout(seen, context(fresh())), "answer");
        break;
      case "deadline":
        writes("sees the deadline", () => rules.deadline(seen, context(fresh())), "other");
        break;
      case "notify":
        publish(world, state, actor, name, to, emit);
        break;
    }
  }
}

/** Where a budget is given, it is for messages sent again although there is one; past it the look is put off. */
function redispatch(world: World, state: State, seen: Snapshot, to: To, name: string, emit: Emit): void {
  const { resend } = state.left;
  const { dispatch } = seen.record;
  const spurious = [...state.queue, ...state.workers.map((worker) => worker.message)].includes(dispatch);
  if (spurious && resend === 0) {
    emit(`${name} puts the look off`, () => to(state, IDLE));
    return;
  }
  const then = { ...IDLE, at: "sends" };
  emit(`${name} decides to send again`, () => {
    const decision = world.rules.sendAgain(seen, context(fresh()));
    const next = act(world, state, seen, decision, { by: "other" }, to, then);
    const costs = spurious && resend !== null && next.row !== state.row;
    return costs ? { ...next, left: { ...next.left, resend: resend - 1 } } : next;
  });
}

type Writes = (what: string, decide: () => Decision, by: Author["by"], then?: Actor) => void;

function poll({ rules }: World, state: State, seen: Snapshot, writes: Writes): void {
  const lapsed = seen.record.poll;
  if (lapsed !== null && rules.lapsedPoll === "sweep") {
    // As if its lease were a worker's.
    const record = { ...seen.record, awaiting: null, leaseUntil: lapsed.until };
    writes(
      "sweeps the poll",
      () => withoutLease(rules.sweep({ ...seen, record }, context(fresh()))),
      "answer",
    );
    return;
  }
  const token = fresh();
  const claim = { token, leaseMs: TICKS.pollLease };
  writes("claims the poll", () => rules.claimPoll(seen, claim, context(fresh())), "other", {
    ...IDLE,
    at: "polls",
    token,
  });
}

function withoutLease(decision: Decision): Decision {
  if (decision.do !== "write") return decision;
  const { expiredLease: _, ...guard } = decision.item.guard;
  return { ...decision, item: { ...decision.item, guard } };
}

/** Writes a decision; what is refused is left to the next wake-up, what is nothing stores the wake-up again. */
function act(
  world: World,
  state: State,
  seen: Snapshot,
  decision: Decision,
  author: Author,
  to: To,
  then: Actor,
): State {
  const change = changeOf(decision);
  if (change === null) return to(advance(world, state, seen, null), IDLE);
  const written = write(world, state, change, author);
  if (written.after === null) return to(state, IDLE);
  if (then === IDLE) return to(written.state, IDLE);
  return to(written.state, { ...then, seen: written.after, message: written.after.record.dispatch });
}

function sends(world: World, state: State, actor: Actor, name: string, to: To, emit: Emit): void {
  const dispatch = actor.message!;
  const marks = actor.at === "looks" ? { ...actor, at: "sent", message: dispatch } : IDLE;
  emit(`${name} sends message ${dispatch}`, () => to(send(state, dispatch), marks));
  if (may(world, "send unknown")) {
    emit(`${name}'s send is in doubt, it was sent`, () => to(send(state, dispatch), IDLE), true);
    emit(`${name}'s send is in doubt, it was not sent`, () => to(state, IDLE), true);
  }
  if (may(world, "send rejected") && actor.at === "looks") {
    const decide = (): Decision =>
      world.rules.rejectSend(actor.seen!, dispatch, "too large", context(fresh()));
    emit(
      `${name}'s send is rejected`,
      () => act(world, state, actor.seen!, decide(), { by: "other" }, to, IDLE),
      true,
    );
  }
}

function polls(world: World, state: State, actor: Actor, name: string, to: To, emit: Emit): void {
  const error = { message: "gone", code: null, expose: false, afterMs: null };
  const witness = { by: "poll", token: actor.token! } as const;
  const sights = [
    { what: "done", work: { state: "done", output: "1", updates: {} } },
    { what: "open", work: { state: "open", updates: {}, nextPollAt: NOW + TICKS.poll } },
    { what: "failed", work: { state: "failed", error, rerun: null, updates: {} } },
    { what: "failed, launch anew", work: { state: "failed", error, rerun: BACKOFF, updates: {} } },
    { what: "nothing", work: { state: "unseen", backoff: BACKOFF } },
  ] as const;
  for (const { what, work } of sights) {
    if (what === "nothing" && !may(world, "poll fails")) continue;
    emit(
      `${name} polls and sees: ${what}`,
      () => {
        const decision = world.rules.seen(actor.seen!, witness, work, context(fresh()));
        const author = { by: "answer", rerun: what === "failed, launch anew" } as const;
        const change = changeOf(decision);
        if (change === null) return to(state, IDLE);
        const written = write(world, state, change, author);
        if (written.after !== null) return to(written.state, IDLE);
        const now = found(state);
        const mine = now !== null && now.record.poll?.token === actor.token;
        return to(state, mine ? { ...actor, seen: now } : IDLE);
      },
      what === "nothing",
    );
  }
}

const FAILURES = {
  fails: { status: "retry", reason: "busy" },
  holds: { status: "held", reason: "too many", afterMs: TICKS.notifierHold },
} as const satisfies Record<string, PublishResult>;

/** Offers what the notifier has not had, lowest first; all of it is taken, or a first part and then it fails or holds. */
function publish(world: World, state: State, actor: Actor, name: string, to: To, emit: Emit): void {
  const seen = actor.seen!;
  const entries = undelivered(seen, "ui");
  for (let taken = 0; taken <= entries.length; taken += 1) {
    const what = `${name} publishes ${taken} of ${entries.length}`;
    if (taken === entries.length) {
      emit(what, () => published(world, state, actor, taken, null, to));
      continue;
    }
    if (!may(world, "notifier fails") || state.left.notifierFails === 0) continue;
    for (const [how, failure] of Object.entries(FAILURES)) {
      emit(
        `${what}, the notifier ${how}`,
        () => published(world, spend(state, "notifierFails"), actor, taken, failure, to),
        true,
      );
    }
  }
}

function published(
  world: World,
  state: State,
  actor: Actor,
  taken: number,
  failure: PublishResult | null,
  to: To,
): State {
  const seen = actor.seen!;
  const entries = undelivered(seen, "ui");
  const results: PublishResult[] = entries.slice(0, taken).map(() => ({ status: "delivered" }));
  if (failure !== null) results.push(failure);
  const cursor = seen.cursors["ui"] ?? START;
  const moved = world.rules.afterPublish(cursor, entries, results, NOTIFIER_POLICY, { now: NOW, random: 1 });
  const first = placeOf(seen, entries);
  let delivered = state.delivered;
  for (let place = first; place < first + taken; place += 1) {
    world.watch.delivered({ ...state, delivered }, place);
    // What comes after a gap does not close it.
    if (place === delivered) delivered += 1;
  }
  return to({ ...state, delivered }, { ...IDLE, at: "published", seen, moved });
}

/** How many entries came before these, which are the newest. */
function placeOf({ record }: Snapshot, entries: readonly HistoryEntry[]): number {
  return record.historyTrimmed + decodeHistory(record.history).length - entries.length;
}

/** A relay of the process that made a change: publishes without being woken. */
export function relaySteps(world: World, state: State, index: number, emit: Emit): void {
  const actor = state.relays[index]!;
  const name = `relay ${index + 1}`;
  const to: To = (next, after) => withActor(next, "relays", index, after);
  const { row } = state;
  if (row === null) return;
  if (actor.at === "idle") {
    if (undelivered(row, "ui").length === 0) return;
    emit(`${name} reads the job`, () => to(state, { ...IDLE, at: "publishes", seen: snapshotOf(row) }));
    return;
  }
  if (actor.at === "publishes") publish(world, state, actor, name, to, emit);
  if (actor.at === "published") {
    emit(`${name} moves the cursor`, () => to(advance(world, state, actor.seen!, actor.moved), IDLE));
  }
  if (may(world, "crash")) emit(`${name} crashes`, () => to(state, IDLE), true);
}
