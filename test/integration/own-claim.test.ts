import { getEventListeners } from "node:events";
import { describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { createWaybill, defineJob, memoryStore, PermanentError } from "waybill";
import type { Waybill } from "../../src/core/api/waybill.js";
import { createFaults } from "../../src/testing/faults/faults.js";
import { fakeClock } from "../../src/testing/fake-clock.js";

const parse = defineJob({
  kind: "document.parse",
  input: z.object({ documentId: z.string() }),
  output: z.object({ pages: z.number() }),
  handOver: "own",
  deadlineMs: 3_600_000,
});

const ingest = defineJob({
  kind: "document.ingest",
  input: z.object({ documentId: z.string() }),
  output: z.object({ chunks: z.number() }),
  external: z.object({ documentId: z.string() }),
  handOver: "own",
  deadlineMs: 3_600_000,
});

function world() {
  const clock = fakeClock();
  const faults = createFaults({ clock });
  const store = faults.wrapStore(memoryStore());
  const waybill = createWaybill({ jobs: [parse, ingest], store, clock, policy: { leaseMs: 30_000 } });
  const run = <T>(promise: Promise<T>): Promise<T> => clock.runUntil(promise);
  const submit = async (): Promise<string> =>
    (await run(waybill.submit(parse, { documentId: "d-1" }, { owner: "ana" }).unwrap())).id;
  const claim = (id: string, options?: Parameters<Waybill<typeof parse>["claim"]>[2]) =>
    run(waybill.claim(parse, id, options));
  return { clock, faults, waybill, run, submit, claim };
}

describe("a job that the application hands over itself", () => {
  it("needs no queue, is PENDING until it is claimed, and is run by its claim", async () => {
    const w = world();
    const id = await w.submit();
    expect(await w.run(w.waybill.get(id))).toMatchObject({ status: "PENDING", dispatch: "deferred" });
    const claimed = await w.claim(id, { name: "loop-1" });
    if (!claimed.ok) throw claimed.error;
    expect(claimed.value.input).toEqual({ documentId: "d-1" });
    expect(await w.run(w.waybill.get(id))).toMatchObject({ status: "PROCESSING", attempt: 1 });
    const end = await w.run(claimed.value.complete({ pages: 3 }));
    expect(end).toMatchObject({ acknowledge: true, retryAfterMs: null, job: { status: "COMPLETED" } });
    const history = await w.run(w.waybill.history(id));
    expect(history?.events.map(({ type }) => type)).toEqual([
      "job.created",
      "job.queued",
      "job.started",
      "job.completed",
    ]);
  });

  it("is claimed once: a second is told by whom and until when, and keeps its message", async () => {
    const w = world();
    const id = await w.submit();
    await w.claim(id, { name: "loop-1" });
    const second = await w.claim(id);
    expect(second).toMatchObject({
      ok: false,
      error: { code: "job.claimed", acknowledge: false, holder: { name: "loop-1" } },
    });
    if (second.ok) throw new Error("claimed twice");
    expect(second.error.retryAfterMs).toBeGreaterThan(0);
    expect(second.error.retryAfterMs).toBeLessThanOrEqual(30_000);
  });

  it("renews itself as long as it is held", async () => {
    const w = world();
    const id = await w.submit();
    const claimed = await w.claim(id);
    if (!claimed.ok) throw claimed.error;
    await w.clock.advance(10 * 60_000);
    await w.run(w.waybill.reconcile());
    const end = await w.run(claimed.value.complete({ pages: 1 }));
    expect(end.job).toMatchObject({ status: "COMPLETED", attempt: 1 });
  });

  it("is PENDING again after an error, not before its backoff, and its message stays", async () => {
    const w = world();
    const id = await w.submit();
    const claimed = await w.claim(id);
    if (!claimed.ok) throw claimed.error;
    const end = await w.run(claimed.value.fail(new Error("parser crashed")));
    expect(end).toMatchObject({ acknowledge: false, job: { status: "PENDING" } });
    if (end.retryAfterMs! > 0)
      expect(await w.claim(id)).toMatchObject({ ok: false, error: { code: "job.not_due" } });
    await w.clock.advance(5_000);
    expect((await w.claim(id)).ok).toBe(true);
  });

  it("ends FAILED by a permanent error, and a late message of it may go", async () => {
    const w = world();
    const id = await w.submit();
    const claimed = await w.claim(id);
    if (!claimed.ok) throw claimed.error;
    const end = await w.run(claimed.value.fail(new PermanentError("Not a PDF", { expose: true })));
    expect(end).toMatchObject({ acknowledge: true, job: { status: "FAILED", message: "Not a PDF" } });
    expect(await w.claim(id)).toMatchObject({
      ok: false,
      error: { code: "job.already_final", acknowledge: true },
    });
  });

  it("ends FAILED by an output that its schema refuses, and so by the type of the answer", async () => {
    const w = world();
    const claimed = await w.claim(await w.submit());
    if (!claimed.ok) throw claimed.error;
    const { job, acknowledge } = await w.run(claimed.value.complete({ pages: "three" as unknown as number }));
    expect(acknowledge).toBe(true);
    expectTypeOf(job.status).toEqualTypeOf<"PENDING" | "PROCESSING" | "COMPLETED" | "FAILED">();
    if (job.status !== "FAILED") throw new Error("an output was taken that its schema refuses");
    expect(job.failure.reason).toBe("output_invalid");
  });

  it("answers every later ending with what the first made of the job", async () => {
    const w = world();
    const claimed = await w.claim(await w.submit());
    if (!claimed.ok) throw claimed.error;
    const first = await w.run(claimed.value.complete({ pages: 3 }));
    const second = await w.run(claimed.value.fail(new Error("too late")));
    expect(second).toEqual(first);
    if (second.job.status !== "COMPLETED") throw new Error("an outcome was overwritten");
    expect(second.job).toMatchObject({ input: { documentId: "d-1" }, output: { pages: 3 } });
  });

  it("is given back, its attempt with it, by release or when it is disposed without an outcome", async () => {
    const w = world();
    const id = await w.submit();
    const first = await w.claim(id);
    if (!first.ok) throw first.error;
    await w.run(first.value.release({ afterMs: 60_000 }));
    expect(await w.run(w.waybill.get(id))).toMatchObject({ status: "PENDING", attempt: 0 });
    expect(await w.claim(id)).toMatchObject({ ok: false, error: { code: "job.not_due" } });
    await w.clock.advance(60_000);
    const second = await w.claim(id);
    if (!second.ok) throw second.error;
    await w.run(second.value[Symbol.asyncDispose]());
    expect(await w.run(w.waybill.get(id))).toMatchObject({ status: "PENDING", attempt: 0 });
    // After an outcome there is nothing to give back.
    const third = await w.claim(id);
    if (!third.ok) throw third.error;
    await w.run(third.value.complete({ pages: 2 }));
    await w.run(third.value.release());
    expect(await w.run(w.waybill.get(id))).toMatchObject({ status: "COMPLETED" });
  });

  it("leaves nothing on the signal of its process once it has ended, however it did", async () => {
    const w = world();
    const { signal } = new AbortController();
    const claims = [];
    for (let made = 0; made < 12; made += 1) claims.push(await w.claim(await w.submit(), { signal }));
    // One for all of them: the platform warns of a leak from the eleventh on.
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    for (const [index, claimed] of claims.entries()) {
      if (!claimed.ok) throw claimed.error;
      const { value } = claimed;
      if (index % 3 === 0) await w.run(value.complete({ pages: 1 }));
      else if (index % 3 === 1) await w.run(value.fail(new Error("no")));
      else await w.run(value.release());
    }
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });

  it("throws claim.lost when another has it, before the line that would acknowledge", async () => {
    const w = world();
    const id = await w.submit();
    const claimed = await w.claim(id);
    if (!claimed.ok) throw claimed.error;
    w.faults.store("beat", { fault: "request_lost", times: 1_000 });
    await w.clock.advance(40_000);
    await w.run(w.waybill.reconcile());
    w.faults.heal();
    expect(claimed.value.signal.aborted).toBe(true);
    const again = await w.claim(id);
    expect(again.ok).toBe(true);
    await expect(w.run(claimed.value.complete({ pages: 1 }))).rejects.toMatchObject({ code: "claim.lost" });
    await expect(w.run(claimed.value.fail(new Error("x")))).rejects.toMatchObject({ code: "claim.lost" });
    expect(await w.run(w.waybill.get(id))).toMatchObject({ status: "PROCESSING", attempt: 2 });
  });

  it("never turns a doubt into a failure: fail throws again what complete threw", async () => {
    const w = world();
    const id = await w.submit();
    const claimed = await w.claim(id);
    if (!claimed.ok) throw claimed.error;
    w.faults.outage("store", "response_lost");
    await expect(w.run(claimed.value.complete({ pages: 1 }))).rejects.toMatchObject({
      code: "store.unavailable",
      outcome: "unknown",
    });
    w.faults.heal();
    await expect(w.run(claimed.value.fail(new Error("x")))).rejects.toMatchObject({
      code: "store.unavailable",
    });
    expect(await w.run(w.waybill.get(id))).toMatchObject({ status: "COMPLETED" });
  });

  it("ends no process by an ending that nobody awaits", async () => {
    const unheard: unknown[] = [];
    const hear = (error: unknown): void => {
      unheard.push(error);
    };
    process.on("unhandledRejection", hear);
    const w = world();
    const claimed = await w.claim(await w.submit());
    if (!claimed.ok) throw claimed.error;
    w.faults.outage("store", "response_lost");
    void claimed.value.complete({ pages: 1 });
    await w.clock.advance(60_000);
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", hear);
    expect(unheard).toEqual([]);
  });

  it("is over for its message once its work goes on outside: a second copy goes as the first did", async () => {
    const w = world();
    const id = (await w.run(w.waybill.submit(ingest, { documentId: "d-4" }).unwrap())).id;
    const claimed = await w.run(w.waybill.claim(ingest, id));
    if (!claimed.ok) throw claimed.error;
    expect(await w.run(claimed.value.track({ documentId: "d-4" }))).toMatchObject({ acknowledge: true });
    expect(await w.run(w.waybill.claim(ingest, id))).toMatchObject({
      ok: false,
      error: { code: "job.claimed", acknowledge: true, retryAfterMs: null, holder: null },
    });
  });

  it("of a kind with external work ends in track or done, and waits for proof", async () => {
    const w = world();
    const { id } = await w.run(w.waybill.submit(ingest, { documentId: "d-2" }).unwrap());
    const claimed = await w.run(w.waybill.claim(ingest, id));
    if (!claimed.ok) throw claimed.error;
    expect("complete" in claimed.value).toBe(false);
    const end = await w.run(claimed.value.track({ documentId: "d-2" }));
    expect(end).toMatchObject({ acknowledge: true, job: { status: "PROCESSING", worker: null } });
    const told = await w.run(
      w.waybill.report(ingest, { ref: { documentId: "d-2" } }, { state: "done", output: { chunks: 4 } }),
    );
    expect(told).toMatchObject({ ok: true, value: { status: "COMPLETED" } });
  });

  it("is found by an event that looks for it in the instant in which it begins to wait", async () => {
    const clock = fakeClock();
    const store = memoryStore();
    const byRef = store.byRef.bind(store);
    let begin = async (): Promise<unknown> => undefined;
    Object.assign(store, {
      byRef: async (request: Parameters<typeof byRef>[0]) => {
        const found = await byRef(request);
        await begin();
        return found;
      },
    });
    const waybill = createWaybill({ jobs: [ingest], store, clock });
    const { id } = await clock.runUntil(waybill.submit(ingest, { documentId: "d-3" }).unwrap());
    const claimed = await clock.runUntil(Promise.resolve(waybill.claim(ingest, id)));
    if (!claimed.ok) throw claimed.error;
    // The event has looked and found nobody; before it asks who might still be launching, the job waits.
    begin = async () => {
      begin = async () => undefined;
      await claimed.value.track({ documentId: "d-3" });
    };
    const told = await clock.runUntil(
      Promise.resolve(waybill.report(ingest, { ref: { documentId: "d-3" } }, { state: "open" })),
    );
    expect(told).toMatchObject({ ok: true, value: { id } });
  });

  it("of a kind with external work can be cancelled: whichever worker polls asks the outside to stop", async () => {
    const w = world();
    const { id } = await w.run(w.waybill.submit(ingest, { documentId: "d-1" }).unwrap());
    const claimed = await w.run(w.waybill.claim(ingest, id));
    if (!claimed.ok) throw claimed.error;
    await w.run(claimed.value.track({ documentId: "d-1" }));
    const stopped: string[] = [];
    const poller = ingest.handle({
      poll: async ({ ref }) =>
        stopped.includes(ref.documentId)
          ? { state: "failed", message: "It was stopped." }
          : { state: "open", nextPollMs: 1_000 },
      cancel: async ({ ref }) => void stopped.push(ref.documentId),
    });
    const stop = new AbortController();
    const working = w.waybill.worker([poller]).run({ signal: stop.signal });
    expect(await w.run(w.waybill.cancel(id))).toMatchObject({ ok: true });
    await w.clock.advance(60_000);
    expect(stopped).toEqual(["d-1"]);
    expect(await w.run(w.waybill.get(id))).toMatchObject({
      status: "FAILED",
      failure: { reason: "cancelled" },
    });
    stop.abort();
    await w.run(working);
  });

  it("is as unknown as none to another owner, by another kind, or with an id that is none", async () => {
    const w = world();
    const id = await w.submit();
    for (const refused of [
      await w.claim(id, { owner: "ben" }),
      await w.run(w.waybill.claim(ingest, id)),
      await w.claim("no such id!"),
    ])
      expect(refused).toMatchObject({ ok: false, error: { code: "job.not_found", acknowledge: false } });
    expect((await w.claim(id, { owner: "ana" })).ok).toBe(true);
  });

  it("ends at its deadline when its message got lost", async () => {
    const w = world();
    const id = await w.submit();
    await w.clock.advance(3_600_001);
    await w.run(w.waybill.reconcile());
    expect(await w.run(w.waybill.get(id))).toMatchObject({
      status: "FAILED",
      failure: { reason: "deadline_exceeded" },
    });
  });

  it("is refused at definition without a deadline, or with a queue", () => {
    const base = { kind: "x", input: z.string(), handOver: "own" } as const;
    expect(() => defineJob({ ...base } as never)).toThrow("needs deadlineMs");
    expect(() => defineJob({ ...base, deadlineMs: 1_000, queue: "slow" } as never)).toThrow("takes no queue");
    expect(() => defineJob({ ...base, handOver: "mine" } as never)).toThrow('"queue" or "own"');
  });
});
