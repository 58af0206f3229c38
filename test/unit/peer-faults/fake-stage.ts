import { unstorableOutput } from "../../../scripts/peer-faults/faults/unstorable.js";
import { END_MARK, type Side, type StoredJob } from "../../../scripts/peer-faults/peer.js";
import type { Begun, Plan, Stage, Worker } from "../../../scripts/peer-faults/stage.js";

/** What a peer can get wrong. */
export type Lie =
  | "takes the finish of a worker that lost its job"
  | "leaves the jobs of a dead worker"
  | "forgets jobs with its server"
  | "runs a job again whose completion it stored"
  | "adds a job again whose reply was lost"
  | "adds a job again in spite of its key"
  | "says completed without the outcome"
  | "runs a job without end whose outcome it cannot store"
  | "keeps what was rolled back";

const LEASE_MS = 30_000;
const STEP_MS = 1_000;

interface FakeJob {
  readonly n: number;
  readonly key: string | undefined;
  state: StoredJob["state"];
  output: string | null;
  /** Who has it, by a number that only grows. */
  claim: number;
  leaseUntilMs: number;
}

/** A peer without a server, on a clock of its own that goes on while somebody waits. */
export class FakeStage implements Stage {
  readonly peer = { keeps: "outcome", completion: END_MARK } as const;
  readonly side: Side;
  readonly server = {
    kill: async (): Promise<void> => {
      this.#isDown = true;
      if (this.#lie === "forgets jobs with its server")
        this.#jobs = this.#jobs.filter(({ n }) => n % 7 !== 0);
    },
    start: async (): Promise<void> => {
      this.#isDown = false;
    },
  };
  readonly #lie: Lie | null;
  readonly #workers: FakeWorker[] = [];
  #jobs: FakeJob[] = [];
  #now = 0;
  #claims = 0;
  #isDown = false;
  #trap: { readonly text: string; readonly instead: (cut: () => void) => void } | null = null;
  #hears: (() => void) | null = null;

  constructor(lie: Lie | null) {
    this.#lie = lie;
    this.side = this.#end(false);
  }

  readonly proxied = (): Promise<Side> => Promise.resolve(this.#end(true));

  readonly worker = async (name: string, plan: Plan): Promise<Worker> => {
    const worker = new FakeWorker(name, plan);
    this.#workers.push(worker);
    return worker;
  };

  readonly loseReply: Stage["loseReply"] = (text, instead) => {
    this.#trap = { text, instead };
  };

  readonly until: Stage["until"] = async (holds, limitMs) => {
    const giveUpAt = this.#now + limitMs;
    while (this.#now < giveUpAt) {
      if (await holds()) return true;
      await this.pause(STEP_MS);
    }
    return false;
  };

  readonly pause = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= STEP_MS) {
      this.#now += STEP_MS;
      if (!this.#isDown) this.#step();
      await Promise.resolve();
    }
  };

  readonly nowMs = (): number => this.#now;

  #end(isProxied: boolean): Side {
    return {
      prepare: async () => undefined,
      add: async (n, key) => {
        if (this.#isDown) throw new Error("the server is away");
        this.#add(n, key);
        if (!isProxied || this.#trap === null) return;
        this.#spring(() => undefined);
        if (this.#lie === "adds a job again whose reply was lost" && key === undefined) this.#add(n, key);
        if (this.#lie === "adds a job again in spite of its key" && key !== undefined)
          this.#add(n, undefined);
      },
      addWithin: async (n, ends) => {
        if (ends === "commit" || this.#lie === "keeps what was rolled back") this.#add(n, undefined);
      },
      work: async () => undefined,
      hear: async (_, heard) => {
        this.#hears = heard;
      },
      stored: async () => this.#jobs.map(({ n, state, output }) => ({ n, state, output })),
      lapse: null,
      close: async () => undefined,
    };
  }

  #add(n: number, key: string | undefined): void {
    if (key !== undefined && this.#jobs.some((job) => job.key === key)) return;
    this.#jobs.push({ n, key, state: "waiting", output: null, claim: 0, leaseUntilMs: 0 });
  }

  /** @returns whether the reply of this command was lost */
  #spring(cut: () => void): boolean {
    const trap = this.#trap;
    this.#trap = null;
    trap?.instead(cut);
    return trap !== null;
  }

  #step(): void {
    for (const worker of this.#workers.filter(({ isAwake }) => isAwake)) {
      for (const run of worker.running.splice(0)) this.#go(worker, run);
      for (const job of this.#jobs) {
        if (worker.isAwake && worker.running.length < worker.plan.concurrency && this.#isFree(job)) {
          this.#claims += 1;
          Object.assign(job, { state: "running", claim: this.#claims, leaseUntilMs: this.#now + LEASE_MS });
          worker.running.push({ job, claim: this.#claims });
          worker.begun.push({ n: job.n, atMs: this.#now });
        }
      }
    }
  }

  #isFree(job: FakeJob): boolean {
    if (job.state === "waiting") return true;
    const isLate = job.state === "running" && job.leaseUntilMs <= this.#now;
    return isLate && this.#lie !== "leaves the jobs of a dead worker";
  }

  #go(worker: FakeWorker, run: Run): void {
    if (!worker.answers) {
      if (run.job.claim === run.claim) run.job.leaseUntilMs = this.#now + LEASE_MS;
      worker.running.push(run);
      return;
    }
    worker.returned.push(run.job.n);
    if (this.#record(run, worker) && worker.plan.proxied === true) this.#spring(() => undefined);
  }

  /** @returns whether it was written */
  #record({ job, claim }: Run, { name, plan }: FakeWorker): boolean {
    if (job.claim !== claim && this.#lie !== "takes the finish of a worker that lost its job") return false;
    if (plan.runs === "unstorable" && job.n === 0) {
      if (this.#lie === "runs a job without end whose outcome it cannot store") job.state = "waiting";
      else job.state = this.#lie === "says completed without the outcome" ? "completed" : "failed";
      return true;
    }
    const output = plan.runs === "unstorable" ? unstorableOutput(job.n) : { by: name, mark: END_MARK };
    Object.assign(job, { state: "completed", output: JSON.stringify(output) });
    this.#hears?.();
    if (this.#trap !== null && this.#lie === "runs a job again whose completion it stored") {
      Object.assign(job, { state: "running", leaseUntilMs: 0 });
    }
    return true;
  }
}

interface Run {
  readonly job: FakeJob;
  readonly claim: number;
}

class FakeWorker implements Worker {
  readonly begun: Begun[] = [];
  readonly returned: number[] = [];
  readonly running: Run[] = [];
  hasEnded = false;
  readonly name: string;
  readonly plan: Plan;
  #isFrozen = false;
  #isFinished = false;

  constructor(name: string, plan: Plan) {
    this.name = name;
    this.plan = plan;
  }

  get isAwake(): boolean {
    return !this.hasEnded && !this.#isFrozen;
  }

  get answers(): boolean {
    return this.plan.runs !== "held" || this.#isFinished;
  }

  finish(): void {
    this.#isFinished = true;
  }

  freeze(): void {
    this.#isFrozen = true;
  }

  thaw(): void {
    this.#isFrozen = false;
  }

  kill(): void {
    this.hasEnded = true;
    this.running.length = 0;
  }
}
