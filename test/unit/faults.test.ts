import { describe, expect, it } from "vitest";
import { memoryNotifier } from "../../src/adapters/memory/notifier.js";
import { memoryQueue } from "../../src/adapters/memory/queue.js";
import { memoryStore } from "../../src/adapters/memory/store.js";
import type { Store } from "../../src/core/ports/store.js";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { createFaults, type Fault } from "../../src/testing/faults/faults.js";
import { sampleEvent } from "../../src/testing/notifier-suite/sample-event.js";

const nowMs = 1_000;
const signal = new AbortController().signal;

function bench() {
  const clock = fakeClock();
  const inner = memoryStore();
  const faults = createFaults({ clock, seed: 7 });
  return { clock, inner, faults, store: faults.wrapStore(inner) };
}

const park = (store: Store, id: string) =>
  store.park({ nowMs, messages: [{ id, queue: "q", body: "b", reason: "r", at: nowMs }] });

const parkedIn = async (store: Store) =>
  (await store.parked({ nowMs, limit: 100 })).messages.map(({ id }) => id);

describe("faults of a store", () => {
  it.each([
    ["not_applied", "not_applied", []],
    ["request_lost", "unknown", []],
    ["response_lost", "unknown", ["p"]],
  ] as const)("%s: the caller is told %s and the store holds %j", async (fault, outcome, held) => {
    const { inner, faults, store } = bench();
    faults.store("park", { fault });
    await expect(park(store, "p")).rejects.toMatchObject({ code: "store.unavailable", outcome });
    expect(await parkedIn(inner)).toEqual(held);
    expect(faults.injected).toEqual([{ part: "store", method: "park", fault }]);
  });

  it("late: applies the call behind what was done in between", async () => {
    const { clock, inner, faults, store } = bench();
    faults.store("park", { fault: "late", delayMs: 500 });
    await expect(park(store, "p")).rejects.toMatchObject({ outcome: "unknown" });
    await store.unpark({ nowMs, ids: ["p"] });
    await clock.advance(499);
    expect(await parkedIn(inner)).toEqual([]);
    await clock.advance(1);
    expect(await parkedIn(inner)).toEqual(["p"]);
  });

  it("delay: succeeds later", async () => {
    const { clock, faults, store } = bench();
    faults.store("park", { fault: "delay", delayMs: 500 });
    const start = clock.now();
    await clock.runUntil(park(store, "p"));
    expect(clock.now() - start).toBe(500);
  });

  it.each([
    ["hang", []],
    ["hang_applied", ["p"]],
  ] as const)("%s: answers nothing until it heals, then unknown; the store holds %j", async (fault, held) => {
    const { clock, inner, faults, store } = bench();
    faults.store("park", { fault });
    let answered = false;
    const parking = park(store, "p").finally(() => (answered = true));
    const judged = expect(parking).rejects.toMatchObject({ outcome: "unknown" });
    await clock.advance(3_600_000);
    expect([answered, faults.hanging(), await parkedIn(inner)]).toEqual([false, 1, held]);
    faults.heal();
    await judged;
    expect(faults.hanging()).toBe(0);
  });

  it("breaks the nth call of its method, as often as told, and no other", async () => {
    const { inner, faults, store } = bench();
    faults.store("park", { nth: 2, times: 2, fault: "not_applied" });
    const outcomes: string[] = [];
    for (const id of ["1", "2", "3", "4"]) {
      await store.read({ nowMs, ids: ["x"] });
      outcomes.push(
        await park(store, id).then(
          () => "ok",
          () => "broken",
        ),
      );
    }
    expect(outcomes).toEqual(["ok", "broken", "broken", "ok"]);
    expect(await parkedIn(inner)).toEqual(["1", "4"]);
  });

  it("counts each call for every rule, also one that another rule breaks", async () => {
    const { faults, store } = bench();
    faults.store("park", { nth: 1, fault: "not_applied" });
    faults.store("any", { nth: 2, fault: "request_lost" });
    await expect(park(store, "1")).rejects.toMatchObject({ outcome: "not_applied" });
    await expect(park(store, "2")).rejects.toMatchObject({ outcome: "unknown" });
    await park(store, "3");
  });

  it("never calls a read that failed unknown: it changed nothing", async () => {
    const { faults, store } = bench();
    faults.store("read", { fault: "response_lost" });
    await expect(store.read({ nowMs, ids: ["x"] })).rejects.toMatchObject({ outcome: "not_applied" });
  });

  it("breaks everything during an outage, and nothing once it heals", async () => {
    const { faults, store } = bench();
    faults.outage("store");
    faults.store("park", { nth: 3, fault: "hang" });
    await expect(store.ready()).rejects.toThrow("fault");
    await expect(park(store, "p")).rejects.toThrow("fault");
    faults.heal();
    await park(store, "1");
    await park(store, "2");
    expect(await parkedIn(store)).toEqual(["1", "2"]);
  });

  it("breaks calls by chance, the same ones from the same seed", async () => {
    const run = async (seed: number): Promise<Fault[]> => {
      const faults = createFaults({ seed });
      const store = faults.wrapStore(memoryStore());
      faults.random({ probability: { not_applied: 0.1, response_lost: 0.2 } });
      for (let call = 0; call < 300; call += 1) await park(store, String(call)).catch(() => undefined);
      return faults.injected.map(({ fault }) => fault);
    };
    const struck = await run(1);
    expect(await run(1)).toEqual(struck);
    expect(await run(2)).not.toEqual(struck);
    expect(struck.filter((fault) => fault === "not_applied").length).toBeGreaterThan(10);
    expect(struck.filter((fault) => fault === "response_lost").length).toBeGreaterThan(35);
    expect(struck.length).toBeLessThan(130);
  });

  it("refuses probabilities that add up to more than 1", () => {
    expect(() => {
      createFaults().random({ probability: { hang: 0.6, late: 0.6 } });
    }).toThrow("more than 1");
  });

  it("strikes by chance only the parts that were named", async () => {
    const { faults, store } = bench();
    faults.random({ probability: { not_applied: 1 }, parts: ["queue"] });
    await store.ready();
    const queue = faults.wrapQueue(memoryQueue());
    await expect(queue.receive({ max: 1, waitMs: 0, signal })).rejects.toThrow("fault");
  });
});

describe("faults of a queue", () => {
  const outgoing = [{ body: "a", delayMs: 0, dedupId: "a", groupId: "a" }];

  it("answers unknown for each message of a broken send, stored or not", async () => {
    const { clock, faults } = bench();
    const inner = memoryQueue({ clock });
    const queue = faults.wrapQueue(inner);
    faults.queue("send", { fault: "request_lost" });
    expect(await queue.send(outgoing)).toMatchObject([{ status: "unknown" }]);
    expect(inner.depth()).toBe(0);
    faults.queue("send", { fault: "response_lost" });
    expect(await queue.send(outgoing)).toMatchObject([{ status: "unknown" }]);
    expect(inner.depth()).toBe(1);
  });

  it("keeps the messages of a lost receive hidden until their visibility is over", async () => {
    const { clock, faults } = bench();
    const inner = memoryQueue({ clock });
    const queue = faults.wrapQueue(inner);
    await queue.send(outgoing);
    faults.queue("receive", { fault: "response_lost" });
    const receive = () => queue.receive({ max: 1, waitMs: 0, signal });
    await expect(receive()).rejects.toMatchObject({ code: "queue.unavailable" });
    expect(inner.inFlight()).toBe(1);
    await clock.advance(30_000);
    expect(await receive()).toMatchObject([{ body: "a", receives: 2 }]);
  });

  it("breaks what deliveries do", async () => {
    const { clock, faults } = bench();
    const inner = memoryQueue({ clock });
    const queue = faults.wrapQueue(inner);
    await queue.send(outgoing);
    const [delivery] = await queue.receive({ max: 1, waitMs: 0, signal });
    faults.queue("ack", { fault: "not_applied" });
    faults.queue("ack", { fault: "response_lost" });
    await expect(delivery!.ack()).rejects.toMatchObject({
      code: "queue.unavailable",
      outcome: "not_applied",
    });
    expect(inner.inFlight()).toBe(1);
    await expect(delivery!.ack()).rejects.toMatchObject({ outcome: "unknown" });
    expect(inner.inFlight()).toBe(0);
  });
});

describe("faults of a notifier", () => {
  it("rejects a broken publish, delivered or not, and keeps the options", async () => {
    const { faults } = bench();
    const view = async () => null;
    const inner = memoryNotifier({
      kinds: ["k"],
      maxBatch: 4,
      giveUpAfterMs: 9,
      lane: ({ jobId }) => jobId,
    });
    const notifier = faults.wrapNotifier(inner);
    faults.notifier({ fault: "not_applied" });
    await expect(notifier.publish([sampleEvent("a", 1)], { signal, view })).rejects.toThrow("not_applied");
    faults.notifier({ fault: "response_lost" });
    await expect(notifier.publish([sampleEvent("a", 2)], { signal, view })).rejects.toThrow("unknown");
    expect(inner.events.map(({ id }) => id)).toEqual(["a:2"]);
    expect(notifier).toMatchObject({ kinds: ["k"], maxBatch: 4, giveUpAfterMs: 9 });
    expect(notifier.lane?.(sampleEvent("a", 1))).toBe("a");
    expect("lane" in faults.wrapNotifier(memoryNotifier())).toBe(false);
    await notifier.close?.();
  });
});
