import assert from "node:assert/strict";
import type { FeedHint } from "../../core/ports/feed.js";
import { sampleHint, type FeedTest } from "./feed-probe.js";

export function hintingBehaviour(test: FeedTest): void {
  test("carries a hint to another process as it is", async (probe) => {
    const heard: FeedHint[] = [];
    await probe.subscriber.subscribe((hint) => heard.push(hint));
    const hints: FeedHint[] = [
      { id: "job-a", kind: "sample.kind", version: 1, owner: null, subject: null },
      {
        id: "job-b",
        kind: "sample.kind",
        version: 2 ** 31,
        owner: "Zürich 東京 🚂",
        subject: 'plan:"42" \\ ; \' -- %s',
      },
    ];
    for (const hint of hints) await probe.publisher.publish([hint]);
    await probe.expectHeard(heard, hints);
    for (const hint of heard)
      assert.deepEqual(Object.keys(hint).sort(), ["id", "kind", "owner", "subject", "version"]);
  });

  test("carries when a job is ready, and when it must be looked at", async (probe) => {
    const heard: FeedHint[] = [];
    await probe.subscriber.subscribe((hint) => heard.push(hint));
    const hints: FeedHint[] = [
      { ...sampleHint("job-a"), readyAt: 1_735_689_600_000, wakeAt: 1_735_689_630_000 },
      { ...sampleHint("job-b"), readyAt: null, wakeAt: 1_735_689_600_001 },
      { ...sampleHint("job-c"), readyAt: null, wakeAt: null },
    ];
    await probe.publisher.publish(hints);
    await probe.expectHeard(heard, hints);
    for (const { id, readyAt = null, wakeAt = null } of hints) {
      const found = heard.find((hint) => hint.id === id);
      assert.deepEqual([found?.readyAt ?? null, found?.wakeAt ?? null], [readyAt, wakeAt]);
    }
  });

  test("carries many hints of one call, also long ones", async (probe) => {
    const heard: FeedHint[] = [];
    await probe.subscriber.subscribe((hint) => heard.push(hint));
    const hints = Array.from({ length: 200 }, (_, place) => ({
      ...sampleHint(`job-${place}`, place + 1),
      subject: `plan:${"x".repeat(500)}`,
    }));
    await probe.publisher.publish(hints);
    await probe.expectHeard(heard, hints);
  });

  test("takes a call without hints", async (probe) => {
    await probe.publisher.publish([]);
  });

  test("publishes without subscribers", async (probe) => {
    await probe.publisher.publish([sampleHint("job-a")]);
  });
}
