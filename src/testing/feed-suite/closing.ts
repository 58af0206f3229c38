import assert from "node:assert/strict";
import type { FeedHint } from "../../core/ports/feed.js";
import { sampleHint, type FeedTest } from "./feed-probe.js";

export function closingBehaviour(test: FeedTest): void {
  test("can be closed twice, with and without subscribers", async (probe) => {
    await probe.subscriber.subscribe(() => undefined);
    for (const end of [probe.subscriber, probe.publisher]) {
      await end.close();
      await end.close();
    }
  });

  test("tells a closed end nothing more", async (probe) => {
    const heard: FeedHint[] = [];
    await probe.subscriber.subscribe((hint) => heard.push(hint));
    await probe.subscriber.close();
    await probe.publisher.publish([sampleHint("job-a")]);
    await probe.time.pass(200);
    assert.deepEqual(heard, []);
  });

  test("ends what is asked of a closed end", async (probe) => {
    await probe.publisher.close();
    const asked = {
      publish: probe.time.watch(probe.publisher.publish([sampleHint("job-a")])),
      subscribe: probe.time.watch(probe.publisher.subscribe(() => undefined)),
    };
    for (const [call, { settled, promise }] of Object.entries(asked)) {
      // Either may reject.
      promise.catch(() => undefined);
      const ended = settled || (await probe.time.until(() => asked[call as "publish"].settled, 5_000));
      assert.ok(ended, `${call} after close does not end`);
    }
  });

  test("lets a subscriber unsubscribe after its end was closed", async (probe) => {
    const stop = await probe.subscriber.subscribe(() => undefined);
    await probe.subscriber.close();
    await stop();
  });

  test("closes one end and leaves the other", async (probe) => {
    const heard: FeedHint[] = [];
    await probe.subscriber.subscribe((hint) => heard.push(hint));
    await probe.publisher.publish([sampleHint("job-a")]);
    await probe.expectHeard(heard, [sampleHint("job-a")]);
    await probe.subscriber.close();
    const stop = await probe.publisher.subscribe(() => undefined);
    await probe.publisher.publish([sampleHint("job-b")]);
    await stop();
  });

  test("goes on with the other end whichever is closed first", async (probe) => {
    await probe.publisher.close();
    const stop = await probe.subscriber.subscribe(() => undefined);
    await probe.subscriber.publish([sampleHint("job-a")]);
    await stop();
  });
}
