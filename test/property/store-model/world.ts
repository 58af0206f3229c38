import assert from "node:assert/strict";
import { memoryStore } from "../../../src/adapters/memory/store.js";
import type { AnyStore, StoredJob, StoreRequest } from "../../../src/core/ports/store.js";
import type { JobRecord } from "../../../src/core/job/record.js";
import { sampleJob, sampleQueuedJob, sampleReadyJob } from "../../../src/testing/sample-jobs.js";

/** One empty place to store jobs in, for one run. */
export interface ModelFixture {
  readonly store: AnyStore;
  /** Sets the clock of a store that has one of its own: every run is then the same to the millisecond. */
  setNow?(nowMs: number): void;
  close(): Promise<void>;
}

const START_MS = 1_750_000_000_123;
export const IDS: readonly string[] = [
  ...["job-a", "job-b", "job-c", "job-d", "job-e", "job-f", "job-g", "job-h", "job-i", "job-j", "job-k"],
  "Job-a",
];

/** Picks below this name a job that is stored. */
const MOSTLY = 54;

/** The store under test and its model, side by side: what one is asked the other is asked too. */
export class ModelWorld {
  readonly store: AnyStore;
  readonly model: AnyStore = memoryStore();
  readonly #fixture: ModelFixture;
  readonly #seen = new Map<string, StoredJob[]>();
  #stored: ReadonlySet<string> = new Set();
  #nowMs = START_MS;

  constructor(fixture: ModelFixture) {
    this.#fixture = fixture;
    this.store = fixture.store;
    this.pass(0);
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  get at(): StoreRequest {
    return { nowMs: this.#nowMs };
  }

  pass(ms: number): void {
    this.#nowMs += ms;
    this.#fixture.setNow?.(this.#nowMs);
  }

  /** A job that is stored, if any is; now and then any id. */
  idOf(pick: number): string {
    const stored = IDS.filter((id) => this.#stored.has(id));
    const from = pick >= MOSTLY || stored.length === 0 ? IDS : stored;
    return from[pick % from.length] ?? "job-a";
  }

  /** A job that is not stored yet; now and then any id. */
  newId(pick: number): string {
    const missing = IDS.filter((id) => !this.#stored.has(id));
    const from = pick >= MOSTLY || missing.length === 0 ? IDS : missing;
    return from[pick % from.length] ?? "job-a";
  }

  /** What was stored of a job, the newest first. `null`: there is none, or not so many. */
  stored(id: string, back = 0): StoredJob | null {
    const all = this.#seen.get(id) ?? [];
    return all[all.length - 1 - back] ?? null;
  }

  record(id: string, back = 0): JobRecord | null {
    return this.stored(id, back)?.record ?? null;
  }

  /** A few jobs of each sort, so that the first calls have something to do. */
  async begin(): Promise<void> {
    const now = this.#nowMs;
    const ready = { readyAt: now - 5, wakeAt: null, kind: "kind.a" };
    const records = [
      sampleReadyJob({ id: "job-a", ...ready }, now),
      sampleReadyJob({ id: "job-b", ...ready, notifiers: ["ui"], readyAt: now }, now),
      sampleReadyJob({ id: "job-c", ...ready, kind: "kind.b", owner: "ann" }, now),
      sampleQueuedJob({ id: "job-d", kind: "kind.b", deadlineAt: now + 500, wakeAt: now + 500 }, now),
      sampleJob({ id: "job-e", kind: "kind.a", sendAt: now + 1, wakeAt: now }, now),
    ];
    const items = records.map((record) => ({ record, input: "1" }));
    await this.both((store) => store.create({ ...this.at, items }));
    await this.compare();
  }

  /** Asks both, and compares what they answer. */
  async both<R>(
    ask: (store: AnyStore) => Promise<R>,
    shown: (reply: R) => unknown = (reply) => reply,
  ): Promise<R> {
    const answer = await ask(this.store);
    const expected = await ask(this.model);
    assert.deepEqual(shown(answer), shown(expected));
    return answer;
  }

  /** Compares all that is stored, and remembers it. */
  async compare(): Promise<void> {
    const { jobs } = await this.both((store) =>
      store.read({ ...this.at, ids: IDS, input: true, output: true }),
    );
    this.#stored = new Set(jobs.flatMap((job) => (job === null ? [] : [job.record.id])));
    for (const [index, job] of jobs.entries()) {
      const id = IDS[index] ?? "";
      if (job === null) continue;
      const all = this.#seen.get(id) ?? [];
      const last = all[all.length - 1];
      if (last?.record.version !== job.record.version || last.record.token !== job.record.token)
        all.push(job);
      else all[all.length - 1] = job;
      this.#seen.set(id, all);
    }
  }
}
