import { describe, expect, it } from "vitest";
import { memoryQueue, type MemoryQueue, type MemoryQueueOptions } from "../../src/adapters/memory/queue.js";
import { defineQueue, type Delivery, type OutgoingMessage } from "../../src/core/ports/queue.js";
import { fakeClock, type FakeClock } from "../../src/testing/fake-clock.js";
import { seededRandom } from "../../src/testing/seeded-ids.js";

interface Bench {
  readonly clock: FakeClock;
  readonly queue: MemoryQueue;
  readonly send: (...bodies: string[]) => Promise<string[]>;
  readonly receive: (max?: number, waitMs?: number) => Promise<readonly Delivery[]>;
  readonly bodies: (max?: number) => Promise<string[]>;
}

let sent = 0;

function message(body: string, over: Partial<OutgoingMessage> = {}): OutgoingMessage {
  sent += 1;
  return { body, delayMs: 0, dedupId: `d${sent}`, groupId: `g${sent}`, ...over };
}

function bench(options: MemoryQueueOptions = {}): Bench {
  const clock = fakeClock();
  const queue = memoryQueue({ clock, random: seededRandom(1), ...options });
  const receive = (max = 10, waitMs = 0) =>
    queue.receive({ max, waitMs, signal: new AbortController().signal });
  return {
    clock,
    queue,
    receive,
    bodies: async (max) => (await receive(max)).map(({ body }) => body),
    send: async (...bodies) =>
      (await queue.send(bodies.map((body) => message(body)))).map(({ status }) => status),
  };
}

describe("a declared queue", () => {
  it("is the very one that was given, not a copy that lost its methods", () => {
    const queue = memoryQueue();
    expect(defineQueue(queue)).toBe(queue);
  });
});

describe("memory queue", () => {
  it("ignores acknowledge, release and extend of a delivery that was received again since", async () => {
    const { clock, queue, send, receive, bodies } = bench();
    await send("a");
    const [stale] = await receive();
    await clock.advance(30_000);
    const [fresh] = await receive();
    await stale!.ack();
    await stale!.release(0);
    await stale!.extend(600_000);
    expect([queue.depth(), queue.inFlight(), await bodies()]).toEqual([0, 1, []]);
    await fresh!.release(0);
    expect(await bodies()).toEqual(["a"]);
  });

  it("lets the newest delivery acknowledge after its visibility unless it is ordered", async () => {
    for (const [ordered, left] of [
      [false, []],
      [true, ["a"]],
    ] as const) {
      const { clock, send, receive, bodies } = bench({ ordered });
      await send("a");
      const [delivery] = await receive();
      await clock.advance(30_000);
      await delivery!.ack();
      expect(await bodies()).toEqual(left);
    }
  });

  it("settles a delivery once: a release after an acknowledge, or the reverse, does nothing", async () => {
    const { send, receive, bodies } = bench();
    await send("a");
    const [first] = await receive();
    await first!.release(0);
    await first!.ack();
    await first!.extend(60_000);
    expect(await bodies()).toEqual(["a"]);
  });

  it("tells depth, in flight and dead letters apart, and purges all but the dead letters", async () => {
    const { clock, queue, send, receive } = bench({ maxReceives: 1 });
    await send("poison");
    await receive();
    await clock.advance(30_000);
    await send("a", "b", "c");
    await receive(1);
    expect([queue.depth(), queue.inFlight(), queue.deadLetterDepth()]).toEqual([2, 1, 1]);
    expect(await queue.backlog()).toBe(3);
    queue.purge();
    expect([queue.depth(), queue.inFlight(), queue.deadLetterDepth()]).toEqual([0, 0, 1]);
  });

  it("wakes a receive of dead letters when a message has come back for the last time", async () => {
    const { clock, queue, send, receive } = bench({ maxReceives: 1 });
    const dead = queue.deadLetters.receive({ max: 1, waitMs: 60_000, signal: new AbortController().signal });
    await send("poison");
    await receive();
    const start = clock.now();
    expect((await clock.runUntil(dead)).map(({ body, receives }) => [body, receives])).toEqual([
      ["poison", 2],
    ]);
    expect(clock.now() - start).toBe(30_000);
  });

  it("wakes a waiting receive when another extends its delivery to a shorter time", async () => {
    const { clock, send, receive } = bench();
    await send("a");
    const [held] = await receive();
    const waiting = receive(1, 60_000);
    await held!.extend(5);
    const start = clock.now();
    await clock.runUntil(waiting);
    expect(clock.now() - start).toBe(5);
  });

  it("forgets a deduplication id after five minutes", async () => {
    const { clock, queue } = bench({ ordered: true });
    const again = message("a", { dedupId: "same" });
    await queue.send([again]);
    await clock.advance(5 * 60_000 - 1);
    await queue.send([again]);
    expect(queue.depth()).toBe(1);
    await clock.advance(1);
    await queue.send([again]);
    expect(queue.depth()).toBe(2);
  });

  it("refuses batches of the wrong size, delays beyond its limit, and everything once it is closed", async () => {
    const { queue, send, receive } = bench({ maxBatch: 2, maxDelayMs: 1_000 });
    await expect(send("a", "b", "c")).rejects.toMatchObject({ code: "config.invalid" });
    await expect(queue.send([])).rejects.toMatchObject({ code: "config.invalid" });
    await expect(receive(3)).rejects.toMatchObject({ code: "config.invalid" });
    expect(await queue.send([message("a", { delayMs: 1_001 })])).toMatchObject([{ status: "rejected" }]);
    expect(queue.depth()).toBe(0);
    await queue.close();
    await expect(send("a")).rejects.toMatchObject({ code: "waybill.closed" });
    await expect(receive(1)).rejects.toMatchObject({ code: "waybill.closed" });
  });
});

describe("faults of a memory queue", () => {
  it("duplicates, loses and confirms all the same", async () => {
    const { queue, send, bodies } = bench();
    queue.faults.next("loss");
    queue.faults.next("duplicate");
    expect(await send("lost", "doubled", "plain")).toEqual(["sent", "sent", "sent"]);
    expect(await bodies()).toEqual(["doubled", "doubled", "plain"]);
  });

  it("breaks sends one by one, in order", async () => {
    const { queue, send, bodies } = bench();
    queue.faults.breakSends("unknown_stored");
    queue.faults.breakSends("unknown_lost");
    queue.faults.breakSends("rejected");
    expect(await send("a", "b", "c", "d")).toEqual(["unknown", "unknown", "rejected", "sent"]);
    expect(await bodies()).toEqual(["a", "d"]);
  });

  it("reorders when there is another message than the oldest, and keeps the fault until there is", async () => {
    const { queue, send, bodies } = bench();
    queue.faults.next("reorder");
    await send("a");
    expect(await bodies(1)).toEqual(["a"]);
    await send("b", "c");
    expect(await bodies()).toEqual(["c", "b"]);
  });

  it("reorders groups of an ordered queue, never the messages of one group", async () => {
    const { queue, bodies } = bench({ ordered: true });
    queue.faults.set({ reorder: 1 });
    await queue.send([message("a1", { groupId: "a" }), message("a2", { groupId: "a" }), message("b1")]);
    expect(await bodies()).toEqual(["b1", "a1"]);
  });

  it("delivers a message again while it is in flight, and wakes who waits", async () => {
    const { clock, queue, send, receive } = bench();
    queue.faults.next("redelivery");
    const both = [receive(1, 1_000), receive(1, 1_000)];
    await clock.settle();
    await send("a");
    const start = clock.now();
    const deliveries = (await clock.runUntil(Promise.all(both))).flat();
    expect(deliveries.map(({ receives }) => receives)).toEqual([1, 2]);
    expect(clock.now()).toBe(start);
  });

  it("rejects receives during an outage, those that wait too, and goes on after it", async () => {
    const { queue, send, receive, bodies } = bench();
    const waiting = receive(1, 60_000);
    queue.faults.receiveOutage(true);
    await expect(waiting).rejects.toMatchObject({ code: "queue.unavailable" });
    await send("a");
    await expect(receive()).rejects.toMatchObject({ code: "queue.unavailable" });
    queue.faults.heal();
    expect(await bodies()).toEqual(["a"]);
  });

  it("draws faults from its random source: the same seed gives the same run", async () => {
    const run = async (seed: number): Promise<string[]> => {
      const { send, bodies } = bench({
        random: seededRandom(seed),
        maxBatch: 200,
        faults: { duplicate: 0.3, loss: 0.2, reorder: 0.5 },
      });
      await send(...Array.from({ length: 100 }, (_, place) => String(place)));
      return bodies(200);
    };
    const first = await run(1);
    expect(await run(1)).toEqual(first);
    expect(await run(2)).not.toEqual(first);
    const kept = new Set(first).size;
    expect(kept).toBeGreaterThan(65);
    expect(kept).toBeLessThan(95);
    expect(first.length).toBeGreaterThan(kept + 10);
  });
});
