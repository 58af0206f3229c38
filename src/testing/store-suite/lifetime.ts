import assert from "node:assert/strict";
import { isWaybillError } from "../../core/errors.js";
import { sampleJob, sampleQueuedJob } from "../sample-jobs.js";
import type { StoreBehaviour } from "./store-behaviour.js";
import { present, StoreProbe } from "./store-probe.js";

export const lifetimeBehaviour: StoreBehaviour = {
  group: "lifetime",
  tests: {
    "declares what it can do": async (probe) => {
      const { maxBatch, maxPayloadBytes, durability, shared } = probe.store.capabilities;
      assert.ok(Number.isInteger(maxBatch) && maxBatch > 0);
      assert.ok(maxPayloadBytes >= 256 * 1024);

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

    "answers empty batches": async (probe) => {
      const { store, at } = probe;
      assert.deepEqual((await store.create({ ...at, items: [] })).results, []);
      assert.deepEqual((await store.read({ ...at, ids: [] })).jobs, []);
      assert.deepEqual((await store.write({ ...at, items: [] })).results, []);
      assert.deepEqual((await store.beat({ ...at, items: [] })).results, []);
      assert.deepEqual((await store.advance({ ...at, items: [] })).results, []);
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
      const { jobs } = await probe.store.read({ ...probe.at, ids });
      assert.deepEqual(
        jobs.map((job) => job?.record.id),
        ids,
      );
    },

    "closes twice, and answers every later call with waybill.closed": async (probe) => {
      const { store, at } = probe;
      await store.close();
      await store.close();
      for (const call of [
        () => store.read({ ...at, ids: ["job-1"] }),
        () => store.create({ ...at, items: [] }),
        () => store.write({ ...at, items: [] }),
        () => store.beat({ ...at, items: [] }),
        () => store.takeDue({ ...at, limit: 1, holdMs: 1 }),
        () => store.health(at),
        () => store.ready(),
      ]) {
        await assert.rejects(call(), (error) => isWaybillError(error, "waybill.closed"));
      }
    },

    "keeps everything over a restart": async (probe) => {
      if (probe.doesNotApply(probe.fixture.reopen === undefined, "the fixture has no reopen")) return;
      const now = await probe.now();
      const ended = await probe.final("COMPLETED", { id: "ended", notifiers: ["ui"], scope: "s" });
      const due = await probe.given(sampleJob({ id: "due", wakeAt: now - 1 }, now));
      const store = present(await probe.fixture.reopen?.());
      const again = new StoreProbe({ ...probe.fixture, store }, store, now);
      assert.deepEqual(await again.read("ended"), ended);
      assert.deepEqual(
        (await again.takeDue()).map(({ record }) => record.id),
        [due.id],
      );
      const [answer] = await again.create({
        record: sampleJob({ id: "other", scope: "s" }, now),
        input: "{}",
      });
      assert.equal(answer?.status, "existing");
      await store.close();
    },
  },
};
