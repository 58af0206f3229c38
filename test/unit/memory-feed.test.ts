import { describe, expect, it } from "vitest";
import { memoryFeed } from "../../src/adapters/memory/feed.js";
import { defineFeed, type FeedHint } from "../../src/core/ports/feed.js";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { seededRandom } from "../../src/testing/seeded-ids.js";

function hint(version: number): FeedHint {
  return { id: "job", kind: "sample.kind", version, owner: null, subject: null };
}

describe("a declared feed", () => {
  it("is the very one that was given, not a copy that lost its methods", () => {
    const feed = memoryFeed();
    expect(defineFeed(feed)).toBe(feed);
  });
});

describe("memory feed", () => {
  it("never runs a listener within publish", async () => {
    const clock = fakeClock();
    const feed = memoryFeed({ clock });
    let heard = 0;
    await feed.subscribe(() => (heard += 1));
    await feed.publish([hint(1)]);
    expect(heard).toBe(0);
    await clock.settle();
    expect(heard).toBe(1);
  });

  it("loses, doubles and delays when told to, at every end", async () => {
    const clock = fakeClock();
    const feed = memoryFeed({ clock, random: seededRandom(1) });
    const other = feed.second();
    const heard: number[] = [];
    await feed.subscribe(({ version }) => heard.push(version));
    feed.setFaults({ loss: 1 });
    await other.publish([hint(1)]);
    other.setFaults({ loss: 0, duplicate: 1, delayMs: 100 });
    await other.publish([hint(2)]);
    await clock.advance(99);
    expect(heard).toEqual([]);
    await clock.advance(1);
    expect(heard).toEqual([2, 2]);
  });

  it("lets go of its subscribers when one end is closed, and keeps those of the other", async () => {
    const feed = memoryFeed();
    const other = feed.second();
    await feed.subscribe(() => undefined);
    await other.subscribe(() => undefined);
    await other.close();
    expect(feed.subscribers()).toBe(1);
    await expect(other.subscribe(() => undefined)).rejects.toMatchObject({ code: "waybill.closed" });
    await expect(other.publish([hint(1)])).rejects.toMatchObject({ code: "waybill.closed" });
  });
});
