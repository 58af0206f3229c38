// What a scenario sees of a build: processes that share a store, and the stored truth behind them. A naive build and ours
// stand behind the same interface, so that one scenario tells them apart.
import type { Link } from "./link.js";
import type { Time } from "./time.js";

export type Status = "PENDING" | "QUEUED" | "PROCESSING" | "COMPLETED" | "FAILED";

/** What a handler is given. */
export interface Run {
  readonly jobId: string;
  /** The name of the process that runs it. */
  readonly by: string;
  /** Aborts when the worker knows that it should end. */
  readonly signal: AbortSignal;
}

/** The work of a job: resolves with its output, or throws. */
export type Work = (run: Run) => Promise<string>;

export interface Worker {
  /** Takes nothing more; running work is given back when its time is over. Resolves when done. */
  stop(): Promise<void>;
  /** Jobs whose outcome this worker believes to be recorded as its own. */
  readonly recorded: readonly string[];
}

/** One process of the system. */
export interface Process {
  readonly name: string;
  /** Its way to the store: where faults strike. */
  readonly link: Link;
  /** Submits; with a key that was used before, the same job. Resolves with the job's id. Throws what a caller is told. */
  submit(key?: string): Promise<string>;
  /** What a user of this process is shown. */
  show(id: string): Promise<Status>;
  /** `refused`: too late to cancel. */
  cancel(id: string): Promise<"cancelled" | "refused">;
  /** Starts to work, one job at a time. */
  work(work: Work): Worker;
  /** One pass of what repairs: sweeps claims that ended without an outcome, and removes what is old. */
  repair(): Promise<void>;
  /** Stops the process in the middle of whatever it does, as SIGSTOP or a blocked event loop do; without `thaw`, for ever. */
  freeze(): void;
  thaw(): void;
}

/** What is stored. */
export interface Truth {
  readonly status: Status;
  readonly output: string | null;
}

export interface System {
  readonly time: Time;
  /** How long a worker may be silent. */
  readonly leaseMs: number;
  /** How long a finished job is kept. */
  readonly retainMs: number;
  /** How long running work is waited for at a stop. */
  readonly shutdownMs: number;
  process(name: string): Promise<Process>;
  /** What is stored, past every cache and link; `null`: no such job. */
  truth(id: string): Promise<Truth | null>;
  /** Messages that wait or are under way; `null`: the store is the queue. */
  messages(): number | null;
  close(): Promise<void>;
}

export interface SystemOptions {
  /** Jobs travel through a message queue instead of waiting in the store. @default false */
  readonly queue?: boolean;
  /** A job's work only begins something outside, which is still open when the worker is done with it. @default false */
  readonly external?: boolean;
}

/** Makes systems, each empty and of its own. */
export type Open = (options?: SystemOptions) => Promise<System>;

/** One way to build it. */
export interface Build {
  readonly name: string;
  open: Open;
}

/** Tells the story on systems of one build. Returns the invariants that were violated, each once, in words. */
export type Scenario = (open: Open) => Promise<readonly string[]>;
