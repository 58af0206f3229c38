import { describe, expect, it } from "vitest";
import { memoryFeed } from "../../../src/adapters/memory/feed.js";
import { createBus } from "../../../src/core/engine/announce/bus.js";
import { createHintLink } from "../../../src/core/engine/read/hints.js";
import { WaybillError } from "../../../src/core/errors/errors.js";
import type { ServerEvent } from "../../../src/core/job/event.js";
import type { Feed, FeedHint } from "../../../src/core/ports/feed.js";
import type { Counter, Telemetry } from "../../../src/core/environment/telemetry.js";
import { fakeClock } from "../../../src/testing/fake-clock.js";
import { sampleJob } from "../../../src/testing/sample-jobs.js";
import { recordingLogger } from "../../support/engine.js";

function bench(over: Partial<Feed> | null = {}) {
  const clock = fakeClock();
  const { logger, lines } = recordingLogger();
  const counted: Counter[] = [];
  const telemetry: Telemetry = { count: (counter) => void counted.push(counter) };
  const published: (readonly FeedHint[])[] = [];
  const listeners = new Set<(hint: FeedHint) => void>();
  const feed: Feed = {
    publish: async (hints) => void published.push(hints),
    subscribe: async (listener) => {
      listeners.add(listener);
      return async () => void listeners.delete(listener);
    },
    close: async () => undefined,
    ...over,
  };
  const bus = createBus(logger, telemetry);
  const link = createHintLink(
    { clock, logger, telemetry },
    bus,
    over === null ? null : { feed, storeTells: false },
  );
  const change = (id: string, version: number): void => {
    link.publish(sampleJob({ id, kind: "sample.kind", version }, clock.now()));
  };
  return { clock, lines, counted, published, listeners, bus, link, change };
}

const never = () => new Promise<never>(() => undefined);
const ignore = (): void => undefined;

describe("hints to other processes", () => {
  it("share a call, the newest of a job standing for all of its own", async () => {
    const { clock, published, change } = bench();
    change("a", 1);
    change("a", 2);
    change("b", 1);
    await clock.settle();
    expect(published.map((hints) => hints.map(({ id, version }) => `${id}:${version}`))).toEqual([
      ["a:2", "b:1"],
    ]);
  });

  it("carry owner, subject and when somebody must act, and nothing else of the job", async () => {
    const { clock, published, change } = bench();
    change("a", 1);
    await clock.settle();
    const facts = { id: "a", kind: "sample.kind", version: 1, owner: "sample-owner", subject: null };
    expect(published[0]).toEqual([{ ...facts, readyAt: null, wakeAt: clock.now() + 15_000 }]);
  });

  it("go on after one that could not be sent", async () => {
    let broken = true;
    const published: number[] = [];
    const { clock, lines, counted, change } = bench({
      publish: async (hints) => {
        if (broken) throw new WaybillError("feed.unavailable", "The feed is away.");
        published.push(hints.length);
      },
    });
    change("a", 1);
    await clock.settle();
    broken = false;
    change("a", 2);
    await clock.settle();
    expect(published).toEqual([1]);
    expect(lines).toMatchObject([{ level: "warn", fields: { code: "feed.unavailable" } }]);
    expect(counted).toEqual(["feed_error"]);
  });

  it("are dropped beyond a bound while a call is under way, since hints may be lost", async () => {
    let answer: () => void = ignore;
    const sizes: number[] = [];
    const { clock, change } = bench({
      publish: (hints) =>
        new Promise((resolve) => {
          sizes.push(hints.length);
          answer = resolve;
        }),
    });
    change("first", 1);
    await clock.settle();
    for (let made = 0; made < 10_050; made += 1) change(`job-${made}`, 1);
    answer();
    await clock.settle();
    answer();
    await clock.settle();
    expect(sizes).toEqual([1, 10_000]);
  });

  it("are waited for by flush, but no longer than it is given", async () => {
    let answer: () => void = ignore;
    const { clock, link, change } = bench({ publish: () => new Promise((resolve) => (answer = resolve)) });
    expect(await clock.runUntil(link.flush(1_000))).toBe(true);
    change("a", 1);
    const started = clock.now();
    expect(await clock.runUntil(link.flush(1_000))).toBe(false);
    expect(clock.now() - started).toBe(1_000);
    const flushed = link.flush(1_000);
    answer();
    expect(await clock.runUntil(flushed)).toBe(true);
    expect(clock.pending()).toBe(0);
  });

  it("stay in this process where there is no feed", async () => {
    const { clock, bus, link, change } = bench(null);
    const heard: number[] = [];
    bus.onHint("a", ({ version }) => heard.push(version));
    change("a", 3);
    const { attached, letGo } = link.attach(ignore);
    await attached;
    letGo();
    expect(heard).toEqual([3]);
    expect(await link.flush(0)).toBe(true);
    await clock.runUntil(link.close());
    expect(clock.pending()).toBe(0);
  });
});

describe("hints from other processes", () => {
  it("come through one subscription for all watchers, until the last lets go", async () => {
    const { clock, bus, link, listeners } = bench();
    const heard: string[] = [];
    bus.onHint(null, ({ id }) => heard.push(id));
    const first = link.attach(ignore);
    const second = link.attach(ignore);
    await Promise.all([first.attached, second.attached]);
    expect(listeners.size).toBe(1);
    for (const listener of listeners)
      listener({ id: "a", kind: "sample.kind", version: 1, owner: null, subject: null });
    first.letGo();
    first.letGo();
    await clock.settle();
    expect([heard, listeners.size]).toEqual([["a"], 1]);
    second.letGo();
    await clock.settle();
    expect(listeners.size).toBe(0);
  });

  it("are subscribed to anew by the next watcher", async () => {
    const clock = fakeClock();
    const feed = memoryFeed({ clock });
    const { logger } = recordingLogger();
    const link = createHintLink({ clock, logger, telemetry: {} }, createBus(logger, {}), {
      feed,
      storeTells: false,
    });
    for (let round = 0; round < 3; round += 1) {
      const { attached, letGo } = link.attach(ignore);
      await attached;
      expect(feed.subscribers()).toBe(1);
      letGo();
      await clock.settle();
      expect(feed.subscribers()).toBe(0);
    }
  });

  it("are tried again by the next watcher after the feed could not attach", async () => {
    let tries = 0;
    const { clock, lines, link } = bench({
      subscribe: async () => {
        tries += 1;
        if (tries === 1) throw new Error("away");
        return async () => undefined;
      },
    });
    await link.attach(ignore).attached;
    await link.attach(ignore).attached;
    await link.attach(ignore).attached;
    expect(tries).toBe(2);
    expect(lines).toHaveLength(1);
    await clock.settle();
  });

  it("end with a warning when the feed cannot be left", async () => {
    const { clock, lines, link } = bench({ subscribe: async () => () => Promise.reject(new Error("stuck")) });
    const { attached, letGo } = link.attach(ignore);
    await attached;
    letGo();
    await clock.settle();
    expect(lines).toMatchObject([{ level: "warn", message: expect.stringContaining("detach") }]);
  });
});

describe("closing", () => {
  it("ends every watch, leaves the feed and publishes nothing more", async () => {
    const { clock, link, listeners, published, change } = bench();
    const ended: string[] = [];
    const one = link.attach(() => ended.push("one"));
    const two = link.attach(() => ended.push("two"));
    await one.attached;
    two.letGo();
    expect(link.isClosed()).toBe(false);
    await clock.runUntil(link.close());
    expect([ended, listeners.size, link.isClosed()]).toEqual([["one"], 0, true]);
    change("a", 1);
    await clock.settle();
    expect(published).toEqual([]);
  });

  it.each<[string, Partial<Feed>]>([
    ["publish", { publish: never }],
    ["attach", { subscribe: never }],
    ["detach", { subscribe: async () => never }],
  ])("is not held up by a feed that does not %s", async (_, over) => {
    const { clock, link, change } = bench(over);
    change("a", 1);
    void link.attach(ignore).attached;
    await clock.settle();
    const started = clock.now();
    await clock.runUntil(link.close());
    expect(clock.now() - started).toBeLessThanOrEqual(2_000);
  });
});

describe("the bus of a process", () => {
  const event = (type: ServerEvent["type"]): ServerEvent => ({
    id: "a:1",
    type,
    jobId: "a",
    kind: "k",
    version: 1,
    from: null,
    status: "PENDING",
    word: "w",
    message: "",
    at: new Date(0),
    attempt: 0,
    owner: null,
    subject: null,
    metadata: null,
    actor: null,
    shown: {},
    trace: null,
    phase: null,
    reason: null,
    failureReason: null,
  });

  it("tells those who listen to a type, until they stop", () => {
    const { bus } = bench();
    const heard: string[] = [];
    const stop = bus.on("job.created", ({ type }) => heard.push(type));
    expect([bus.hears("job.created"), bus.hears("job.failed")]).toEqual([true, false]);
    bus.emit(event("job.created"));
    bus.emit(event("job.failed"));
    stop();
    bus.emit(event("job.created"));
    expect([heard, bus.hears("job.created")]).toEqual([["job.created"], false]);
  });

  it("tells of hints of one job or of all, whatever the id", () => {
    const { bus } = bench();
    const heard: string[] = [];
    const ids = ["a", "__proto__", "constructor"];
    const stops = ids.map((id) => bus.onHint(id, (hint) => heard.push(`${id} hears ${hint.id}`)));
    const stopAll = bus.onHint(null, (hint) => heard.push(`all hear ${hint.id}`));
    for (const id of ids) bus.hint({ id, kind: "sample.kind", version: 1, owner: null, subject: null });
    expect(heard).toEqual(ids.flatMap((id) => [`${id} hears ${id}`, `all hear ${id}`]));
    for (const stop of [...stops, stopAll]) stop();
    bus.hint({ id: "a", kind: "sample.kind", version: 2, owner: null, subject: null });
    expect(heard).toHaveLength(6);
  });

  it("keeps a listener that throws, or rejects, from troubling anybody", async () => {
    const { bus, lines, counted, clock } = bench();
    const heard: string[] = [];
    bus.on("job.created", () => {
      throw new TypeError("mine");
    });
    // eslint-disable-next-line @typescript-eslint/no-misused-promises -- what careless code passes
    bus.on("job.created", async () => Promise.reject(new Error("late")));
    bus.on("job.created", () => {
      // eslint-disable-next-line @typescript-eslint/only-throw-error -- what careless code throws
      throw "text";
    });
    bus.on("job.created", ({ id }) => heard.push(id));
    bus.emit(event("job.created"));
    await clock.settle();
    expect(heard).toEqual(["a:1"]);
    expect(lines.map(({ fields }) => fields["error"])).toEqual(["TypeError", "string", "Error"]);
    expect(counted).toEqual(["listener_error", "listener_error", "listener_error"]);
  });

  it("is silent once closed", () => {
    const { bus } = bench();
    const heard: string[] = [];
    bus.on("job.created", ({ id }) => heard.push(id));
    bus.onHint(null, ({ id }) => heard.push(id));
    bus.close();
    bus.emit(event("job.created"));
    bus.hint({ id: "a", kind: "sample.kind", version: 1, owner: null, subject: null });
    expect(heard).toEqual([]);
  });
});
