import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createWaybill, defineJob, memoryQueue, memoryStore, RetryError } from "waybill";
import { createFaults } from "../../src/testing/faults/faults.js";
import { fakeClock } from "../../src/testing/fake-clock.js";

const parse = defineJob({
  kind: "document.parse",
  input: z.object({ documentId: z.string() }),
  output: z.object({ pages: z.number() }),
  handOver: "own",
  deadlineMs: 3_600_000,
});

const work = defineJob({
  kind: "work",
  input: z.object({ n: z.number() }),
  output: z.object({ twice: z.number() }),
  queue: "jobs",
});

/** Two processes over one store; what the first asks of it can be broken. */
function world() {
  const clock = fakeClock();
  const faults = createFaults({ clock });
  const store = memoryStore();
  const queue = memoryQueue({ clock });
  const common = { jobs: [parse, work], queues: { jobs: queue }, clock } as const;
  const waybill = createWaybill({ ...common, store: faults.wrapStore(store) });
  const other = createWaybill({ ...common, store });
  const run = <T>(promise: Promise<T>): Promise<T> => clock.runUntil(promise);
  return { clock, faults, waybill, other, run };
}

/** A claim that fails by an answer that is lost, while another process claims the job. */
async function failedAndClaimedSince() {
  const w = world();
  const { id } = await w.run(w.waybill.submit(parse, { documentId: "d-1" }).unwrap());
  const mine = await w.run(w.waybill.claim(parse, id).unwrap());
  w.faults.store("write", { fault: "hang_applied" });
  const ending = mine.fail(new RetryError("again", { afterMs: 0 }));
  await w.clock.advance(0);
  expect(w.faults.hanging()).toBe(1);
  const theirs = await w.run(w.other.claim(parse, id, { name: "theirs" }).unwrap());
  return { ...w, id, ending, theirs };
}

describe("the ending of a claim whose answer was lost", () => {
  it("keeps the message while another has the job", async () => {
    const w = await failedAndClaimedSince();
    w.faults.heal();
    const { job, acknowledge, retryAfterMs } = await w.run(w.ending);
    expect(job).toMatchObject({ status: "PROCESSING", attempt: 2, worker: { name: "theirs" } });
    expect(acknowledge).toBe(false);
    // Until their lease may have lapsed.
    expect(retryAfterMs).toBeGreaterThan(29_000);
    expect(retryAfterMs).toBeLessThanOrEqual(30_000);
  });

  it("answers with the output where another has completed the job since", async () => {
    const w = await failedAndClaimedSince();
    await w.run(w.theirs.complete({ pages: 7 }));
    w.faults.heal();
    const end = await w.run(w.ending);
    expect(end.job).toMatchObject({
      status: "COMPLETED",
      input: { documentId: "d-1" },
      output: { pages: 7 },
    });
    expect([end.acknowledge, end.retryAfterMs]).toEqual([true, null]);
  });
});

describe("the hand-over of a job whose mark was answered late", () => {
  it("is not confirmed of a job that is PENDING again", async () => {
    const w = world();
    const worker = w.other.worker([
      work.handle(() => {
        throw new RetryError("later", { afterMs: 86_400_000 });
      }),
    ]);
    w.faults.store("write", { fault: "hang_applied" });
    const submitted = w.waybill.submit(work, { n: 1 }).unwrap();
    await w.clock.advance(0);
    expect(w.faults.hanging()).toBe(1);
    void worker.run();
    await w.clock.advance(200);
    w.faults.heal();
    const job = await w.run(submitted);
    expect(job).toMatchObject({ status: "PENDING", attempt: 1, dispatch: "deferred" });
    await w.run(worker.stop());
  });
});

const order = defineJob({
  kind: "order",
  input: z.object({ n: z.number() }),
  output: z.object({ placed: z.boolean() }),
  external: z.string(),
  refKeys: (ref) => [ref],
});

const DONE = { state: "done", output: { placed: true } } as const;

describe("a COMPLETED job that was removed before its output was read", () => {
  const RETAINED_MS = 50_000;

  /** A process whose clock stands still, before a read of outputs, for longer than a job is kept by another's. */
  function sleepy() {
    const clock = fakeClock();
    const store = memoryStore();
    const policy = { retainMs: RETAINED_MS };
    const other = createWaybill({ jobs: [order], store, clock, policy });
    const run = <T>(promise: Promise<T>): Promise<T> => clock.runUntil(promise);
    let sleeps = false;
    const read = store.read.bind(store);
    store.read = async (request) => {
      if (sleeps && request.output === true) {
        sleeps = false;
        await clock.advance(2 * RETAINED_MS);
        await run(other.reconcile());
      }
      return read(request);
    };
    const waybill = createWaybill({ jobs: [order], store, clock: fakeClock(), policy });
    const tracked = async (): Promise<void> => {
      const poll = () => ({ state: "open" }) as const;
      const worker = other.worker([order.handle({ run: ({ track }) => track("r-1"), poll })]);
      const waiting = new Promise<void>((resolve) =>
        other.on("job.waiting", () => {
          resolve();
        }),
      );
      void worker.run();
      await waiting;
      await worker.stop();
    };
    const done = async (): Promise<void> => {
      await tracked();
      await other.report(order, { ref: "r-1" }, DONE).unwrap();
    };
    const sleep = (): void => {
      sleeps = true;
    };
    return { waybill, other, run, tracked, done, sleep };
  }

  it("is no answer of a report: what was told is stored, and nothing is known of the rest", async () => {
    const w = sleepy();
    const { id } = await w.run(w.other.submit(order, { n: 1 }).unwrap());
    await w.run(w.tracked());
    w.sleep();
    const error: unknown = await w.waybill
      .report(order, { ref: "r-1" }, DONE)
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "store.unavailable", outcome: "applied", jobId: id });
    expect(await w.run(w.other.get(id))).toBeNull();
  });

  it("is no answer of a submit under its key", async () => {
    const w = sleepy();
    const once = { idempotencyKey: "once" };
    const { id } = await w.run(w.other.submit(order, { n: 1 }, once).unwrap());
    await w.run(w.done());
    w.sleep();
    const again = w.waybill.submit(order, { n: 1 }, once).catch((thrown: unknown) => thrown);
    expect(await again).toMatchObject({ code: "store.unavailable", outcome: "applied", jobId: id });
  });
});
