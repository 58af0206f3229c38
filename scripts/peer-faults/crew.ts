import type { Begun, Plan, Stage, Worker } from "./stage.js";

const LOOK_MS = 500;
const RESTART_MS = 500;

/** A worker process, and another one whenever it ended by itself, as a supervisor has it. */
export interface Crew {
  begun(): readonly Begun[];
  /** How many processes ended by themselves. */
  ended(): number;
  finish(): void;
  dismiss(): void;
}

export async function crewOf({ worker, pause }: Stage, plan: Plan): Promise<Crew> {
  const workers: Worker[] = [await worker("A", plan)];
  let isFinished = false;
  let isDismissed = false;
  const isOnDuty = (): boolean => !isDismissed;
  const look = async (): Promise<void> => {
    while (isOnDuty()) {
      await pause(LOOK_MS);
      if (!isOnDuty() || workers.at(-1)?.hasEnded !== true) continue;
      await pause(RESTART_MS);
      const next = await worker(`A${workers.length}`, plan).catch(() => null);
      if (next === null) continue;
      workers.push(next);
      if (isFinished) next.finish();
    }
  };
  void look();
  return {
    begun: () => workers.flatMap(({ begun }) => begun),
    ended: () => workers.length - 1,
    finish: () => {
      isFinished = true;
      for (const one of workers) one.finish();
    },
    dismiss: () => {
      isDismissed = true;
    },
  };
}

/** How often the process ended, for the table; nothing where it did not. */
export function endedText(times: number): readonly string[] {
  return times === 0 ? [] : [`the worker's process ended ${times} × and was started again`];
}
