import { describe, expect, it } from "vitest";
import { memoryNotifier } from "../../src/adapters/memory/notifier.js";
import { sampleEvent } from "../../src/testing/notifier-suite/sample-event.js";

const noView = () => Promise.resolve(null);

const signal = new AbortController().signal;

describe("memory notifier", () => {
  it("keeps what it is given, also by job", async () => {
    const notifier = memoryNotifier();
    await notifier.publish([sampleEvent("a", 1), sampleEvent("b", 1), sampleEvent("a", 2)], {
      signal,
      view: noView,
    });
    expect(notifier.events.map(({ id }) => id)).toEqual(["a:1", "b:1", "a:2"]);
    expect(notifier.eventsOf("a").map(({ id }) => id)).toEqual(["a:1", "a:2"]);
  });

  it("gives the next event once, whether it has come already or not", async () => {
    const notifier = memoryNotifier();
    await notifier.publish([sampleEvent("a", 1)], { signal, view: noView });
    const ids = [
      notifier.nextEvent(),
      notifier.nextEvent(),
      notifier.nextEvent(({ version }) => version > 3),
    ];
    await notifier.publish([sampleEvent("a", 2)], { signal, view: noView });
    await notifier.publish([sampleEvent("a", 3), sampleEvent("a", 4), sampleEvent("a", 5)], {
      signal,
      view: noView,
    });
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
    const publish = async () => (await notifier.publish([sampleEvent("a", 1)], { signal, view: noView }))[0];
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

  it("passes its options on", () => {
    const options = {
      kinds: ["k"],
      on: ["job.failed"] as const,
      timeoutMs: 5,
      maxBatch: 3,
    };
    expect(memoryNotifier(options)).toMatchObject(options);
  });
});
