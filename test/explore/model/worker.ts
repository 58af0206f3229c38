import type { Decision } from "../../../src/core/decide/change.js";
import type { JobRecord, Snapshot } from "../../../src/core/record.js";
import { BACKOFF, context, fresh, NOW, terms, TICKS } from "./rules.js";
import { type Actor, IDLE, snapshotOf, type State, withActor, withMessage, withoutMessage } from "./state.js";
import { changeOf, type Emit, may, put, type Setup, stored, type World, write } from "./world.js";

/** One worker: receive, claim, run, write the outcome, acknowledge. */
export function workerSteps(world: World, state: State, index: number, emit: Emit): void {
  const worker = state.workers[index]!;
  const name = `worker ${index + 1}`;
  const to = (next: State, actor: Actor): State => withActor(next, "workers", index, actor);
  const dropped = (next: State): State => to(giveBack(next, worker), IDLE);
  switch (worker.at) {
    case "idle":
      receives(world, state, name, to, emit);
      break;
    case "holds":
    case "unsure of its claim":
      emit(`${name} claims`, () => claim(world, state, worker, to, true));
      if (may(world, "lost reply")) {
        emit(`${name} claims, the reply is lost`, () => claim(world, state, worker, to, false), true);
      }
      if (may(world, "outage")) emit(`${name} finds no store`, () => outage(world, state, worker, to), true);
      break;
    case "runs":
      for (const outcome of outcomes(world, state)) {
        const actor = { ...worker, at: "unsure of its outcome", outcome, change: fresh() };
        const paid = outcome === "release" ? spend(state, "release") : state;
        emit(`${name} writes ${outcome}`, () => finish(world, paid, actor, to, true));
        if (may(world, "lost reply")) {
          emit(
            `${name} writes ${outcome}, the reply is lost`,
            () => finish(world, paid, actor, to, false),
            true,
          );
        }
      }
      if (world.setup.heartbeat) emit(`${name} beats`, () => beat(world, state, worker, to));
      break;
    case "unsure of its outcome":
      emit(`${name} writes ${worker.outcome} again`, () => finish(world, state, worker, to, true));
      break;
    case "done":
      emit(`${name} acknowledges`, () => acknowledge(world, state, worker, to));
      break;
  }
  if (worker.at !== "idle" && may(world, "crash")) emit(`${name} crashes`, () => dropped(state), true);
}

type To = (next: State, actor: Actor) => State;

function receives(world: World, state: State, name: string, to: To, emit: Emit): void {
  for (const dispatch of state.queue) {
    const holds = { ...IDLE, at: "holds", message: dispatch, token: fresh() };
    const taken = { ...state, queue: withoutMessage(state.queue, dispatch) };
    emit(`${name} receives message ${dispatch}`, () => to(taken, holds));
    if (may(world, "duplicate"))
      emit(`${name} receives a copy of message ${dispatch}`, () => to(state, holds), true);
  }
  if (world.setup.queue !== null || state.row === null) return;
  const claims = (reply: boolean): State => {
    const token = fresh();
    const next = { terms: terms(), token, kinds: [{ kind: "kind", leaseMs: TICKS.lease }], limit: 1 };
    const before = stored(state);
    const { row, result } = world.rules.applyClaimNext(before, next, NOW);
    if (result === null) return state;
    world.watch.claimed(before, row, state.rolledBack);
    const claimed = put(world, state, row);
    // An unknown claim of the next ones lapses: nobody knows its jobs.
    return reply ? to(claimed, { ...IDLE, at: "runs", token, seen: snapshotOf(row) }) : claimed;
  };
  emit(`${name} claims the next job`, () => claims(true));
  if (may(world, "lost reply"))
    emit(`${name} claims the next job, the reply is lost`, () => claims(false), true);
}

function claim(world: World, state: State, worker: Actor, to: To, reply: boolean): State {
  const before = stored(state);
  const item = { id: "job", dispatch: worker.message!, token: worker.token!, leaseMs: TICKS.lease };
  const { row, result } = world.rules.applyClaimByMessage(before, item, terms(), NOW);
  if (row !== before) world.watch.claimed(before, row, state.rolledBack);
  const next = put(world, state, row);
  if (!reply) return to(next, { ...worker, at: "unsure of its claim" });
  if (result.status === "ok") return to(next, { ...worker, at: "runs", seen: result.job });
  return judged(world, next, worker, to, row.record);
}

/** The message of a claim that was refused, or lost: acknowledged or given back, as the record says. */
function judged(world: World, state: State, worker: Actor, to: To, record: JobRecord): State {
  if (worker.message === null) return to(state, IDLE);
  const delivery = { dispatch: worker.message, receives: 9, maxReceives: 10, now: NOW, recovered: true };
  const verdict = world.rules.acknowledge(record, delivery);
  if (verdict.do === "release") return to(giveBack(state, worker), IDLE);
  return acknowledge(world, state, worker, to);
}

function acknowledge({ watch }: World, state: State, worker: Actor, to: To): State {
  if (worker.message !== null) watch.acknowledged(state, worker.message);
  return to(state, IDLE);
}

function giveBack(state: State, { message }: Actor): State {
  return { ...state, queue: withMessage(state.queue, message) };
}

function outage(world: World, state: State, worker: Actor, to: To): State {
  if (world.rules.onOutage === "ack") return acknowledge(world, state, worker, to);
  return to(giveBack(state, worker), IDLE);
}

function outcomes({ setup }: World, state: State): Setup["outcomes"] {
  return state.left.release > 0 ? setup.outcomes : setup.outcomes.filter((outcome) => outcome !== "release");
}

export function spend(state: State, what: keyof State["left"]): State {
  return { ...state, left: { ...state.left, [what]: state.left[what] - 1 } };
}

function decide({ rules }: World, seen: Snapshot, worker: Actor): Decision {
  const at = context(worker.change!);
  const token = worker.token!;
  switch (worker.outcome ?? "await") {
    case "complete":
      return rules.complete(seen, { token, output: "1" }, at);
    case "fail":
      return rules.fail(seen, { token, failure: { reason: "error", message: "no" } }, at);
    case "retry": {
      const error = { message: "later", code: null, expose: false, afterMs: null };
      return rules.retry(seen, { token, error, policy: BACKOFF }, at);
    }
    case "release":
      return rules.release(seen, { token, policy: BACKOFF }, at);
    default: {
      const plan = { deadlineAt: NOW + TICKS.awaitDeadline, nextPollAt: NOW + TICKS.poll };
      return rules.awaitExternal(
        seen,
        { token, awaiting: { ref: "r", refKeys: ["r"], cancellable: true, ...plan } },
        at,
      );
    }
  }
}

/** Writes the outcome. A reply that is lost is asked for again: the same change under the same transition id. */
function finish(world: World, state: State, worker: Actor, to: To, reply: boolean): State {
  const { rules, watch } = world;
  const believed = rules.workerGuard === "status" ? pretend(stored(state), worker.token!) : worker.seen!;
  const change = changeOf(decide(world, believed, worker));
  if (change === null) return refused(world, state, worker, to);
  const written = write(world, state, change, { by: "worker", token: worker.token });
  if (written.after === null) return reply ? refused(world, state, worker, to) : to(state, worker);
  watch.require(
    !worker.applied,
    "S8 a change takes effect once",
    `${worker.outcome} twice`,
    state.rolledBack,
  );
  if (!reply) return to(written.state, { ...worker, applied: true });
  return settled(world, written.state, { ...worker, applied: true }, to);
}

/** Looks at what is stored: my change, still my claim, or lost. */
function refused(world: World, state: State, worker: Actor, to: To): State {
  const { rules, watch } = world;
  const now = snapshotOf(stored(state));
  const answer = rules.recognise(now.record, worker.seen!.record.version, worker.change!);
  if (answer === "applied") return settled(world, state, worker, to);
  if (answer === "unknown") return to(giveBack(state, worker), IDLE);
  if (rules.afterRefusal === "write_again" && now.record.status === "PROCESSING") {
    return to(state, { ...worker, seen: pretend(now, worker.token!) });
  }
  if (rules.holdRefusal(now, worker.token!) === null) return to(state, { ...worker, seen: now });
  // "Lost" is what the handler's owner is told: its change must not have happened.
  watch.require(!worker.applied, "S9 answers are true", "its change was reported lost", state.rolledBack);
  return judged(world, state, worker, to, now.record);
}

/** A worker that takes whatever version it finds and believes that the claim is its own. */
function pretend({ record, cursors }: Snapshot, token: string): Snapshot {
  if (record.status !== "PROCESSING") return { record, cursors };
  return { record: { ...record, token }, cursors };
}

function settled({ watch }: World, state: State, worker: Actor, to: To): State {
  watch.require(
    worker.applied,
    "S9 answers are true",
    "ok for a change that did not happen",
    state.rolledBack,
  );
  return to(state, worker.message === null ? IDLE : { ...IDLE, at: "done", message: worker.message });
}

function beat(world: World, state: State, worker: Actor, to: To): State {
  const { row, result } = world.rules.applyBeat(
    stored(state),
    { id: "job", token: worker.token!, leaseMs: TICKS.lease },
    NOW,
  );
  if (result.status === "ok") return put(world, state, row);
  return judged(world, state, worker, to, row.record);
}
