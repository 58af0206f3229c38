import assert from "node:assert/strict";
import type { FeedHint } from "../../core/ports/feed.js";
import { sampleHint, type FeedTest } from "./feed-probe.js";

export function subscribingBehaviour(test: FeedTest): void {
  test("reaches many subscribers of one process", async (probe) => {
    const heard: FeedHint[][] = [[], [], []];
    for (const own of heard) await probe.subscriber.subscribe((hint) => own.push(hint));
    await probe.publisher.publish([sampleHint("job-a")]);
    for (const own of heard) await probe.expectHeard(own, [sampleHint("job-a")]);
  });

  test("stops at the subscriber that unsubscribes, and there only; twice is once", async (probe) => {
    const left: FeedHint[] = [];
    const stayed: FeedHint[] = [];
    const stop = await probe.subscriber.subscribe((hint) => left.push(hint));
    await probe.subscriber.subscribe((hint) => stayed.push(hint));
    await stop();
    await stop();
    await probe.publisher.publish([sampleHint("job-a")]);
    await probe.publishLast(stayed);
    await probe.expectHeard(stayed, [sampleHint("job-a")]);
    assert.deepEqual(left, []);
  });

  test("keeps one listener apart from itself when it subscribes twice", async (probe) => {
    let heard: FeedHint[] = [];
    const listener = (hint: FeedHint): void => {
      heard.push(hint);
    };
    const stop = await probe.subscriber.subscribe(listener);
    await probe.subscriber.subscribe(listener);
    await stop();
    heard = [];
    await probe.publisher.publish([sampleHint("job-a")]);
    await probe.expectHeard(heard, [sampleHint("job-a")]);
  });

  test("attaches again after everybody left", async (probe) => {
    await (
      await probe.subscriber.subscribe(() => undefined)
    )();
    const heard: FeedHint[] = [];
    await probe.subscriber.subscribe((hint) => heard.push(hint));
    await probe.publisher.publish([sampleHint("job-a")]);
    await probe.expectHeard(heard, [sampleHint("job-a")]);
  });

  test("survives a listener that throws", async (probe) => {
    const heard: FeedHint[] = [];
    await probe.subscriber.subscribe(() => {
      throw new Error("a listener that throws");
    });
    await probe.subscriber.subscribe((hint) => heard.push(hint));
    const hints = [sampleHint("job-a"), sampleHint("job-b")];
    await probe.publisher.publish(hints);
    await probe.expectHeard(heard, hints);
    await probe.publishLast(heard);
  });
}
