import { World } from "../simulate/world.js";

/**
 * A world that stands still while a real server answers. Its steps and its time are the simulated ones as before: what a
 * server takes of real time is no time in it, and nothing else happens meanwhile. So a run goes the same way on every
 * machine, whatever the store is.
 */
export class WaitingWorld extends World {
  readonly #open = new Set<Promise<unknown>>();

  /** Tells the world of a call that it has to wait for. */
  awaited<T>(call: Promise<T>): Promise<T> {
    const settled: Promise<unknown> = call.catch(() => undefined).finally(() => this.#open.delete(settled));
    this.#open.add(settled);
    return call;
  }

  override async run(enough: () => boolean): Promise<void> {
    for (;;) {
      await super.run(() => this.#open.size > 0 || enough());
      if (this.#open.size === 0) return;
      await Promise.all(this.#open);
    }
  }
}
