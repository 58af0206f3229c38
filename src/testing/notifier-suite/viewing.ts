import assert from "node:assert/strict";
import type { NotifierTest } from "./notifier-probe.js";
import { sampleEvent } from "./sample-event.js";

export function viewingBehaviour(test: NotifierTest): void {
  test("delivers the events of a job that is gone", async (probe) => {
    const results = await probe.publish([sampleEvent("job-gone", 1)], { view: async () => null });
    assert.deepEqual(results, [{ status: "delivered" }]);
    await probe.expectDelivered("job-gone:1");
  });

  test("gives up nothing because a job cannot be read now", async (probe) => {
    const view = async (): Promise<never> => {
      throw new Error("The store is not there.");
    };
    // A rejection of the whole call counts as `retry`.
    const results = await probe.publish([sampleEvent("job-a", 1)], { view }).catch(() => null);
    if (results === null) return;
    assert.equal(results.length, 1);
    assert.notEqual(results[0]?.status, "rejected");
    await probe.expectDelivered(...(results[0]?.status === "delivered" ? ["job-a:1"] : []));
  });
}
