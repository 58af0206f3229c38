import type { Run, Work } from "./system.js";

/** One execution of a job's work, which ends when the scenario says so. */
export interface Execution extends Run {
  readonly ended: boolean;
  succeed(output?: string): void;
  fail(): void;
}

/** Where work is done: every execution is seen, and stays open until it is ended. */
export class Workshop {
  readonly executions: Execution[] = [];
  /** The most executions of one job that were open at once. */
  most = 0;

  /** Work that waits to be ended. */
  readonly open: Work = (run) =>
    new Promise((resolve, reject) => {
      const state = { ended: false };
      this.executions.push({
        ...run,
        get ended() {
          return state.ended;
        },
        succeed: (output = `by ${run.by}`) => {
          state.ended = true;
          resolve(output);
        },
        fail: () => {
          state.ended = true;
          reject(new Error("the work failed"));
        },
      });
      this.most = Math.max(this.most, this.running(run.jobId).length);
    });

  /** Work that is done at once. */
  readonly quick: Work = async (run) => {
    const working = this.open(run);
    this.executions.at(-1)?.succeed();
    return working;
  };

  of(jobId: string): readonly Execution[] {
    return this.executions.filter((one) => one.jobId === jobId);
  }

  running(jobId: string): readonly Execution[] {
    return this.of(jobId).filter((one) => !one.ended);
  }

  by(name: string): Execution | undefined {
    return this.executions.find((one) => one.by === name);
  }
}

/** A step of a story that must have come about, or the story tells nothing. */
export function must(condition: boolean, step: string): void {
  if (!condition) throw new Error(`The story did not come about: ${step}.`);
}
