import type fc from "fast-check";
import { memoryStore } from "../../src/adapters/memory/store.js";
import { claimTerms } from "../../src/core/decide/claim.js";
import { complete, sweep } from "../../src/core/decide/finish.js";
import { applyCommand, type Applied } from "../../src/core/engine/store/apply.js";
import { cancel } from "../../src/core/engine/command/commands.js";
import { decodeHistory } from "../../src/core/job/history.js";
import type { BeatResult, ClaimResult, Store, StoredJob } from "../../src/core/ports/store.js";
import type { Snapshot } from "../../src/core/job/record.js";
import { checkHistory } from "../../src/testing/check-history.js";
import { type FakeClock, fakeClock } from "../../src/testing/fake-clock.js";
import { interceptStore } from "../../src/testing/faults/intercept-store.js";
import { storeHistory } from "../../src/testing/linearizability/store-history.js";
import { recordingStore } from "../../src/testing/recording-store.js";
import { seededIds } from "../../src/testing/seeded-ids.js";
import { fakeDefinition, testCore, type TestCore } from "../support/core.js";

const LEASE_MS = 10_000;
const KIND = "race.run";
const definition = fakeDefinition({ kind: KIND, leaseMs: LEASE_MS });

/**
 * One job of the store's own queue, and processes that reach for it at once, each with a core and a connection of its own.
 * Every request and every answer of theirs travels alone, in the order that the scheduler draws.
 */
export class Race {
  readonly clock: FakeClock = fakeClock();
  readonly #scheduler: fc.Scheduler;
  readonly #inner: Store;
  readonly #history = storeHistory();
  readonly #base: TestCore;
  #processes = 0;
  #id = "";

  constructor(scheduler: fc.Scheduler, inner: Store = memoryStore()) {
    this.#scheduler = scheduler;
    this.#inner = inner;
    const { store } = recordingStore(inner, this.#history);
    this.#base = testCore({ definitions: [definition], clock: this.clock, store });
  }

  /** A job that is ready to be claimed. */
  async ready(): Promise<void> {
    this.#id = await this.#base.submit(definition);
  }

  /** A job that is run under a token, its lease just over. */
  async lapsed(token: string): Promise<Snapshot> {
    await this.ready();
    const { jobs } = await this.#base.store.claim({
      nowMs: this.clock.now(),
      next: this.#next(this.#base, token),
    });
    const [job] = jobs;
    if (job === undefined) throw new Error("nothing was ready");
    await this.clock.advance(LEASE_MS);
    return job;
  }

  /** Lets all of them run to their end. */
  async run<T extends readonly unknown[]>(...racers: { [K in keyof T]: Promise<T[K]> }): Promise<T> {
    const end = { reached: false };
    const all = Promise.all(racers).finally(() => {
      end.reached = true;
    });
    all.catch(() => undefined);
    for (;;) {
      // Everybody goes as far as it gets without the store.
      await this.clock.settle();
      if (end.reached) return all;
      await this.#scheduler.waitNext(1);
    }
  }

  async claimNext(token: string): Promise<readonly StoredJob[]> {
    const on = this.#process();
    return (await on.core.gateway.claimNext(this.#next(on, token))).jobs;
  }

  claim(token: string): Promise<ClaimResult> {
    const { core } = this.#process();
    const terms = claimTerms("worker", core.ids.transition(), core.policy);
    return core.gateway.claim({ id: this.#id, dispatch: 1, token, leaseMs: LEASE_MS }, terms);
  }

  beat(token: string): Promise<BeatResult> {
    return this.#process().core.gateway.beat({ id: this.#id, token, leaseMs: LEASE_MS });
  }

  sweep(seen: Snapshot): Promise<Applied> {
    return applyCommand(this.#process().core, seen, sweep);
  }

  complete(seen: Snapshot, output: string): Promise<Applied> {
    const token = seen.record.token ?? "";
    return applyCommand(this.#process().core, seen, (snapshot, context) =>
      complete(snapshot, { token, output }, context),
    );
  }

  /** `null`: accepted, else the code of the refusal. */
  async cancel(): Promise<string | null> {
    const { core, dispatcher } = this.#process();
    const result = await cancel(core, dispatcher, this.#id, { reason: "no longer wanted" });
    return result.ok ? null : result.error.code;
  }

  /** What is stored in the end. */
  async end(): Promise<StoredJob> {
    const { jobs } = await this.#inner.read({ nowMs: this.clock.now(), ids: [this.#id], output: true });
    const [job] = jobs;
    if (job === null || job === undefined) throw new Error("the job is gone");
    return job;
  }

  /** All that is wrong with the record's own history, and with what the processes were answered. */
  async faults(): Promise<readonly string[]> {
    const { record } = await this.end();
    const entries = checkHistory(decodeHistory(record.history));
    return [...entries, ...this.#history.check()].map(({ text }) => text);
  }

  #process(): TestCore {
    this.#processes += 1;
    const name = `p${String(this.#processes)}`;
    const travel = async <T>(method: string, _items: number, call: () => Promise<T>): Promise<T> => {
      await this.#scheduler.schedule(Promise.resolve(), `${name} asks ${method}`);
      const reply = await call();
      await this.#scheduler.schedule(Promise.resolve(), `${name} is answered ${method}`);
      return reply;
    };
    const { store } = recordingStore(interceptStore(this.#inner, travel), this.#history);
    const ids = seededIds(this.#processes);
    return testCore({ definitions: [definition], clock: this.clock, store, ids });
  }

  #next({ core }: TestCore, token: string) {
    const terms = claimTerms("worker", core.ids.transition(), core.policy);
    return { terms, token, kinds: [{ kind: KIND, leaseMs: LEASE_MS }], limit: 1 };
  }
}
