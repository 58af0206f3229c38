import { describe, it } from "vitest";
import { memoryQueue, type MemoryQueueOptions } from "../../src/adapters/memory/queue.js";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { queueSuite, type QueueFixture } from "../../src/testing/queue-suite/queue-suite.js";

function fixture(options: MemoryQueueOptions): () => Promise<QueueFixture> {
  return async () => {
    const clock = fakeClock();
    const queue = memoryQueue({ clock, ...options });
    return {
      queue,
      visibilityMs: 30_000,
      advance: (ms) => clock.advance(ms),
      breakNextSend: () => {
        queue.faults.breakSends("unknown_lost");
      },
      close: () => queue.close(),
    };
  };
}

describe("memory", () => {
  queueSuite({ describe, it }, { create: fixture({}) });
});

describe("memory with dead letters", () => {
  queueSuite({ describe, it }, { create: fixture({ maxReceives: 3 }) });
});

describe("memory, ordered", () => {
  queueSuite({ describe, it }, { create: fixture({ ordered: true, maxReceives: 4 }) });
});

describe("memory without delay, one message at a time", () => {
  queueSuite({ describe, it }, { create: fixture({ maxDelayMs: 0, maxBatch: 1 }) });
});
