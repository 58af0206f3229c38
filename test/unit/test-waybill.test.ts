import { defineJob } from "waybill";
import { testWaybill } from "waybill/testing";
import { describe, expect, it } from "vitest";
import { z } from "zod";

const ingest = defineJob({
  kind: "ingest",
  input: z.object({ path: z.string() }),
  output: z.object({ chunks: z.number() }),
  phases: ["parsing"],
  retry: { maxAttempts: 2, baseMs: 1_000, capMs: 1_000 },
});

describe("a Waybill for tests", () => {
  it("runs a job to its end without any time passing", async () => {
    const handler = ingest.handle(({ phase }) => {
      phase("parsing");
      return { chunks: 12 };
    });
    const t = testWaybill({ jobs: [ingest], handlers: [handler], now: new Date("2026-01-01") });
    const { id } = await t.submit(ingest, { path: "a.md" }).unwrap();
    await t.settle();
    const job = await t.get(ingest, id);
    expect(job).toMatchObject({ status: "COMPLETED", output: { chunks: 12 } });
    expect(job?.createdAt).toEqual(new Date("2026-01-01"));
    expect(t.events(ingest).map((event) => event.type)).toEqual([
      "job.created",
      "job.queued",
      "job.started",
      "job.phase",
      "job.completed",
    ]);
    await t.close();
  });

  it("waits for a retry until time is moved on", async () => {
    let runs = 0;
    const handler = ingest.handle(() => {
      runs += 1;
      if (runs === 1) throw new Error("not yet");
      return { chunks: 1 };
    });
    const t = testWaybill({ jobs: [ingest], handlers: [handler], seed: 7 });
    const { id } = await t.submit(ingest, { path: "a.md" }).unwrap();
    await t.settle();
    expect(runs).toBe(1);
    await t.advance(5_000);
    expect(await t.get(ingest, id)).toMatchObject({ status: "COMPLETED", attempt: 2 });
    await t.close();
  });

  it("breaks the store as told, and nothing is lost by it", async () => {
    const t = testWaybill({ jobs: [ingest], handlers: [ingest.handle(() => ({ chunks: 3 }))] });
    t.fault.store("create", { nth: 1, fault: "response_lost" });
    // The first try is answered by an error, and the second waits for time to pass.
    const { id } = await t.clock.runUntil(t.submit(ingest, { path: "a.md" }).unwrap());
    await t.advance(10_000);
    expect(t.fault.injected).toHaveLength(1);
    expect(await t.get(ingest, id)).toMatchObject({ status: "COMPLETED" });
    expect((await t.list({ kind: "ingest" })).items).toHaveLength(1);
    await t.close();
  });

  it("hands over one event after the other", async () => {
    const t = testWaybill({ jobs: [ingest] });
    await t.submit(ingest, { path: "a.md" }).unwrap();
    expect((await t.nextEvent()).type).toBe("job.created");
    expect((await t.nextEvent()).type).toBe("job.queued");
    await t.close();
  });

  it("does the same twice under one seed", async () => {
    const run = async (): Promise<unknown> => {
      const t = testWaybill({ jobs: [ingest], handlers: [ingest.handle(() => ({ chunks: 3 }))], seed: 3 });
      await t.submit(ingest, { path: "a.md" }).unwrap();
      await t.settle();
      await t.close();
      return t.events();
    };
    expect(await run()).toEqual(await run());
  });
});
