import type { StoredRow } from "../../../src/adapters/memory/store-semantics.js";
import { isSettled } from "../../../src/core/decide/change/wake.js";
import { decodeHistory } from "../../../src/core/job/history.js";
import { NOW } from "./rules.js";
import { type Actor, type State, withoutMessage } from "./state.js";
import { type Emit, may, type World } from "./world.js";

/** What becomes of messages and records by themselves. */
export function storeSteps(world: World, state: State, emit: Emit): void {
  if (may(world, "loss")) {
    for (const dispatch of state.queue) {
      const queue = withoutMessage(state.queue, dispatch);
      emit(`message ${dispatch} is lost`, () => ({ ...state, queue }), true);
    }
  }
  const { row } = state;
  if (row === null) return;
  if (world.setup.purge && isPurgeable(state, row)) {
    emit("the job is purged", () => ({ ...state, row: null, gone: true }));
  }
  if (may(world, "rollback") && !state.rolledBack) rollback(state, row, emit);
}

/** Settled jobs are kept far longer than anybody asks again whether a job was created. */
function isPurgeable({ submitter }: State, row: StoredRow): boolean {
  const { purgeAt } = row.record;
  return purgeAt !== null && purgeAt <= NOW && isSettled(row) && submitter.at !== "unsure";
}

/** Once, from any point on, what is acknowledged is lost at any later point. */
function rollback(state: State, row: StoredRow, emit: Emit): void {
  const { backup } = state;
  if (backup === null) {
    emit("from here on the store forgets", () => ({ ...state, backup: row }), true);
    return;
  }
  emit("the store loses what it acknowledged", () => backTo(state, backup), true);
}

/** A change that was lost has not happened: made again, it takes effect once. */
function backTo(state: State, backup: StoredRow): State {
  const kept = new Set(decodeHistory(backup.record.history).map((entry) => entry.transitionId));
  const told = (actor: Actor): Actor =>
    actor.applied ? { ...actor, applied: actor.change !== null && kept.has(actor.change) } : actor;
  return {
    ...state,
    ...{ row: backup, backup: null, rolledBack: true },
    ...{ submitter: told(state.submitter), canceller: told(state.canceller) },
    workers: state.workers.map(told),
  };
}
