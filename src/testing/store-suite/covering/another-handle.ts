import assert from "node:assert/strict";
import { START } from "../../../core/job/record.js";
import type { AnyStore } from "../../../core/ports/store.js";
import { SAMPLE_END, sampleJob, sampleQueuedJob, sampleReadyJob, sampleWrite } from "../../sample-jobs.js";
import type { StoreBehaviour } from "../store-behaviour.js";
import { accepted, claimed, only, present, StoreProbe } from "../store-probe.js";

type Open = (probe: StoreProbe) => Promise<AnyStore | undefined>;

/** Everything that one handle has stored is found through the other. */
async function findsEverything(probe: StoreProbe, open: Open): Promise<void> {
  const now = await probe.now();
  await probe.given(
    sampleJob({ id: "listed", owner: "ann", subject: "plan:1", kind: "kind.list" }, now),
    '"listed"',
  );
  if (probe.store.capabilities.queue)
    await probe.given(sampleReadyJob({ id: "ready", kind: "kind.ready" }, now), '"ready"');
  await probe.awaiting({ id: "awaiting", kind: "kind.wait" }, ["ref-9"]);
  const { record } = await probe.processing({ id: "ended", kind: "kind.end" }, { token: "token-end" });
  accepted(await probe.write(sampleWrite(record, { edges: ["T5"], patch: SAMPLE_END, output: '"done"' })));
  const told = await probe.given(sampleQueuedJob({ id: "told", kind: "kind.told", notifiers: ["ui"] }, now));
  const ui = { ...START, upTo: 2, exhausted: [1] };
  accepted(await probe.advance({ id: told.id, wakeAt: now + 9_000, cursors: { ui } }));
  const message = { id: "p-1", queue: "work", body: "no message", reason: "unparsable", at: now };
  await probe.store.park({ ...probe.at, messages: [message] });
  await probe.store.pulse({ ...probe.at, unserved: 4 });
  const before = await probe.health();

  const store = await open(probe);
  if (store === undefined) return;
  const again = new StoreProbe({ ...probe.fixture, store }, store, probe.at.nowMs);
  assert.deepEqual((await again.read("told")).cursors, { ui }, "cursors are shared");
  assert.equal((await again.read("ended", { output: true })).output, '"done"', "outputs are shared");
  assert.equal((await again.read("listed", { input: true })).input, '"listed"', "inputs are shared");
  for (const filter of [{ owner: "ann" }, { subject: "plan:1" }, { kinds: ["kind.list"] }])
    assert.deepEqual(
      (await again.list(filter)).jobs.map((job) => job.record.id),
      ["listed"],
      `a list by ${Object.keys(filter).join()} is shared`,
    );
  assert.deepEqual(
    (await again.list({ undeliverable: true })).jobs.map((job) => job.record.id),
    ["told"],
    "what was given up is shared",
  );
  const { jobs } = await store.byRef({ ...again.at, kind: "kind.wait", refKey: "ref-9" });
  assert.equal(only(jobs).record.id, "awaiting", "references are shared");
  assert.deepEqual(
    (await store.parked({ ...again.at, limit: 9 })).messages,
    [message],
    "parked messages are shared",
  );
  const { lastPulseAt, unserved, parked, undeliverable } = await again.health();
  assert.deepEqual(
    [lastPulseAt, unserved, parked, undeliverable],
    [before.lastPulseAt, 4, 1, 1],
    "health is shared",
  );
  if (store.capabilities.queue) {
    const kinds = [{ kind: "kind.ready", leaseMs: 60_000 }];
    const job = only(await again.claimNext({ kinds, token: "token-of-another" }));
    assert.equal(job.input, '"ready"', "what is ready is shared, with its input");
    assert.deepEqual(
      await again.claimNext({ kinds, token: "token-of-another" }),
      [job],
      "what a token holds is shared",
    );
  }
  await store.close();
}

export const anotherHandleBehaviour: StoreBehaviour = {
  group: "another handle",
  tests: {
    "finds everything that the first has stored": async (probe) => {
      if (probe.doesNotApply(probe.fixture.second === undefined, "the fixture has no second handle")) return;
      await findsEverything(probe, async ({ fixture }) => fixture.second?.());
    },

    "finds everything over a restart": async (probe) => {
      if (probe.doesNotApply(probe.fixture.reopen === undefined, "the fixture has no reopen")) return;
      await findsEverything(probe, async ({ fixture }) => fixture.reopen?.());
    },

    "sees each change of the other as soon as it is answered, and the other sees its own": async (probe) => {
      if (probe.doesNotApply(probe.fixture.second === undefined, "the fixture has no second handle")) return;
      const second = present(await probe.fixture.second?.());
      const other = probe.through(second);
      const now = await probe.now();
      assert.equal(await other.find("job-1"), null);
      await probe.given(sampleQueuedJob({ id: "job-1", notifiers: ["ui"] }, now));
      const handles = [other, probe] as const;
      let { record } = await other.read("job-1");
      assert.equal(record.status, "QUEUED", "a create is seen");
      record = claimed(await other.claim({ id: "job-1" })).record;
      for (const [index, by] of [...handles, ...handles].entries()) {
        const seenBy = handles[index % 2 === 0 ? 1 : 0];
        await seenBy.read("job-1", { output: true });
        accepted(await by.write(sampleWrite(record, { patch: { send: index + 7 } })));
        record = (await seenBy.read("job-1", { output: true })).record;
        assert.equal(
          record.send,
          index + 7,
          '"Strong: sees every write answered before the call": a write through another handle',
        );
        accepted(await by.beat({ id: "job-1", token: "token-1", leaseMs: 60_000 + index }));
        const lease = (await seenBy.read("job-1")).record.leaseUntil;
        assert.equal(
          lease,
          (await by.read("job-1")).record.leaseUntil,
          "a beat through another handle is seen",
        );
        const ui = { ...START, upTo: 1, attempts: index + 1 };
        accepted(await by.advance({ id: "job-1", wakeAt: record.wakeAt, cursors: { ui } }));
        assert.deepEqual(
          (await seenBy.read("job-1")).cursors,
          { ui },
          "a cursor moved through another handle is seen",
        );
      }
      await second.close();
    },
  },
};
