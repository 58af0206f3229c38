import assert from "node:assert/strict";
import type { FeedHint } from "../../core/ports/feed.js";
import { sampleHint, type FeedTest } from "./feed-probe.js";

export function hintingBehaviour(test: FeedTest): void {
  whatIsPublished(test);
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

function whatIsPublished(test: FeedTest): void {
  test("carries every version of a job, those of one call too", async (probe) => {
    const heard: FeedHint[] = [];
    await probe.subscriber.subscribe((hint) => heard.push(hint));
    const versions = [1, 2, 3].map((version) => sampleHint("job-a", version));
    await probe.publisher.publish(versions);
    await probe.publisher.publish([sampleHint("job-a", 4)]);
    await probe.expectHeard(heard, [...versions, sampleHint("job-a", 4)]);
  });

  test("carries a hint again that is published again, to who has come since", async (probe) => {
    await probe.publisher.publish([sampleHint("job-a")]);
    const heard: FeedHint[] = [];
    await probe.subscriber.subscribe((hint) => heard.push(hint));
    await probe.publishLast(heard);
    heard.splice(0);
    await probe.publisher.publish([sampleHint("job-a")]);
    await probe.expectHeard(heard, [sampleHint("job-a")]);
  });

  test("carries the hints of many calls at once", async (probe) => {
    const heard: FeedHint[] = [];
    await probe.subscriber.subscribe((hint) => heard.push(hint));
    const hints = Array.from({ length: 30 }, (_, place) => sampleHint(`job-${place}`, place + 1));
    await Promise.all(hints.map((hint) => probe.publisher.publish([hint])));
    await probe.expectHeard(heard, hints);
  });

  test("carries hints either way", async (probe) => {
    const heard: FeedHint[] = [];
    await probe.publisher.subscribe((hint) => heard.push(hint));
    await probe.subscriber.publish([sampleHint("job-a")]);
    await probe.expectHeard(heard, [sampleHint("job-a")]);
  });

  test("leaves the hints that it is given as they are", async (probe) => {
    const hints = [sampleHint("job-a"), { ...sampleHint("job-b"), readyAt: 1_735_689_600_000 }];
    const before = structuredClone(hints);
    await probe.publisher.publish(hints);
    assert.deepEqual(hints, before, "publish reads its hints, and changes none");
  });
}
