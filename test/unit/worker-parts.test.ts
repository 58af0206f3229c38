import { describe, expect, it } from "vitest";
import { memoryQueue } from "../../src/adapters/memory/queue.js";
import { memoryStore } from "../../src/adapters/memory/store.js";
import {
  type DeadlineTimer,
  createDeadlineTimer,
  type Due,
} from "../../src/core/engine/run/lease/deadline-timer.js";
import { createOneShot } from "../../src/core/engine/one-shot.js";
import { createBreaker } from "../../src/core/engine/worker/breaker.js";
import { claimEntries } from "../../src/core/engine/run/execution.js";
import { createIdle } from "../../src/core/engine/worker/idle.js";
import { Lease } from "../../src/core/engine/run/lease/lease.js";
import { createRunningNews } from "../../src/core/engine/wake/running-news.js";
import { createHeartbeatTimer, type Ticking } from "../../src/core/engine/run/lease/heartbeat-timer.js";
import { checkWorker, type WorkerOptions } from "../../src/core/engine/worker/options.js";
import { checkedInput, outcomeOfReturned, runnable } from "../../src/core/engine/run/outcome/outcome.js";
import { createGate, createSlots } from "../../src/core/engine/worker/slots.js";
import { createTasks } from "../../src/core/engine/worker/tasks.js";
import { peek, storable } from "../../src/core/engine/run/text.js";
import { classify } from "../../src/core/engine/run/outcome/thrown.js";
import { RetryError } from "../../src/core/errors/errors.js";
import { HandlerAborted } from "../../src/core/handler.js";
import { sampleHistory, sampleJob } from "../../src/testing/sample-jobs.js";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { countingStore } from "../../src/testing/counting.js";
import { createFaults } from "../../src/testing/faults/faults.js";
import { fakeDefinition, fakeHandler, testCore } from "../support/core.js";

const NEVER = new AbortController().signal;

describe("slots", () => {
  it("are given first come first served, each with a share", async () => {
    const slots = createSlots(4);
    const all = await slots.reserve(4, NEVER);
    const first = slots.reserve(9, NEVER);
    const second = slots.reserve(9, NEVER);
    slots.give(all);
    expect([await first, await second, slots.free()]).toEqual([2, 2, 0]);
  });

  it("are never fewer than none, whatever was borrowed on outcomes under way", async () => {
    const slots = createSlots(2);
    await slots.reserve(2, NEVER);
    expect(slots.borrow(5, 9, 0)).toBe(0);
    slots.settling();
    expect([slots.leaving(), slots.borrow(5, 9, 0), slots.borrow(5, 9, 0), slots.free()]).toEqual([
      1, 1, 0, 0,
    ]);
    slots.give(1);
    slots.settled();
    expect([slots.leaving(), slots.free(), slots.borrow(5, 9, 0)]).toEqual([0, 0, 0]);
  });

  it("are not borrowed or topped up past those who wait", async () => {
    const slots = createSlots(1);
    await slots.reserve(1, NEVER);
    const gone = new AbortController();
    const waiting = slots.reserve(1, gone.signal);
    slots.settling();
    expect([slots.borrow(1, 9, 0), slots.extra(1), slots.borrow(1, 9, 1)]).toEqual([0, 0, 1]);
    gone.abort();
    expect([await waiting, await slots.reserve(1, gone.signal), await slots.reserve(0, NEVER)]).toEqual([
      0, 0, 0,
    ]);
  });

  it("a gate lets nobody in who gave up, and loses no place by it", async () => {
    const gate = createGate(1);
    expect(await gate.enter(NEVER)).toBe(true);
    const gone = new AbortController();
    const late = gate.enter(gone.signal);
    // The place comes free and the signal aborts in one turn.
    gate.leave();
    gone.abort();
    expect(await late).toBe(false);
    expect(await gate.enter(NEVER)).toBe(true);
  });
});

describe("small parts", () => {
  it("a signal is heard once, also by those who come late, and not by those who left", () => {
    const signal = createOneShot();
    const heard: string[] = [];
    signal.on(() => heard.push("early"));
    const left = (): void => {
      heard.push("left");
    };
    signal.on(left);
    signal.off(left);
    expect(signal.fired).toBe(false);
    signal.fire();
    signal.fire();
    signal.on(() => heard.push("late"));
    expect([heard, signal.fired]).toEqual([["early", "late"], true]);
  });

  it("a kick before a nap ends the next nap at once", async () => {
    const clock = fakeClock();
    const idle = createIdle(clock);
    idle.kick();
    await idle.nap(1_000, NEVER);
    const gone = new AbortController();
    const nap = idle.nap(1_000, gone.signal);
    gone.abort();
    await nap;
    await idle.nap(1_000, gone.signal);
    expect(clock.pending()).toBe(0);
  });

  it("tasks log what goes wrong, by code only", async () => {
    const { core, heard } = testCore({ definitions: [] });
    const tasks = createTasks(core.logger);
    tasks.add("one", Promise.reject(new Error("secret")));
    tasks.add("two", core.gateway.claimNext(null as never));
    await tasks.idle();
    expect(heard.logs.map(({ message, fields }) => [message, fields])).toEqual([
      ["one failed", { code: "Error" }],
      ["two failed", { code: "TypeError" }],
    ]);
  });

  it("a heartbeatTimer stops when its last member leaves, whoever leaves twice", async () => {
    const clock = fakeClock();
    const heartbeatTimer = createHeartbeatTimer(clock, () => clock.now(), 0.5);
    let beats = 0;
    const one = { tick: () => void (beats += 1) };
    const other = { tick: () => void (beats += 1) };
    heartbeatTimer.join(100, one);
    heartbeatTimer.join(100, other);
    await clock.advance(200);
    expect([beats, clock.pending()]).toEqual([4, 1]);
    heartbeatTimer.leave(100, one);
    heartbeatTimer.leave(100, other);
    heartbeatTimer.leave(100, other);
    expect(clock.pending()).toBe(0);
    await clock.advance(200);
    expect(beats).toBe(4);
  });

  it("jobs that run for a second more are looked after where a request to cancel may have been missed", async () => {
    const clock = fakeClock();
    const heartbeatTimer = createHeartbeatTimer(clock, () => clock.now(), 0.5);
    const news = createRunningNews(clock, heartbeatTimer);
    const ticked: string[] = [];
    const job = (id: string): Ticking => ({ id, version: () => 1, tick: () => void ticked.push(id) });
    const [first, second] = [job("a"), job("b")];
    expect(news.longestMs()).toBe(0);
    heartbeatTimer.join(10_000, first);
    await clock.advance(300);
    heartbeatTimer.join(10_000, second);
    await clock.advance(200);
    expect(news.longestMs()).toBe(500);
    heartbeatTimer.leave(10_000, first);
    expect(news.longestMs()).toBe(200);
    heartbeatTimer.join(10_000, first);
    news.missed();
    await clock.advance(500);
    const late = job("c");
    heartbeatTimer.join(10_000, late);
    news.missed();
    expect(ticked).toEqual([]);
    await clock.advance(500);
    expect(ticked).toEqual(["b", "a"]);
    await clock.advance(1_000);
    expect(ticked, "more was missed meanwhile").toEqual(["b", "a", "b", "a", "c"]);
    news.missed();
    news.stop();
    for (const one of [first, second, late]) heartbeatTimer.leave(10_000, one);
    expect([news.longestMs(), clock.pending()]).toEqual([0, 0]);
  });

  it("deadlineTimer ring each at its own instant, on one timer, which is not left behind", async () => {
    const clock = fakeClock();
    const deadlineTimer = createDeadlineTimer(clock, () => clock.now());
    const fired: string[] = [];
    const start = clock.now();
    const due = (name: string, afterMs: number): Due & { dueAt: number } => ({
      dueAt: start + afterMs,
      ring: () => fired.push(`${name} ${String(clock.now() - start)}`),
    });
    const late = due("late", 300);
    const moved = due("moved", 100);
    const cleared = due("cleared", 200);
    for (const one of [late, moved, due("soon", 50), cleared]) deadlineTimer.set(one);
    expect(clock.pending()).toBe(1);
    moved.dueAt = start + 400;
    deadlineTimer.set(moved);
    deadlineTimer.clear(cleared);
    await clock.advance(250);
    expect([fired, clock.pending()]).toEqual([["soon 50"], 1]);
    await clock.advance(250);
    expect([fired, clock.pending()]).toEqual([["soon 50", "late 300", "moved 400"], 0]);
    deadlineTimer.clear(late);
    deadlineTimer.set(late);
    deadlineTimer.clear(late);
    expect(clock.pending()).toBe(0);
  });

  it("an alarm may clear another that is due with it, and set one anew", async () => {
    const clock = fakeClock();
    const deadlineTimer: DeadlineTimer = createDeadlineTimer(clock, () => clock.now());
    const fired: string[] = [];
    const second: Due = { dueAt: clock.now() + 10, ring: () => fired.push("second") };
    const again: Due = { dueAt: clock.now() + 20, ring: () => fired.push("again") };
    deadlineTimer.set({
      dueAt: clock.now() + 10,
      ring: () => {
        fired.push("first");
        deadlineTimer.clear(second);
        deadlineTimer.set(again);
      },
    });
    deadlineTimer.set(second);
    await clock.advance(100);
    expect([fired, clock.pending()]).toEqual([["first", "again"], 0]);
  });

  it("text is clipped and well formed", () => {
    expect([storable("abcdef", 4), storable("a\0", 9), peek(null, "x"), peek("text", "length")]).toEqual([
      "abc…",
      "a\uFFFD",
      undefined,
      undefined,
    ]);
  });

  it("an abort is recognised through wrapped errors, but not through endless ones", () => {
    const abort = new AbortController();
    abort.abort(new HandlerAborted("Cancelled", "no"));
    const wrapped = new Error("a", {
      cause: new Error("b", { cause: new HandlerAborted("Cancelled", "other copy") }),
    });
    const endless: { cause?: unknown; message: string } = { message: "round" };
    endless.cause = endless;
    expect([
      classify(wrapped, abort.signal, 99).is,
      classify(new DOMException("x", "AbortError"), abort.signal, 99).is,
      classify(new Error("own"), abort.signal, 99).is,
      classify(endless, abort.signal, 99).is,
      classify(new RetryError("later", { cause: abort.signal.reason }), abort.signal, 99).is,
    ]).toEqual(["abort", "abort", "retry", "retry", "retry"]);
  });

  it("a job that is stored without an input has none, and its schema judges that", async () => {
    const seen: unknown[] = [];
    const asking = fakeDefinition({
      kind: "a",
      checkInput: async (value) => {
        seen.push(value);
        return { ok: true, value };
      },
    });
    expect(await checkedInput(asking, undefined)).toEqual({ ok: true, value: null });
    expect(seen).toEqual([null]);
  });

  it("an input that its schema refuses is the end of the job", () => {
    const { core } = testCore({ definitions: [] });
    expect([
      runnable(core, { ok: true, value: 1 }),
      runnable(core, { ok: false, issues: [{ path: "a.b", message: "is no number" }] }),
    ]).toEqual([
      { ok: true, value: 1 },
      {
        ok: false,
        outcome: {
          do: "fail",
          failure: { reason: "input_invalid", message: "The stored input is invalid at a.b: is no number." },
        },
      },
    ]);
  });

  it("what a handler returned is unusable when looking at it throws, at once or in a while", async () => {
    const { core } = testCore({ definitions: [] });
    const bad = new Error("secret");
    const throwing = fakeDefinition({
      kind: "a",
      checkOutput: () => {
        throw bad;
      },
    });
    const rejecting = fakeDefinition({ kind: "b", checkOutput: () => Promise.reject(bad) });
    const unusable = {
      do: "fail",
      failure: {
        reason: "output_invalid",
        message: "What the handler returned could not be checked: looking at it threw.",
      },
    };
    const told: unknown[] = [];
    for (const definition of [throwing, rejecting]) {
      const handler = fakeHandler(definition, () => null);
      expect(await outcomeOfReturned(core, handler, { fine: true }, (error) => told.push(error))).toEqual(
        unusable,
      );
    }
    expect(told).toEqual([bad, bad]);
  });

  it("a claim's entries are told from the history", () => {
    const of = (edges: Parameters<typeof sampleHistory>[0]) =>
      claimEntries(sampleJob({ id: "a", history: sampleHistory(edges, { nowMs: 0 }) }, 0)).map(
        ({ edge }) => edge,
      );
    expect([of(["T1", "T2", "T4"]), of(["T3", "T4"]), of(["T4"]), of([])]).toEqual([
      ["T2", "T4"],
      ["T4"],
      ["T4"],
      [],
    ]);
  });

  it("the breaker asks the store once for all who wait, and none after the stop", async () => {
    const clock = fakeClock();
    const faults = createFaults({ clock });
    const { core, heard } = testCore({ definitions: [], clock, store: faults.wrapStore(memoryStore()) });
    const breaker = createBreaker(core);
    breaker.failed();
    breaker.failed();
    const stop = new AbortController();
    faults.outage("store");
    const waiting = Promise.all([breaker.closed(stop.signal), breaker.closed(stop.signal)]);
    await clock.advance(20_000);
    expect(breaker.isOpen()).toBe(true);
    const asked = heard.calls.length;
    expect(asked).toBeGreaterThan(1);
    expect(asked).toBeLessThan(30);
    faults.heal();
    await clock.advance(20_000);
    await waiting;
    expect(breaker.isOpen()).toBe(false);
    breaker.failed();
    const last = breaker.closed(stop.signal);
    stop.abort();
    await last;
    breaker.failed();
    const other = breaker.closed(NEVER);
    breaker.ok();
    await clock.advance(20_000);
    await other;
  });
});

describe("a lease", () => {
  async function lease(fault: "hang" | "gone" | "none", claimedAgoMs = 0) {
    const clock = fakeClock();
    const faults = createFaults({ clock });
    const { core } = testCore({ definitions: [], clock, store: faults.wrapStore(memoryStore()) });
    const heard: string[] = [];
    const now = () => clock.now();
    const made = new Lease(
      core,
      {
        id: "nobody",
        token: "t",
        leaseMs: 30_000,
        claimedAt: clock.now() - claimedAgoMs,
        now,
        heartbeatTimer: createHeartbeatTimer(clock, now, 0),
        version: () => 1,
        deadlineTimer: createDeadlineTimer(clock, now),
      },
      {
        expired: () => heard.push("expired"),
        refused: (snapshot) => heard.push(snapshot === null ? "gone" : "refused"),
        cancelled: () => heard.push("cancelled"),
        beaten: () => heard.push("beaten"),
      },
    );
    if (fault === "hang") faults.outage("store", "hang");
    return { clock, faults, lease: made, heard };
  }

  it("is over when the record is gone", async () => {
    const { clock, lease: made, heard } = await lease("gone");
    await made.start();
    await clock.advance(10_001);
    expect(heard).toContain("gone");
    made.stop();
    expect(clock.pending()).toBe(0);
  });

  it("expires once under a store that hangs, and no beat leaves after that", async () => {
    const { clock, faults, lease: made, heard } = await lease("hang");
    await made.start();
    await clock.advance(60_000);
    expect([heard, made.expired(), made.remainingMs(), faults.hanging()]).toEqual([["expired"], true, 0, 3]);
    made.confirm(clock.now());
    expect(made.expired()).toBe(true);
    // What the hanging beats are told in the end is of no use any more.
    made.stop();
    faults.heal();
    await clock.settle();
    expect(heard).toEqual(["expired"]);
  });

  it("does not begin when the claim is too old and nobody confirms it", async () => {
    const { clock, faults, lease: made, heard } = await lease("none", 40_000);
    faults.outage("store");
    await clock.runUntil(Promise.resolve(made.start()));
    expect(heard).toEqual(["expired"]);
  });

  it("is over once, although it was found out while it was being confirmed", async () => {
    const { clock, faults, lease: made, heard } = await lease("hang", 40_000);
    const starting = made.start();
    await clock.settle();
    expect(made.expired()).toBe(true);
    faults.heal();
    await starting;
    expect([heard, clock.pending()]).toEqual([["expired"], 0]);
  });

  it("is not over by time once it was stopped", async () => {
    const { clock, lease: made, heard } = await lease("none");
    await made.start();
    made.stop();
    await clock.advance(60_000);
    expect([made.expired(), heard]).toEqual([false, []]);
  });

  it("stays stopped when it was stopped while it was being confirmed", async () => {
    const { clock, faults, lease: made, heard } = await lease("hang", 20_000);
    const starting = made.start();
    await clock.settle();
    made.stop();
    faults.heal();
    await starting;
    expect([heard, clock.pending()]).toEqual([[], 0]);
  });

  it("sends no beat after a stall in which the deadline passed", async () => {
    const clock = fakeClock();
    const faults = createFaults({ clock });
    const trips = countingStore(faults.wrapStore(memoryStore()));
    const { core } = testCore({ definitions: [], clock, store: trips.store });
    let jumpMs = 0;
    const now = () => clock.now() + jumpMs;
    let expired = 0;
    const made = new Lease(
      core,
      {
        id: "nobody",
        token: "t",
        leaseMs: 30_000,
        claimedAt: now(),
        now,
        heartbeatTimer: createHeartbeatTimer(clock, now, 0),
        version: () => 1,
        deadlineTimer: createDeadlineTimer(clock, now),
      },
      { expired: () => (expired += 1), refused: () => {}, cancelled: () => {}, beaten: () => {} },
    );
    await made.start();
    jumpMs = 60_000;
    await clock.advance(10_001);
    expect([expired, trips.counts.beat]).toEqual([1, 0]);
  });

  it("takes no refusal for a loss while the outcome is being written", async () => {
    const { clock, lease: made, heard } = await lease("gone");
    await made.start();
    made.settle();
    await clock.advance(10_001);
    expect(heard).toEqual([]);
    made.stop();
  });
});

describe("the options of a worker", () => {
  const mail = fakeDefinition({ kind: "mail" });
  const slow = fakeDefinition({ kind: "slow", queue: "slow" });
  const handlers = [fakeHandler(mail, () => null), fakeHandler(slow, () => null)];
  const { core } = testCore({ definitions: [mail, slow], queues: { slow: memoryQueue() } });
  const check =
    (options: WorkerOptions, given: unknown = handlers) =>
    () =>
      checkWorker(core, given as typeof handlers, options);

  it("serves the queues of its kinds, and the store for kinds without one", () => {
    const all = check({})();
    expect([all.queues, all.storeKinds, all.concurrency, all.reconcile]).toEqual([
      ["slow"],
      ["mail"],
      10,
      true,
    ]);
    expect(all.name).toMatch(/^worker-.{8}$/);
    const named = check({ queues: ["slow"], name: "w-1" })();
    expect([named.queues, named.storeKinds, named.name]).toEqual([["slow"], [], "w-1"]);
  });

  const bad: readonly (readonly [string, () => unknown, string, RegExp])[] = [
    ["no handlers", check({}, []), "config.invalid", /needs at least one handler/],
    ["handlers that are no list", check({}, {}), "config.invalid", /needs at least one handler/],
    [
      "something else than a handler",
      check({}, [undefined]),
      "config.invalid",
      /takes what definition\.handle/,
    ],
    [
      "a handler without run",
      check({}, [{ definition: mail }]),
      "config.invalid",
      /takes what definition\.handle/,
    ],
    [
      "two handlers of one kind",
      check({}, [...handlers, handlers[0]]),
      "config.invalid",
      /Two handlers of this worker have the kind mail/,
    ],
    [
      "an unknown kind",
      check({}, [fakeHandler(fakeDefinition({ kind: "odd" }), () => null)]),
      "config.kind_unknown",
      /The kind odd/,
    ],
    [
      "an unknown queue",
      check({ queues: ["fast"] }),
      "config.invalid",
      /the queue fast, which is not among queues/,
    ],
    [
      "no concurrency",
      check({ concurrency: 0 }),
      "config.invalid",
      /concurrency must be a whole number from 1/,
    ],
    ["half a slot", check({ concurrency: 1.5 }), "config.invalid", /concurrency/],
    ["a text for a number", check({ prefetch: "3" as never }), "config.invalid", /prefetch/],
    [
      "endless prefetch",
      check({ prefetch: 501 }),
      "config.invalid",
      /prefetch must be a whole number from 0 to 500/,
    ],
    [
      "no pause between polls",
      check({ pollIntervalMs: 0 }),
      "config.invalid",
      /pollIntervalMs must be at least 1/,
    ],
    ["a negative time", check({ shutdownTimeoutMs: -1 }), "config.invalid", /shutdownTimeoutMs/],
    ["an empty name", check({ name: "" }), "config.invalid", /name/],
    [
      "a reconcile that is no boolean",
      check({ reconcile: 1 as never }),
      "config.invalid",
      /reconcile must be true or false/,
    ],
  ];
  for (const [what, run, code, text] of bad) {
    it(`refuses ${what} with one clear sentence`, () => {
      expect(run).toThrow(text);
      expect(run).toThrow(expect.objectContaining({ code }));
    });
  }

  it("refuses a store that cannot hand jobs over", () => {
    const store = memoryStore();
    const poor = testCore({
      definitions: [mail],
      store: Object.assign(Object.create(store) as typeof store, {
        capabilities: { ...store.capabilities, queue: false },
      }),
    });
    expect(() => checkWorker(poor.core, [handlers[0]!], {})).toThrow(/cannot hand jobs over/);
  });
});
