// A process that measures: does one task with one contestant, answers and ends.
import {
  type Contestant,
  onStart,
  openContestant,
  payloadOf,
  payloads,
  type WorkMode,
  type Working,
} from "./contestant.js";
import { type Answer, type Message, monotonicMs, type Task } from "./tasks.js";

/** Long enough for a worker to run dry. */
const PAUSE_MS = 20;

type TaskOf<Do extends Task["do"]> = Extract<Task, { do: Do }>;

/** Time and processor from here on. */
function stopwatch(): (jobs: number, latenciesMs?: readonly number[]) => Answer {
  const before = process.cpuUsage();
  const startedAtMs = monotonicMs();
  return (jobs, latenciesMs = []) => {
    const endedAtMs = monotonicMs();
    const { user, system } = process.cpuUsage(before);
    const cpuMs = (user + system) / 1_000;
    return { startedAtMs, endedAtMs, jobs, latenciesMs, instantsMs: [], storedMs: [], cpuMs, done: null };
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

/** Each job is submitted into an idle system, at no fixed distance from the one before. */
async function drip(to: Contestant, { jobs, warmUp }: TaskOf<"drip">): Promise<Answer> {
  await startingGun();
  const taken = stopwatch();
  const instantsMs: number[] = [];
  for (let i = 0; i < warmUp + jobs; i += 1) {
    await pause(PAUSE_MS * (0.5 + ((i * 7) % 10) / 10));
    const stored = new Promise((resolve) => process.once("message", resolve));
    instantsMs.push(monotonicMs());
    await to.submit(payloadOf(i));
    await stored;
  }
  return { ...taken(jobs), instantsMs };
}

/** Who is late catches up: a job's wait counts from when it should have been submitted. */
async function pace(to: Contestant, { jobs, warmUp, perSecond }: TaskOf<"pace">): Promise<Answer> {
  await startingGun();
  const taken = stopwatch();
  const instantsMs: number[] = [];
  const beganMs = monotonicMs();
  const underWay: Promise<void>[] = [];
  while (instantsMs.length < warmUp + jobs) {
    const dueMs = beganMs + (instantsMs.length / perSecond) * 1_000;
    const waitMs = dueMs - monotonicMs();
    if (waitMs > 0) {
      await pause(waitMs);
      continue;
    }
    underWay.push(to.submit(payloadOf(instantsMs.length)));
    instantsMs.push(dueMs);
  }
  await Promise.all(underWay);
  return { ...taken(jobs), instantsMs };
}

async function serve(to: Contestant, { mode, jobs, warmUp }: TaskOf<"serve">): Promise<Answer> {
  const instantsMs: number[] = [];
  const begun: number[] = [];
  const storedMs: number[] = [];
  onStart((i) => {
    if (instantsMs[i] !== undefined) return;
    instantsMs[i] = monotonicMs();
    begun.push(i);
  });
  let finish: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => (finish = resolve));
  let recorded = 0;
  const taken = stopwatch();
  const working = await to.work(mode, (count) => {
    const now = monotonicMs();
    for (const i of begun.slice(recorded, recorded + count)) {
      storedMs[i] = now;
      say({ say: "stored" });
    }
    recorded += count;
    if (recorded >= warmUp + jobs) finish();
  });
  say({ say: "ready" });
  await finished;
  const measured = { ...taken(jobs), instantsMs, storedMs };
  await working.stop();
  return measured;
}

function pause(ms: number): Promise<unknown> {
  return new Promise((resolve) => setTimeout(resolve, ms));
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
    case "drip":
      return drip(to, task);
    case "pace":
      return pace(to, task);
    case "serve":
      return serve(to, task);
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
// An answer with the instants of many jobs takes a while on its way, and a channel that is closed before carries nothing.
await new Promise((resolve) => process.send?.({ say: "done", answer } satisfies Message, resolve));
// A peer that does not end by itself must not keep the benchmark waiting.
setTimeout(() => process.exit(), 2_000).unref();
await contestant.close();
if (process.connected) process.disconnect();
