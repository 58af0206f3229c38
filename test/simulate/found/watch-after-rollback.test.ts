import { expect, it } from "vitest";
import { memoryStore } from "../../../src/adapters/memory/store.js";
import { createWaybill } from "../../../src/core/create-waybill.js";
import { entryTemplate } from "../../../src/core/job/history.js";
import { fakeClock } from "../../../src/testing/fake-clock.js";
import { plainStore } from "../kinds.js";
import { SharedStore } from "../shared-store.js";

const ignore = (): void => undefined;

// Found by seed 21 with four rollbacks: the watcher ended at PROCESSING, and `result` with it.
it("a watcher is shown the end although the store fell back and gave it the version that was last seen", async () => {
  const clock = fakeClock();
  const shared = new SharedStore({
    make: memoryStore,
    now: () => clock.now(),
    onChange: ignore,
    onPark: ignore,
  });
  const waybill = createWaybill({ jobs: [plainStore], store: shared.store, clock });
  const plan = {
    call: 1,
    stepsMs: [],
    failures: 0,
    ending: "done",
    deaf: false,
    outsideMs: 0,
    outsideEnds: "done",
  } as const;
  const { id } = await clock.runUntil(waybill.submit(plainStore, plan).unwrap());
  await clock.advance(1_000);
  const tail = { transitionId: "claimed", actor: null };
  const terms = {
    worker: "w",
    recordVersion: 1,
    notifyGraceMs: 0,
    started: entryTemplate("T4", tail),
    queued: entryTemplate("T2", tail),
  };
  const kinds = [{ kind: "plain.store", leaseMs: 60_000 }];
  await shared.store.claim({ nowMs: clock.now(), next: { terms, token: "t", kinds, limit: 1 } });
  const seen: string[] = [];
  const watching = (async () => {
    for await (const job of waybill.watch(id)) seen.push(`${job.status} ${String(job.version)}`);
  })();
  await clock.advance(10);
  await shared.rollBack(500);
  await clock.runUntil(waybill.cancel(id).unwrap());
  await clock.runUntil(watching);
  expect(seen).toEqual(["PROCESSING 3", "FAILED 3"]);
  await waybill.close();
});
