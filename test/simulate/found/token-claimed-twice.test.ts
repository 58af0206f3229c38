import { expect, it } from "vitest";
import { memoryStore } from "../../../src/adapters/memory/store.js";
import { createWaybill } from "../../../src/core/create-waybill.js";
import { fakeClock } from "../../../src/testing/fake-clock.js";
import { createFaults } from "../../../src/testing/faults/faults.js";
import { plainStore } from "../kinds.js";
import { SharedStore } from "../shared-store.js";

// Found by seed 9: a claim of the next jobs was repeated in doubt for as long as the store stayed away. When a lease had
// passed meanwhile and the job came back, the repetition took it a second time under the same token and transition id,
// against "never twice one (id, token)".
it("a claim in doubt is not repeated under its token once what it took has come back", async () => {
  const clock = fakeClock();
  const tokens: string[] = [];
  const shared = new SharedStore({
    make: memoryStore,
    now: () => clock.now(),
    onChange: (change) => {
      if (change.op === "claim") tokens.push(change.token);
    },
    onPark: () => undefined,
  });
  const faults = createFaults({ clock });
  const waybill = createWaybill({ jobs: [plainStore], store: faults.wrapStore(shared.store), clock });
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
  faults.store("claim", { fault: "response_lost" });
  faults.store("claim", { fault: "not_applied", nth: 2, times: 1_000 });
  void waybill.worker([plainStore.handle(() => "done")]).run();
  // The lease passes, and the reconciler, which claims nothing, brings the job back.
  await clock.advance(60_000);
  expect(shared.rows.get(id)?.record.status).toBe("QUEUED");
  faults.heal();
  await clock.advance(60_000);
  await clock.runUntil(waybill.close());
  expect(tokens).toHaveLength(2);
  expect(new Set(tokens).size).toBe(2);
});
