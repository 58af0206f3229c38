// Histories for the checker's own tests: a few callers at once on a memory store, with calls and answers that take their
// time, some of which get lost.
import { memoryStore } from "../../src/adapters/memory/store.js";
import { StoreUnavailableError } from "../../src/core/errors/errors.js";
import { isFinal } from "../../src/core/job/lifecycle.js";
import type { Store, StoredJob } from "../../src/core/ports/store.js";
import { type JobRecord, START } from "../../src/core/job/record.js";
import { interceptStore } from "../../src/testing/faults/intercept-store.js";
import type { StoreHistory } from "../../src/testing/linearizability/store-history.js";
import { recordingStore } from "../../src/testing/recording-store.js";
import { SAMPLE_END, sampleQueuedJob, sampleTerms, sampleWrite } from "../../src/testing/sample-jobs.js";
import { seededRandom } from "../../src/testing/seeded-ids.js";

const START_MS = 1_750_000_000_000;

export interface HistoryOptions {
  readonly seed: number;
  /** How many callers at once. */
  readonly callers: number;
  readonly callsEach: number;
  /** The share of calls whose answer is lost, and of those that never arrive. */
  readonly lossy: boolean;
}

/** One run; equal options, equal histories. */
export async function recordHistory(options: HistoryOptions): Promise<StoreHistory> {
  const run = new Run(options);
  return run.history();
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

class Run {
  readonly #options: HistoryOptions;
  readonly #random: () => number;
  readonly #store: Store;
  readonly #history: StoreHistory;
  readonly #waiting: (() => void)[] = [];
  readonly #known = new Map<string, JobRecord>();
  #nowMs = START_MS;
  #made = 0;
  #calm = false;

  constructor(options: HistoryOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    const lossy = interceptStore(memoryStore(), (_method, _items, call) => this.#travel(call));
    const { store, history } = recordingStore(lossy);
    this.#store = store;
    this.#history = history;
  }

  async history(): Promise<StoreHistory> {
    let left = this.#options.callers;
    for (let caller = 0; caller < this.#options.callers; caller += 1) {
      void this.#caller().finally(() => (left -= 1));
    }
    await turn();
    while (left > 0 || this.#waiting.length > 0) {
      const index = Math.floor(this.#random() * this.#waiting.length);
      this.#waiting.splice(index, 1)[0]?.();
      this.#nowMs += Math.floor(this.#random() * 400);
      await turn();
    }
    // What is stored in the end is seen, so that nothing stays without a witness.
    this.#calm = true;
    await this.#store.read({ nowMs: this.#nowMs, ids: ["job-0", "job-1"] });
    return this.#history;
  }

  #chance(share: number): boolean {
    return this.#random() < share;
  }

  /** A call arrives at some time and is answered at another; where answers get lost its effect may come after all others. */
  async #travel<T>(call: () => Promise<T>): Promise<T> {
    if (this.#calm) return call();
    const { lossy } = this.#options;
    await this.#wait();
    if (lossy && this.#chance(0.06)) throw lost(this.#chance(0.5) ? "not_applied" : "unknown");
    if (lossy && this.#chance(0.08)) {
      void this.#wait().then(call);
      throw lost("unknown");
    }
    const reply = await call();
    await this.#wait();
    if (lossy && this.#chance(0.06)) throw lost("unknown");
    return reply;
  }

  #wait(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async #caller(): Promise<void> {
    for (let calls = 0; calls < this.#options.callsEach; calls += 1) {
      await this.#call(this.#chance(0.75) ? "job-0" : "job-1").catch(() => undefined);
    }
  }

  /** Not always: who acts on old news is refused, which is what is to be seen. */
  #keep(job: StoredJob): void {
    if (this.#known.has(job.record.id) && this.#chance(0.3)) return;
    this.#known.set(job.record.id, job.record);
  }

  async #call(id: string): Promise<void> {
    const nowMs = this.#nowMs;
    const record = this.#known.get(id);
    if (record === undefined) {
      const created = sampleQueuedJob(
        { id, queue: null, readyAt: nowMs, sendAt: null, notifiers: ["ui"] },
        nowMs,
      );
      const { results } = await this.#store.create({ nowMs, items: [{ record: created, input: "{}" }] });
      const [result] = results;
      this.#keep(result?.status === "existing" ? result.job : { record: created, cursors: {} });
      return;
    }
    const roll = this.#random();
    if (roll < 0.2) return this.#read(id);
    if (roll < 0.3) return this.#advance(record);
    if (record.status === "QUEUED") return this.#claim(record);
    if (isFinal(record.status) || roll < 0.4) return this.#look(id);
    if (roll < 0.55) return this.#beat(record);
    return this.#write(record);
  }

  async #read(id: string): Promise<void> {
    const { jobs } = await this.#store.read({ nowMs: this.#nowMs, ids: [id] });
    for (const job of jobs) if (job !== null) this.#keep(job);
  }

  async #look(id: string): Promise<void> {
    const due = { nowMs: this.#nowMs, limit: 5, holdMs: 1_000 };
    const { jobs } = await this.#store.takeDue(due);
    for (const job of jobs) this.#keep(job);
    if (jobs.length === 0) await this.#read(id);
  }

  async #advance(record: JobRecord): Promise<void> {
    const cursor = { ...START, upTo: record.version };
    const plan = { wakeAt: null, purgeAt: null, latestWakeAt: this.#nowMs, cursors: { ui: cursor } };
    await this.#store.advance({ nowMs: this.#nowMs, items: [{ id: record.id, plannedOn: record, ...plan }] });
  }

  async #claim({ id, dispatch }: JobRecord): Promise<void> {
    const token = `token-${String((this.#made += 1))}`;
    const nowMs = this.#nowMs;
    const terms = sampleTerms({ transitionId: `claim-${token}` });
    if (this.#chance(0.5)) {
      const kinds = [{ kind: "sample.work", leaseMs: 1_500 }];
      const { jobs } = await this.#store.claim({ nowMs, next: { terms, token, kinds, limit: 1 } });
      for (const job of jobs) this.#keep(job);
      return;
    }
    const items = [{ id, dispatch, token, leaseMs: 1_500 }];
    const { results } = await this.#store.claim({ nowMs, byMessage: { terms, items } });
    for (const result of results) if (result.status !== "gone") this.#keep(result.job);
  }

  async #beat({ id, token }: JobRecord): Promise<void> {
    const items = [{ id, token: token ?? "nobody", leaseMs: 1_500 }];
    const { results } = await this.#store.beat({ nowMs: this.#nowMs, items });
    for (const result of results) if (result.status === "refused") this.#keep(result.job);
  }

  async #write(record: JobRecord): Promise<void> {
    const { id, leaseUntil, dispatch } = record;
    const roll = this.#random();
    const transitionId = `change-${String((this.#made += 1))}`;
    const nowMs = this.#nowMs;
    const back = { ...SAMPLE_END, dispatch: dispatch + 1, readyAt: nowMs };
    const item =
      leaseUntil !== null && roll < 0.45
        ? sampleWrite(record, {
            edges: ["T7", "T2"],
            transitionId,
            guard: { expiredLease: leaseUntil },
            patch: back,
          })
        : roll < 0.85
          ? sampleWrite(record, { edges: ["phase"], transitionId, leaseMs: 1_500 })
          : sampleWrite(record, { edges: ["T5"], transitionId, patch: SAMPLE_END, output: "1" });
    const { results } = await this.#store.write({ nowMs, items: [item] });
    const [result] = results;
    if (result?.status === "refused") this.#keep(result.job);
    else await this.#read(id);
  }
}

function lost(outcome: "not_applied" | "unknown"): StoreUnavailableError {
  return new StoreUnavailableError("The store did not answer.", { outcome });
}
