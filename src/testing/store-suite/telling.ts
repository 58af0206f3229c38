import assert from "node:assert/strict";
import type { FeedHint } from "../../core/ports/feed.js";
import type { JobRecord } from "../../core/job/record.js";
import { SAMPLE_END, sampleQueuedJob, sampleReadyJob, sampleWrite } from "../sample-jobs.js";
import type { StoreBehaviour } from "./store-behaviour.js";
import { accepted, claimed, present, refused, sampleNext, type StoreProbe } from "./store-probe.js";

/** What other processes hear of changes, where the store tells of them in the step that makes them. */
export const tellingBehaviour: StoreBehaviour = {
  group: "telling",
  tests: {
    "tells another process of a job that is made, changed and claimed, as it is then": async (probe) => {
      const heard = await listening(probe);
      if (heard === null) return;
      const now = await probe.now();
      const texts = { owner: 'tenant "7" \\ 東京', subject: "plan:42\n\t'é'" };
      const ready = await probe.given(sampleReadyJob({ id: "job-1", ...texts }, now));
      await heard.ofRecord(ready);
      const [job] = probe.store.capabilities.queue ? await probe.claimNext() : [];
      if (job !== undefined) {
        await heard.ofRecord(job.record);
        const item = sampleWrite(job.record, { edges: ["T5"], patch: SAMPLE_END, output: "1" });
        accepted(await probe.write(item));
        await heard.ofRecord((await probe.read("job-1")).record);
      }
      const queued = await probe.given(sampleQueuedJob({ id: "job-2" }, now));
      await heard.ofRecord(queued);
      const { record } = claimed(await probe.claim({ id: "job-2" }));
      await heard.ofRecord(record);
      accepted(await probe.write(sampleWrite(record, { patch: { progress: { done: 1 } } })));
      await heard.ofRecord((await probe.read("job-2")).record);
      await heard.stop();
    },

    "tells of a claim that travels with a write": async (probe) => {
      const heard = await listening(probe);
      if (heard === null || !probe.store.capabilities.writeThenClaim) return;
      const now = await probe.now();
      const { record } = await probe.processing({ id: "job-1" });
      await probe.given(sampleReadyJob({ id: "job-2" }, now));
      const items = [sampleWrite(record, { edges: ["T5"], patch: SAMPLE_END, output: "1" })];
      const reply = await probe.store.write({ ...probe.at, items, thenClaim: sampleNext() });
      await heard.ofRecord((await probe.read("job-1")).record);
      await heard.ofRecord(present(reply.claimed?.[0]).record);
      await heard.stop();
    },

    "tells of every job of a large call, also where their texts are long": async (probe) => {
      const heard = await listening(probe);
      if (heard === null) return;
      const now = await probe.now();
      const records = Array.from({ length: Math.min(100, probe.store.capabilities.maxBatch) }, (_, place) =>
        sampleReadyJob(
          { id: `job-${String(place)}`, subject: `plan:${"é".repeat(200)}:${String(place)}` },
          now,
        ),
      );
      await probe.create(...records.map((record) => ({ record, input: "{}" })));
      for (const record of records) await heard.ofRecord(record);
      await heard.stop();
    },

    "tells nothing of what is refused, or only read, or only kept alive": async (probe) => {
      const heard = await listening(probe);
      if (heard === null) return;
      const now = await probe.now();
      const { record } = await probe.processing({ id: "job-1" });
      await heard.ofRecord(record);
      heard.forget();
      refused(await probe.write(sampleWrite(record, { guard: { version: 9 }, patch: { percent: 0.5 } })));
      await probe.create({ record: sampleQueuedJob({ id: "job-1" }, now), input: "{}" });
      refused(await probe.claim({ id: "job-1", token: "another" }));
      await probe.beat({ id: "job-1", token: "token-1", leaseMs: 60_000 });
      await probe.read("job-1");
      await heard.ofRecord(await probe.given(sampleQueuedJob({ id: "the-last" }, now)));
      assert.deepEqual(
        heard.hints.map(({ id }) => id).filter((id) => id !== "the-last"),
        [],
      );
      await heard.stop();
    },
  },
};

const PATIENCE_MS = 10_000;
const LOOK_MS = 5;

/** Listens through another handle, where there is one; `null`: the store does not tell. */
async function listening(probe: StoreProbe) {
  const { fixture, store } = probe;
  if (probe.doesNotApply(store.tellsChanges !== true, "the store does not tell of changes")) return null;
  const other = fixture.second === undefined ? store : await fixture.second();
  const { feed } = other;
  if (feed === undefined) {
    probe.doesNotApply(true, "nothing listens here");
    return null;
  }
  let hints: FeedHint[] = [];
  const stop = await feed.subscribe((hint) => hints.push(hint));
  return {
    get hints(): readonly FeedHint[] {
      return hints;
    },
    forget(): void {
      hints = [];
    },
    /** Insists that this version was told of, or a newer one that the hint was read at. */
    async ofRecord(record: JobRecord): Promise<void> {
      const { id, version } = record;
      const found = (): FeedHint | undefined =>
        hints.find((hint) => hint.id === id && hint.version === version);
      for (let waited = 0; found() === undefined && waited < PATIENCE_MS; waited += LOOK_MS)
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      const { kind, owner, subject, readyAt, wakeAt } = record;
      const expected = { id, kind, version, owner, subject, readyAt, wakeAt };
      assert.deepEqual({ readyAt: null, wakeAt: null, ...found() }, expected);
    },
    async stop(): Promise<void> {
      await stop();
      await feed.close();
      if (other !== store) await other.close();
    },
  };
}
