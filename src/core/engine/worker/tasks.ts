import type { Logger } from "../../logger.js";
import { codeOf } from "./text.js";

/** Work under way that nobody awaits by itself. */
export interface Tasks {
  /** Never rejects; what goes wrong is logged. */
  add(what: string, work: Promise<unknown>): void;
  /** Resolves when nothing is under way, with what was added meanwhile. */
  idle(): Promise<void>;
}

export function createTasks(logger: Logger): Tasks {
  const underWay = new Set<Promise<void>>();
  return {
    add(what, work) {
      const task = work.then(
        () => undefined,
        (error: unknown) => {
          logger.error(`${what} failed`, { code: codeOf(error) });
        },
      );
      underWay.add(task);
      void task.then(() => underWay.delete(task));
    },
    async idle() {
      while (underWay.size > 0) await Promise.all(underWay);
    },
  };
}
