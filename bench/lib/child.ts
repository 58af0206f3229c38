// A process that measures: does one task with one contestant, answers and ends.
import {
  type Contestant,
  openContestant,
  payloadOf,
  payloads,
  type WorkMode,
  type Working,
} from "./contestant.js";
import { type Answer, type Message, monotonicMs, type Task } from "./tasks.js";

type TaskOf<Do extends Task["do"]> = Extract<Task, { do: Do }>;

/** Time and processor from here on. */
function stopwatch(): (jobs: number, latenciesMs?: readonly number[]) => Answer {
  const before = process.cpuUsage();
  const startedAtMs = monotonicMs();
  return (jobs, latenciesMs = []) => {
    const endedAtMs = monotonicMs();
    const { user, system } = process.cpuUsage(before);
    return { startedAtMs, endedAtMs, jobs, latenciesMs, cpuMs: (user + system) / 1_000, done: null };
  };
}

async function submitAll(to: Contestant, jobs: number, inFlight: number): Promise<void> {
  let next = 0;
  const caller = async (): Promise<void> => {
    while (next < jobs) {
      const i = next;
      next += 1;
      await to.submit(payloadOf(i));
    }
  };
  await Promise.all(Array.from({ length: Math.min(inFlight, jobs) }, caller));
}

async function submit(to: Contestant, { jobs, warmUp, inFlight }: TaskOf<"submit">): Promise<Answer> {
  await submitAll(to, warmUp, inFlight);
  await startingGun();
  const taken = stopwatch();
  await submitAll(to, jobs, inFlight);
  return taken(jobs);
}

/** Works until so many outcomes are recorded; times those behind the warm-up. */
async function untilRecorded(
  to: Contestant,
  mode: WorkMode,
  { jobs, warmUp }: { readonly jobs: number; readonly warmUp: number },
): Promise<{ readonly working: Working; readonly answer: Promise<Answer> }> {
  let recorded = 0;
  let warm = 0;
  let taken = warmUp === 0 ? stopwatch() : null;
  let finish: (answer: Answer) => void = () => undefined;
  const answer = new Promise<Answer>((resolve) => (finish = resolve));
  const working = await to.work(mode, (count) => {
    recorded += count;
    if (taken === null && recorded >= warmUp) {
      warm = recorded;
      taken = stopwatch();
    }
    if (taken !== null && recorded >= warmUp + jobs) finish(taken(recorded - warm));
  });
  return { working, answer };
}

async function work(to: Contestant, task: TaskOf<"work">): Promise<Answer> {
  if (task.load) await to.load(payloads(0, task.jobs + task.warmUp));
  const { working, answer } = await untilRecorded(to, task.mode, task);
  say({ say: "ready" });
  const measured = await answer;
  await working.stop();
  return measured;
}

async function both(to: Contestant, { mode, jobs, warmUp, inFlight }: TaskOf<"both">): Promise<Answer> {
  const { working, answer } = await untilRecorded(to, mode, { jobs, warmUp });
  const [measured] = await Promise.all([answer, submitAll(to, jobs + warmUp, inFlight)]);
  await working.stop();
  return measured;
}

async function single(to: Contestant, { mode, jobs, warmUp }: TaskOf<"single">): Promise<Answer> {
  let recorded: () => void = () => undefined;
  const working = await to.work(mode, () => {
    recorded();
  });
  const one = async (i: number): Promise<number> => {
    const end = new Promise<void>((resolve) => (recorded = resolve));
    const submittedAtMs = monotonicMs();
    await to.submit(payloadOf(i));
    await end;
    return monotonicMs() - submittedAtMs;
  };
  for (let i = 0; i < warmUp; i += 1) await one(i);
  const taken = stopwatch();
  const latenciesMs: number[] = [];
  for (let i = 0; i < jobs; i += 1) latenciesMs.push(await one(i));
  const measured = taken(jobs, latenciesMs);
  await working.stop();
  return measured;
}

async function carryOut(to: Contestant, task: Task): Promise<Answer> {
  const taken = stopwatch();
  switch (task.do) {
    case "prepare":
      await to.prepare();
      return taken(0);
    case "load":
      await to.load(payloads(0, task.jobs));
      return taken(task.jobs);
    case "count":
      return { ...taken(0), done: await to.done() };
    case "submit":
      return submit(to, task);
    case "work":
      return work(to, task);
    case "both":
      return both(to, task);
    case "single":
      return single(to, task);
  }
}

function say(message: Message): void {
  process.send?.(message);
}

/** Where two processes start together, the parent says when. */
async function startingGun(): Promise<void> {
  say({ say: "ready" });
  await new Promise((resolve) => process.once("message", resolve));
}

const task = await new Promise<Task>((resolve) => process.once("message", resolve));
const contestant = await openContestant(task.module, task.place);
const answer = await carryOut(contestant, task);
say({ say: "done", answer });
// A peer that does not end by itself must not keep the benchmark waiting.
setTimeout(() => process.exit(), 2_000).unref();
await contestant.close();
if (process.connected) process.disconnect();
