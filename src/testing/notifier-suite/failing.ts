import assert from "node:assert/strict";
import type { PublishResult } from "../../core/ports/notifier.js";
import { canAnswer, type NotifierProbe, type NotifierTest } from "./notifier-probe.js";
import { SAMPLE_SECRET, sampleEvent } from "./sample-event.js";

async function publishBad(probe: NotifierProbe): Promise<PublishResult> {
  const [result] = await probe.publish([sampleEvent("job-bad", 1)]);
  assert.ok(result);
  return result;
}

export function failingBehaviour(test: NotifierTest): void {
  for (const answer of ["retry", "rejected"] as const) {
    test(
      `answers ${answer}, with a reason that tells nothing of the event`,
      async (probe) => {
        await probe.answer("job-bad:1", answer);
        const result = await publishBad(probe);
        assert.ok(result.status === answer, `it answered ${result.status}`);
        assert.ok(result.reason.length > 0 && result.reason.length <= 500);
        assert.ok(!result.reason.includes(SAMPLE_SECRET), "the reason quotes the event");
        await probe.expectDelivered();
      },
      canAnswer,
    );
  }

  test(
    "delivers what failed once the receiver accepts it",
    async (probe) => {
      await probe.answer("job-bad:1", "retry");
      assert.equal((await publishBad(probe)).status, "retry");
      await probe.answer("job-bad:1", "accept");
      assert.equal((await publishBad(probe)).status, "delivered");
      await probe.expectDelivered("job-bad:1");
    },
    canAnswer,
  );

  test(
    "delivers the events of other jobs of the batch",
    async (probe) => {
      await probe.answer("job-bad:1", "retry");
      const events = [sampleEvent("job-a", 1), sampleEvent("job-bad", 1), sampleEvent("job-b", 1)];
      assert.deepEqual(await probe.statuses(events), ["delivered", "retry", "delivered"]);
      assert.deepEqual([...(await probe.delivered())].sort(), ["job-a:1", "job-b:1"]);
    },
    canAnswer,
  );

  test(
    "lets no later event of a job overtake one that has to be tried again",
    async (probe) => {
      await probe.answer("job-bad:1", "retry");
      const events = [sampleEvent("job-bad", 1), sampleEvent("job-bad", 2), sampleEvent("job-a", 1)];
      const [first, second, other] = await probe.statuses(events);
      assert.deepEqual([first, other], ["retry", "delivered"]);
      assert.notEqual(second, "delivered");
      await probe.expectDelivered("job-a:1");
    },
    canAnswer,
  );
}
