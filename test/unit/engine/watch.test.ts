import { fail } from "../../../src/core/decide/finish.js";
import { describe, expect, it } from "vitest";
import { memoryFeed, type MemoryFeed } from "../../../src/adapters/memory/feed.js";
import { memoryStore } from "../../../src/adapters/memory/store.js";
import { report } from "../../../src/core/decide/held.js";
import { type ResultOptions, result, watch, type WatchOptions } from "../../../src/core/engine/read/watch.js";
import type { RuntimeJob } from "../../../src/core/engine/read/job.js";
import { StoreUnavailableError } from "../../../src/core/errors/errors.js";
import type { Feed } from "../../../src/core/ports/feed.js";
import type { Snapshot } from "../../../src/core/job/record.js";
import { fakeClock } from "../../../src/testing/fake-clock.js";
import {
  changed,
  claimed,
  completed,
  failedFor,
  rejection,
  stored,
  submitted,
  type World,
  world,
} from "../../support/engine.js";

/** Two processes on one store, with a feed between them. */
function pair(options: { readonly feed?: boolean } = {}) {
  const clock = fakeClock();
  const store = memoryStore();
  const hub = memoryFeed({ clock });
  const feedOf = (feed: MemoryFeed) => (options.feed === false ? {} : { feed });
  const here = world({ clock, seed: 1, ...feedOf(hub) }, store);
  const there = world({ clock, seed: 2, ...feedOf(hub.second()) }, store);
  return { clock, here, there, hub };
}

/** Watches, and keeps what was seen. */
function watching(at: World, id: string, options: WatchOptions = {}, kind: string | null = null) {
  const seen: RuntimeJob[] = [];
  const ended = (async () => {
    for await (const job of watch(at.core, at.runtime.hints, id, kind, options)) seen.push(job);
  })();
  return { seen, ended, statuses: () => seen.map(({ status }) => status) };
}

const progressed = (at: World, held: Snapshot, done: number): Promise<Snapshot> =>
  changed(at, held, (seen, context) => {
    const token = held.record.token!;
    return report(seen, { token, updates: { progress: { done, total: 9 } }, leaseMs: 60_000 }, context);
  });

describe("watch", () => {
  it("shows the job as it is, then every newer version, and ends at its final status", async () => {
    const { clock, here } = pair();
    const { id } = await submitted(here);
    const { seen, ended, statuses } = watching(here, id);
    await clock.settle();
    const held = await claimed(here, id);
    here.core.announce({ snapshot: held, entries: [] });
    await clock.settle();
    await completed(here, held, { sent: 2 });
    await ended;
    expect(statuses()).toEqual(["QUEUED", "PROCESSING", "COMPLETED"]);
    expect(seen.map(({ version }) => version)).toEqual([2, 3, 4]);
    expect(seen.at(-1)).toMatchObject({ output: { sent: 2 } });
    expect(clock.pending()).toBe(0);
  });

  it("hears of changes in another process through the feed, at once", async () => {
    const { clock, here, there } = pair();
    const { id } = await submitted(here);
    const { statuses, ended } = watching(here, id);
    await clock.settle();
    const before = clock.now();
    await completed(there, await claimed(there, id));
    await clock.settle();
    expect([statuses().at(-1), clock.now()]).toEqual(["COMPLETED", before]);
    await ended;
  });

  it("finds without a feed what happened elsewhere, by reading from time to time", async () => {
    const { clock, here, there } = pair({ feed: false });
    const { id } = await submitted(here);
    const { statuses, ended } = watching(here, id);
    await clock.settle();
    await completed(there, await claimed(there, id));
    await clock.settle();
    expect(statuses()).toEqual(["QUEUED"]);
    await clock.advance(here.core.policy.watchEveryMs);
    await ended;
    expect(statuses()).toEqual(["QUEUED", "COMPLETED"]);
  });

  it("repairs by the same read what the feed lost", async () => {
    const { clock, here, there, hub } = pair();
    hub.setFaults({ loss: 1 });
    const { id } = await submitted(here);
    const { statuses, ended } = watching(here, id);
    await clock.settle();
    await completed(there, await claimed(there, id));
    await clock.advance(here.core.policy.watchEveryMs);
    await ended;
    expect(statuses().at(-1)).toBe("COMPLETED");
  });

  it("attaches before it reads, so that nothing falls between", async () => {
    const order: string[] = [];
    const feed: Feed = {
      publish: async () => undefined,
      subscribe: async () => {
        order.push("attached");
        return async () => undefined;
      },
      close: async () => undefined,
    };
    const at = world({ feed });
    const { id } = await submitted(at);
    at.trips.reset();
    const stop = new AbortController();
    const { ended } = watching(at, id, { signal: stop.signal });
    order.push(`reads before: ${at.trips.counts.read}`);
    await at.clock.settle();
    order.push(`reads after: ${at.trips.counts.read}`);
    stop.abort();
    await ended;
    expect(order).toEqual(["attached", "reads before: 0", "reads after: 1"]);
  });

  it("sees a change whose hint came while it was reading", async () => {
    const { clock, here, there } = pair({ feed: false });
    const { id } = await submitted(here);
    here.faults.store("read", { fault: "delay", delayMs: 3_000 });
    const held = await claimed(there, id);
    const { seen, ended } = watching(here, id);
    await clock.advance(1_000);
    here.runtime.hints.bus.hint({ id, kind: "sample.kind", version: 4, owner: null, subject: null });
    await completed(there, held);
    await clock.advance(2_000);
    await ended;
    expect(seen.map(({ version }) => version)).toEqual([4]);
  });

  it("reads again at once when the hint names a version that the read has not seen yet", async () => {
    const { clock, here, there } = pair({ feed: false });
    const { id } = await submitted(here);
    const held = await claimed(there, id);
    const before = await stored(here, id);
    await completed(there, held);
    // The first read is answered with what was stored before; the hint comes before the answer.
    const { gateway } = here.core;
    let first = true;
    const core: World["core"] = {
      ...here.core,
      gateway: {
        ...gateway,
        read: async (...given) => {
          if (!first) return gateway.read(...given);
          first = false;
          here.runtime.hints.bus.hint({ id, kind: "sample.kind", version: 4, owner: null, subject: null });
          return before;
        },
      },
    };
    const started = clock.now();
    const { seen, ended } = watching({ ...here, core }, id);
    await clock.runUntil(ended);
    expect(seen.map(({ version }) => version)).toEqual([3, 4]);
    expect(clock.now()).toBe(started);
  });

  it("skips to the newest for a slow reader", async () => {
    const { clock, here } = pair();
    const { id } = await submitted(here);
    let held = await claimed(here, id);
    const jobs = watch(here.core, here.runtime.hints, id, null);
    expect((await clock.runUntil(jobs.next())).value).toMatchObject({ version: 3 });
    for (let done = 1; done <= 5; done += 1) held = await progressed(here, held, done);
    expect((await clock.runUntil(jobs.next())).value).toMatchObject({ version: 8, progress: { done: 5 } });
    await jobs.return();
    expect(clock.pending()).toBe(0);
  });

  it("is not woken by hints of what it has seen, nor kept busy by hints of what never was", async () => {
    const { clock, here } = pair({ feed: false });
    const { id } = await submitted(here);
    const stop = new AbortController();
    const { seen, ended } = watching(here, id, { signal: stop.signal });
    await clock.settle();
    here.trips.reset();
    const hint = (version: number) => {
      here.runtime.hints.bus.hint({ id, kind: "sample.kind", version, owner: null, subject: null });
    };
    hint(1);
    hint(2);
    await clock.settle();
    expect(here.trips.counts.read).toBe(0);
    hint(999);
    await clock.settle();
    expect([here.trips.counts.read, seen.length]).toEqual([1, 1]);
    stop.abort();
    await ended;
  });

  it("shows it when the store itself went back", async () => {
    const { clock, here } = pair({ feed: false });
    const { id } = await submitted(here);
    const { gateway } = here.core;
    let back = false;
    const core: World["core"] = {
      ...here.core,
      gateway: {
        ...gateway,
        read: async (...given) => {
          const job = await gateway.read(...given);
          return job !== null && back ? { ...job, record: { ...job.record, version: 1 } } : job;
        },
      },
    };
    const stop = new AbortController();
    const { seen, ended } = watching({ ...here, core }, id, { signal: stop.signal });
    await clock.settle();
    back = true;
    await clock.advance(here.core.policy.watchEveryMs);
    stop.abort();
    await ended;
    expect(seen.map(({ version }) => version)).toEqual([2, 1]);
  });

  it("ends without an error when its signal aborts, and leaves no timer, no listener and no subscription", async () => {
    const { clock, here, hub } = pair();
    const { id } = await submitted(here);
    for (const when of ["before", "reading", "resting"] as const) {
      const stop = new AbortController();
      if (when === "before") stop.abort();
      const { ended } = watching(here, id, { signal: stop.signal });
      if (when === "resting") await clock.settle();
      stop.abort();
      await clock.settle();
      await ended;
      expect([when, clock.pending(), hub.subscribers()]).toEqual([when, 0, 0]);
    }
  });

  it("lets go when its reader leaves early", async () => {
    const { clock, here, hub } = pair();
    const { id } = await submitted(here);
    const first = await clock.runUntil(
      (async () => {
        for await (const job of watch(here.core, here.runtime.hints, id, null)) return job.status;
        return null;
      })(),
    );
    await clock.settle();
    expect([first, clock.pending(), hub.subscribers()]).toEqual(["QUEUED", 0, 0]);
  });

  it("shares one subscription and one read among many watchers of a job", async () => {
    const { clock, here, there, hub } = pair();
    const { id } = await submitted(here);
    const held = await claimed(there, id);
    const watchers = Array.from({ length: 50 }, () => watching(here, id));
    await clock.settle();
    expect(hub.subscribers()).toBe(1);
    here.trips.reset();
    await completed(there, held);
    await clock.settle();
    await Promise.all(watchers.map(({ ended }) => ended));
    expect(here.trips.counts.read).toBe(1);
    expect([hub.subscribers(), clock.pending()]).toEqual([0, 0]);
  });

  it("says that there is no such job, also when it is of another kind or was removed meanwhile", async () => {
    const { clock, here } = pair();
    const { id } = await submitted(here);
    expect(await rejection(here, watching(here, "none").ended)).toMatchObject({ code: "job.not_found" });
    const otherKind = watching(here, id, {}, "dr.recover").ended;
    expect(await rejection(here, otherKind)).toMatchObject({ code: "job.not_found" });
    expect(await rejection(here, watching(here, "no id").ended)).toMatchObject({ code: "job.not_found" });
    expect(clock.pending()).toBe(0);
  });

  it("ends with the store's error, and lets go", async () => {
    const { clock, here, hub } = pair();
    const { id } = await submitted(here);
    const { ended } = watching(here, id);
    await clock.settle();
    here.faults.outage("store");
    expect(await rejection(here, ended)).toBeInstanceOf(StoreUnavailableError);
    expect([clock.pending(), hub.subscribers()]).toEqual([0, 0]);
  });

  it("ends when this Waybill closes, instead of reading on", async () => {
    const { clock, here } = pair();
    const { id } = await submitted(here);
    const { ended } = watching(here, id);
    const failed = rejectionOf(ended);
    await clock.settle();
    await here.runtime.hints.close();
    await clock.settle();
    expect(await failed).toMatchObject({ code: "waybill.closed" });
    expect(clock.pending()).toBe(0);
  });

  describe("over a feed that does not work", () => {
    const broken = (subscribe: Feed["subscribe"]): Feed => ({
      publish: async () => undefined,
      subscribe,
      close: async () => undefined,
    });

    it.each<[string, Feed["subscribe"]]>([
      ["rejects", () => Promise.reject(new Error("secret-host"))],
      [
        "throws",
        () => {
          throw new Error("secret-host");
        },
      ],
    ])("goes on by reading when it %s, with one warning for all", async (_, subscribe) => {
      const at = world({ feed: broken(subscribe) });
      const { id } = await submitted(at);
      const both = [watching(at, id), watching(at, id)];
      await at.clock.settle();
      await completed(at, await claimed(at, id));
      await at.clock.settle();
      await Promise.all(both.map(({ ended }) => ended));
      expect(both.map(({ statuses }) => statuses().at(-1))).toEqual(["COMPLETED", "COMPLETED"]);
      expect(at.log).toMatchObject([{ level: "warn", fields: { code: "feed.unavailable" } }]);
      expect(JSON.stringify(at.log)).not.toContain("secret-host");
    });

    it("goes on by reading when it never answers", async () => {
      const at = world({ feed: broken(() => new Promise(() => undefined)) });
      const { id } = await submitted(at);
      const { statuses, ended } = watching(at, id);
      await completed(at, await claimed(at, id));
      await at.clock.advance(at.core.policy.watchEveryMs);
      await ended;
      expect(statuses()).toEqual(["COMPLETED"]);
    });

    it("still ends at once when its signal aborts while the feed does not answer", async () => {
      const at = world({ feed: broken(() => new Promise(() => undefined)) });
      const { id } = await submitted(at);
      const stop = new AbortController();
      const { ended } = watching(at, id, { signal: stop.signal });
      await at.clock.settle();
      stop.abort();
      await at.clock.settle();
      await ended;
      expect(at.clock.pending()).toBe(0);
    });
  });
});

/** Heard at once, so that an early rejection is not taken for one that nobody hears. */
async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  return "resolved";
}

describe("result", () => {
  const resultOf = (at: World, id: string, options: ResultOptions = {}) =>
    result(at.core, at.runtime.hints, id, "mail.send", options);

  it("is the output when it is there", async () => {
    const { clock, here, there } = pair();
    const { id } = await submitted(here);
    const waiting = resultOf(here, id, { timeoutMs: 60_000 });
    await clock.settle();
    await completed(there, await claimed(there, id), { sent: 3 });
    expect(await clock.runUntil(waiting)).toEqual({ sent: 3 });
    expect(clock.pending()).toBe(0);
  });

  it("rejects with the reason when the job fails", async () => {
    const at = world();
    const { id } = await submitted(at);
    await failedFor(at, await claimed(at, id), "no such mailbox");
    const error = await rejection(at, resultOf(at, id));
    expect(error).toMatchObject({ code: "result.job_failed", reason: "error", jobId: id });
    // HTTP layers pass messages on.
    expect(error.message).not.toContain("no such mailbox");
  });

  it("repeats of a failure what was made public", async () => {
    const at = world();
    const { id } = await submitted(at);
    const held = await claimed(at, id);
    const failure = { reason: "error", message: "The card has expired", expose: true } as const;
    await changed(at, held, (seen, context) =>
      fail(seen, { token: held.record.token ?? "", failure }, context),
    );
    const error = await rejection(at, resultOf(at, id));
    expect(error.message).toMatch(/^Job \S+ failed \(error\): The card has expired/);
  });

  it("rejects when the time is over, and the job goes on", async () => {
    const at = world();
    const { id } = await submitted(at);
    const started = at.clock.now();
    const error = await rejection(at, resultOf(at, id, { timeoutMs: 25_000 }));
    expect(error).toMatchObject({ code: "result.timeout", jobId: id });
    expect(error.message).toContain("25000 ms");
    expect([at.clock.now() - started, at.clock.pending()]).toEqual([25_000, 0]);
  });

  it("rejects when its signal aborts, before or meanwhile, and leaves nothing behind", async () => {
    const at = world();
    const { id } = await submitted(at);
    const reason = new Error("the caller went away");
    const error = await rejection(at, resultOf(at, id, { signal: AbortSignal.abort(reason) }));
    expect(error).toBe(reason);
    const stop = new AbortController();
    const waiting = rejectionOf(resultOf(at, id, { signal: stop.signal }));
    await at.clock.advance(1_234);
    stop.abort(reason);
    await at.clock.settle();
    expect(await waiting).toBe(reason);
    expect(at.clock.pending()).toBe(0);
  });

  it("finds a job that is final already, even with no time given", async () => {
    const at = world();
    const { id } = await submitted(at);
    await completed(at, await claimed(at, id), { sent: 4 });
    expect(await at.run(resultOf(at, id, { timeoutMs: 0 }))).toEqual({ sent: 4 });
  });

  it.each([-1, 1.5, NaN, Infinity])("refuses a time of %d", async (timeoutMs) => {
    const at = world();
    expect(await rejection(at, resultOf(at, "a", { timeoutMs }))).toMatchObject({ code: "config.invalid" });
  });
});
