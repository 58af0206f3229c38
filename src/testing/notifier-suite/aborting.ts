import assert from "node:assert/strict";
import type { PublishResult } from "../../core/ports/notifier.js";
import { canAnswer, type NotifierTest } from "./notifier-probe.js";
import { sampleEvent } from "./sample-event.js";

/** Longer than any notifier needs to hear its signal, on a loaded machine too. */
const HEARS_WITHIN_MS = 5_000;

/** Either the events are answered, all of them to be offered again, or the call rejects: that counts as `retry` for all. */
async function notDelivered(publishing: Promise<readonly PublishResult[]>): Promise<void> {
  const results = await publishing.catch((error: unknown) => {
    if (error instanceof assert.AssertionError) throw error;
    return [];
  });
  for (const { status } of results)
    assert.ok(
      status === "retry" || status === "held",
      `nothing is known of it: it is offered again, and not ${status}`,
    );
}

export function abortingBehaviour(test: NotifierTest): void {
  behindWhatHangs(test);
  test("claims no delivery that did not happen when the signal was aborted before", async (probe) => {
    const publishing = probe.time.watch(
      probe.publish([sampleEvent("job-a", 1)], { signal: AbortSignal.abort() }),
    );
    assert.ok(await probe.time.until(() => publishing.settled, HEARS_WITHIN_MS), "it does not end");
    const results = await publishing.promise.catch(() => []);
    if (results[0]?.status === "delivered") await probe.expectDelivered("job-a:1");
  });

  test(
    "ends when the signal aborts while the receiver gives no answer",
    async (probe) => {
      await probe.answer("job-slow:1", "hang");
      const abort = new AbortController();
      const publishing = probe.time.watch(
        probe.publish([sampleEvent("job-slow", 1)], { signal: abort.signal }),
      );
      await probe.time.pass(200);
      assert.equal(publishing.settled, false, "it ended before the signal aborted");
      abort.abort();
      const heard = await probe.time.until(() => publishing.settled, HEARS_WITHIN_MS);
      assert.ok(heard, "it ignores the signal");
      await notDelivered(publishing.promise);
    },
    canAnswer("hang"),
  );

  test(
    "delivers again after a call that hung",
    async (probe) => {
      await probe.answer("job-slow:1", "hang");
      const abort = new AbortController();
      const publishing = probe.publish([sampleEvent("job-slow", 1)], { signal: abort.signal });
      await probe.time.pass(50);
      abort.abort();
      await notDelivered(publishing);
      await probe.answer("job-slow:1", "accept");
      assert.deepEqual(await probe.statuses([sampleEvent("job-slow", 1)]), ["delivered"]);
      // What hung may have arrived late as well; then it is the same event twice.
      const delivered = await probe.delivered();
      assert.ok(delivered.length >= 1 && delivered.every((id) => id === "job-slow:1"), delivered.join(", "));
    },
    canAnswer("hang", "accept"),
  );
}

function behindWhatHangs(test: NotifierTest): void {
  test(
    "claims no delivery of what stands behind one that hangs when the signal aborts",
    async (probe) => {
      await probe.answer("job-slow:1", "hang");
      const abort = new AbortController();
      const events = ["job-a", "job-slow", "job-b"].map((job) => sampleEvent(job, 1));
      events.push(sampleEvent("job-slow", 2));
      const size = probe.notifier.maxBatch ?? events.length;
      const publishing = probe.time.watch(probe.publish(events.slice(0, size), { signal: abort.signal }));
      await probe.time.pass(50);
      abort.abort();
      assert.ok(await probe.time.until(() => publishing.settled, HEARS_WITHIN_MS), "it ignores the signal");
      const results = await publishing.promise.catch((error: unknown) => {
        if (error instanceof assert.AssertionError) throw error;
        return [];
      });
      // What hung may arrive late; nothing of its job may follow it by a call that is over.
      await probe.time.pass(300);
      const delivered = await probe.delivered();
      assert.ok(
        !delivered.includes("job-slow:2"),
        "once an event is answered `retry` or not at all, no later one of its job is delivered by that call",
      );
      for (const [place, { status }] of results.entries()) {
        const { id = "" } = events[place] ?? {};
        assert.notEqual(status, "rejected", `${id} was not refused for itself`);
        if (status === "delivered")
          assert.ok(delivered.includes(id), `\`delivered\`: the receiver has it; it does not have ${id}`);
      }
    },
    canAnswer("hang"),
  );
}
