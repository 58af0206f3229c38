import { describe, expect, it } from "vitest";
import { sleep } from "../../src/core/environment/clock.js";
import { fakeClock } from "../../src/testing/fake-clock.js";

describe("fake clock", () => {
  it("stands still until it is advanced", async () => {
    const clock = fakeClock({ start: 1_000 });
    let ran = false;
    clock.timer(1, () => (ran = true));
    await clock.settle();
    expect([clock.now(), ran, clock.pending()]).toEqual([1_000, false, 1]);
  });

  it("takes an ISO date and refuses what is none", () => {
    expect(fakeClock({ start: "2025-03-04T05:06:07Z" }).now()).toBe(Date.UTC(2025, 2, 4, 5, 6, 7));
    expect(() => fakeClock({ start: "soon" })).toThrow("no instant");
  });

  it("runs timers by instant, ties by creation, each at its own instant", async () => {
    const clock = fakeClock({ start: 0 });
    const ran: string[] = [];
    const note = (name: string) => () => ran.push(`${name}@${clock.now()}`);
    clock.timer(20, note("c"));
    clock.timer(10, note("a"));
    clock.timer(10, note("b"));
    clock.timer(21, note("later"));
    await clock.advance(20);
    expect(ran).toEqual(["a@10", "b@10", "c@20"]);
    expect(clock.now()).toBe(20);
  });

  it("lets a long chain of promises end between two timers", async () => {
    const clock = fakeClock({ start: 0 });
    const ran: string[] = [];
    clock.timer(1, () => {
      void (async () => {
        for (let hop = 0; hop < 5_000; hop += 1) await Promise.resolve();
        ran.push("chain");
      })();
    });
    clock.timer(1, () => ran.push("second timer"));
    await clock.advance(1);
    expect(ran).toEqual(["chain", "second timer"]);
  });

  it("runs timers that are set on the way when they are due by then", async () => {
    const clock = fakeClock({ start: 0 });
    const beats: number[] = [];
    const loop = async (): Promise<void> => {
      for (;;) {
        await sleep(clock, 10);
        beats.push(clock.now());
      }
    };
    void loop();
    await clock.advance(35);
    expect(beats).toEqual([10, 20, 30]);
    expect(clock.pending()).toBe(1);
  });

  it("does not run a timer that was cancelled, also by another timer of the same instant", async () => {
    const clock = fakeClock({ start: 0 });
    let ran = false;
    clock.timer(5, () => {
      cancel();
    });
    const cancel = clock.timer(5, () => (ran = true));
    await clock.advance(10);
    expect([ran, clock.pending()]).toEqual([false, 0]);
  });

  it("runs deferred work without being driven, after the promises that are under way, in order", async () => {
    const clock = fakeClock();
    const ran: string[] = [];
    void Promise.resolve()
      .then(() => undefined)
      .then(() => ran.push("promise"));
    await new Promise<void>((resolve) => {
      clock.defer(() => ran.push("first"));
      clock.defer(() => {
        ran.push("second");
        resolve();
      });
    });
    expect(ran).toEqual(["promise", "first", "second"]);
  });

  it("settles deferred work that defers more, and a timer that is due already", async () => {
    const clock = fakeClock();
    const ran: string[] = [];
    clock.defer(() => {
      void Promise.resolve().then(() => {
        clock.defer(() => {
          clock.timer(0, () => {
            clock.defer(() => ran.push("end"));
          });
        });
      });
    });
    await clock.settle();
    expect(ran).toEqual(["end"]);
  });

  it("runs deferred work before the timers of the same instant", async () => {
    const clock = fakeClock();
    const ran: string[] = [];
    clock.timer(0, () => ran.push("timer"));
    clock.defer(() => ran.push("deferred"));
    await clock.settle();
    expect(ran).toEqual(["deferred", "timer"]);
  });

  it("says so when code goes round without time passing", async () => {
    const clock = fakeClock();
    let stop = false;
    const again = (): void => {
      if (!stop) clock.defer(again);
    };
    // Many at once: the limit is on steps, and each turn of the runtime costs.
    for (let lane = 0; lane < 1_000; lane += 1) again();
    await expect(clock.settle()).rejects.toThrow("without time passing");
    stop = true;
  });

  it("refuses to be driven twice at once", async () => {
    const clock = fakeClock();
    const first = clock.advance(10);
    await expect(clock.advance(10)).rejects.toThrow("moving");
    await expect(clock.settle()).rejects.toThrow("moving");
    await first;
  });

  it("runs until a promise settles and not further", async () => {
    const clock = fakeClock({ start: 0 });
    clock.timer(500, () => undefined);
    await expect(clock.runUntil(sleep(clock, 90).then(() => "done"))).resolves.toBe("done");
    expect([clock.now(), clock.pending()]).toEqual([90, 1]);
    await expect(clock.runUntil(Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(clock.now()).toBe(90);
  });

  it("says so when no timer, or none in time, leads to the promise", async () => {
    const clock = fakeClock({ start: 0 });
    const never = new Promise<never>(() => undefined);
    await expect(clock.runUntil(never)).rejects.toThrow("no timer is set");
    await expect(clock.runUntil(sleep(clock, 2_000), 1_000)).rejects.toThrow("1000 ms");
  });

  it("shows another machine the same timers under another time", async () => {
    const clock = fakeClock({ start: 10_000 });
    const slow = clock.skewed(-4_000);
    let seen = 0;
    slow.timer(100, () => (seen = slow.now()));
    expect(clock.nextTimerAt()).toBe(10_100);
    await clock.advance(100);
    expect(seen).toBe(6_100);
  });
});
