import { describe, it } from "vitest";
import { memoryFeed, type MemoryFeedOptions } from "../../src/adapters/memory/feed.js";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { feedSuite } from "../../src/testing/feed-suite/feed-suite.js";

function suiteOf(options: MemoryFeedOptions): void {
  feedSuite(
    { describe, it },
    {
      async create() {
        const clock = fakeClock();
        const publisher = memoryFeed({ clock, ...options });
        const subscriber = publisher.second();
        return {
          publisher,
          subscriber,
          advance: (ms) => clock.advance(ms),
          async close() {
            await publisher.close();
            await subscriber.close();
          },
        };
      },
    },
  );
}

describe("memory", () => {
  suiteOf({});
});

describe("memory, slow and with every hint twice", () => {
  suiteOf({ faults: { duplicate: 1, delayMs: 50 } });
});
