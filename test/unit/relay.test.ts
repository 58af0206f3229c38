import { describe, expect, it } from "vitest";
import { memoryNotifier } from "../../src/adapters/memory/notifier.js";
import { undeliveredTo } from "../../src/core/decide/change/wake.js";
import type { JobEvent } from "../../src/core/job/event.js";
import { defineNotifier, type Notifier } from "../../src/core/ports/notifier.js";
import { THE_END } from "../../src/core/decide/deliver.js";
import { offerOf, resultsFor } from "../../src/core/engine/relay/offer.js";
import { decodeHistory } from "../../src/core/job/history.js";
import { sampleHistory } from "../../src/testing/sample-jobs.js";
import { kind, WORK, world } from "../support/relay-core.js";
import { START } from "../../src/core/job/record.js";

const types = (events: readonly JobEvent[]): readonly string[] => events.map((event) => event.type.slice(4));
const versions = (events: readonly JobEvent[]): readonly number[] => events.map((event) => event.version);

/** Publishes one event at a time, so that attempts can be seen apart. */
const single = { maxBatch: 1 };
const policy = (giveUpAfterMs: number, ms: number) => ({
  notifier: { giveUpAfterMs, baseMs: ms, capMs: ms },
});

describe("the relay", () => {
  it("publishes every change in order, notes it, and leaves a settled job without a wake-up", async () => {
    const w = world();
    const ui = memoryNotifier();
    const p = w.process({ notifiers: { ui } });
    const id = await p.submit();
    await p.complete(await p.claim(id));
    expect(await w.run(p.relay.flush(1_000))).toBe(true);
    expect(types(ui.events)).toEqual(["created", "queued", "started", "completed"]);
    expect(versions(ui.events)).toEqual([1, 2, 3, 4]);
    const { record, cursors } = await w.read(id);
    expect(cursors["ui"]).toEqual({ ...START, upTo: 4 });
    expect(record.wakeAt).toBeNull();
    expect(record.purgeAt).not.toBeNull();
  });

  it("does not repeat what was delivered for news whose cursors are older", async () => {
    const w = world();
    const ui = memoryNotifier();
    const p = w.process({ notifiers: { ui } });
    const id = await p.submit();
    const claimed = await p.claim(id);
    await w.clock.settle();
    expect(claimed.cursors).not.toEqual((await w.read(id)).cursors);
    await p.complete(claimed);
    await w.clock.settle();
    expect(versions(ui.events)).toEqual([1, 2, 3, 4]);
  });

  it("lets a notifier that hangs or throws delay neither another, nor a transition", async () => {
    const w = world();
    const good = memoryNotifier();
    const hangs = memoryNotifier();
    const throws = defineNotifier({
      publish: () => {
        throw new Error("broken");
      },
    });
    hangs.failNext("hang", { count: 100 });
    const p = w.process({ notifiers: { hangs, throws, good } });
    const id = await p.submit();
    await p.complete(await p.claim(id));
    await w.clock.settle();
    expect(types(good.events)).toEqual(["created", "queued", "started", "completed"]);
    const { record, cursors } = await w.read(id);
    expect(record.status).toBe("COMPLETED");
    expect(cursors["good"]?.upTo).toBe(4);
    expect(cursors["throws"]).toMatchObject({ upTo: 0, attempts: 1 });
    expect(record.wakeAt).toBeLessThanOrEqual(w.clock.now() + 5_000);
    expect(await w.run(p.relay.flush(1_000))).toBe(false);
    await w.clock.advance(15_000);
    expect((await w.read(id)).cursors["hangs"]).toMatchObject({ upTo: 0, attempts: 1 });
    expect(await w.run(p.relay.flush(1_000))).toBe(true);
  });

  it("keeps the order under retries: nothing overtakes an event that failed", async () => {
    const w = world();
    const ui = memoryNotifier(single);
    const p = w.process({ notifiers: { ui }, policy: policy(1_000_000, 1_000) });
    ui.failNext("retry", { where: (event) => event.version === 2, count: 3 });
    const id = await p.submit();
    await p.complete(await p.claim(id));
    await w.clock.settle();
    expect(versions(ui.events)).toEqual([1]);
    for (let tries = 0; tries < 6; tries += 1) {
      await w.clock.advance(6_000);
      await p.pass();
    }
    expect(versions(ui.events)).toEqual([1, 2, 3, 4]);
    expect((await w.read(id)).record.wakeAt).toBeNull();
  });

  it("does not spin on a failure: the instant of the retry is stored, and the next look does it", async () => {
    const w = world();
    const ui = memoryNotifier();
    ui.failNext("retry", { afterMs: 7_000 });
    const p = w.process({ notifiers: { ui }, policy: policy(1_000_000, 10_000) });
    const id = await p.submit();
    await w.clock.advance(6_000);
    const { cursors, record } = await w.read(id);
    expect(cursors["ui"]).toMatchObject({ upTo: 0, attempts: 1 });
    expect(cursors["ui"]!.retryAt).toBeGreaterThan(w.clock.now());
    expect(record.wakeAt).toBeLessThanOrEqual(cursors["ui"]!.retryAt!);
    expect(ui.events).toEqual([]);
    await w.clock.advance(10_000);
    expect(ui.events).toEqual([]);
    await p.claim(id);
    await w.clock.settle();
    expect(versions(ui.events)).toEqual([1, 2, 3]);
  });

  it("loses nothing to a crash between publish and note: the next process repeats", async () => {
    const w = world();
    const ui = memoryNotifier();
    const crashing = w.process({ notifiers: { ui } });
    w.faults.store("advance", { fault: "not_applied", times: 10 });
    const id = await crashing.submit();
    await w.clock.settle();
    expect(versions(ui.events)).toEqual([1, 2]);
    expect((await w.read(id)).cursors).toEqual({});
    w.faults.heal();
    await w.clock.advance(6_000);
    const other = w.process({ notifiers: { ui } });
    await other.pass();
    expect(versions(ui.events)).toEqual([1, 2, 1, 2]);
    expect((await w.read(id)).cursors["ui"]?.upTo).toBe(2);
  });

  it("notes later what the store could not take, without a second delivery", async () => {
    const w = world();
    const ui = memoryNotifier();
    const p = w.process({ notifiers: { ui }, mute: true });
    const id = await p.submit();
    w.faults.store("advance", { fault: "not_applied", times: 10 });
    p.relay.kick(await w.read(id));
    await w.clock.settle();
    expect(p.warnings.map((warning) => warning.message)).toEqual(["a delivery could not be noted"]);
    w.faults.heal();
    await w.clock.advance(6_000);
    await p.pass();
    expect(versions(ui.events)).toEqual([1, 2]);
    expect((await w.read(id)).cursors["ui"]?.upTo).toBe(2);
  });

  it("leaves the wake-up of a change that came during the publish", async () => {
    const w = world();
    let release: () => void = () => undefined;
    const slow = defineNotifier({
      publish: async (events) => {
        await new Promise<void>((resolve) => (release = resolve));
        return events.map(() => ({ status: "delivered" }));
      },
    });
    const a = w.process({ notifiers: { slow } });
    const id = await a.submit();
    await w.clock.settle();
    const elsewhere = w.process({ notifiers: { slow }, mute: true });
    const claimed = await elsewhere.claim(id, "t", 10_000);
    await elsewhere.complete(claimed);
    const before = (await w.read(id)).record;
    release();
    await w.clock.settle();
    release();
    await w.clock.settle();
    const { record, cursors } = await w.read(id);
    expect(cursors["slow"]?.upTo).toBeLessThan(4);
    expect(record.wakeAt).toBe(before.wakeAt);
    expect(undeliveredTo(record, cursors)).toEqual(["slow"]);
  });

  it("delivers in order of first delivery although two relays are at it", async () => {
    const w = world();
    const ui = memoryNotifier(single);
    const [a, b] = [w.process({ notifiers: { ui } }), w.process({ notifiers: { ui } })];
    const id = await a.submit();
    await b.complete(await b.claim(id));
    await w.clock.settle();
    const first = [...new Set(versions(ui.events))];
    expect(first).toEqual([1, 2, 3, 4]);
    const { record, cursors } = await w.read(id);
    expect(cursors["ui"]?.upTo).toBe(4);
    expect(record.wakeAt).toBeNull();
  });

  it("settles a job whose last two notifiers were served by two processes at once", async () => {
    const w = world();
    const [ui, billing] = [memoryNotifier(), memoryNotifier()];
    const both = w.process({ notifiers: { ui, billing }, mute: true });
    const id = await both.submit();
    await both.complete(await both.claim(id));
    const taken = await w.read(id);
    const [a, b] = [w.process({ notifiers: { ui } }), w.process({ notifiers: { billing } })];
    await w.run(Promise.all([a.relay.deliver(taken), b.relay.deliver(taken)]));
    const { record } = await w.read(id);
    expect(record.wakeAt).toBeNull();
    expect(record.purgeAt).not.toBeNull();
  });

  it("counts what the filters leave out as delivered, without a publish", async () => {
    const w = world();
    const failures = memoryNotifier({ on: ["job.failed"] });
    const started = memoryNotifier({ on: ["job.started"], maxBatch: 1 });
    const others = memoryNotifier({ kinds: ["other.kind"] });
    const p = w.process({ notifiers: { failures, started, others } });
    const id = await p.submit();
    await p.complete(await p.claim(id));
    await w.clock.settle();
    expect([failures, others].flatMap((each) => each.events)).toEqual([]);
    expect(types(started.events)).toEqual(["started"]);
    const { record, cursors } = await w.read(id);
    expect(Object.values(cursors).map((cursor) => cursor.upTo)).toEqual([4, 4, 4]);
    expect(record.wakeAt).toBeNull();
  });

  it("gives up what was rejected or failed too often, says so, lists it and goes on", async () => {
    const w = world();
    const ui = memoryNotifier({ maxBatch: 1 });
    const p = w.process({ notifiers: { ui }, policy: policy(1, 1) });
    ui.failNext("rejected", { where: (event) => event.version === 1 });
    ui.failNext("retry", { where: (event) => event.version === 2, count: 2 });
    const id = await p.submit();
    await w.clock.advance(6_000);
    await p.pass();
    const { cursors } = await w.read(id);
    expect(cursors["ui"]).toMatchObject({ upTo: 2, exhausted: [1, 2] });
    expect(p.counted.filter((each) => each === "notification_exhausted")).toHaveLength(2);
    const warned = p.warnings.filter((warning) => warning.message === "a notification was given up");
    expect(warned.map((warning) => warning.fields)).toEqual([
      { jobId: id, notifier: "ui", version: 1, reason: "a fault was injected" },
      { jobId: id, notifier: "ui", version: 2, reason: "a fault was injected" },
    ]);
    const listed = await w.store.list({ nowMs: w.clock.now(), undeliverable: true, limit: 10 });
    expect(listed.jobs.map((job) => job.record.id)).toEqual([id]);
  });

  it("writes the cursor of a retired name to the end and leaves a name that others have", async () => {
    const w = world();
    const [old, elsewhere] = [memoryNotifier(), memoryNotifier()];
    const before = w.process({ notifiers: { old, elsewhere }, mute: true });
    const id = await before.submit();
    const after = w.process({ retired: ["old"], notifiers: {} });
    const snapshot = await w.read(id);
    await w.run(after.relay.deliver(snapshot));
    const { cursors } = await w.read(id);
    expect(cursors["old"]?.upTo).toBe(THE_END);
    expect(cursors["elsewhere"]).toBeUndefined();
  });

  it("shares publishes between jobs and one write between notifiers", async () => {
    const calls: number[] = [];
    const ui = defineNotifier({
      maxBatch: 5,
      publish: async (events) => {
        calls.push(events.length);
        return events.map(() => ({ status: "delivered" }));
      },
    });
    let advances = 0;
    const w = world((store) => ({
      ...store,
      advance: (request) => {
        advances += 1;
        return store.advance(request);
      },
    }));
    const p = w.process({ notifiers: { ui, two: memoryNotifier() }, queue: false, mute: true });
    const ids = [await p.submit(), await p.submit(), await p.submit(), await p.submit()];
    const snapshots = await Promise.all(ids.map((id) => w.read(id)));
    for (const snapshot of snapshots) p.relay.kick(snapshot);
    await w.clock.settle();
    // The third job begins in the first publish; the rest of it must wait, the fourth job need not.
    expect(calls).toEqual([5, 2, 1]);
    expect(advances).toBeLessThanOrEqual(2);
    expect(Object.keys((await w.read(ids[0]!)).cursors)).toEqual(["ui", "two"]);
  });

  it("publishes the job that failed by itself, although it stands in line with others", async () => {
    const w = world();
    const publishes: string[][] = [];
    let down = true;
    const ui = defineNotifier({
      publish: async (events) => {
        publishes.push(events.map((event) => event.jobId));
        if (down) throw new Error("broken");
        return events.map(() => ({ status: "delivered" }));
      },
    });
    const p = w.process({ notifiers: { ui }, queue: false, mute: true, policy: policy(1_000_000, 1) });
    const [bad, good] = [await p.submit(), await p.submit()];
    p.relay.kick(await w.read(bad));
    await w.clock.advance(1_000);
    expect((await w.read(bad)).cursors["ui"]?.attempts).toBe(1);
    down = false;
    const snapshots = [await w.read(good), await w.read(bad)];
    for (const snapshot of snapshots) p.relay.kick(snapshot);
    await w.clock.settle();
    expect(publishes).toEqual([[bad, bad], [good, good], [bad], [bad]]);
    expect((await w.read(bad)).cursors["ui"]).toMatchObject({ upTo: 2, attempts: 0 });
  });

  it.each(["constructor", "toString", "__proto__"])(
    "knows a notifier named %s like any other",
    async (name) => {
      const w = world();
      const ui = memoryNotifier();
      ui.failNext("retry", { afterMs: 1_000 });
      const p = w.process({ notifiers: Object.fromEntries([[name, ui]]) });
      const id = await p.submit();
      await p.complete(await p.claim(id));
      await w.clock.settle();
      expect(Object.entries((await w.read(id)).cursors)).toMatchObject([[name, { upTo: 0, attempts: 1 }]]);
      await w.clock.advance(6_000);
      await p.pass();
      const { record, cursors } = await w.read(id);
      expect(versions(ui.events)).toEqual([1, 2, 3, 4]);
      expect(Object.entries(cursors)).toEqual([[name, { ...START, upTo: 4 }]]);
      expect(record.wakeAt).toBeNull();
    },
  );

  it("lets an event that breaks the notifier use up no attempts but its own", async () => {
    const w = world();
    const ui = memoryNotifier();
    const p = w.process({ notifiers: { ui }, queue: false, mute: true, policy: policy(1_000_000, 1) });
    const [bad, good] = [await p.submit(), await p.submit()];
    ui.failNext("throw", { where: (event) => event.jobId === bad, count: 1_000 });
    const snapshots = await Promise.all([bad, good].map((id) => w.read(id)));
    await w.clock.settle();
    for (const snapshot of snapshots) p.relay.kick(snapshot);
    await w.clock.settle();
    for (let tries = 0; tries < 3; tries += 1) {
      await w.clock.advance(31_000);
      await p.pass();
    }
    expect(versions(ui.eventsOf(good))).toEqual([1, 2]);
    expect((await w.read(bad)).cursors["ui"]?.attempts).toBeGreaterThan(2);
  });

  it.each<[string, unknown]>([
    ["nothing", undefined],
    ["no list", { status: "delivered" }],
    ["too few", []],
    ["null", [null, null]],
    ["an unknown word", [{ status: "ok" }, { status: "ok" }]],
    ["a retry without sense", [{ status: "retry", afterMs: Number.NaN }]],
  ])("takes an answer of %s as: try again", async (_, answer) => {
    const w = world();
    const ui = { publish: async () => answer } as Notifier;
    const p = w.process({ notifiers: { ui } });
    const id = await p.submit();
    await w.clock.settle();
    expect((await w.read(id)).cursors["ui"]).toMatchObject({ upTo: 0, attempts: 1 });
  });

  it("reads the input only for kinds whose messages speak of it, and waits when it cannot be read", async () => {
    const w = world();
    const ui = memoryNotifier();
    const talking = kind("test.work", {
      messagesReadInput: true,
      messageOf: (_, input) => `for ${(input as { name: string } | undefined)?.name ?? "nobody"}`,
    });
    const p = w.process({ notifiers: { ui }, definitions: [talking], queue: false });
    w.faults.store("read", { fault: "not_applied" });
    const id = await p.submit(talking, {}, { name: "Ana" });
    await w.clock.settle();
    expect(ui.events).toEqual([]);
    expect((await w.read(id)).cursors["ui"]).toBeUndefined();
    await w.clock.advance(6_000);
    await p.pass();
    expect(ui.events.map((event) => event.message)).toEqual(["for Ana", "for Ana"]);
  });

  it("does without an input that is gone", async () => {
    const w = world();
    const ui = memoryNotifier();
    const talking = kind("test.work", { messagesReadInput: true, messageOf: (_, input) => typeof input });
    const p = w.process({ notifiers: { ui }, definitions: [talking], mute: true, queue: false });
    const { record, cursors } = await w.read(await p.submit(talking));
    const gone = { record: { ...record, id: "gone" }, cursors };
    await w.run(p.relay.deliver(gone));
    expect(ui.events.map((event) => event.message)).toEqual(["undefined", "undefined"]);
  });

  it("publishes kinds that this process does not know in general words", async () => {
    const w = world();
    const ui = memoryNotifier();
    const p = w.process({ notifiers: { ui }, mute: true });
    const id = await p.submit(WORK);
    const stranger = w.process({ notifiers: { ui }, definitions: [kind("other.kind")] });
    await w.clock.advance(6_000);
    await stranger.pass();
    expect(ui.eventsOf(id)[0]).toMatchObject({ word: "PENDING", kind: "test.work" });
  });

  it("survives a history that nobody can read", async () => {
    const w = world();
    const p = w.process({ notifiers: { ui: memoryNotifier() }, mute: true });
    const { record, cursors } = await w.read(await p.submit());
    const broken = { record: { ...record, history: "[1,", version: 9 }, cursors };
    p.relay.kick(broken);
    await expect(p.relay.deliver(broken)).rejects.toMatchObject({ code: "store.corrupt" });
    p.relay.kick({ record, cursors });
    p.relay.kick(broken);
    await w.clock.settle();
    expect(p.warnings.map((warning) => warning.message)).toEqual([
      "a change could not be published",
      "a change could not be published",
    ]);
  });

  it("asks a store that refuses whole advances again on the record that is stored", async () => {
    // An engine that cannot write cursors without the wake-up refuses where the version moved on.
    let refusals = 0;
    const w = world((store) => ({
      ...store,
      advance: async (request) => {
        const { jobs } = await store.read({
          nowMs: request.nowMs,
          ids: request.items.map((item) => item.id),
        });
        const stale = request.items.some(
          (item, index) => jobs[index]?.record.version !== item.plannedOn.version,
        );
        if (!stale) return store.advance(request);
        refusals += 1;
        const results = jobs.map((job) => ({ status: "refused" as const, cursors: job?.cursors ?? {} }));
        return { nowMs: request.nowMs, results };
      },
    }));
    const ui = memoryNotifier();
    const p = w.process({ notifiers: { ui }, mute: true });
    const id = await p.submit();
    const old = await w.read(id);
    await p.claim(id);
    await w.run(p.relay.deliver(old));
    expect(refusals).toBe(1);
    expect((await w.read(id)).cursors["ui"]?.upTo).toBe(3);
    const gone = { record: { ...old.record, id: "gone" }, cursors: {} };
    await w.run(p.relay.deliver(gone));
  });

  it("leaves a store that refuses for ever to the reconciler", async () => {
    const w = world((store) => ({
      ...store,
      advance: async ({ nowMs, items }) => ({
        nowMs,
        results: items.map(() => ({ status: "refused", cursors: {} })),
      }),
    }));
    const p = w.process({ notifiers: { ui: memoryNotifier() } });
    await p.submit();
    expect(await w.run(p.relay.flush(5_000))).toBe(true);
  });

  it("takes nothing after close, waits a little for what is under way, and is closed twice without harm", async () => {
    const w = world();
    const ui = memoryNotifier();
    ui.failNext("hang", { count: 10 });
    const p = w.process({ notifiers: { ui } });
    const id = await p.submit();
    await w.clock.settle();
    const snapshot = await w.read(id);
    await w.run(Promise.all([p.relay.close(), p.relay.close()]));
    p.relay.kick(snapshot);
    expect(await p.relay.deliver(snapshot)).toBe(snapshot);
    await w.clock.advance(30_000);
    expect((await w.read(id)).cursors).toEqual({});
    expect(ui.events).toEqual([]);
  });

  it("notes nothing more once it is closed, although a note was still under way", async () => {
    let advances = 0;
    const w = world((store) => ({
      ...store,
      advance: (request) => {
        advances += 1;
        return store.advance(request);
      },
    }));
    const ui = memoryNotifier();
    const p = w.process({ notifiers: { ui }, queue: false });
    w.faults.store("advance", { fault: "delay", delayMs: 5_000 });
    const id = await p.submit();
    await w.clock.settle();
    await p.claim(id);
    await w.clock.settle();
    expect(versions(ui.events)).toEqual([1, 2, 3]);
    await w.run(p.relay.close());
    await w.clock.advance(10_000);
    // The cursor over the third event is the next process's to write.
    expect([advances, (await w.read(id)).cursors["ui"]?.upTo]).toEqual([1, 2]);
  });

  it("publishes nothing more once it is closed, although an input was still being read", async () => {
    const w = world();
    const ui = memoryNotifier();
    const talking = kind("test.work", { messagesReadInput: true });
    const p = w.process({ notifiers: { ui }, definitions: [talking], queue: false });
    w.faults.store("read", { fault: "delay", delayMs: 5_000 });
    await p.submit(talking);
    await w.run(p.relay.close());
    await w.clock.advance(10_000);
    expect(ui.events).toEqual([]);
  });

  it("remembers cursors of many jobs, but not of all for ever", async () => {
    const w = world();
    const ui = memoryNotifier();
    const p = w.process({ notifiers: { ui }, mute: true });
    const { record } = await w.read(await p.submit());
    const many = 10_001;
    const snapshots = Array.from({ length: many }, (_, index) => ({
      record: { ...record, id: `j${index}` },
      cursors: {},
    }));
    for (let start = 0; start < many; start += 2_000) {
      for (const snapshot of snapshots.slice(start, start + 2_000)) p.relay.kick(snapshot);
      await w.clock.settle();
    }
    expect(ui.events).toHaveLength(2 * many);
    p.relay.kick(snapshots[many - 1]!);
    await w.clock.settle();
    expect(ui.events).toHaveLength(2 * many);
    p.relay.kick(snapshots[0]!);
    await w.clock.settle();
    expect(ui.events).toHaveLength(2 * many + 2);
  });

  it("leaves to the reconciler what does not fit into the line of a notifier that hangs", async () => {
    const w = world();
    const ui = memoryNotifier({ timeoutMs: 1_000 });
    ui.failNext("hang", { count: 2 });
    const p = w.process({ notifiers: { ui }, mute: true });
    const { record } = await w.read(await p.submit());
    for (let job = 0; job < 6_000; job += 1)
      p.relay.kick({ record: { ...record, id: `j${job}` }, cursors: {} });
    await w.clock.advance(20_000);
    const jobs = new Set(ui.events.map((event) => event.jobId));
    expect(jobs.size).toBeGreaterThan(4_000);
    expect(jobs.size).toBeLessThanOrEqual(5_000);
  });

  it("does not go on where the record is removed at that moment", async () => {
    const w = world((store) => ({
      ...store,
      advance: async ({ nowMs, items }) => ({ nowMs, results: items.map(() => ({ status: "gone" })) }),
    }));
    const ui = memoryNotifier();
    const p = w.process({ notifiers: { ui } });
    await p.submit();
    expect(await w.run(p.relay.flush(5_000))).toBe(true);
    expect(versions(ui.events)).toEqual([1, 2]);
  });

  it("says what kind of trouble it had, whatever was thrown", async () => {
    const w = world();
    const talking = kind("test.work", { messagesReadInput: true });
    const p = w.process({ notifiers: { ui: memoryNotifier() }, definitions: [talking], mute: true });
    const { record, cursors } = await w.read(await p.submit(talking));
    const odd = Object.defineProperty({ ...record, version: 9 }, "history", { get: () => raise("text") });
    p.relay.kick({ record: odd, cursors });
    const reading = { ...p.core.gateway, read: async () => raise("text") };
    const { createRelay } = await import("../../src/core/engine/relay/relay.js");
    createRelay({ ...p.core, gateway: reading }).kick({ record, cursors });
    await w.clock.settle();
    expect(p.warnings.map(({ fields }) => fields["error"])).toEqual(["not an Error", "not an Error"]);
  });
});

describe("results for an offer", () => {
  it("counts what was left without an answer as: try again", () => {
    const entries = decodeHistory(sampleHistory(["T1", "T2"], { nowMs: 0 }));
    const offer = offerOf({ on: ["job.queued"] }, "test.work", entries, 1);
    expect(resultsFor(offer, []).map((result) => result.status)).toEqual(["delivered", "retry"]);
  });
});

function raise(what: string): never {
  // eslint-disable-next-line @typescript-eslint/only-throw-error -- drivers and applications throw anything
  throw what;
}
