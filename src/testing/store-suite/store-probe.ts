// `waybill/testing` runs where tests run, which is Node: its assertions are there already and show what differs.
import assert from "node:assert/strict";
import type {
  AdvanceItem,
  AdvanceResult,
  AnyStore,
  BeatItem,
  BeatResult,
  ClaimByMessage,
  ClaimNext,
  ClaimResult,
  ClaimTerms,
  CreateItem,
  CreateResult,
  ListReply,
  ListRequest,
  ReadRequest,
  StoredJob,
  StoreHealth,
  StoreRequest,
  TakeDueReply,
  TakeDueRequest,
  WriteItem,
  WriteResult,
} from "../../core/ports/store.js";
import type { JobRecord } from "../../core/job/record.js";
import { SAMPLE_END, sampleQueuedJob, sampleTerms, sampleWrite } from "../sample-jobs.js";

/** One empty, isolated place to store jobs in. */
export interface StoreFixture {
  readonly store: AnyStore;
  /** Called after the test, whatever came of it; frees the place. */
  close(): Promise<void>;
  /** Closes the store and opens what is stored anew, as after a restart. Leave out where nothing survives. */
  reopen?(): Promise<AnyStore>;
  /** Another handle on the same data, as another process would have. Leave out where there can be none. */
  second?(): Promise<AnyStore>;
  /** Makes what is stored of a job unreadable, as another writer might. Leave out where nobody else can write. */
  spoil?(id: string): Promise<void>;
  /** Where the suite's time begins, with `clock: "caller"`. @default a fixed instant */
  nowMs?(): number;
  /** Moves the engine's own clock on, with `clock: "server"`. Leave out where it cannot be moved: the suite then waits. */
  advance?(ms: number): Promise<void>;
  /**
   * From now on every request to the engine waits for `pause` first, so that calls meet in the middle of each other. Leave
   * out where a call is one request: the suite then only begins them at different moments.
   */
  interleave?(pause: () => Promise<void>): void;
  /**
   * `before`: the next request to the engine fails and has no effect. `after`: the next change takes effect, and its answer
   * is lost. Leave out where nothing can be made to fail.
   */
  failNext?(how: "before" | "after"): void;
  /** Opens what is stored anew as after a crash: nobody closed the store. Leave out where nothing survives. */
  crash?(): Promise<AnyStore>;
  /** A store on a place without its schema, or with a wrong one. Leave out where the engine has none. */
  unmigrated?(): Promise<AnyStore>;
}

/** Without milliseconds of zero: what rounds to seconds shows. */
const START_MS = 1_750_000_000_123;
/** How long an index that is not consistent gets to catch up. */
const INDEX_LAG_MS = 500;

type Without<T extends StoreRequest> = Omit<T, "nowMs">;

interface Advancing {
  readonly id: string;
  readonly ifVersion?: number;
}

/** As a hash of an idempotency key, a scope is any text to a store. */
export const SCOPE = "scope-1";

/** The id of a job under a scope ends as the scope begins: the core makes them so, for stores that spread jobs by it. */
export function underScope(name: string, scope: string = SCOPE): string {
  return `${name}-${scope.slice(0, 2)}`;
}

/** Brings no wake-up forward. */
export const NEVER: number = Number.MAX_SAFE_INTEGER;

/** A store under test, with the suite's clock and short forms of its calls. */
export class StoreProbe {
  readonly store: AnyStore;
  readonly fixture: StoreFixture;
  #nowMs: number;

  constructor(fixture: StoreFixture, store: AnyStore = fixture.store, nowMs?: number) {
    this.fixture = fixture;
    this.store = store;
    this.#nowMs = nowMs ?? fixture.nowMs?.() ?? START_MS;
  }

  /** The same place through another handle. */
  through(store: AnyStore): StoreProbe {
    return new StoreProbe(this.fixture, store, this.#nowMs);
  }

  get hasServerClock(): boolean {
    return this.store.capabilities.clock === "server";
  }

  /** Whether a test says nothing about this store; the reason is printed. */
  doesNotApply(condition: boolean, reason: string): boolean {
    if (condition) console.info(`not applicable: ${reason}`);
    return condition;
  }

  get isNoQueue(): boolean {
    return this.doesNotApply(!this.store.capabilities.queue, "the store declares queue: false");
  }

  /** What every request carries. */
  get at(): StoreRequest {
    return { nowMs: this.hasServerClock ? Date.now() : this.#nowMs };
  }

  /** The instant that the store decides by. */
  async now(): Promise<number> {
    return (await this.store.read({ ...this.at, ids: ["nothing"] })).nowMs;
  }

  /** Lets time pass: at once on the suite's clock, truly on a server's. */
  async after(ms: number): Promise<void> {
    if (!this.hasServerClock) this.#nowMs += ms;
    else if (this.fixture.advance !== undefined) await this.fixture.advance(ms);
    else await new Promise((resolve) => setTimeout(resolve, ms));
  }

  /** Waits for indexes that lag behind. */
  async indexed(): Promise<void> {
    if (this.store.capabilities.listIsConsistent) return;
    await new Promise((resolve) => setTimeout(resolve, INDEX_LAG_MS));
  }

  async create(...items: readonly CreateItem[]): Promise<readonly CreateResult[]> {
    return (await this.store.create({ ...this.at, items })).results;
  }

  /** Stores a first record and returns it. */
  async given(record: JobRecord, input = "{}"): Promise<JobRecord> {
    assert.deepEqual(await this.create({ record, input }), [{ status: "created" }]);
    return record;
  }

  async find(id: string, parts: Pick<ReadRequest, "input" | "output"> = {}): Promise<StoredJob | null> {
    return only((await this.store.read({ ...this.at, ids: [id], ...parts })).jobs);
  }

  async read(id: string, parts: Pick<ReadRequest, "input" | "output"> = {}): Promise<StoredJob> {
    return present(await this.find(id, parts));
  }

  async write(item: WriteItem): Promise<WriteResult> {
    return only((await this.store.write({ ...this.at, items: [item] })).results);
  }

  async beat(item: BeatItem): Promise<BeatResult> {
    return only((await this.store.beat({ ...this.at, items: [item] })).results);
  }

  async claim(
    item: Partial<ClaimByMessage> & Pick<ClaimByMessage, "id">,
    terms: ClaimTerms = sampleTerms(),
  ): Promise<ClaimResult> {
    const items = [{ dispatch: 1, token: "token-1", leaseMs: 60_000, ...item }];
    return only((await this.store.claim({ ...this.at, byMessage: { terms, items } })).results);
  }

  async claimNext(given: Partial<ClaimNext> = {}): Promise<readonly StoredJob[]> {
    return (await this.store.claim({ ...this.at, next: sampleNext(given) })).jobs;
  }

  async takeDue(given: Partial<Without<TakeDueRequest>> = {}): Promise<TakeDueReply["jobs"]> {
    await this.indexed();
    return (await this.store.takeDue({ ...this.at, limit: 100, holdMs: 30_000, ...given })).jobs;
  }

  /** Planned on the stored record, as it is or as it was at `ifVersion`, unless said otherwise. */
  async advance({ ifVersion, ...item }: Partial<AdvanceItem> & Advancing): Promise<AdvanceResult> {
    const { jobs } = await this.store.read({ ...this.at, ids: [item.id] });
    const { status = "PENDING", version = 1, token = null } = jobs[0]?.record ?? {};
    const plannedOn = { status, version: ifVersion ?? version, token };
    const items = [{ wakeAt: null, purgeAt: null, latestWakeAt: NEVER, cursors: {}, plannedOn, ...item }];
    return only((await this.store.advance({ ...this.at, items })).results);
  }

  async list(given: Partial<Without<ListRequest>> = {}): Promise<ListReply> {
    await this.indexed();
    return this.store.list({ ...this.at, limit: 100, ...given });
  }

  async health(): Promise<StoreHealth> {
    await this.indexed();
    return this.store.health(this.at);
  }

  /** A job that is being run under `token`, claimed by its message. */
  async processing(
    given: Partial<JobRecord> & Pick<JobRecord, "id">,
    claim: Partial<ClaimByMessage> = {},
  ): Promise<StoredJob> {
    const { id } = await this.given(sampleQueuedJob(given, await this.now()));
    return claimed(await this.claim({ ...claim, id }));
  }

  /** A job whose work is open outside: nobody holds a claim. */
  async awaiting(given: Partial<JobRecord> & Pick<JobRecord, "id">, refKeys = ["ref-1"]): Promise<StoredJob> {
    const { record } = await this.processing(given);
    const now = await this.now();
    const awaiting = {
      ref: { launch: refKeys },
      refKeys,
      since: now,
      deadlineAt: now + 3_600_000,
      nextPollAt: now + 30_000,
      fence: 1,
      pollErrors: 0,
      cancellable: true,
      cancelSent: false,
    };
    const patch = { awaiting, token: null, leaseUntil: null, wakeAt: awaiting.nextPollAt };
    accepted(await this.write(sampleWrite(record, { edges: ["waiting"], patch })));
    return this.read(record.id);
  }

  /** A job that has ended. */
  async final(
    status: "COMPLETED" | "FAILED",
    given: Partial<JobRecord> & Pick<JobRecord, "id">,
  ): Promise<StoredJob> {
    const { record } = await this.processing(given);
    const now = await this.now();
    const patch = { ...SAMPLE_END, finishedAt: now, purgeAt: now + 60_000 };
    const ended =
      status === "COMPLETED"
        ? sampleWrite(record, { edges: ["T5"], patch, output: '{"done":true}' })
        : sampleWrite(record, { edges: ["T6"], patch });
    accepted(await this.write(ended));
    return this.read(record.id);
  }
}

/** A claim of the next ready jobs of the sample kind. */
export function sampleNext(given: Partial<ClaimNext> = {}): ClaimNext {
  const kinds = [{ kind: "sample.work", leaseMs: 60_000 }];
  return { terms: sampleTerms(), token: "next-token", kinds, limit: 10, ...given };
}

/** The one answer of a call with one item. */
export function only<T>(answers: readonly T[]): T {
  assert.equal(answers.length, 1, "one item, one answer");
  const [answer] = answers as readonly [T];
  return answer;
}

/** What must be there. */
export function present<T>(value: T | null | undefined): T {
  assert.ok(value !== null && value !== undefined, "it is stored");
  return value;
}

interface Answer {
  readonly status: string;
  readonly job?: StoredJob;
}

/** An accepted change. */
export function accepted(result: Answer): void {
  assert.equal(result.status, "ok");
}

/** An accepted claim, with its job. */
export function claimed(result: Answer): StoredJob {
  accepted(result);
  return present(result.job);
}

/** What is stored instead, as a refusal tells it. */
export function refused(result: Answer): StoredJob {
  assert.equal(result.status, "refused");
  return present(result.job);
}

/** Jobs in an order of their own, to compare sets. */
export function byId(jobs: readonly StoredJob[]): readonly StoredJob[] {
  return [...jobs].sort((a, b) => (a.record.id < b.record.id ? -1 : 1));
}
