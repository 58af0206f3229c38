import { describe, expect, it } from "vitest";
import { z } from "zod";
import { memoryFeed } from "../../../src/adapters/memory/feed.js";
import { memoryNotifier } from "../../../src/adapters/memory/notifier.js";
import { memoryStore } from "../../../src/adapters/memory/store.js";
import { defineJob } from "../../../src/core/define/define-job.js";
import { createRuntime } from "../../../src/core/engine/compose/runtime.js";
import type { JobEvent } from "../../../src/core/job/event.js";
import { consoleLogger } from "../../../src/core/environment/logger.js";
import type { Queue } from "../../../src/core/ports/queue.js";
import { fakeClock } from "../../../src/testing/fake-clock.js";
import { claimed, completed, mailKind, submitted, world } from "../../support/engine.js";

const greeting = defineJob({
  kind: "greet",
  input: z.object({ name: z.string() }),
  messages: { QUEUED: (job) => `Hello ${job.input.name}` },
});
const greet = greeting["~definition"];

describe("local events", () => {
  it("are told after the change is stored, one per entry", async () => {
    const at = world();
    const heard: JobEvent[] = [];
    at.runtime.on("job.created", (event) => heard.push(event));
    at.runtime.on("job.completed", (event) => heard.push(event));
    const { id } = await submitted(at);
    await completed(at, await claimed(at, id));
    expect(heard.map((event) => event.id)).toEqual([`${id}:1`, `${id}:4`]);
  });

  it("speak of the input where the kind's messages do, and generally where it cannot be read", async () => {
    const at = world({ jobs: [greet] });
    const heard: string[] = [];
    at.runtime.on("job.queued", ({ message }) => heard.push(message));
    await submitted(at, { name: "ann" }, {}, greet);
    await at.clock.settle();
    at.faults.store("read", { fault: "not_applied" });
    await submitted(at, { name: "bob" }, {}, greet);
    await at.clock.settle();
    expect(heard).toEqual(["Hello ann", "Queued."]);
  });

  it("that cannot be made are logged and end nothing", async () => {
    const at = world({ jobs: [greet] });
    at.runtime.on("job.queued", () => undefined);
    const { id } = await submitted(at, { name: "ann" }, {}, greet);
    const snapshot = { record: (await at.run(at.core.gateway.read(id)))!.record, cursors: {} };
    const broken = { ...snapshot, record: { ...snapshot.record, history: "[" } };
    const entry = {
      version: 2,
      edge: "T2",
      at: 0,
      attempt: 0,
      transitionId: "t",
      actor: null,
      reason: null,
      text: null,
      expose: false,
    } as const;
    at.log.length = 0;
    at.core.announce({ snapshot: broken, entries: [entry] });
    await at.clock.settle();
    expect(at.log).toMatchObject([
      { level: "error", message: "a local event could not be made", fields: { code: "store.corrupt" } },
    ]);
  });
});

describe("a change that is announced", () => {
  it("wakes idle workers of this process when a job became ready in the store, until they stop", async () => {
    const at = world();
    let woken = 0;
    const stop = at.runtime.onReady(() => {
      woken += 1;
    });
    const { id } = await submitted(at);
    expect(woken).toBe(1);
    await completed(at, await claimed(at, id));
    stop();
    await submitted(at);
    expect(woken).toBe(1);
  });

  it("reaches the notifiers of the job, and progress does not", async () => {
    const ui = memoryNotifier();
    const at = world({ notifiers: { ui } });
    const { id } = await submitted(at);
    expect(await at.run(at.runtime.flush(1_000))).toBe(true);
    expect(ui.events.map((event) => event.id)).toEqual([`${id}:1`, `${id}:2`]);
    const snapshot = { record: (await at.run(at.core.gateway.read(id)))!.record, cursors: {} };
    at.trips.reset();
    at.core.announce({ snapshot, entries: [] });
    await at.clock.settle();
    expect(at.trips.calls).toEqual([]);
  });
});

describe("what the application passes in may throw", () => {
  it("a logger", async () => {
    const throwing = (): never => {
      throw new Error("disk full");
    };
    const logger = { debug: throwing, info: throwing, warn: throwing, error: throwing };
    const at = world({ queue: true, logger });
    at.queue.faults.breakSends("unknown_lost");
    expect(await submitted(at)).toMatchObject({ status: "PENDING", dispatch: "unconfirmed" });
  });

  it("a logger keeps its own this", () => {
    const lines: string[] = [];
    const logger = {
      lines,
      debug(message: string) {
        this.lines.push(message);
      },
      info: () => undefined,
      warn: () => undefined,
      error: () => undefined,
    };
    createRuntime({ jobs: [mailKind], store: memoryStore(), logger }).core.logger.debug("hello");
    expect(lines).toEqual(["hello"]);
    expect(createRuntime({ jobs: [mailKind], store: memoryStore() }).core.logger).not.toBe(consoleLogger);
  });

  it.each([new Error("archive down"), "text"])("onTrim: %s", async (thrown) => {
    const at = world({
      onTrim: () => {
        // eslint-disable-next-line @typescript-eslint/only-throw-error -- what careless code throws
        throw thrown;
      },
    });
    at.core.archive("a", []);
    await at.clock.settle();
    expect(at.log).toMatchObject([{ level: "error", message: "onTrim threw" }]);
  });
});

describe("ids", () => {
  it("are the caller's where it makes them", async () => {
    let made = 0;
    const at = world({ newId: () => `mine-${(made += 1)}` });
    expect((await submitted(at)).id).toBe("mine-1");
  });
});

describe("flush", () => {
  it("is over in time, whatever the feed does", async () => {
    const feed = { ...memoryFeed(), publish: () => new Promise<never>(() => undefined) };
    const at = world({ feed });
    await submitted(at);
    const started = at.clock.now();
    expect(await at.run(at.runtime.flush(250))).toBe(false);
    expect(at.clock.now() - started).toBe(250);
  });
});

describe("close", () => {
  it("frees every part once, also when called twice at once, and one that fails keeps no other open", async () => {
    const clock = fakeClock();
    const closed: string[] = [];
    const queueNamed = (name: string): Queue => ({
      capabilities: { maxDelayMs: 0, ordered: false, maxBatch: 1, maxReceives: null, visibilityMs: null },
      send: async () => [],
      receive: async () => [],
      close: async () => {
        closed.push(name);
        if (name === "bad") throw new Error("will not");
      },
    });
    const store = memoryStore();
    const feed = memoryFeed({ clock });
    const at = world(
      {
        clock,
        queues: { bad: queueNamed("bad"), slow: queueNamed("slow") },
        notifiers: { plain: { publish: async () => [] } },
        feed,
      },
      store,
    );
    expect(() => {
      at.runtime.checkOpen();
    }).not.toThrow();
    await at.run(Promise.all([at.runtime.close(), at.runtime.close()]));
    await at.run(at.runtime.close());
    expect(closed).toEqual(["bad", "slow"]);
    expect(at.log).toMatchObject([
      { level: "warn", message: "a part could not be closed", fields: { code: "Error" } },
    ]);
    await expect(store.ready()).rejects.toMatchObject({ code: "waybill.closed" });
    await expect(feed.publish([])).rejects.toMatchObject({ code: "waybill.closed" });
    expect(() => {
      at.runtime.checkOpen();
    }).toThrow("This Waybill was closed.");
  });

  it("the second call ends when the first does, not before", async () => {
    const at = world();
    let first = false;
    void at.runtime.close().then(() => {
      first = true;
    });
    await at.runtime.close();
    expect(first).toBe(true);
  });
});

describe("health", () => {
  it("is the store's word", async () => {
    const at = world();
    expect(await at.run(at.runtime.health())).toMatchObject({
      lastPulseAt: null,
      parked: 0,
      undeliverable: 0,
    });
  });
});
