import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { memoryStore } from "../../../adapters/memory/store.js";
import { isWaybillError } from "../../../core/errors/errors.js";
import type { AnyStore, ListRequest, StoredJob } from "../../../core/ports/store.js";
import { differs } from "../../failure.js";
import type { StoreBehaviour } from "../store-behaviour.js";
import { type StoreProbe, underScope } from "../store-probe.js";
import { type Call, decidedAt, inWords, perform, type Reply, shown } from "./call.js";
import { Chance } from "./chance.js";
import { RandomCalls } from "./random-calls.js";

const ROWS = 8;
const CALLS = 60;
/** A row ends here on an engine that is slow: what it has seen by then holds. */
const MOST_MS = 2_000;
const SMALL = 9;
const LARGE = 30;
const MOST_PAGES = 100;

/** A store and its model, which are asked the same, one call after the other. */
class Row {
  readonly #probe: StoreProbe;
  readonly #model: AnyStore = memoryStore();
  readonly #chance: Chance;
  readonly #ids: readonly string[];
  readonly #seen = new Map<string, StoredJob[]>();
  readonly #said: string[] = [];
  #handles: readonly AnyStore[];
  #nowMs = 0;

  constructor(probe: StoreProbe, seed: number, jobs: number) {
    this.#probe = probe;
    this.#chance = new Chance(seed);
    this.#ids = Array.from({ length: jobs }, (_, index) => underScope(`job-${String(index)}`));
    this.#handles = [probe.store];
  }

  async run(): Promise<void> {
    const { fixture } = this.#probe;
    const second = await fixture.second?.();
    if (second !== undefined) this.#handles = [this.#probe.store, second];
    this.#nowMs = await this.#probe.now();
    try {
      await this.#makeCalls();
    } catch (error) {
      // It may be in doubt, on an engine that loses an answer; nobody knows then what a model should have done.
      if (!isWaybillError(error, "store.unavailable") || error.outcome !== "unknown") throw error;
      this.#probe.doesNotApply(true, "the rest of a row of calls: the store was in doubt about one of them");
    } finally {
      await second?.close();
    }
  }

  async #makeCalls(): Promise<void> {
    const began = performance.now();
    await this.#both(this.#calls().first());
    await this.#compare();
    for (let made = 0; made < CALLS && performance.now() - began < MOST_MS; made += 1) {
      if (this.#isStill && this.#chance.oneIn(5)) await this.#probe.after(this.#chance.of(1, 999, 60_000));
      if (made === CALLS / 2) await this.#reopen();
      this.#nowMs = (await this.#ask({ method: "read", request: { ids: [] } })).nowMs;
      await this.#both(this.#calls().next());
      await this.#compare();
      if (this.#probe.store.capabilities.listIsConsistent) await this.#look(this.#calls().question());
    }
    await this.#probe.indexed();
    for (let asked = 0; asked < 20; asked += 1) await this.#look(this.#calls().question());
    await this.#both({ method: "health", request: {} });
  }

  /** Whether the store's time stands still while nobody moves it. */
  get #isStill(): boolean {
    return !this.#probe.hasServerClock || this.#probe.fixture.advance !== undefined;
  }

  #calls(): RandomCalls {
    return new RandomCalls(this.#chance, {
      nowMs: this.#nowMs,
      seen: this.#seen,
      ids: this.#ids,
      isStill: this.#isStill,
      // Of several items each may be decided at a moment of its own.
      maxBatch: this.#isStill ? this.#probe.store.capabilities.maxBatch : 1,
    });
  }

  async #reopen(): Promise<void> {
    if (this.#handles.length > 1 || this.#probe.fixture.reopen === undefined) return;
    this.#handles = [await this.#probe.fixture.reopen()];
  }

  async #ask(call: Call): Promise<Reply> {
    const store = this.#handles[this.#chance.below(this.#handles.length)] ?? this.#probe.store;
    return perform(store, call, this.#probe.at.nowMs);
  }

  async #both(call: Call): Promise<void> {
    if (!this.#canBeAsked(call)) return;
    this.#said.push(inWords(call));
    const reply = await this.#ask(call);
    const asked = call.method === "advance" ? this.#withoutRefused(call, reply) : { call, reply };
    const expected = await perform(this.#model, asked.call, decidedAt(call, reply));
    const held = this.#heldBy(call);
    this.#isSame(shown(call, asked.reply, held), shown(call, expected, held));
  }

  #canBeAsked({ method, request }: Call): boolean {
    const { queue, listIsConsistent } = this.#probe.store.capabilities;
    if (method === "claim" && "next" in request) return queue && (this.#isStill || request.next.limit === 1);
    if (method === "takeDue") return listIsConsistent && (this.#isStill || request.limit === 1);
    return listIsConsistent || (method !== "purge" && method !== "health");
  }

  /** An engine that cannot write a part of a plan refuses it whole: the model is not asked then. */
  #withoutRefused(call: Extract<Call, { method: "advance" }>, reply: Reply): { call: Call; reply: Reply } {
    const kept = (_: unknown, index: number): boolean => reply.results?.[index]?.status !== "refused";
    const items = call.request.items.filter(kept);
    return {
      call: { method: "advance", request: { items } },
      reply: { ...reply, results: (reply.results ?? []).filter(kept) },
    };
  }

  #heldBy(call: Call): ReadonlySet<string> {
    const token = call.method === "claim" ? call.request.next?.token : undefined;
    const held = [...this.#seen].filter(
      ([, all]) => token !== undefined && all[all.length - 1]?.record.token === token,
    );
    return new Set(held.map(([id]) => id));
  }

  /** Compares all that is stored, and remembers it. */
  async #compare(): Promise<void> {
    const { maxBatch } = this.#probe.store.capabilities;
    for (let from = 0; from < this.#ids.length; from += maxBatch) {
      const ids = this.#ids.slice(from, from + maxBatch);
      const call: Call = { method: "read", request: { ids, input: true, output: true } };
      const reply = await this.#ask(call);
      this.#isSame(shown(call, reply), shown(call, await perform(this.#model, call, reply.nowMs)));
      for (const job of Array.isArray(reply.jobs) ? (reply.jobs as readonly (StoredJob | null)[]) : [])
        if (job !== null) this.#remember(job);
    }
  }

  #remember(job: StoredJob): void {
    const all = this.#seen.get(job.record.id) ?? [];
    const last = all[all.length - 1]?.record;
    if (last?.version === job.record.version && last.token === job.record.token) all.pop();
    this.#seen.set(job.record.id, [...all, job]);
  }

  async #look(call: Call): Promise<void> {
    this.#said.push(inWords(call));
    if (call.method !== "list") {
      const reply = await this.#ask(call);
      this.#isSame(shown(call, reply), shown(call, await perform(this.#model, call, reply.nowMs)));
      return;
    }
    const of = (store: (call: Call) => Promise<Reply>): Promise<readonly unknown[]> =>
      allPages(store, call.request);
    const found = await of((page) => this.#ask(page));
    this.#isSame(found, await of((page) => perform(this.#model, page, this.#nowMs)));
  }

  #isSame(actual: unknown, expected: unknown): void {
    if (isDeepStrictEqual(actual, expected)) return;
    const calls = this.#said.slice(-6).reverse().join("\n");
    differs(
      `The store and the model of the contract differ behind these calls, the last one first:\n${calls}`,
      actual,
      expected,
    );
  }
}

/** Where a page ends is the store's own business. */
async function allPages(
  ask: (call: Call) => Promise<Reply>,
  request: Omit<ListRequest, "nowMs">,
): Promise<readonly unknown[]> {
  const jobs: unknown[] = [];
  let after: ListRequest["after"];
  for (let pages = 0; pages < MOST_PAGES; pages += 1) {
    const call: Call = { method: "list", request: { ...request, ...(after === undefined ? {} : { after }) } };
    const page = (await ask(call)) as Reply & { readonly next: ListRequest["after"] | null };
    const found: readonly unknown[] = Array.isArray(page.jobs) ? page.jobs : [];
    assert.ok(
      found.length <= request.limit,
      `a page of ${String(request.limit)} has ${String(found.length)} jobs`,
    );
    jobs.push(...found);
    if (page.next === null || page.next === undefined) return jobs;
    after = page.next;
  }
  return assert.fail("the pages of a list do not end");
}

/** The same rows of calls each time: a seed makes them. */
export const rowsOfCallsBehaviour: StoreBehaviour = {
  group: "rows of calls",
  tests: Object.fromEntries(
    Array.from({ length: ROWS }, (_, index) => [
      `answer as the model of the contract does, in row ${String(index + 1)} of ${String(ROWS)}`,
      (probe: StoreProbe) => new Row(probe, index + 1, index % 4 === 3 ? LARGE : SMALL).run(),
    ]),
  ),
};
