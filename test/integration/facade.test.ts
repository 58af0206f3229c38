import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  createWaybill,
  defineJob,
  type JobEvent,
  memoryNotifier,
  memoryQueue,
  memoryStore,
  PermanentError,
  type WaybillOptions,
} from "../../src/index.js";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { countingStore } from "../../src/testing/counting.js";
import { recordingLogger } from "../support/engine.js";

const ingest = defineJob({
  kind: "doc.ingest",
  input: z.object({ docId: z.string(), pages: z.number() }),
  output: z.object({ chunks: z.number() }),
  progress: z.object({ done: z.number(), total: z.number() }),
  phases: ["parsing", "embedding"],
  percent: (progress) => progress.done / progress.total,
  words: {
    PENDING: "pending",
    QUEUED: "pending",
    PROCESSING: { default: "processing", embedding: "embedding" },
    COMPLETED: "ready",
    FAILED: "failed",
  },
  subject: (input) => `doc:${input.docId}`,
  retry: { maxAttempts: 1 },
});

const recover = defineJob({
  kind: "dr.recover",
  input: z.object({ planId: z.string() }),
  output: z.object({ ready: z.number() }),
  progress: z.object({ ready: z.number() }),
  phases: ["launching", "converting"],
  external: z.object({ ids: z.array(z.string()) }),
  refKeys: ({ ids }) => ids,
});

const jobs = [ingest, recover] as const;

function bench(
  over: Partial<Pick<WaybillOptions<typeof jobs>, "queue" | "policy">> & {
    store?: ReturnType<typeof memoryStore>;
  } = {},
) {
  const clock = fakeClock();
  const { logger, lines } = recordingLogger();
  const ui = memoryNotifier();
  const trips = countingStore(over.store ?? memoryStore());
  const waybill = createWaybill({ jobs, notifiers: { ui }, logger, clock, ...over, store: trips.store });
  const run = <T>(promise: Promise<T>): Promise<T> => clock.runUntil(promise);
  return { clock, lines, ui, trips, waybill, run };
}

describe("a job from submit to its result", () => {
  it.each(["store", "queue"] as const)("with the %s as the queue", async (through) => {
    const clock = fakeClock();
    const ui = memoryNotifier();
    const { logger, lines } = recordingLogger();
    const queue = through === "queue" ? memoryQueue({ clock }) : undefined;
    const waybill = createWaybill({ jobs, store: memoryStore(), queue, notifiers: { ui }, logger, clock });
    const heard: string[] = [];
    waybill.on("job.completed", (event: JobEvent) => heard.push(event.word));
    const handler = ingest.handle((context) => {
      context.phase("embedding");
      context.progress({ done: 1, total: 2 });
      return { chunks: context.input.pages * 2 };
    });
    const worker = waybill.worker([handler]);
    const job = await clock.runUntil(
      waybill.submit(ingest, { docId: "7", pages: 3 }, { owner: "ann" }).unwrap(),
    );
    expect(job).toMatchObject({ status: "QUEUED", word: "pending", subject: "doc:7", owner: "ann" });
    const running = worker.run();
    expect(await clock.runUntil(waybill.result(ingest, job.id, { timeoutMs: 60_000 }))).toEqual({
      chunks: 6,
    });
    const found = await clock.runUntil(waybill.get(ingest, job.id));
    expect(found).toMatchObject({ status: "COMPLETED", word: "ready", output: { chunks: 6 }, attempt: 1 });
    expect(await clock.runUntil(waybill.flush({ timeoutMs: 1_000 }))).toBe(true);
    expect(ui.eventsOf(job.id).map(({ type }) => type)).toEqual([
      "job.created",
      "job.queued",
      "job.started",
      "job.phase",
      "job.completed",
    ]);
    expect(heard).toEqual(["ready"]);
    const history = await clock.runUntil(waybill.history(job.id));
    expect(history?.events.map(({ id }) => id)).toEqual(ui.eventsOf(job.id).map(({ id }) => id));
    await clock.runUntil(waybill.close());
    await running;
    expect(lines).toEqual([]);
    expect(clock.pending()).toBe(0);
  });

  it("that fails, and runs again as a new job", async () => {
    const { waybill, run } = bench();
    let broken = true;
    const handler = ingest.handle(() => {
      if (broken) throw new PermanentError("no such page", { code: "E_PAGE", expose: true });
      return { chunks: 1 };
    });
    const worker = waybill.worker([handler]);
    void worker.run();
    const { id } = await run(waybill.submit(ingest, { docId: "7", pages: 1 }).unwrap());
    await expect(run(waybill.result(ingest, id))).rejects.toMatchObject({
      code: "result.job_failed",
      reason: "error",
    });
    expect(await run(waybill.get(id))).toMatchObject({
      word: "failed",
      failure: { code: "E_PAGE" },
      message: "no such page",
    });
    broken = false;
    const again = await run(waybill.rerun(ingest, id, { input: { docId: "7", pages: 2 } }).unwrap());
    expect(again).toMatchObject({ origin: id, input: { docId: "7", pages: 2 } });
    expect(await run(waybill.result(ingest, again.id))).toEqual({ chunks: 1 });
    expect((await run(waybill.latest(ingest, "doc:7")))?.id).toBe(again.id);
    expect(await run(waybill.rerun(again.id))).toMatchObject({
      ok: false,
      error: { code: "job.not_failed" },
    });
    await run(waybill.close());
  });

  it("with external work: it is done when the outside says so, not when it was launched", async () => {
    const { waybill, run, clock } = bench();
    const handler = recover.handle({
      run: ({ track }) => track({ ids: ["srv-1"] }),
      poll: () => ({ state: "open" as const, phase: "converting" as const, progress: { ready: 0 } }),
    });
    void waybill.worker([handler]).run();
    const { id } = await run(waybill.submit(recover, { planId: "42" }).unwrap());
    const seen: string[] = [];
    const watching = (async () => {
      for await (const job of waybill.watch(recover, id)) {
        seen.push(job.status === "PROCESSING" ? (job.phase ?? "-") : job.status);
      }
    })();
    await clock.advance(60_000);
    expect(await run(waybill.get(recover, id))).toMatchObject({
      status: "PROCESSING",
      phase: "converting",
      worker: null,
      awaiting: { ref: { ids: ["srv-1"] } },
    });
    expect(await run(waybill.cancel(id))).toMatchObject({ ok: false, error: { code: "job.cannot_cancel" } });
    const done = await run(
      waybill.report(recover, { ref: "srv-1" }, { state: "done", output: { ready: 1 } }).unwrap(),
    );
    expect(done).toMatchObject({ status: "COMPLETED", output: { ready: 1 }, input: { planId: "42" } });
    await run(watching);
    expect(seen.at(-1)).toBe("COMPLETED");
    expect(seen).toContain("converting");
    await run(waybill.close());
  });
});

describe("the facade", () => {
  it("submits many, each with its own answer", async () => {
    const { waybill, run, trips } = bench();
    const items = [
      { input: { docId: "1", pages: 1 } },
      { input: { docId: "2", pages: "x" as unknown as number } },
    ];
    const results = await run(waybill.submitMany(ingest, items));
    expect(results).toMatchObject([{ ok: true }, { ok: false, error: { code: "input.invalid" } }]);
    expect(trips.counts.create).toBe(1);
  });

  it("lists, cancels and recalls", async () => {
    const { waybill, run } = bench();
    const { id } = await run(waybill.submit(ingest, { docId: "1", pages: 1 }).unwrap());
    expect((await run(waybill.list({ kind: "doc.ingest", word: "pending" }))).items).toMatchObject([{ id }]);
    expect(await run(waybill.dispatch(id))).toMatchObject({ ok: true, value: { id } });
    expect(await run(waybill.cancel(id, { reason: "not needed" }).unwrap())).toMatchObject({
      status: "FAILED",
    });
    expect(await run(waybill.cancel(id))).toMatchObject({ ok: false, error: { code: "job.already_final" } });
    expect(await run(waybill.undelivered())).toEqual({ items: [], next: null });
    expect(await run(waybill.get(recover, id))).toBeNull();
    expect(await run(waybill.recall(id))).toMatchObject({ ok: false, error: { code: "job.already_final" } });
  });

  it("reconciles on demand, and says how it stands", async () => {
    const { waybill, run, clock } = bench();
    expect(await run(waybill.health())).toMatchObject({
      reconcilerLagMs: null,
      oldestOverdueMs: 0,
      oldestReadyMs: 0,
    });
    await run(waybill.submit(ingest, { docId: "1", pages: 1 }));
    await clock.advance(60_000);
    expect(await run(waybill.health())).toMatchObject({ oldestReadyMs: 60_000 });
    const handler = recover.handle({
      run: ({ done }) => done({ ready: 1 }),
      poll: () => ({ state: "open" as const }),
    });
    const { signal } = new AbortController();
    expect(await run(waybill.reconcile({ handlers: [handler], budgetMs: 1_000, signal }))).toMatchObject({
      complete: true,
    });
    expect(await run(waybill.reconcile())).toMatchObject({ unserved: 0, complete: true });
    expect(await run(waybill.health())).toMatchObject({ reconcilerLagMs: 0 });
    await run(waybill.close());
  });

  it("warns when jobs are submitted and nobody reconciles", async () => {
    const { waybill, run, clock, lines } = bench();
    for (let minute = 0; minute < 8; minute += 1) {
      await run(waybill.submit(ingest, { docId: `${minute}`, pages: 1 }));
      await run(waybill.submitMany(ingest, []));
      await clock.advance(60_000);
    }
    expect(lines.filter(({ message }) => message.includes("no reconciler"))).toHaveLength(1);
  });

  it("stops its workers when it is closed, and disposes of itself", async () => {
    const { waybill, run, clock } = bench();
    const worker = waybill.worker([ingest.handle(() => ({ chunks: 1 }))], { name: "w" });
    const running = worker.run();
    const idle = waybill.worker([ingest.handle(() => ({ chunks: 1 }))]);
    await run(idle.stop());
    await clock.settle();
    await run(waybill[Symbol.asyncDispose]());
    await running;
    expect(clock.pending()).toBe(0);
  });

  it("asks the store whether it can be used when the first worker starts", async () => {
    const { waybill, run, clock, trips } = bench();
    expect(trips.counts.ready).toBe(0);
    for (let started = 0; started < 2; started += 1) {
      void waybill.worker([ingest.handle(() => ({ chunks: 1 }))]).run();
      await clock.settle();
    }
    expect(trips.counts.ready).toBe(1);
    await run(waybill.close());
  });

  it("forgets a worker that has stopped", async () => {
    const { waybill, run, clock, trips } = bench();
    const stop = new AbortController();
    const running = waybill.worker([ingest.handle(() => ({ chunks: 1 }))]).run({ signal: stop.signal });
    await clock.settle();
    stop.abort();
    await run(running);
    trips.reset();
    await run(waybill.submit(ingest, { docId: "1", pages: 1 }));
    await clock.settle();
    expect(trips.counts.claim).toBe(0);
  });

  it.each([
    [undefined, "jobs must be a list of definitions."],
    [[], "jobs must name at least one definition."],
    [[undefined], "jobs must hold what defineJob made."],
    [[{ kind: "a" }], "jobs must hold what defineJob made."],
  ])("refuses jobs that are none: %j", (given, sentence) => {
    const create = createWaybill as unknown as (options: object) => unknown;
    expect(() => create({ jobs: given, store: memoryStore() })).toThrow(sentence);
  });

  it("watches by id alone", async () => {
    const { waybill, run } = bench();
    const { id } = await run(waybill.submit(ingest, { docId: "1", pages: 1 }).unwrap());
    await run(waybill.cancel(id));
    const seen: string[] = [];
    await run(
      (async () => {
        for await (const job of waybill.watch(id)) seen.push(job.status);
      })(),
    );
    expect(seen).toEqual(["FAILED"]);
    expect(await run(waybill.get(ingest, undefined as unknown as string))).toBeNull();
  });
});
