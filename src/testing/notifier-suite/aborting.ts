import assert from "node:assert/strict";
import type { PublishResult } from "../../core/ports/notifier.js";
import { canAnswer, type NotifierTest } from "./notifier-probe.js";
import { sampleEvent } from "./sample-event.js";

/** Either the events are answered, none of them as delivered, or the call rejects: that counts as `retry` for all. */
async function notDelivered(publishing: Promise<readonly PublishResult[]>): Promise<void> {
  const results = await publishing.catch(() => []);
  assert.ok(results.every(({ status }) => status !== "delivered"));
}

export function abortingBehaviour(test: NotifierTest): void {
  test("claims no delivery that did not happen when the signal was aborted before", async (probe) => {
    const publishing = probe.time.watch(probe.publish([sampleEvent("job-a", 1)], AbortSignal.abort()));
    assert.ok(await probe.time.until(() => publishing.settled, 5_000), "it does not end");
    const results = await publishing.promise.catch(() => []);
    if (results[0]?.status === "delivered") await probe.expectDelivered("job-a:1");
  });

  test(
    "ends when the signal aborts while the receiver gives no answer",
    async (probe) => {
      await probe.answer("job-slow:1", "hang");
      const abort = new AbortController();
      const publishing = probe.time.watch(probe.publish([sampleEvent("job-slow", 1)], abort.signal));
      await probe.time.pass(200);
      assert.equal(publishing.settled, false, "it ended before the signal aborted");
      abort.abort();
      assert.ok(await probe.time.until(() => publishing.settled, 5_000), "it did not hear the signal");
      await notDelivered(publishing.promise);
    },
    canAnswer,
  );
}
