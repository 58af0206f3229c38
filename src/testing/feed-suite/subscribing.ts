import assert from "node:assert/strict";
import type { FeedHint } from "../../core/ports/feed.js";
import { sampleHint, type FeedTest } from "./feed-probe.js";

export function subscribingBehaviour(test: FeedTest): void {
  bothEnds(test);
  test("reaches many subscribers of one process", async (probe) => {
    const heard: FeedHint[][] = [[], [], []];
    for (const own of heard) await probe.subscriber.subscribe((hint) => own.push(hint));
    await probe.publisher.publish([sampleHint("job-a")]);
    for (const own of heard) await probe.expectHeard(own, [sampleHint("job-a")]);
  });

  atOnce(test);

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
    const told: FeedHint[] = [];
    await probe.subscriber.subscribe((hint) => {
      told.push(hint);
      throw new Error("a listener that throws");
    });
    await probe.subscriber.subscribe((hint) => heard.push(hint));
    const hints = [sampleHint("job-a"), sampleHint("job-b")];
    await probe.publisher.publish(hints);
    await probe.expectHeard(heard, hints);
    await probe.publishLast(heard);
    // What is published after it was attached arrives, whatever it has done.
    await probe.expectHeard(told, [...hints, sampleHint("the-last-hint")]);
  });
}

function atOnce(test: FeedTest): void {
  test("attaches each of two who subscribe at once", async (probe) => {
    const heard: FeedHint[] = [];
    const first = probe.subscriber.subscribe(() => undefined);
    await probe.subscriber.subscribe((hint) => heard.push(hint));
    await probe.publisher.publish([sampleHint("job-a")]);
    await probe.expectHeard(heard, [sampleHint("job-a")]);
    await first;
  });

  test("attaches who subscribes while the last one leaves", async (probe) => {
    const stop = await probe.subscriber.subscribe(() => undefined);
    const heard: FeedHint[] = [];
    const stopping = stop();
    await probe.subscriber.subscribe((hint) => heard.push(hint));
    await stopping;
    await probe.publisher.publish([sampleHint("job-a")]);
    await probe.expectHeard(heard, [sampleHint("job-a")]);
  });
}

function bothEnds(test: FeedTest): void {
  test("reaches the subscribers of every end, each with every hint", async (probe) => {
    const heard: FeedHint[] = [];
    await probe.publisher.subscribe(() => undefined);
    await probe.subscriber.subscribe((hint) => heard.push(hint));
    const hints = ["job-a", "job-b", "job-c", "job-d"].map((id) => sampleHint(id));
    for (const hint of hints) await probe.publisher.publish([hint]);
    await probe.expectHeard(heard, hints);
  });

  test("tells of no gap while the link holds, and needs nobody who listens for one", async (probe) => {
    const heard: FeedHint[] = [];
    const others: FeedHint[] = [];
    let gaps = 0;
    await probe.subscriber.subscribe((hint) => heard.push(hint), { onGap: () => (gaps += 1) });
    await probe.subscriber.subscribe((hint) => others.push(hint), {});
    await probe.publisher.publish([sampleHint("job-a")]);
    await probe.publishLast(heard);
    await probe.expectHeard(others, [sampleHint("job-a")]);
    assert.equal(gaps, 0, "`onGap`: the link was lost and is back; it was not lost");
  });
}
