import { codeOf } from "../context.js";
import type { Logger } from "../../environment/logger.js";

/** Work under way that nobody awaits by itself. */
export interface Tasks {
  /** Never rejects; what goes wrong is logged. */
  add(what: string, work: Promise<unknown>): void;
  /** Resolves when nothing is under way, with what was added meanwhile. */
  idle(): Promise<void>;
}

export function createTasks(logger: Logger): Tasks {
  let underWay = 0;
  let waiting: (() => void)[] = [];

  const ended = (): void => {
    underWay -= 1;
    if (underWay > 0) return;
    for (const resolve of waiting) resolve();
    waiting = [];
  };

  return {
    add(what, work) {
      underWay += 1;
      work.then(ended, (error: unknown) => {
        logger.error(`${what} failed`, { code: codeOf(error) });
        ended();
      });
    },
    async idle() {
      // What ends may have been followed by more in the same turn.
      while (underWay > 0)
        await new Promise<void>((resolve) => {
          waiting.push(resolve);
        });
    },
  };
}
