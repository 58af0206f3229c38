import { Chance } from "./store-suite/model/chance.js";

/** One turn of the event loop. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Waits that a seed chooses: none, a few steps of promises, a few turns of the event loop. */
export class Interleaving {
  readonly #chance: Chance;

  constructor(seed: number) {
    this.#chance = new Chance(seed);
  }

  async pause(): Promise<void> {
    const steps = this.#chance.below(4);
    if (this.#chance.oneIn(2)) for (let step = 0; step < steps; step += 1) await Promise.resolve();
    else for (let turn = 0; turn < steps; turn += 1) await nextTurn();
  }
}
