import { describe, expect, it } from "vitest";
import { memoryStore } from "../../src/adapters/memory/store.js";
import { fakeClock } from "../../src/testing/fake-clock.js";
import type { WorkerOptions } from "../../src/core/engine/worker/options.js";
import { fakeDefinition, fakeHandler } from "../support/core.js";
import { bench, latch } from "../support/worker-bench.js";

// A job that ends every process that runs it, and those that happen to run beside it.

const kind = fakeDefinition({
  kind: "task",
  retry: { maxAttempts: 3, baseMs: 0, capMs: 0 },
  leaseMs: 10_000,
});

/** Processes, one after the other, over one store. */
function lives(options: WorkerOptions = {}) {
  const clock = fakeClock();
  const store = memoryStore();
  const runs: string[] = [];
  const pause = (ms: number) => new Promise<void>((resolve) => clock.timer(ms, resolve));

  /** A process that works for `ms`, or until the poison ends it. */
  const live = async (ms: number): Promise<"crashed" | "stopped"> => {
    const crash = latch<"crashed">();
    const handler = fakeHandler(kind, async ({ input, signal }) => {
      const { name, workMs } = input as { readonly name: string; readonly workMs: number | null };
      runs.push(name);
      await pause(workMs ?? 1_000);
      if (workMs !== null || signal.aborted) return;
      b.faults.outage("store", "hang");
      crash.resolve("crashed");
      await new Promise(() => undefined);
    });
    const b = bench({
      clock,
      store,
      handlers: [handler],
      worker: { concurrency: 4, reconcile: true, ...options },
    });
    void b.start();
    const end = await clock.runUntil(Promise.race([crash.promise, pause(ms).then(() => "stopped" as const)]));
    if (end === "stopped") await b.stop();
    // The leases of the dead are over.
    else await clock.advance(15_000);
    return end;
  };
  const outside = bench({ clock, store, handlers: [fakeHandler(kind, () => null)] });
  const submit = (name: string, workMs: number | null) => outside.submit(kind, { name, workMs });
  return { clock, runs, live, submit, record: (id: string) => outside.record(id) };
}

describe("a job that ends its process", () => {
  it("takes no neighbour along: those that lapsed with it have their last attempt alone", async () => {
    const w = lives();
    const poison = await w.submit("poison", null);
    const innocent: string[] = [];
    for (const name of ["a", "b", "c"]) innocent.push(await w.submit(name, 5_000));
    const ends = [];
    for (let life = 0; life < 5; life += 1) ends.push(await w.live(120_000));
    expect(ends).toEqual(["crashed", "crashed", "crashed", "stopped", "stopped"]);
    const { status, failure } = await w.record(poison);
    expect([status, failure?.reason]).toEqual(["FAILED", "lease_lost"]);
    for (const id of innocent) {
      const { status: theirs, attempt } = await w.record(id);
      expect([theirs, attempt]).toEqual(["COMPLETED", 3]);
    }
  });

  it("is run alone at its last attempt, also where others were claimed ahead with it", async () => {
    const w = lives({ prefetch: 10 });
    const ids = [await w.submit("poison", null)];
    for (let made = 0; made < 9; made += 1) ids.push(await w.submit(`job-${String(made)}`, 3_000));
    while ((await w.live(60_000)) === "crashed") await w.clock.advance(1_000);
    const statuses = await Promise.all(ids.map(async (id) => (await w.record(id)).status));
    expect(statuses).toEqual(["FAILED", ...Array.from({ length: 9 }, () => "COMPLETED")]);
  });

  it("waits for its neighbours no longer than a lease: one that never settles stops no worker", async () => {
    const w = lives();
    const poison = await w.submit("poison", null);
    await w.live(60_000);
    await w.live(60_000);
    await w.submit("endless", 1_000_000);
    const before = w.runs.length;
    expect(await w.live(60_000)).toBe("crashed");
    expect([w.runs.slice(before).sort(), (await w.record(poison)).attempt]).toEqual([
      ["endless", "poison"],
      3,
    ]);
  });

  it("has its worker alone for ten leases at most: one that hangs then stops no worker", async () => {
    const clock = fakeClock();
    const store = memoryStore();
    const runs: string[] = [];
    const handler = fakeHandler(kind, async ({ input }) => {
      runs.push(input as string);
      if (input === "hangs") await new Promise(() => undefined);
    });
    const live = () => {
      const b = bench({ clock, store, handlers: [handler], worker: { concurrency: 4, reconcile: true } });
      void b.start();
      return b;
    };
    for (let killed = 0; killed < 2; killed += 1) {
      const b = live();
      if (killed === 0) await b.submit(kind, "hangs");
      while (runs.length <= killed) await clock.advance(1_000);
      b.faults.outage("store", "hang");
      await clock.advance(15_000);
    }
    const last = live();
    while (runs.length < 3) await clock.advance(1_000);
    await last.submit(kind, "next");
    await clock.advance(90_000);
    expect(runs).toHaveLength(3);
    await clock.advance(15_000);
    expect(runs).toEqual(["hangs", "hangs", "hangs", "next"]);
  });
});
