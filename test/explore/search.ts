import { isSettled } from "../../src/core/decide/change/wake.js";
import { Encoder } from "./model/encode.js";
import { reconcilerSteps, relaySteps } from "./model/reconciler.js";
import { GONE, IDLE, type State } from "./model/state.js";
import { sparing } from "./model/spare.js";
import { storeSteps } from "./model/store.js";
import { cancellerSteps, submitterSteps, undertakerSteps } from "./model/submitter.js";
import { tick, timeMatters } from "./model/time.js";
import type { Setup, Step, World } from "./model/world.js";
import { workerSteps } from "./model/worker.js";
import { Violation } from "./monitors.js";
import { Edges, Visited } from "./visited.js";

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

export interface Limits {
  readonly states: number;
  /**
   * Up to this depth each state is asked at once whether it can end, by walking on without faults. What is stuck early is
   * found so in a fraction of the states that there are.
   */
  readonly askedWithin?: number;
}

/** Before anything happened. */
export function initial({ workers, reconcilers, relays, budget }: Setup): State {
  const idle = (count: number) => Array.from({ length: count }, () => IDLE);
  return {
    ...{ row: null, gone: false, queue: [], deadLetters: [], backup: null, delivered: 0 },
    ...{ rolledBack: false, left: budget, submitter: IDLE, canceller: IDLE, undertaker: IDLE },
    ...{ workers: idle(workers), reconcilers: idle(reconcilers), relays: idle(relays) },
  };
}

/** Everything that can happen next. Of several that idle alike one steps: whoever it is, the rest is the same. */
export function stepsFrom(world: World, state: State): readonly Step[] {
  const steps: Step[] = [];
  const emit = (name: string, take: () => State, fault = false): void => {
    steps.push({ name, take: () => sparing(world, take()), fault });
  };
  submitterSteps(world, state, emit);
  cancellerSteps(world, state, emit);
  undertakerSteps(world, state, emit);
  state.workers.forEach((worker, index) => {
    if (worker !== IDLE || state.workers.indexOf(IDLE) === index) workerSteps(world, state, index, emit);
  });
  state.reconcilers.forEach((actor, index) => {
    if (actor !== IDLE || state.reconcilers.indexOf(IDLE) === index) {
      reconcilerSteps(world, state, index, emit);
    }
  });
  state.relays.forEach((actor, index) => {
    if (actor !== IDLE || state.relays.indexOf(IDLE) === index) relaySteps(world, state, index, emit);
  });
  storeSteps(world, state, emit);
  if (timeMatters(state)) emit("time passes", () => tick(state));
  return steps;
}

/** Settled, and gone after that; or nothing was ever recorded, and whoever would have done it is gone. */
function isOver({ row, gone, submitter }: State): boolean {
  if (row === null) return gone || submitter.at === GONE.at;
  return isSettled(row) && row.record.wakeAt === null;
}

interface Known {
  readonly id: number;
  readonly state: State;
}

/** Breadth first over every reachable state, so that a counterexample is a shortest one. */
export function search(world: World, limits: Limits): Report {
  const began = performance.now();
  const encoder = new Encoder(world);
  const ends = new Ends(world);
  const visited = new Visited();
  const edges = new Edges();
  const over: number[] = [];
  let transitions = 0;
  let depth = 0;
  const report = (finding: Finding | null, complete = true): Report => {
    return { states: visited.size, transitions, depth, complete, ms: performance.now() - began, finding };
  };
  const first = initial(world.setup);
  visited.add(encoder.encode(first), 0);
  let frontier: Known[] = [{ id: 0, state: first }];
  while (frontier.length > 0) {
    const next: Known[] = [];
    for (const { id, state } of frontier) {
      if (isOver(state)) over.push(id);
      if (depth <= (limits.askedWithin ?? -1) && !ends.reachableFrom(state)) {
        return report({ what: "stuck", steps: pathTo(world, visited, id) }, false);
      }
      encoder.expand(state);
      edges.next();
      for (const step of stepsFrom(world, state)) {
        let after: State;
        try {
          after = step.take();
        } catch (error) {
          if (!(error instanceof Violation)) throw error;
          return report({ what: error.message, steps: [...pathTo(world, visited, id), step.name] }, false);
        }
        transitions += 1;
        const before = visited.size;
        const target = visited.add(encoder.encode(after), id);
        if (target === before) {
          if (target >= limits.states) return report(null, false);
          next.push({ id: target, state: after });
        }
        if (!step.fault && target !== id) edges.add(target);
      }
    }
    if (next.length > 0) depth += 1;
    frontier = next;
  }
  const dead = edges.firstThatCannotReach(over);
  return report(dead === null ? null : { what: "stuck", steps: pathTo(world, visited, dead) });
}

/** Whether a state leads to a settled record by steps that are not faults. */
class Ends {
  readonly #world: World;
  readonly #encoder: Encoder;
  /** Texts of states that do. */
  readonly #live = new Set<string>();

  constructor(world: World) {
    this.#world = world;
    this.#encoder = new Encoder(world);
  }

  reachableFrom(start: State): boolean {
    const parents = new Map<string, string | null>([[this.#encoder.encode(start), null]]);
    const open: State[] = [start];
    for (let state = open.pop(); state !== undefined; state = open.pop()) {
      const text = this.#encoder.encode(state);
      if (isOver(state) || this.#live.has(text)) {
        for (let at: string | null = text; at !== null; at = parents.get(at) ?? null) this.#live.add(at);
        return true;
      }
      for (const step of stepsFrom(this.#world, state)) {
        const after = step.fault ? null : takenSafely(step);
        if (after === null) continue;
        const reached = this.#encoder.encode(after);
        if (parents.has(reached)) continue;
        parents.set(reached, text);
        open.push(after);
      }
    }
    return false;
  }
}

/** The steps to a state: walked again from the start, since only their ends were kept. */
function pathTo(world: World, visited: Visited, id: number): readonly string[] {
  const encoder = new Encoder(world);
  const names: string[] = [];
  let state = initial(world.setup);
  for (const target of visited.pathTo(id).slice(1)) {
    const found = stepsFrom(world, state)
      .map((step) => ({ name: step.name, after: takenSafely(step) }))
      .find(({ after }) => after !== null && visited.find(encoder.encode(after)) === target);
    // Two states of one text had different steps: the encoding leaves out something that counts.
    if (found === undefined || found.after === null)
      throw new Error(`the path cannot be walked again after: ${names.join("; ")}`);
    names.push(found.name);
    state = found.after;
  }
  return names;
}

/** A step beside the path may break an invariant too. */
function takenSafely({ take }: Step): State | null {
  try {
    return take();
  } catch (error) {
    if (error instanceof Violation) return null;
    throw error;
  }
}
