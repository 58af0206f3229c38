import type { Decision } from "../../../src/core/decide/change/change.js";
import type { JobRecord, Snapshot } from "../../../src/core/job/record.js";
import { BACKOFF, context, fresh, NOW, TERMS, TICKS } from "./rules.js";
import { type Actor, IDLE, snapshotOf, type State, withActor, withMessage, withoutMessage } from "./state.js";
import { changeOf, type Emit, found, may, put, type Setup, type World, write } from "./world.js";

/** One worker: receive, claim, run, write the outcome, acknowledge. */
export function workerSteps(world: World, state: State, index: number, emit: Emit): void {
  const worker = state.workers[index]!;
  const name = `worker ${index + 1}`;
  const to = (next: State, actor: Actor): State => withActor(next, "workers", index, actor);
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
        const actor = { ...worker, at: WRITES, outcome, change: fresh() };
        const paid = outcome === "release" ? spend(state, "release") : state;
        writes(world, paid, actor, name, to, emit);
      }
      if (world.setup.heartbeat) emit(`${name} beats`, () => beat(world, state, worker, to));
      break;
    case WRITES:
    case UNSURE:
      writes(world, state, worker, name, to, emit);
      break;
    case "done":
      emit(`${name} acknowledges`, () => acknowledge(world, state, worker, to));
      break;
  }
  if (worker.at !== "idle" && (may(world, "crash") || may(world, "worker crash"))) {
    emit(`${name} crashes`, () => to(giveBack(state, worker), IDLE), true);
  }
}

type To = (next: State, actor: Actor) => State;

/** Refused on the record that it knew, it decides on the one that came back. */
const WRITES = "writes its outcome";
/** An earlier try may have been applied without an answer. */
const UNSURE = "unsure of its outcome";

function receives(world: World, state: State, name: string, to: To, emit: Emit): void {
  for (const dispatch of state.queue) {
    const holds = { ...IDLE, at: "holds", message: dispatch, token: fresh() };
    const taken = { ...state, queue: withoutMessage(state.queue, dispatch) };
    emit(`${name} receives message ${dispatch}`, () => to(taken, holds));
    if (may(world, "duplicate"))
      emit(`${name} receives a copy of message ${dispatch}`, () => to(state, holds), true);
  }
  const before = state.row;
  if (world.setup.own && before !== null) {
    // The message is the application's own: it keeps it, or gets it again, whatever becomes of the claim.
    const reads = { ...IDLE, at: "holds", token: fresh(), seen: snapshotOf(before) };
    emit(`${name} reads the job of its own message`, () => to(state, reads));
    return;
  }
  if (world.setup.queue !== null || before === null) return;
  const claims = (reply: boolean): State => {
    const token = fresh();
    const next = { terms: TERMS, token, kinds: [{ kind: "kind", leaseMs: TICKS.lease }], limit: 1 };
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
  const before = state.row;
  // Of a job that is not known any more: parked, then removed.
  if (before === null) return reply ? acknowledge(world, state, worker, to) : state;
  const again = worker.at === "unsure of its claim" && world.rules.unsureClaim === "new token";
  const token = again ? fresh() : worker.token!;
  const item = {
    id: "job",
    dispatch: worker.message ?? worker.seen!.record.dispatch,
    token,
    leaseMs: TICKS.lease,
  };
  const { row, result } = world.rules.applyClaimByMessage(before, item, TERMS, NOW);
  if (row !== before) world.watch.claimed(before, row, state.rolledBack);
  const next = put(world, state, row);
  if (!reply) return to(next, { ...worker, token, at: "unsure of its claim" });
  if (result.status !== "ok") return judged(world, next, worker, to, row.record);
  const { record, cursors } = result.job;
  const runs = { ...worker, token, at: "runs", seen: { record, cursors } };
  if (world.rules.acknowledges === "after its outcome") return to(next, runs);
  return to(acknowledge(world, next, worker, to), { ...runs, message: null });
}

/** The message of a claim that was refused, or lost: acknowledged or given back, as the record says. */
function judged(world: World, state: State, worker: Actor, to: To, record: JobRecord): State {
  if (worker.message === null) return to(state, IDLE);
  const { receives } = world.rules;
  const recovered = world.setup.reconcilers > 0;
  const delivery = { dispatch: worker.message, receives, maxReceives: 10, now: NOW, recovered };
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

export function spend(state: State, what: "release" | "notifierFails"): State {
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

function writes(world: World, state: State, worker: Actor, name: string, to: To, emit: Emit): void {
  const again = worker.at === UNSURE ? " again" : "";
  emit(`${name} writes ${worker.outcome}${again}`, () => finish(world, state, worker, to, true));
  if (!may(world, "lost reply") || worker.at === UNSURE) return;
  const what = `${name} writes ${worker.outcome}, the reply is lost`;
  emit(what, () => finish(world, state, worker, to, false), true);
}

/** Writes the outcome. A reply that is lost is asked for again: the same change under the same transition id. */
function finish(world: World, state: State, worker: Actor, to: To, reply: boolean): State {
  const { rules, watch } = world;
  const unsure = { ...worker, at: UNSURE };
  const now = found(state);
  const believed = now === null || rules.workerGuard === "full" ? worker.seen! : pretend(world, now, worker);
  const change = changeOf(decide(world, believed, worker));
  if (change === null) return reply ? refused(world, state, worker, to) : to(state, unsure);
  const written = write(world, state, change, { by: "worker", token: worker.token });
  if (written.after === null) return reply ? refused(world, state, worker, to) : to(state, unsure);
  const what = `${worker.outcome} twice`;
  watch.require(!worker.applied, "S8 a change takes effect once", what, state.rolledBack);
  if (!reply) return to(written.state, { ...unsure, applied: true });
  return settled(world, written.state, { ...worker, applied: true }, to);
}

/** Looks at what is stored: my change, still my claim, or lost. */
function refused(world: World, state: State, worker: Actor, to: To): State {
  const { rules } = world;
  const now = found(state);
  const doubt = worker.at === UNSURE;
  if (now === null) {
    if (doubt && rules.goneAfterDoubt === "unknown") return to(giveBack(state, worker), IDLE);
    return lost(world, state, worker, to, null);
  }
  const answer = doubt
    ? rules.recognise(now.record, worker.seen!.record.version, worker.change!)
    : "not_applied";
  if (answer === "applied") return settled(world, state, worker, to);
  if (answer === "unknown") return to(giveBack(state, worker), IDLE);
  const writes = { ...worker, at: WRITES };
  if (rules.afterRefusal === "write_again" && now.record.status === "PROCESSING") {
    return to(state, { ...writes, seen: pretend(world, now, worker) });
  }
  if (rules.holdRefusal(now, worker.token!) === null) return to(state, { ...writes, seen: now });
  return lost(world, state, worker, to, now.record);
}

/** "Lost" is what the handler's owner is told: its change must not have happened. */
function lost(world: World, state: State, worker: Actor, to: To, record: JobRecord | null): State {
  const { rules, watch } = world;
  watch.require(!worker.applied, "S9 answers are true", "its change was reported lost", state.rolledBack);
  if (record === null || rules.lostLease === "ack") return acknowledge(world, state, worker, to);
  return judged(world, state, worker, to, record);
}

/** A worker that takes whatever it finds and believes that the claim is its own. */
function pretend({ rules }: World, now: Snapshot, { token }: Actor): Snapshot {
  const { record, cursors } = now;
  if (record.status === "PROCESSING") return { record: { ...record, token }, cursors };
  if (rules.workerGuard !== "none") return now;
  return { record: { ...record, status: "PROCESSING", token }, cursors };
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
  // Gone: the outcome was another's.
  if (state.row === null) return to(giveBack(state, worker), IDLE);
  const item = { id: "job", token: worker.token!, leaseMs: TICKS.lease };
  const { row, result } = world.rules.applyBeat(state.row, item, NOW);
  if (result.status === "ok") return put(world, state, row);
  return judged(world, state, worker, to, row.record);
}
