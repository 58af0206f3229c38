import { isSettled } from "../../src/core/decide/wake.js";
import { encode } from "./model/encode.js";
import { reconcilerSteps, relaySteps } from "./model/reconciler.js";
import { GONE, IDLE, type State } from "./model/state.js";
import { cancellerSteps, submitterSteps, undertakerSteps } from "./model/submitter.js";
import { tick, timeMatters } from "./model/time.js";
import { may, type Setup, type Step, type World } from "./model/world.js";
import { workerSteps } from "./model/worker.js";
import { Violation } from "./monitors.js";

export interface Finding {
  /** The broken invariant; `stuck`: from this state no step that is not a fault leads to a settled record. */
  readonly what: string;
  readonly steps: readonly string[];
}

export interface Report {
  readonly states: number;
  readonly transitions: number;
  readonly depth: number;
  /** Every reachable state was visited. */
  readonly complete: boolean;
  readonly ms: number;
  /** `null`: safe, and live where the search is complete. */
  readonly finding: Finding | null;
}

/** Before anything happened. */
function initial({ workers, reconcilers, relays, budget }: Setup): State {
  const idle = (count: number) => Array.from({ length: count }, () => IDLE);
  return {
    ...{ row: null, queue: [], deadLetters: [], backup: null, delivered: 0, rolledBack: false, left: budget },
    ...{ submitter: IDLE, canceller: IDLE, undertaker: IDLE },
    ...{ workers: idle(workers), reconcilers: idle(reconcilers), relays: idle(relays) },
  };
}

/** Everything that can happen next. */
function stepsFrom(world: World, state: State): readonly Step[] {
  const steps: Step[] = [];
  const emit = (name: string, take: () => State, fault = false): void => {
    steps.push({ name, take, fault });
  };
  submitterSteps(world, state, emit);
  cancellerSteps(world, state, emit);
  undertakerSteps(world, state, emit);
  state.workers.forEach((_, index) => {
    if (state.row !== null) workerSteps(world, state, index, emit);
  });
  state.reconcilers.forEach((_, index) => {
    reconcilerSteps(world, state, index, emit);
  });
  state.relays.forEach((_, index) => {
    relaySteps(world, state, index, emit);
  });
  storeSteps(world, state, emit);
  if (timeMatters(state)) emit("time passes", () => tick(state));
  return steps;
}

function storeSteps(
  world: World,
  state: State,
  emit: (name: string, take: () => State, fault?: boolean) => void,
): void {
  if (may(world, "loss")) {
    for (const dispatch of state.queue) {
      const queue = state.queue.filter((each) => each !== dispatch);
      emit(`message ${dispatch} is lost`, () => ({ ...state, queue }), true);
    }
  }
  const { backup, row } = state;
  if (!may(world, "rollback") || row === null || state.rolledBack) return;
  if (backup === null) emit("from here on the store forgets", () => ({ ...state, backup: row }), true);
  else
    emit(
      "the store loses what it acknowledged",
      () => ({ ...state, row: backup, backup: null, rolledBack: true }),
      true,
    );
}

/** Settled; or nothing was ever recorded, and whoever would have done it is gone. */
function isOver({ row, submitter }: State): boolean {
  if (row === null) return submitter.at === GONE.at;
  return isSettled(row) && row.record.wakeAt === null;
}

/** Breadth first over every reachable state, so that a counterexample is a shortest one. */
export function search(world: World, limits: { readonly states: number }): Report {
  const began = performance.now();
  const ids = new Map<string, number>();
  const parents: number[] = [];
  const names: string[] = [];
  const over: number[] = [];
  const edges = new Edges();
  let transitions = 0;
  let depth = 0;
  const path = (id: number, last?: string): readonly string[] => {
    const steps = last === undefined ? [] : [last];
    for (let at = id; at > 0; at = parents[at]!) steps.push(names[at]!);
    return steps.reverse();
  };
  const report = (finding: Finding | null, complete = true): Report => {
    return { states: ids.size, transitions, depth, complete, ms: performance.now() - began, finding };
  };
  const first = initial(world.setup);
  ids.set(encode(first), 0);
  parents.push(0);
  names.push("");
  let frontier: { readonly id: number; readonly state: State }[] = [{ id: 0, state: first }];
  while (frontier.length > 0) {
    const next: typeof frontier = [];
    for (const { id, state } of frontier) {
      if (isOver(state)) over.push(id);
      for (const step of stepsFrom(world, state)) {
        let after: State;
        try {
          after = step.take();
        } catch (error) {
          if (error instanceof Violation) return report({ what: error.message, steps: path(id, step.name) });
          throw error;
        }
        transitions += 1;
        const key = encode(after);
        let target = ids.get(key);
        if (target === undefined) {
          if (ids.size >= limits.states) return report(null, false);
          target = ids.size;
          ids.set(key, target);
          parents.push(id);
          names.push(step.name);
          next.push({ id: target, state: after });
        }
        if (!step.fault && target !== id) edges.add(id, target);
      }
    }
    if (next.length > 0) depth += 1;
    frontier = next;
  }
  const dead = edges.firstThatCannotReach(over, ids.size);
  return report(dead === null ? null : { what: "stuck", steps: path(dead) });
}

/** The steps that are not faults, kept to be walked backwards. */
class Edges {
  #from: Int32Array = new Int32Array(1 << 16);
  #to: Int32Array = new Int32Array(1 << 16);
  #count = 0;

  add(from: number, to: number): void {
    if (this.#count === this.#from.length) {
      this.#from = grown(this.#from);
      this.#to = grown(this.#to);
    }
    this.#from[this.#count] = from;
    this.#to[this.#count] = to;
    this.#count += 1;
  }

  /** Ids rise with the depth: the first is one with a shortest path. */
  firstThatCannotReach(targets: readonly number[], states: number): number | null {
    const heads = new Int32Array(states).fill(-1);
    const chain = new Int32Array(this.#count);
    for (let edge = 0; edge < this.#count; edge += 1) {
      const to = this.#to[edge]!;
      chain[edge] = heads[to]!;
      heads[to] = edge;
    }
    const reaches = new Uint8Array(states);
    const open = [...targets];
    for (const target of targets) reaches[target] = 1;
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      for (let edge = heads[at]!; edge >= 0; edge = chain[edge]!) {
        const from = this.#from[edge]!;
        if (reaches[from] === 1) continue;
        reaches[from] = 1;
        open.push(from);
      }
    }
    const dead = reaches.indexOf(0);
    return dead < 0 ? null : dead;
  }
}

function grown(array: Int32Array): Int32Array {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}
