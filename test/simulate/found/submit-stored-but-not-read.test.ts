import { expect, it } from "vitest";
import { testWaybill } from "../../../src/testing/test-waybill.js";
import { plainStore } from "../kinds.js";

// Found by seeds 175 and 213: told "not applied", a caller submits the work a second time.
it("a submit whose job is stored, done and cannot be read says that it was applied", async () => {
  const waybill = testWaybill({ jobs: [plainStore], handlers: [plainStore.handle(() => "done")] });
  await waybill.settle();
  waybill.fault.store("create", { fault: "response_lost" });
  waybill.fault.store("create", { fault: "not_applied", nth: 2, times: 6 });
  waybill.fault.store("read", { fault: "request_lost", times: 100 });
  const plan = {
    call: 1,
    stepsMs: [],
    failures: 0,
    ending: "done",
    deaf: false,
    outsideMs: 0,
    outsideEnds: "done",
  } as const;
  const told = waybill.submit(plainStore, plan).then(
    () => null,
    (error: unknown) => error,
  );
  // The job is run while the submit waits to ask again.
  const error = await waybill.clock.runUntil(told);
  expect(error).toMatchObject({ code: "store.unavailable", outcome: "applied" });
  waybill.fault.heal();
  const page = await waybill.list({ kind: "plain.store" });
  expect(page.items.map(({ status }) => status)).toEqual(["COMPLETED"]);
});
