// A store that lives in one process cannot be shared by others, so its workers live there too. A life is crashed as the
// simulation crashes a process: none of its calls, answers and timers gets through any more.
import type { Clock, Logger, Store } from "waybill";
import { sleep } from "../../src/core/environment/clock.js";
import { interceptStore } from "../../src/testing/faults/intercept-store.js";
import { effectLog } from "./effects.js";
import { eventLog } from "./file-notifier.js";
import { startLife } from "./life.js";
import { PACE } from "./pace.js";
import type { Random } from "./plans.js";
import { sabotaged } from "./sabotage.js";
import type { Begin, Life } from "./workers.js";

/** What everything of one life has to pass. */
class Gate {
  #state: "open" | "shut" | "gone" = "open";
  #held: (() => void)[] = [];

  /** Goes on now, when the gate opens again, or never. */
  pass(go: () => void): void {
    if (this.#state === "open") go();
    else if (this.#state === "shut") this.#held.push(go);
  }

  shut(): void {
    if (this.#state === "open") this.#state = "shut";
  }

  open(): void {
    if (this.#state !== "shut") return;
    this.#state = "open";
    for (const go of this.#held.splice(0)) this.pass(go);
  }

  /** Nothing passes any more. */
  destroy(): void {
    this.#state = "gone";
    this.#held = [];
  }
}

function clockThrough(gate: Gate): Clock {
  return {
    now: () => Date.now(),
    timer(ms, run) {
      const timer = setTimeout(() => {
        gate.pass(run);
      }, ms);
      return () => {
        clearTimeout(timer);
      };
    },
    defer(run) {
      setImmediate(() => {
        gate.pass(run);
      });
    },
  };
}

const FARTHEST_MS = 3;

/** Calls take a moment to arrive and their answers to come back, so that a crash falls between as well. */
function storeThrough(gate: Gate, store: Store, random: Random): Store {
  const travel = (go: () => void): void => {
    setTimeout(() => {
      gate.pass(go);
    }, random() * FARTHEST_MS);
  };
  const reached = interceptStore(store, <T>(_method: string, _items: number, call: () => Promise<T>) => {
    return new Promise<T>((resolve, reject) => {
      // Sent, it arrives, whatever became of its sender.
      setTimeout(() => {
        call().then(
          (value) => {
            travel(() => {
              resolve(value);
            });
          },
          (error: unknown) => {
            travel(() => {
              reject(error instanceof Error ? error : new Error(String(error)));
            });
          },
        );
      }, random() * FARTHEST_MS);
    });
  });
  // One that stops lets go of its connection only.
  return { ...reached, close: async () => undefined };
}

const quiet = (): void => undefined;
const SILENT: Logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };

/** Lives inside this process, on a store of it. */
export function innerLives(
  store: Store,
  folder: string,
  random: Random,
  sabotage: string | null = null,
): Begin {
  return (name, seed): Life => {
    const gate = new Gate();
    const clock = clockThrough(gate);
    let end: (said: string | null) => void = quiet;
    const ended = new Promise<{ readonly said: string | null }>((resolve) => {
      end = (said) => {
        resolve({ said });
      };
    });
    const opened = { store: storeThrough(gate, store, random), close: async () => undefined };
    const parts = sabotaged(sabotage, opened, eventLog(folder));
    const { working, stop } = startLife({
      life: name,
      folder,
      seed,
      ...parts,
      pace: PACE,
      clock,
      effects: effectLog(folder, name),
      sleep: (ms, signal) => sleep(clock, ms, signal, true),
      logger: SILENT,
    });
    working.then(
      () => {
        end(null);
      },
      (error: unknown) => {
        end(String(error));
      },
    );
    return {
      name,
      ready: Promise.resolve(),
      kill: () => {
        gate.destroy();
        end(null);
      },
      freeze: () => {
        gate.shut();
      },
      thaw: () => {
        gate.open();
      },
      stop: () => void stop(),
      ended,
    };
  };
}
