import assert from "node:assert/strict";
import { isWaybillError } from "../../core/errors/errors.js";
import type { AnyStore, StoreReply, StoreRequest } from "../../core/ports/store.js";
import {
  SAMPLE_END,
  sampleJob,
  sampleQueuedJob,
  sampleReadyJob,
  sampleTerms,
  sampleWrite,
} from "../sample-jobs.js";
import type { JobRecord } from "../../core/job/record.js";
import type { StoreBehaviour } from "./store-behaviour.js";
import { NEVER, present, SCOPE, StoreProbe, underScope } from "./store-probe.js";

/** One call of each kind that answers, none of which finds a job. */
function calls(store: AnyStore, at: StoreRequest): Readonly<Record<string, () => Promise<StoreReply>>> {
  const id = "nobody";
  const record = sampleJob({ id }, at.nowMs);
  const claim = { id, dispatch: 1, token: "token-1", leaseMs: 1_000 };
  const plannedOn = { status: "PENDING" as const, version: 1, token: null };
  const plan = { id, plannedOn, wakeAt: null, purgeAt: null, latestWakeAt: NEVER, cursors: {} };
  const message = { id: "p-1", queue: "work", body: "", reason: "", at: at.nowMs };
  return {
    read: () => store.read({ ...at, ids: [id] }),
    write: () => store.write({ ...at, items: [sampleWrite(record)] }),
    beat: () => store.beat({ ...at, items: [{ id, token: "token-1", leaseMs: 1_000 }] }),
    claim: () => store.claim({ ...at, byMessage: { terms: sampleTerms(), items: [claim] } }),
    takeDue: () => store.takeDue({ ...at, limit: 1, holdMs: 1 }),
    advance: () => store.advance({ ...at, items: [plan] }),
    list: () => store.list({ ...at, limit: 1 }),
    byRef: () => store.byRef({ ...at, kind: "sample.work", refKey: "ref-1" }),
    park: () => store.park({ ...at, messages: [message] }),
    parked: () => store.parked({ ...at, limit: 1 }),
    unpark: () => store.unpark({ ...at, ids: ["p-1"] }),
    pulse: () => store.pulse({ ...at, unserved: 0 }),
    health: () => store.health(at),
    purge: () => store.purge({ ...at, limit: 1, parkedBefore: 0 }),
    create: () => store.create({ ...at, items: [{ record, input: "{}" }] }),
  };
}

const DURABILITIES: readonly string[] = ["memory", "local", "replicated", "weak"];

export const lifetimeBehaviour: StoreBehaviour = {
  group: "lifetime",
  tests: {
    "declares what it can do": async (probe) => {
      const { maxBatch, maxPayloadBytes, durability, shared, clock, ...rest } = probe.store.capabilities;
      assert.ok(Number.isInteger(maxBatch) && maxBatch > 0);
      assert.ok(maxPayloadBytes >= 256 * 1024);
      assert.ok(
        DURABILITIES.includes(durability),
        `durability: ${durability} is none of ${DURABILITIES.join(", ")}`,
      );
      assert.ok(["server", "caller"].includes(clock), `clock: ${clock} is neither server nor caller`);
      const { queue, writeThenClaim, transactions, refusalReturnsRecord, listIsConsistent } = rest;
      const flags = { shared, queue, writeThenClaim, transactions, refusalReturnsRecord, listIsConsistent };
      for (const [name, value] of Object.entries(flags))
        assert.equal(typeof value, "boolean", `${name} is declared, whatever it is`);

      const { fixture } = probe;
      probe.doesNotApply(
        durability !== "memory" && fixture.reopen === undefined,
        "what survives, without reopen",
      );
      probe.doesNotApply(
        shared && fixture.second === undefined,
        "what processes share, without a second handle",
      );
    },

    "is ready, as often as it is asked": async (probe) => {
      await probe.store.ready();
      await probe.store.ready();
    },

    "may be migrated again, side by side, with nothing lost": async (probe) => {
      if (probe.doesNotApply(probe.store.migrate === undefined, "the store has no schema")) return;
      const given = await probe.given(sampleJob({ id: "job-1" }, await probe.now()));
      await Promise.all([probe.store.migrate?.(), probe.store.migrate?.()]);
      await probe.store.ready();
      assert.deepEqual((await probe.read("job-1")).record, given);
    },

    "tells with every answer the time that it decides by": async (probe) => {
      const before = await probe.now();
      // A server's own time, whatever the caller says; of several servers each may have its own.
      const at = probe.hasServerClock ? { nowMs: 1 } : probe.at;
      const marginMs = probe.hasServerClock ? 60_000 : 0;
      for (const [name, call] of Object.entries(calls(probe.store, at))) {
        const { nowMs } = await call();
        assert.ok(Math.abs(nowMs - before) <= marginMs, `${name}: ${String(nowMs)}`);
      }
    },

    "answers empty batches": async (probe) => {
      const { store, at } = probe;
      assert.deepEqual((await store.create({ ...at, items: [] })).results, []);
      assert.deepEqual((await store.read({ ...at, ids: [] })).jobs, []);
      assert.deepEqual((await store.write({ ...at, items: [] })).results, []);
      assert.deepEqual((await store.beat({ ...at, items: [] })).results, []);
      assert.deepEqual((await store.advance({ ...at, items: [] })).results, []);
      const claim = await store.claim({ ...at, byMessage: { terms: sampleTerms(), items: [] } });
      assert.deepEqual([claim.jobs, claim.results], [[], []]);
      await store.park({ ...at, messages: [] });
      await store.unpark({ ...at, ids: [] });
    },

    "takes a batch as large as it says": async (probe) => {
      const count = Math.min(probe.store.capabilities.maxBatch, 1_000);
      const now = await probe.now();
      const ids = Array.from({ length: count }, (_, index) => `job-${String(index).padStart(4, "0")}`);
      const results = await probe.create(
        ...ids.map((id) => ({ record: sampleQueuedJob({ id }, now), input: "{}" })),
      );
      assert.ok(results.every((result) => result.status === "created"));
      const read = async () =>
        (await probe.store.read({ ...probe.at, ids })).jobs.map((job) => present(job).record);
      assert.deepEqual(
        (await read()).map(({ id }) => id),
        ids,
      );
      const { store } = probe;
      const messages = ids.map((id) => ({ id, dispatch: 1, token: `token of ${id}`, leaseMs: 60_000 }));
      const byMessage = { terms: sampleTerms(), items: messages };
      const beats = ids.map((id) => ({ id, token: `token of ${id}`, leaseMs: 60_000 }));
      const ends = (records: readonly JobRecord[]) =>
        records.map((record) => sampleWrite(record, { edges: ["T6"], patch: SAMPLE_END }));
      const plans = (records: readonly JobRecord[]) =>
        records.map(({ id, status, version, token }) => ({
          ...{ id, plannedOn: { status, version, token }, wakeAt: now, purgeAt: null, latestWakeAt: NEVER },
          cursors: {},
        }));
      for (const [name, call] of [
        ["claim", () => store.claim({ ...probe.at, byMessage })],
        ["beat", () => store.beat({ ...probe.at, items: beats })],
        ["write", async () => store.write({ ...probe.at, items: ends(await read()) })],
        ["advance", async () => store.advance({ ...probe.at, items: plans(await read()) })],
      ] as const) {
        const answers: readonly { readonly status: string }[] = (await call()).results;
        assert.deepEqual(
          [answers.length, answers.filter(({ status }) => status !== "ok")],
          [count, []],
          `"Most items in one call": ${name} takes as many as maxBatch says`,
        );
      }
    },

    "claims as many of the next as it says it takes at once": async (probe) => {
      if (probe.isNoQueue) return;
      const count = Math.min(probe.store.capabilities.maxBatch, 1_000);
      const now = await probe.now();
      const ids = Array.from({ length: count }, (_, index) => `job-${String(index).padStart(4, "0")}`);
      await probe.create(...ids.map((id) => ({ record: sampleReadyJob({ id }, now), input: "{}" })));
      const jobs = await probe.claimNext({ limit: count });
      assert.deepEqual(
        jobs.map(({ record }) => record.id),
        ids,
        `\`limit\` jobs are ready, and \`limit\` may be as large as maxBatch, ${String(count)}`,
      );
    },

    "closes twice, and answers every later call with waybill.closed": async (probe) => {
      const { store, at } = probe;
      await store.close();
      await store.close();
      for (const [name, call] of [
        ...Object.entries(calls(store, at)),
        ["ready", () => store.ready()] as const,
      ]) {
        await assert.rejects(call(), (error) => isWaybillError(error, "waybill.closed"), name);
      }
    },

    "keeps everything over a restart": async (probe) => {
      if (probe.doesNotApply(probe.fixture.reopen === undefined, "the fixture has no reopen")) return;
      const now = await probe.now();
      const id = underScope("ended");
      const ended = await probe.final("COMPLETED", { id, notifiers: ["ui"], scope: SCOPE });
      const due = await probe.given(sampleJob({ id: "due", wakeAt: now - 1 }, now));
      const store = present(await probe.fixture.reopen?.());
      const again = new StoreProbe({ ...probe.fixture, store }, store, now);
      assert.deepEqual(await again.read(id), ended);
      assert.deepEqual(
        (await again.takeDue()).map(({ record }) => record.id),
        [due.id],
      );
      const [answer] = await again.create({
        record: sampleJob({ id: underScope("other"), scope: SCOPE }, now),
        input: "{}",
      });
      assert.equal(answer?.status, "existing");
      await store.close();
    },
  },
};
