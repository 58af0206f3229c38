import { join } from "node:path";
import type { Place } from "./contestant.js";
import type { Engine, Entry, Measure, Meter, Stage } from "./engine.js";
import { BUILT, run, start } from "./run-task.js";
import { quantile } from "./statistics.js";
import type { Answer } from "./tasks.js";

/** How much is measured. */
export interface Sizes {
  readonly jobs: number;
  readonly warmUp: number;
  readonly singles: number;
  /** How long `steady` lasts. */
  readonly steadyS: number;
  readonly rounds: number;
  /** Settled jobs that are stored already: few, and many. */
  readonly growth: readonly [few: number, many: number];
}

/** The sizes for an engine that takes a share of the jobs. */
export function sharedOut(sizes: Sizes, share: number): Sizes {
  const of = (count: number): number => Math.ceil(count * share);
  return {
    ...sizes,
    jobs: of(sizes.jobs),
    warmUp: of(sizes.warmUp),
    singles: Math.min(sizes.singles, of(sizes.jobs)),
  };
}

/** What one run of one measure came to. */
export interface Sample {
  /** Jobs a second, or milliseconds where one job is timed. */
  readonly value: number;
  /** Of the process that worked, or submitted. */
  readonly cpuUsPerJob: number;
  /** What else was found, by what it is called in the table. */
  readonly facts: Readonly<Record<string, number>>;
}

const IN_FLIGHT = 100;

interface Means {
  readonly engine: Engine;
  readonly entry: Entry;
  readonly stage: Stage;
  readonly sizes: Sizes;
}

/** One run of one measure, on empty storage and in fresh processes. */
export async function sample(measure: Exclude<Measure, "growth">, means: Means): Promise<Sample> {
  const { engine } = means;
  switch (measure) {
    case "submit":
      return submitted(means);
    case "process":
      return processed(means, means.entry.ahead);
    case "strict":
      return processed(means, { ...means.entry.ahead, ahead: 0 });
    case "open":
      return engine.embedded ? openInOneProcess(means) : openInTwo(means);
    case "alone":
      return alone(means);
    case "single":
      return single(means);
    case "steady":
      return steady(means);
  }
}

function taskFor(
  { entry, stage }: Means,
  more: Place = {},
): { readonly module: string; readonly place: Place } {
  return { module: join(BUILT, `contestants/${entry.contestant}.mjs`), place: { ...stage.place, ...more } };
}

function jobsOf({ entry, sizes }: Means, measure: Measure): number {
  return entry.slowIn.includes(measure) ? Math.ceil(sizes.jobs / 5) : sizes.jobs;
}

function rateOf({ jobs, startedAtMs, endedAtMs, cpuMs }: Answer, facts: Sample["facts"] = {}): Sample {
  return {
    value: (jobs / (endedAtMs - startedAtMs)) * 1_000,
    cpuUsPerJob: (cpuMs * 1_000) / jobs,
    facts,
  };
}

/** What the server spent on each of so many jobs meanwhile. Read when the processes have ended, which then have told all. */
async function metered<T>(
  { stage }: Means,
  jobs: number,
  run: () => Promise<T>,
): Promise<{ readonly result: T; readonly facts: Sample["facts"] }> {
  const before = await stage.meter();
  const result = await run();
  const after = await stage.meter();
  const facts: Record<string, number> = {};
  for (const [name, unit, of] of METERS) {
    const [from, to] = [before[of], after[of]];
    if (from !== undefined && to !== undefined) facts[name] = ((to - from) * unit) / jobs;
  }
  return { result, facts };
}

const METERS: readonly (readonly [name: string, unit: number, of: keyof Meter])[] = [
  ["server CPU µs", 1_000, "serverCpuMs"],
  ["WAL bytes", 1, "walBytes"],
  ["index entries", 1, "indexEntries"],
  ["dead tuples", 1, "deadTuples"],
];

async function submitted(means: Means): Promise<Sample> {
  const task = taskFor(means);
  if (!means.engine.embedded) await run({ ...task, do: "prepare" });
  const { warmUp } = means.sizes;
  const jobs = jobsOf(means, "submit");
  const { result, facts } = await metered(means, jobs + warmUp, () =>
    run({ ...task, do: "submit", jobs, inFlight: IN_FLIGHT, warmUp }),
  );
  return rateOf(result, facts);
}

async function processed(means: Means, mode: Entry["ahead"]): Promise<Sample> {
  const task = taskFor(means);
  const jobs = jobsOf(means, mode.ahead === 0 ? "strict" : "process");
  const { warmUp } = means.sizes;
  if (means.engine.embedded)
    return rateOf(await run({ ...task, do: "work", jobs, warmUp, mode, load: true }));
  await run({ ...task, do: "prepare" });
  await run({ ...task, do: "load", jobs: jobs + warmUp });
  await means.stage.calm();
  const { result: answer, facts } = await metered(means, jobs + warmUp, () =>
    run({ ...task, do: "work", jobs, warmUp, mode, load: false }),
  );
  const { done } = await run({ ...task, do: "count" });
  if (done !== null && done < jobs + warmUp)
    throw new Error(`${means.entry.name}: only ${done} jobs are stored as done`);
  return rateOf(answer, facts);
}

/** From the first submit to the last recorded outcome, with submitter and worker in processes of their own. */
async function openInTwo(means: Means): Promise<Sample> {
  const task = taskFor(means);
  const jobs = jobsOf(means, "open");
  // What warms the submitter up warms the worker up too.
  const warmUp = Math.ceil(means.sizes.warmUp / 4);
  await run({ ...task, do: "prepare" });
  const { result, facts } = await metered(means, jobs + warmUp, async () => {
    const worker = start({ ...task, do: "work", jobs, warmUp, mode: means.entry.ahead, load: false });
    await worker.ready;
    const submitter = start({ ...task, do: "submit", jobs, inFlight: IN_FLIGHT, warmUp });
    await submitter.ready;
    submitter.go();
    return Promise.all([worker.answer, submitter.answer]);
  });
  const [worked, sent] = result;
  const ms = worked.endedAtMs - sent.startedAtMs;
  return { value: (jobs / ms) * 1_000, cpuUsPerJob: ((worked.cpuMs + sent.cpuMs) * 1_000) / jobs, facts };
}

async function openInOneProcess(means: Means): Promise<Sample> {
  const { jobs, warmUp } = means.sizes;
  const task = taskFor(means);
  return rateOf(
    await run({ ...task, do: "both", jobs, warmUp, inFlight: IN_FLIGHT, mode: means.entry.ahead }),
  );
}

async function alone(means: Means): Promise<Sample> {
  const task = taskFor(means, { alert: "true" });
  if (!means.engine.embedded) await run({ ...task, do: "prepare" });
  const mode = { concurrency: means.entry.ahead.concurrency, ahead: 0, alert: true };
  const jobs = means.sizes.singles;
  const answer = await run({ ...task, do: "single", jobs, warmUp: Math.ceil(jobs / 10), mode });
  const latencies = [...answer.latenciesMs].sort((a, b) => a - b);
  const facts = { "p99 ms": quantile(latencies, 0.99) };
  return { value: quantile(latencies, 0.5), cpuUsPerJob: (answer.cpuMs * 1_000) / jobs, facts };
}

/** One job in flight, its submitter and its worker in processes of their own: from its submit to its start. */
async function single(means: Means): Promise<Sample> {
  const jobs = means.sizes.singles;
  return waited(means, { do: "drip", jobs, warmUp: Math.ceil(jobs / 10) });
}

/** Jobs offered at a rate that leaves everybody idle most of the time. */
async function steady(means: Means): Promise<Sample> {
  const { steadyPerSecond: perSecond } = means.engine;
  return waited(means, {
    do: "pace",
    perSecond,
    jobs: perSecond * means.sizes.steadyS,
    warmUp: perSecond,
  });
}

type Offer = { readonly jobs: number; readonly warmUp: number } & (
  { readonly do: "drip" } | { readonly do: "pace"; readonly perSecond: number }
);

async function waited(means: Means, offer: Offer): Promise<Sample> {
  const { jobs, warmUp } = offer;
  await run({ ...taskFor(means, { alert: "true" }), do: "prepare" });
  const task = taskFor(means, { alert: "true", fresh: "false" });
  const mode = { concurrency: means.entry.ahead.concurrency, ahead: 0, alert: true };
  const { result, facts } = await metered(means, jobs + warmUp, async () => {
    const worker = start({ ...task, do: "serve", mode, jobs, warmUp });
    await worker.ready;
    const submitter = start({ ...task, ...offer });
    if (offer.do === "drip") {
      worker.onStored(() => {
        submitter.go();
      });
    }
    await submitter.ready;
    submitter.go();
    return Promise.all([worker.answer, submitter.answer]);
  });
  const [worked, sent] = result;
  const after = (instants: readonly number[]): readonly number[] =>
    sent.instantsMs
      .map((from, i) => (instants[i] ?? NaN) - from)
      .slice(warmUp)
      .filter((ms) => !Number.isNaN(ms))
      .sort((a, b) => a - b);
  const [starts, stored] = [after(worked.instantsMs), after(worked.storedMs)];
  return {
    value: quantile(starts, 0.5),
    cpuUsPerJob: ((worked.cpuMs + sent.cpuMs) * 1_000) / (jobs + warmUp),
    facts: {
      "p99 ms": quantile(starts, 0.99),
      "stored p50 ms": quantile(stored, 0.5),
      "stored p99 ms": quantile(stored, 0.99),
      ...facts,
    },
  };
}

/** The rate of processing with few and with many settled jobs stored: two schemas of one server, in turn. */
export async function grown(means: Means): Promise<readonly (readonly Sample[])[]> {
  const { jobs, warmUp, rounds, growth } = means.sizes;
  const mode = means.entry.ahead;
  const places = growth.map((count, index) => {
    const schema = `settled_${index}`;
    return { count, schema, task: taskFor(means, { schema }), samples: [] as Sample[] };
  });
  for (const { count, schema, task } of places) {
    await run({ ...task, do: "prepare" });
    // One that is real, for the others to be like.
    await run({ ...task, do: "work", jobs: 1, warmUp: 0, mode, load: true });
    await means.stage.settle?.(schema, count);
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const { task, samples } of round % 2 === 0 ? places : [...places].reverse()) {
      await run({ ...task, do: "load", jobs: jobs + warmUp });
      await means.stage.calm();
      samples.push(rateOf(await run({ ...task, do: "work", jobs, warmUp, mode, load: false })));
    }
  }
  return places.map(({ samples }) => samples);
}
