import assert from "node:assert/strict";
import type { NotifierTest } from "./notifier-probe.js";
import { sampleEvent, sampleView } from "./sample-event.js";

export function viewingBehaviour(test: NotifierTest): void {
  whoseViewBehaviour(test);
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

function whoseViewBehaviour(test: NotifierTest): void {
  test("asks for the views of the jobs of its events, and of no other", async (probe) => {
    const asked = new Set<string>();
    const view = async (jobId: string): Promise<ReturnType<typeof sampleView>> => {
      asked.add(jobId);
      return sampleView(jobId);
    };
    const events = ["job-a", "job-b"]
      .map((job) => sampleEvent(job, 1))
      .slice(0, probe.notifier.maxBatch ?? 2);
    await probe.publish(events, { view });
    if (asked.size === 0) return;
    assert.deepEqual(
      [...asked].sort(),
      events.map(({ jobId }) => jobId),
      "`view(jobId)`: each event is told with the view of its own job",
    );
  });

  test("asks for a view anew in each call", async (probe) => {
    let asked = 0;
    const view = async (jobId: string): Promise<ReturnType<typeof sampleView>> => {
      asked += 1;
      return sampleView(jobId);
    };
    await probe.publish([sampleEvent("job-a", 1)], { view });
    if (asked === 0) return;
    asked = 0;
    await probe.publish([sampleEvent("job-a", 2)], { view });
    assert.ok(asked > 0, "`view`: the job as it is stored now, not as it was in an earlier call");
  });
}
