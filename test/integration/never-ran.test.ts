import { describe, expect, it } from "vitest";
import { memoryStore } from "../../src/adapters/memory/store.js";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { fakeDefinition, fakeHandler } from "../support/core.js";
import { bench } from "../support/worker-bench.js";

const kind = fakeDefinition({ kind: "task", retry: { maxAttempts: 3 } });

/** Workers that run for a moment and stop: cron, scale to zero. */
function visits(options: { readonly runMs: number; readonly shutdownTimeoutMs?: number }) {
  const clock = fakeClock();
  const store = memoryStore();
  const ran: string[] = [];
  const handler = fakeHandler(kind, async ({ input }) => {
    ran.push((input as { readonly name: string }).name);
    await new Promise<void>((resolve) => clock.timer(options.runMs, resolve));
  });
  const outside = bench({ clock, store, handlers: [handler] });
  const visit = async (ms: number, meanwhile?: () => Promise<unknown>): Promise<void> => {
    const worker = { concurrency: 1, prefetch: 50, shutdownTimeoutMs: options.shutdownTimeoutMs ?? 30_000 };
    const b = bench({ clock, store, handlers: [handler], worker });
    void b.start();
    await clock.advance(ms);
    await meanwhile?.();
    await b.stop();
  };
  const submit = async (name: string): Promise<string> => {
    // The place in the queue is an instant.
    await clock.advance(1);
    return outside.submit(kind, { name });
  };
  return { ran, visit, submit, outside };
}

describe("a job that was claimed ahead and never ran", () => {
  it("is given back as often as workers stop: it costs no attempt, no release and no place", async () => {
    const v = visits({ runMs: 200 });
    const names = Array.from({ length: 60 }, (_, index) => `job-${String(index)}`);
    const ids: string[] = [];
    for (const name of names) ids.push(await v.submit(name));
    for (let made = 0; made < 14; made += 1) await v.visit(250);
    const records = await Promise.all(ids.map((id) => v.outside.record(id)));
    expect(records.map(({ status }) => status)).not.toContain("FAILED");
    expect(
      records.filter(({ status }) => status === "QUEUED").map(({ attempt, releases }) => [attempt, releases]),
    ).toEqual(Array.from({ length: 60 - v.ran.length }, () => [0, 0]));
    // In the order in which they were submitted, and none twice.
    expect(v.ran).toEqual(names.slice(0, v.ran.length));
    expect(v.ran.length).toBeGreaterThanOrEqual(14);
  });

  it("goes before what was submitted after it", async () => {
    const v = visits({ runMs: 200 });
    for (const name of ["first", "second", "third"]) await v.submit(name);
    await v.visit(100, () => v.submit("newer"));
    await v.visit(1_000);
    expect(v.ran).toEqual(["first", "second", "third", "newer"]);
  });

  it("one that ran and did not end in time is given back, and that is counted", async () => {
    const v = visits({ runMs: 60_000, shutdownTimeoutMs: 100 });
    const id = await v.submit("long");
    await v.visit(1_000);
    const { status, attempt, releases } = await v.outside.record(id);
    expect([status, attempt, releases]).toEqual(["QUEUED", 0, 1]);
  });
});
