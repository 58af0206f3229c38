import type { Place, WorkMode } from "./contestant.js";

/** What is measured. `strict`: every outcome is durable before the next claim. */
export const MEASURES = [
  "submit",
  "process",
  "strict",
  "open",
  "alone",
  "single",
  "steady",
  "growth",
] as const;

export type Measure = (typeof MEASURES)[number];

/** `before`: another build of Waybill, which is measured in turn with this one. */
export type Role = "waybill" | "before" | "peer" | "floor";

/** What a server spent so far. What it cannot say is left out. */
export interface Meter {
  readonly serverCpuMs?: number;
  readonly walBytes?: number;
  /** Entries made in indexes. */
  readonly indexEntries?: number;
  /** Versions of rows that nobody sees any more. */
  readonly deadTuples?: number;
}

/** One row of the table, wherever it is measured. */
export interface Entry {
  readonly name: string;
  /** File in `contestants/`, without its ending. */
  readonly contestant: string;
  readonly role: Role;
  readonly measures: readonly Measure[];
  /** Where it is so slow that a fifth of the jobs takes as long. */
  readonly slowIn: readonly Measure[];
  /** How it works where it may take jobs ahead. */
  readonly ahead: WorkMode;
}

/** A database engine, and who keeps jobs on it. */
export interface Engine {
  readonly name: string;
  /** It lives in the process that uses it, so submitting and working share one there. */
  readonly embedded: boolean;
  /** Processes may share it, so that a submitter and a worker have one each in `single` and `steady`. */
  readonly shared: boolean;
  /** Jobs a second in `steady`: about a tenth of what Waybill submits and works off at once on two cores. */
  readonly steadyPerSecond: number;
  /** How much of the jobs is measured: less where everybody is slow. */
  readonly share: number;
  readonly entries: readonly Entry[];
  start(): Promise<Stage>;
}

/** An engine that runs, for one run of the benchmark. */
export interface Stage {
  /** How contestants find it. */
  readonly place: Place;
  /** Its version and what of its settings matters, to be printed. */
  readonly about: string;
  meter(): Promise<Meter>;
  /** Gets what loading left behind out of the way. */
  calm(): Promise<void>;
  /** Copies a settled job of Waybill's in this schema by the engine's own means; `null`: it cannot. */
  readonly settle: ((schema: string, count: number) => Promise<void>) | null;
  stop(): Promise<void>;
}
