import assert from "node:assert/strict";
import type { FeedHint } from "../../core/ports/feed.js";
import { type FeedProbe, sampleHint, type FeedTest } from "./feed-probe.js";

const PATIENCE_MS = 10_000;

function canLose({ fixture }: FeedProbe): string | null {
  return fixture.loseLink === undefined ? "the fixture cannot lose the link" : null;
}

/** What a subscriber learns of a link that was lost and is back. */
export function losingTheLinkBehaviour(test: FeedTest): void {
  test(
    "tells every subscriber of a gap, once it listens again",
    async (probe) => {
      const heard: FeedHint[][] = [[], []];
      const gaps = [0, 0];
      const publishing: Promise<void>[] = [];
      for (const [place, own] of heard.entries())
        await probe.subscriber.subscribe((hint) => own.push(hint), {
          onGap: () => {
            gaps[place] = (gaps[place] ?? 0) + 1;
            // The first thing that somebody does may be a change that the other is to hear of.
            publishing.push(probe.publisher.publish([sampleHint(`after-gap-${place}`)]));
          },
        });
      const silent: FeedHint[] = [];
      await probe.subscriber.subscribe((hint) => silent.push(hint));
      await probe.fixture.loseLink?.();
      const all = await probe.time.until(() => gaps.every((count) => count > 0), PATIENCE_MS);
      assert.ok(all, `\`onGap\`: the link was lost and is back; it was called ${gaps.join(" and ")} times`);
      await Promise.all(publishing);
      const after = [sampleHint("after-gap-0"), sampleHint("after-gap-1")];
      for (const own of heard) await probe.expectHeard(own, after);
      await probe.publishLast(silent);
    },
    canLose,
  );

  test(
    "tells who has left of no gap, and goes on where somebody cannot bear one",
    async (probe) => {
      const heard: FeedHint[] = [];
      let left = 0;
      let gaps = 0;
      const stop = await probe.subscriber.subscribe(() => undefined, { onGap: () => (left += 1) });
      await probe.subscriber.subscribe(() => undefined, {
        onGap: () => {
          throw new Error("an onGap that throws");
        },
      });
      await probe.subscriber.subscribe((hint) => heard.push(hint), { onGap: () => (gaps += 1) });
      await stop();
      await probe.fixture.loseLink?.();
      assert.ok(
        await probe.time.until(() => gaps > 0, PATIENCE_MS),
        "`onGap`: one that throws hurts no other, and the link was lost and is back",
      );
      await probe.publishLast(heard);
      assert.equal(left, 0, "`onGap` of a subscriber that has stopped");
    },
    canLose,
  );
}
