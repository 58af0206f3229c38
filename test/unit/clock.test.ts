import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Clock, inTime, sleep, systemClock } from "../../src/core/environment/clock.js";
import { storeTime } from "../../src/core/engine/store/store-time.js";
import { fakeClock } from "../../src/testing/fake-clock.js";

describe("sleep", () => {
  it("lasts as long as it is told", async () => {
    const clock = fakeClock();
    const started = clock.now();
    await clock.runUntil(sleep(clock, 5_000));
    expect([clock.now() - started, clock.pending()]).toEqual([5_000, 0]);
  });

  it("ends early and leaves no timer when its signal aborts", async () => {
    const clock = fakeClock();
    const stop = new AbortController();
    const asleep = sleep(clock, 5_000, stop.signal);
    stop.abort();
    await asleep;
    expect(clock.pending()).toBe(0);
  });

  it("does not begin when its signal is aborted already", async () => {
    const clock = fakeClock();
    await sleep(clock, 5_000, AbortSignal.abort());
    expect(clock.pending()).toBe(0);
  });

  it("forgets its signal when it is over", async () => {
    const clock = fakeClock();
    const { signal } = new AbortController();
    const removed = vi.spyOn(signal, "removeEventListener");
    await clock.runUntil(sleep(clock, 5, signal));
    expect(removed).toHaveBeenCalledOnce();
  });
});

describe("inTime", () => {
  it("is what the work comes to, and leaves no timer", async () => {
    const clock = fakeClock();
    expect(await inTime(clock, 1_000, Promise.resolve("done"), "late")).toBe("done");
    await expect(inTime(clock, 1_000, Promise.reject(new Error("no")), "late")).rejects.toThrow("no");
    expect(clock.pending()).toBe(0);
  });

  it("is late when the work is, whose error then troubles nobody", async () => {
    const clock = fakeClock();
    const work = sleep(clock, 5_000).then(() => Promise.reject(new Error("too late")));
    expect(await clock.runUntil(inTime(clock, 1_000, work, "late"))).toBe("late");
    await clock.advance(10_000);
    expect(clock.pending()).toBe(0);
  });

  /** The clock of a process that is busy for nine seconds, which its timers hear of only then. */
  function busyClock() {
    const timers: { readonly ms: number; readonly fire: () => void }[] = [];
    let nowMs = 0;
    const clock: Clock = {
      now: () => nowMs,
      timer: (ms, fire) => {
        timers.push({ ms, fire });
        return () => undefined;
      },
      defer: () => undefined,
    };
    return {
      clock,
      timers,
      pass(ms: number) {
        nowMs += ms;
        timers.at(-1)?.fire();
      },
    };
  }

  it("lets a process that was busy itself hear what came meanwhile", async () => {
    const { clock, timers, pass } = busyClock();
    let answer: (text: string) => void = () => undefined;
    const result = inTime(clock, 1_000, new Promise<string>((resolve) => (answer = resolve)), "late");
    pass(9_000);
    answer("came while nobody listened");
    expect(await result).toBe("came while nobody listened");
    expect(timers.map(({ ms }) => ms)).toEqual([1_000, 1_000]);
  });

  it("waits a second for that, once the process listens again", async () => {
    const { clock, pass } = busyClock();
    const result = inTime(clock, 1_000, new Promise(() => undefined), "late");
    pass(9_000);
    pass(9_000);
    pass(1_000);
    expect(await result).toBe("late");
  });
});

describe("system clock", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  it("tells the time of the machine", () => {
    vi.setSystemTime(1_234_567);
    expect(systemClock.now()).toBe(1_234_567);
  });

  it("runs a timer once, unless it is cancelled", () => {
    const ran: string[] = [];
    systemClock.timer(10, () => ran.push("kept"));
    systemClock.timer(10, () => ran.push("cancelled"), true)();
    vi.advanceTimersByTime(100);
    expect(ran).toEqual(["kept"]);
  });

  it("keeps the process alive only for a timer that is to hold it", () => {
    const unref = vi.fn();
    const setTimeoutSpy = vi.fn(() => ({ unref }));
    vi.stubGlobal("setTimeout", setTimeoutSpy);
    systemClock.timer(1, () => undefined, true);
    expect(unref).not.toHaveBeenCalled();
    systemClock.timer(1, () => undefined);
    expect(unref).toHaveBeenCalledOnce();
  });

  it("does not fire at once for a time longer than a timer can be", () => {
    let ran = false;
    systemClock.timer(90 * 86_400_000, () => {
      ran = true;
    });
    vi.advanceTimersByTime(86_400_000);
    expect(ran).toBe(false);
  });

  it("takes a time in the past for now, also where timers are numbers", () => {
    const setTimeoutSpy = vi.fn(() => 7);
    vi.stubGlobal("setTimeout", setTimeoutSpy);
    systemClock.timer(-5, () => undefined);
    expect(setTimeoutSpy).toHaveBeenCalledWith(expect.any(Function), 0);
  });

  it("defers until the current work is done, also where there is no setImmediate", () => {
    const order: string[] = [];
    systemClock.defer(() => order.push("immediate"));
    order.push("now");
    vi.runAllTimers();
    vi.stubGlobal("setImmediate", undefined);
    systemClock.defer(() => order.push("timer"));
    vi.runAllTimers();
    expect(order).toEqual(["now", "immediate", "timer"]);
  });
});

describe("the store's time", () => {
  const AHEAD = 600_000;

  /** A store whose clock is `ahead` of ours; each reply takes as long as it is told to, half of it on either way. */
  function bench(ahead = AHEAD) {
    const clock = fakeClock();
    const time = storeTime(clock, "server");
    const truth = () => clock.monotonic() + ahead;
    const hear = async (tripMs: number, lateMs = 0) => {
      const sentAt = clock.monotonic();
      await clock.advance(tripMs / 2);
      const nowMs = truth();
      await clock.advance(tripMs / 2 + lateMs);
      time.heard(nowMs, sentAt);
    };
    return { clock, time, hear, off: () => time.now() - truth() };
  }

  it("follows a store with a clock of its own, and is not sure before it has heard it", async () => {
    const { time, hear, off } = bench();
    expect(time.isSure()).toBe(false);
    await hear(0);
    expect([time.isSure(), off()]).toEqual([true, 0]);
  });

  it("is the caller's where the store has none", () => {
    const clock = fakeClock();
    const time = storeTime(clock, "caller");
    time.heard(clock.now() - 7_000, clock.monotonic());
    expect([time.now(), time.isSure()]).toEqual([clock.now(), true]);
  });

  it("is never ahead of the store, and behind by the way of the quickest reply at most", async () => {
    const { hear, off } = bench();
    for (const tripMs of [200, 20, 100, 40]) await hear(tripMs);
    expect(off()).toBeLessThanOrEqual(0);
    expect(off()).toBeGreaterThanOrEqual(-11);
  });

  it("takes nothing of a reply that was looked at late", async () => {
    const { time, hear, off } = bench();
    await hear(10);
    await hear(10, 6_000);
    expect(off()).toBeGreaterThanOrEqual(-6);
    expect(time.isSure()).toBe(true);
  });

  it("is not sure of a first reply that was looked at late, and asks no more once it knows it no better", async () => {
    const { time, hear } = bench();
    await hear(10, 6_000);
    expect(time.isSure()).toBe(false);
    time.accept();
    expect(time.isSure()).toBe(true);
  });

  it.each([60_000, -60_000, 3_600_000, -3_600_000])(
    "does not move when the machine's clock is set by %i ms",
    async (ms) => {
      const { clock, time, hear, off } = bench();
      await hear(0);
      clock.step(ms);
      expect(off()).toBe(0);
      // It may as well have slept: whoever makes instants of durations asks first.
      expect(time.isSure()).toBe(false);
      await hear(0);
      expect([time.isSure(), off()]).toEqual([true, 0]);
    },
  );

  it("follows the store when its clock is set", async () => {
    const { clock, time, hear } = bench();
    await hear(2);
    time.heard(clock.monotonic() - 5_000, clock.monotonic());
    expect(time.now()).toBe(clock.monotonic() - 5_000);
  });
});
