import assert from "node:assert/strict";
import type { FeedHint } from "../../core/ports/feed.js";
import { sampleHint, type FeedTest } from "./feed-probe.js";

/** What a listener may do while it is called. */
export function withinAListenerBehaviour(test: FeedTest): void {
  publishingWithin(test);
  test("lets a listener unsubscribe itself, and tells the others every hint", async (probe) => {
    const left: string[] = [];
    const stayed: FeedHint[] = [];
    let stop: (() => Promise<void>) | null = null;
    let stopping: Promise<void> | undefined;
    stop = await probe.subscriber.subscribe((hint) => {
      left.push(hint.id);
      stopping ??= stop?.();
    });
    await probe.subscriber.subscribe((hint) => stayed.push(hint));
    const hints = [sampleHint("job-a"), sampleHint("job-b")];
    await probe.publisher.publish(hints);
    await probe.expectHeard(stayed, hints);
    await stopping;
    await probe.publishLast(stayed);
    assert.ok(!left.includes("the-last-hint"), "once it has stopped, a listener hears nothing more");
  });

  test("lets a listener unsubscribe another", async (probe) => {
    const stayed: FeedHint[] = [];
    const left: string[] = [];
    let stop: (() => Promise<void>) | null = null;
    let stopping: Promise<void> | undefined;
    await probe.subscriber.subscribe((hint) => {
      stayed.push(hint);
      stopping ??= stop?.();
    });
    stop = await probe.subscriber.subscribe((hint) => left.push(hint.id));
    const last: FeedHint[] = [];
    await probe.subscriber.subscribe((hint) => last.push(hint));
    await probe.publisher.publish([sampleHint("job-a")]);
    await probe.expectHeard(stayed, [sampleHint("job-a")]);
    await probe.expectHeard(last, [sampleHint("job-a")]);
    await stopping;
    await probe.publishLast(stayed);
    assert.ok(!left.includes("the-last-hint"), "once it has stopped, a listener hears nothing more");
  });
}

function publishingWithin(test: FeedTest): void {
  test("carries what a listener publishes, by either end", async (probe) => {
    const heard: FeedHint[] = [];
    let answered = false;
    const publishing: Promise<void>[] = [];
    await probe.subscriber.subscribe((hint) => {
      heard.push(hint);
      if (answered) return;
      answered = true;
      publishing.push(
        probe.publisher.publish([sampleHint("job-b")]),
        probe.subscriber.publish([sampleHint("job-c")]),
      );
    });
    await probe.publisher.publish([sampleHint("job-a")]);
    await probe.expectHeard(heard, [sampleHint("job-a"), sampleHint("job-b")]);
    await Promise.all(publishing);
    await probe.publishLast(heard);
  });

  test("attaches who subscribes within a listener", async (probe) => {
    const first: FeedHint[] = [];
    const second: FeedHint[] = [];
    let subscribing: Promise<unknown> | undefined;
    await probe.subscriber.subscribe((hint) => {
      first.push(hint);
      subscribing ??= probe.subscriber.subscribe((other) => second.push(other));
    });
    await probe.publisher.publish([sampleHint("job-a")]);
    await probe.expectHeard(first, [sampleHint("job-a")]);
    await subscribing;
    await probe.publisher.publish([sampleHint("job-b")]);
    await probe.expectHeard(second, [sampleHint("job-b")]);
  });
}
