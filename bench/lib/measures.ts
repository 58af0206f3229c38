import { join } from "node:path";
import type { Place } from "./contestant.js";
import type { Engine, Entry, Measure, Stage } from "./engine.js";
import { BUILT, run, start } from "./run-task.js";
import { quantile } from "./statistics.js";
import type { Answer } from "./tasks.js";

/** How much is measured. */
export interface Sizes {
  readonly jobs: number;
  readonly warmUp: number;
  readonly singles: number;
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
  /** Jobs a second, or milliseconds for `single`. */
  readonly value: number;
  /** Of the process that worked, or submitted. */
  readonly cpuUsPerJob: number;
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
    case "single":
      return alone(means);
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

function rateOf({ jobs, startedAtMs, endedAtMs, cpuMs }: Answer): Sample {
  return { value: (jobs / (endedAtMs - startedAtMs)) * 1_000, cpuUsPerJob: (cpuMs * 1_000) / jobs };
}

async function submitted(means: Means): Promise<Sample> {
  const task = taskFor(means);
  if (!means.engine.embedded) await run({ ...task, do: "prepare" });
  const { warmUp } = means.sizes;
  return rateOf(
    await run({ ...task, do: "submit", jobs: jobsOf(means, "submit"), inFlight: IN_FLIGHT, warmUp }),
  );
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
  const answer = await run({ ...task, do: "work", jobs, warmUp, mode, load: false });
  const { done } = await run({ ...task, do: "count" });
  if (done !== null && done < jobs + warmUp)
    throw new Error(`${means.entry.name}: only ${done} jobs are stored as done`);
  return rateOf(answer);
}

/** From the first submit to the last recorded outcome, with submitter and worker in processes of their own. */
async function openInTwo(means: Means): Promise<Sample> {
  const task = taskFor(means);
  const jobs = jobsOf(means, "open");
  // What warms the submitter up warms the worker up too.
  const warmUp = Math.ceil(means.sizes.warmUp / 4);
  await run({ ...task, do: "prepare" });
  const worker = start({ ...task, do: "work", jobs, warmUp, mode: means.entry.ahead, load: false });
  await worker.ready;
  const submitter = start({ ...task, do: "submit", jobs, inFlight: IN_FLIGHT, warmUp });
  await submitter.ready;
  submitter.go();
  const [worked, sent] = await Promise.all([worker.answer, submitter.answer]);
  const ms = worked.endedAtMs - sent.startedAtMs;
  return { value: (jobs / ms) * 1_000, cpuUsPerJob: ((worked.cpuMs + sent.cpuMs) * 1_000) / jobs };
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
  return { value: quantile(latencies, 0.5), cpuUsPerJob: (answer.cpuMs * 1_000) / jobs };
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
