// A job runner as one writes it by hand in an afternoon: a status column, a worker with a heartbeat, a sweeper, a cache, and
// perhaps a message queue. It is here to be wrong: each regression shows on it the bug that it is named after, so that the
// same scenario says something when ours passes it. Every line is of a kind that ships in real services; it even guards
// its claims and completions by the status. Do not repair it.
import type { Clock } from "../../../src/core/environment/clock.js";
import type { Delivery, Queue } from "../../../src/core/ports/queue.js";
import type { Status, Work } from "../support/system.js";
import type { JobRow, JobTable } from "./job-table.js";

export interface RunnerOptions {
  readonly name: string;
  readonly table: JobTable;
  readonly clock: Clock;
  /** Messages are job ids; `null`: workers ask the table. */
  readonly queue: Queue | null;
  /** The work goes on outside, and a callback will complete the job. */
  readonly external: boolean;
  readonly leaseMs: number;
  readonly pollMs: number;
  readonly retainMs: number;
  readonly shutdownMs: number;
  readonly newId: () => string;
}

const MAX_ATTEMPTS = 3;

export class JobRunner {
  readonly #options: RunnerOptions;
  /** Saves a query for every look at a running job. This process keeps it up to date when it changes something. */
  readonly #cache = new Map<string, Status>();

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  async submit(key?: string): Promise<string> {
    const { table, newId } = this.#options;
    const existing = key === undefined ? null : await table.findByKey(key);
    if (existing !== null) return existing.id;
    const id = newId();
    await table.insert(id, key ?? null);
    await this.enqueue(id);
    return id;
  }

  async show(id: string): Promise<Status> {
    const cached = this.#cache.get(id);
    if (cached !== undefined) return cached;
    const job = await this.#options.table.find(id);
    if (job === null) throw new Error("There is no such job.");
    this.#cache.set(id, job.status);
    return job.status;
  }

  async cancel(id: string): Promise<"cancelled" | "refused"> {
    const { table, clock } = this.#options;
    if (!(await table.cancel(id, clock.now()))) return "refused";
    this.#cache.set(id, "FAILED");
    return "cancelled";
  }

  async enqueue(id: string): Promise<void> {
    const { table, queue } = this.#options;
    await table.setStatus(id, "QUEUED");
    await queue?.send([{ body: id, delayMs: 0, dedupId: id, groupId: id }]);
    this.#cache.delete(id);
  }

  /** To be called from cron. */
  async repair(): Promise<void> {
    const { table, clock, leaseMs, retainMs } = this.#options;
    for (const { id } of await table.stale(clock.now() - leaseMs)) await table.setStatus(id, "QUEUED");
    await table.removeFinished(clock.now() - retainMs);
  }

  work(work: Work): NaiveWorker {
    return new NaiveWorker(this.#options, this, work);
  }
}

/** Works on one job at a time. */
export class NaiveWorker {
  readonly recorded: string[] = [];
  readonly #options: RunnerOptions;
  readonly #runner: JobRunner;
  readonly #work: Work;
  readonly #stopping = new AbortController();
  #current: { readonly job: JobRow; readonly abort: AbortController } | null = null;
  readonly #ended: Promise<void>;

  constructor(options: RunnerOptions, runner: JobRunner, work: Work) {
    this.#options = options;
    this.#runner = runner;
    this.#work = work;
    this.#ended = this.#loop();
  }

  /** Waits a little for the running job, then puts it back for another worker. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.race([this.#ended, this.#pause(this.#options.shutdownMs)]);
    const current = this.#current;
    if (current === null) return;
    await this.#runner.enqueue(current.job.id);
    current.abort.abort();
    await this.#ended;
  }

  async #loop(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      try {
        await (this.#options.queue === null ? this.#fromTable() : this.#fromQueue(this.#options.queue));
      } catch {
        // Whatever it was, the next round may be luckier.
        await this.#pause(this.#options.pollMs);
      }
    }
  }

  async #fromTable(): Promise<void> {
    const job = await this.#options.table.nextQueued();
    if (job === null) await this.#pause(this.#options.pollMs);
    else await this.#run(job);
  }

  async #fromQueue(queue: Queue): Promise<void> {
    const request = { max: 1, waitMs: this.#options.pollMs, signal: this.#stopping.signal };
    for (const message of await queue.receive(request)) await this.#handle(message);
  }

  async #handle(message: Delivery): Promise<void> {
    try {
      const job = await this.#options.table.find(message.body);
      // Any other status: somebody else is on it, or it is done. A repeated delivery, then.
      if (job?.status === "QUEUED") await this.#run(job);
    } catch {
      // One bad message must not stop the consumer.
    }
    await message.ack();
  }

  async #run(job: JobRow): Promise<void> {
    const { table, name, clock } = this.#options;
    if (!(await table.claim(job.id, name))) return;
    const claimed: JobRow = { ...job, status: "PROCESSING", worker: name, attempts: job.attempts + 1 };
    const abort = new AbortController();
    this.#current = { job: claimed, abort };
    const stopBeating = this.#beat(job.id);
    try {
      const output = await this.#work({ jobId: job.id, by: name, signal: abort.signal });
      if (this.#options.external) return;
      if (await table.complete(job.id, output, clock.now())) this.recorded.push(job.id);
    } catch {
      await this.#failed(claimed);
    } finally {
      stopBeating();
      this.#current = null;
    }
  }

  async #failed(job: JobRow): Promise<void> {
    const { table, clock } = this.#options;
    if (job.attempts >= MAX_ATTEMPTS) {
      await table.save({ ...job, status: "FAILED", finishedAt: clock.now() });
      return;
    }
    await table.save({ ...job, status: "QUEUED" });
    await this.#runner.enqueue(job.id);
  }

  /** Every third of the lease, so that one may get lost. */
  #beat(id: string): () => void {
    const { table, clock, leaseMs } = this.#options;
    let cancel = clock.timer(leaseMs / 3, function again() {
      table.heartbeat(id, clock.now()).catch(() => undefined);
      cancel = clock.timer(leaseMs / 3, again);
    });
    return () => {
      cancel();
    };
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#options.clock.timer(ms, resolve);
    });
  }
}
