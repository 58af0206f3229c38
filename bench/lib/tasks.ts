import type { Place, WorkMode } from "./contestant.js";

/** What one process of the benchmark does. Each measure runs in fresh ones. */
export type Task = { readonly module: string; readonly place: Place } & (
  | { readonly do: "prepare" }
  | { readonly do: "load"; readonly jobs: number }
  | ({ readonly do: "submit"; readonly inFlight: number } & Sizes)
  /** `load`: makes its jobs itself, before the clock starts. */
  | ({ readonly do: "work"; readonly mode: WorkMode; readonly load: boolean } & Sizes)
  /** Submits and works at once, in one process. */
  | ({ readonly do: "both"; readonly mode: WorkMode; readonly inFlight: number } & Sizes)
  /** One job in flight: the next is submitted when the outcome of the one before is recorded. */
  | ({ readonly do: "single"; readonly mode: WorkMode } & Sizes)
  /** Submits job after job: each when the outcome of the one before is stored and a pause is over. */
  | ({ readonly do: "drip" } & Sizes)
  /** Submits at a steady rate. */
  | ({ readonly do: "pace"; readonly perSecond: number } & Sizes)
  /** Works on what another process submits, until that many outcomes are recorded, and tells of each. */
  | ({ readonly do: "serve"; readonly mode: WorkMode } & Sizes)
  | { readonly do: "count" }
);

interface Sizes {
  readonly jobs: number;
  /** Jobs before the clock starts: code that has run a while is what is measured. */
  readonly warmUp: number;
}

/** Instants are of the machine's monotonic clock, so that those of two processes compare. */
export interface Answer {
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** Jobs between the two. */
  readonly jobs: number;
  /** Of single jobs, where the task takes them one by one. */
  readonly latenciesMs: readonly number[];
  /** Of job after job by its number, where the task tells them: when it was submitted, or begun. */
  readonly instantsMs: readonly number[];
  /** The same of stored outcomes, which are told by their number alone: in the order in which the jobs were begun. */
  readonly storedMs: readonly number[];
  /** Processor time of this process between the two. */
  readonly cpuMs: number;
  /** Jobs stored as done, where it was asked; `null`: the contestant keeps none. */
  readonly done: number | null;
}

export type Message =
  | { readonly say: "ready" }
  /** The outcome of one job is stored. */
  | { readonly say: "stored" }
  | { readonly say: "done"; readonly answer: Answer };

export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
