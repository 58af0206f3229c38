/** Where a peer finds its server. */
export interface Place {
  readonly port: number;
}

/** One job, as the peer's own storage says it stands. */
export interface StoredJob {
  /** The number in its input. */
  readonly n: number;
  readonly state: "waiting" | "running" | "completed" | "failed";
  /** What is stored of its outcome, as text; `null`: nothing is. */
  readonly output: string | null;
}

/** What a run of a job answers with, or throws. */
export type RunJob = (n: number) => Promise<unknown>;

/** One process's end of a peer. */
export interface Side {
  /** Makes the storage. */
  prepare(): Promise<void>;
  /**
   * Adds a job in one call, and rejects where the peer does.
   *
   * @param key - what the peer documents against adding one job twice, where it is given
   */
  add(n: number, key?: string): Promise<void>;
  /** Adds a job inside a transaction of the application that commits or rolls back; `null`: the peer takes none. */
  readonly addWithin: ((n: number, ends: "commit" | "rollback") => Promise<void>) | null;
  /** Begins to work. */
  work(concurrency: number, run: RunJob): Promise<void>;
  /** Calls when the peer tells this process that a job ended; `null`: it tells only the one that ran it. Resolves once it hears. */
  readonly hear: ((n: number, heard: () => void) => Promise<void>) | null;
  stored(): Promise<readonly StoredJob[]>;
  /** Moves the stored instant of every claim back by the peer's own limit, where nobody can wait for that; `null`: it is short. */
  readonly lapse: (() => Promise<void>) | null;
  close(): Promise<void>;
}

/** One library on one engine. */
export interface Peer {
  readonly name: string;
  readonly engine: "redis" | "postgres";
  /** The package in `bench/peers`; `null`: this repository. */
  readonly package: string | null;
  /** What it was given, so that its authors can judge. */
  readonly settings: readonly string[];
  /** What is left of a job that ended: its outcome, the word that it ended, or nothing at all. */
  readonly keeps: "outcome" | "end" | "nothing";
  /** A text in the bytes of the command that records an outcome. */
  readonly completion: string;
  open(place: Place): Promise<Side>;
}

/** In every input: the bytes of a command that adds a job hold it. */
export const ADD_MARK = "add-mark-5b1f";
/** In every output: the bytes of a command that stores an outcome hold it. */
export const END_MARK = "end-mark-93c7";

/** Where a peer would try a job only once by default, it is told this: the others try three times or more. */
export const ATTEMPTS = 3;

export interface Input {
  readonly n: number;
  readonly mark: string;
}

export function inputOf(n: number): Input {
  return { n, mark: ADD_MARK };
}

export const QUEUE = "faults";

/** What a peer says of its connections while the server is away is no news. */
export function ignoreErrors(emitter: { on(event: "error", listener: () => void): unknown }): void {
  emitter.on("error", () => undefined);
}
