import { distinct, duration, type Fault, numbers } from "../fault.js";
import type { Stage, Worker } from "../stage.js";

const JOBS = 20;
const LIMIT_MS = 150_000;
const ANSWER_MS = 20_000;
/** A peer that lets locks go after hours may look for them once a minute. */
const LAPSED_MS = 75_000;

interface KilledWorker {
  readonly jobs: number;
  /** Begun again by another worker within the limit. */
  readonly again: number;
  readonly firstMs: number | null;
  readonly lastMs: number | null;
  readonly limitMs: number;
  /** All of them, once the peer's own limit was set back; `null`: that was not needed. */
  readonly onceLapsed: number | null;
  readonly [fact: string]: number | null;
}

async function run(stage: Stage): Promise<KilledWorker> {
  const { side, worker, until, nowMs } = stage;
  await side.prepare();
  const first = await worker("A", { concurrency: JOBS, runs: "held" });
  for (const n of numbers(JOBS)) await side.add(n);
  await until(() => distinct(first.begun) === JOBS, ANSWER_MS);
  const second = await worker("B", { concurrency: JOBS, runs: "at once" });
  first.kill();
  const killedAtMs = nowMs();
  // Nobody waits for hours: one minute shows that it does not come sooner.
  const limitMs = side.lapse === null ? LIMIT_MS : LIMIT_MS / 2.5;
  await until(() => distinct(second.begun) === JOBS, limitMs);
  const times = second.begun.map(({ atMs }) => atMs - killedAtMs);
  const again = distinct(second.begun);
  return {
    jobs: JOBS,
    again,
    firstMs: times.length === 0 ? null : Math.min(...times),
    lastMs: times.length === 0 ? null : Math.max(...times),
    limitMs,
    onceLapsed: again === JOBS ? null : await onceLapsed(stage, second),
  };
}

async function onceLapsed({ side, worker, until }: Stage, second: Worker): Promise<number | null> {
  if (side.lapse === null) return null;
  await side.lapse();
  const third = await worker("C", { concurrency: JOBS, runs: "at once" });
  const both = (): number => distinct([...second.begun, ...third.begun]);
  await until(() => both() === JOBS, LAPSED_MS);
  return both();
}

export const killedWorker: Fault<KilledWorker> = {
  name: "killed-worker",
  title: "SIGKILL of the worker",
  how: `A worker that holds ${JOBS} jobs is killed; another one is there. Counted is what it begins again, and when.`,
  run,
  judge: ({ jobs, again, firstMs, lastMs, limitMs, onceLapsed: late }) => {
    if (again === jobs)
      return {
        verdict: "holds",
        text: `${jobs} of ${jobs} run again after ${duration(firstMs ?? 0)} to ${duration(lastMs ?? 0)}`,
      };
    const soon = `${again} of ${jobs} run again within ${duration(limitMs)}`;
    return late === jobs
      ? { verdict: "partly", text: `${soon}; all of them after 4 h (set back)` }
      : { verdict: "breaks", text: soon };
  },
};
