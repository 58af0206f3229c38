import { describe, expect, it } from "vitest";
import { memoryQueue } from "../../src/adapters/memory/queue.js";
import { memoryStore } from "../../src/adapters/memory/store.js";
import { countingQueue, countingStore } from "../../src/testing/counting.js";
import { createFaults } from "../../src/testing/faults/faults.js";

const nowMs = 1_000;
const signal = new AbortController().signal;

describe("counting store", () => {
  it("counts round trips and the items of each", async () => {
    const counting = countingStore(memoryStore());
    await counting.store.read({ nowMs, ids: ["a", "b"] });
    await counting.store.read({ nowMs, ids: ["c"] });
    await counting.store.pulse({ nowMs, unserved: 0 });
    expect(counting.counts).toMatchObject({ read: 2, pulse: 1, write: 0 });
    expect(counting.calls).toEqual([
      { method: "read", items: 2 },
      { method: "read", items: 1 },
      { method: "pulse", items: 1 },
    ]);
    expect([counting.total(), counting.total("read", "write")]).toEqual([3, 2]);
    counting.reset();
    expect([counting.total(), counting.counts.read, counting.calls]).toEqual([0, 0, []]);
  });

  it("counts a call that fails", async () => {
    const faults = createFaults();
    faults.outage("store");
    const counting = countingStore(faults.wrapStore(memoryStore()));
    await expect(counting.store.ready()).rejects.toThrow();
    expect(counting.counts.ready).toBe(1);
  });

  it("answers what the store answers and shows its capabilities", async () => {
    const inner = memoryStore();
    const { store } = countingStore(inner);
    expect(store.capabilities).toEqual(inner.capabilities);
    expect((await store.read({ nowMs, ids: ["a"] })).jobs).toEqual([null]);
    await store.close();
  });
});

describe("counting queue", () => {
  it("counts the round trips of the queue and of its deliveries", async () => {
    const counting = countingQueue(memoryQueue({ maxReceives: 1 }));
    await counting.queue.send(
      ["a", "b", "c"].map((body) => ({ body, delayMs: 0, dedupId: body, groupId: body })),
    );
    const deliveries = await counting.queue.receive({ max: 3, waitMs: 0, signal });
    await deliveries[0]!.ack();
    await deliveries[1]!.extend(5);
    await deliveries[2]!.release(0);
    await (await counting.queue.deadLetters!.receive({ max: 1, waitMs: 0, signal }))[0]!.ack();
    expect(counting.counts).toEqual({
      ...{ send: 1, receive: 1, receiveDead: 1, ack: 2, release: 1, extend: 1 },
      ...{ backlog: 0, check: 0 },
    });
    expect(counting.calls[0]).toEqual({ method: "send", items: 3 });
  });
});
