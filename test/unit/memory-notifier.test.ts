import { describe, expect, expectTypeOf, it } from "vitest";
import { memoryNotifier, type MemoryNotifier } from "../../src/adapters/memory/notifier.js";
import { sampleEvent } from "../../src/testing/notifier-suite/sample-event.js";

const context = { signal: new AbortController().signal, view: async () => null };

describe("memory notifier", () => {
  it("keeps what it is given, also by job", async () => {
    const notifier = memoryNotifier();
    await notifier.publish([sampleEvent("a", 1), sampleEvent("b", 1), sampleEvent("a", 2)], context);
    expect(notifier.events.map(({ id }) => id)).toEqual(["a:1", "b:1", "a:2"]);
    expect(notifier.eventsOf("a").map(({ id }) => id)).toEqual(["a:1", "a:2"]);
  });

  it("gives the next event once, whether it has come already or not", async () => {
    const notifier = memoryNotifier();
    await notifier.publish([sampleEvent("a", 1)], context);
    const ids = [
      notifier.nextEvent(),
      notifier.nextEvent(),
      notifier.nextEvent(({ version }) => version > 3),
    ];
    await notifier.publish([sampleEvent("a", 2)], context);
    await notifier.publish([sampleEvent("a", 3), sampleEvent("a", 4), sampleEvent("a", 5)], context);
    expect((await Promise.all(ids)).map(({ id }) => id)).toEqual(["a:1", "a:2", "a:4"]);
    expect((await notifier.nextEvent()).id).toBe("a:5");
  });

  it("rejects who waits for an event when it is closed", async () => {
    const notifier = memoryNotifier();
    const next = notifier.nextEvent();
    await notifier.close();
    await expect(next).rejects.toThrow("closed");
  });

  it("fails as often as told, then delivers", async () => {
    const notifier = memoryNotifier();
    const publish = async () => (await notifier.publish([sampleEvent("a", 1)], context))[0];
    notifier.failNext("retry", { count: 2, afterMs: 500 });
    notifier.failNext("rejected");
    notifier.failNext("throw");
    await expect(publish()).rejects.toThrow("fault");
    expect([await publish(), await publish(), await publish(), await publish()]).toMatchObject([
      { status: "retry", afterMs: 500 },
      { status: "retry", afterMs: 500 },
      { status: "rejected" },
      { status: "delivered" },
    ]);
  });

  it("holds back for as long as told, and what is behind of the same job with it", async () => {
    const notifier = memoryNotifier();
    notifier.failNext("held");
    notifier.failNext("held", { afterMs: 90_000 });
    const publish = () => notifier.publish([sampleEvent("a", 1), sampleEvent("a", 2)], context);
    const held = (afterMs: number) => ({ status: "held", reason: "a fault was injected", afterMs });
    expect(await publish()).toEqual([held(1_000), held(1_000)]);
    expect(await publish()).toEqual([held(90_000), held(90_000)]);
    expect(await publish()).toEqual([{ status: "delivered" }, { status: "delivered" }]);
  });

  it("goes past an event that is rejected", async () => {
    const notifier = memoryNotifier();
    notifier.failNext("rejected");
    const results = await notifier.publish([sampleEvent("a", 1), sampleEvent("a", 2)], context);
    expect(results.map(({ status }) => status)).toEqual(["rejected", "delivered"]);
  });

  it.each(["heal", "close"] as const)("ignores its signal until %s", async (end) => {
    const notifier = memoryNotifier();
    const abort = new AbortController();
    notifier.failNext("ignore_signal");
    let answered = false;
    const publishing = notifier
      .publish([sampleEvent("a", 1)], { ...context, signal: abort.signal })
      .finally(() => (answered = true));
    const judged = expect(publishing).rejects.toThrow("fault");
    abort.abort();
    await new Promise(setImmediate);
    expect(answered).toBe(false);
    await notifier[end]();
    await judged;
    expect(notifier.events).toEqual([]);
  });

  it("passes its options on", () => {
    const options = {
      kinds: ["k"] as const,
      on: ["job.failed"] as const,
      giveUpAfterMs: 60_000,
      timeoutMs: 5,
      maxBatch: 3,
      lane: () => "one",
    };
    expect(memoryNotifier(options)).toMatchObject(options);
    expect("lane" in memoryNotifier()).toBe(false);
  });

  it("refuses an option that it does not know", () => {
    expect(() => memoryNotifier({ maxBach: 3 } as object)).toThrow("Did you mean maxBatch?");
  });

  it("keeps its kinds in its type", () => {
    expectTypeOf(memoryNotifier({ kinds: ["mail.send"] })).toEqualTypeOf<MemoryNotifier<"mail.send">>();
    expectTypeOf(memoryNotifier()).toEqualTypeOf<MemoryNotifier>();
  });
});
