import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createWaybill, defineJob, memoryStore } from "../../src/index.js";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { ended, observeWorld } from "./observe-world.js";

describe("watch", () => {
  it("ends at once when its reader leaves while it waits", async () => {
    const at = observeWorld();
    at.write("a");
    const watching = at.waybill.watch("a")[Symbol.asyncIterator]();
    expect((await at.clock.runUntil(watching.next())).value).toMatchObject({ version: 1 });
    const next = watching.next();
    await at.clock.settle();
    expect(await watching.return?.()).toMatchObject({ done: true });
    expect(await next).toMatchObject({ done: true });
    at.reads.length = 0;
    await at.clock.advance(60_000);
    expect([at.reads.length, at.clock.pending(), at.listeners.size]).toEqual([0, 0, 0]);
    expect(await watching.next()).toMatchObject({ done: true });
  });

  it("ends with a stream over it", async () => {
    const at = observeWorld();
    at.write("a");
    const stream = Readable.from(at.waybill.watch("a"));
    stream.once("data", () => undefined);
    await at.clock.settle();
    const closed = new Promise((resolve) => stream.once("close", resolve));
    stream.destroy();
    await closed;
    await at.clock.settle();
    expect([at.clock.pending(), at.listeners.size]).toEqual([0, 0]);
  });

  it("shares a signal with hundreds, without a warning", async () => {
    const warnings: Error[] = [];
    const warned = (warning: Error): void => void warnings.push(warning);
    process.on("warning", warned);
    const at = observeWorld();
    at.write("a");
    const all = new AbortController();
    const ends = Array.from({ length: 300 }, async () => {
      for await (const { id } of at.waybill.watch("a", { signal: all.signal })) expect(id).toBe("a");
    });
    await at.clock.settle();
    all.abort();
    await Promise.all(ends);
    await at.clock.settle();
    await new Promise((resolve) => setImmediate(resolve));
    process.off("warning", warned);
    expect([warnings, at.clock.pending()]).toEqual([[], 0]);
  });

  it("reads at once when the feed says that it has lost hints", async () => {
    const at = observeWorld();
    at.write("a");
    const statuses: string[] = [];
    const watched = (async () => {
      for await (const { status } of at.waybill.watch("a")) statuses.push(status);
    })();
    await at.clock.settle();
    at.write("a", ended("FAILED", 1));
    at.gap();
    await watched;
    expect(statuses).toEqual(["PENDING", "FAILED"]);
  });

  it("finds within 2 s what no feed tells of, sooner while the job is young", async () => {
    const at = observeWorld({ feed: false });
    at.write("a");
    const seen: number[] = [];
    const watched = (async () => {
      for await (const { version } of at.waybill.watch("a")) seen.push(version);
    })();
    await at.clock.settle();
    at.write("a");
    await at.clock.advance(100);
    expect(seen).toEqual([1, 2]);
    await at.clock.advance(60_000);
    at.reads.length = 0;
    await at.clock.advance(20_000);
    expect(at.reads).toHaveLength(10);
    at.write("a", ended("FAILED", 1));
    await at.clock.advance(2_000);
    await watched;
    expect(seen).toEqual([1, 2, 3]);
  });

  it("sees the end of a job that is kept for a second, in a process that nobody tells", async () => {
    const clock = fakeClock();
    const store = memoryStore();
    const brief = defineJob({ kind: "brief", input: z.number(), output: z.number(), retainMs: 1_000 });
    const here = createWaybill({ jobs: [brief], store, clock });
    const elsewhere = createWaybill({ jobs: [brief], store, clock });
    const ids = [];
    // Some end soon after a look of theirs, some long after.
    for (let n = 0; n < 40; n += 1)
      ids.push((await here.submit(brief, n, { delayMs: 20_000 + n * 500 }).unwrap()).id);
    const outputs = Promise.all(ids.map((id) => elsewhere.result(brief, id)));
    const worker = here.worker([brief.handle(({ input }) => input)]);
    const running = worker.run();
    expect(await clock.runUntil(outputs)).toEqual(ids.map((_, n) => n));
    await clock.advance(60_000);
    expect(await clock.runUntil(here.get(brief, ids[0] ?? ""))).toBeNull();
    await clock.runUntil(worker.stop());
    await running;
    await clock.runUntil(Promise.all([here.close(), elsewhere.close()]));
  });
});
