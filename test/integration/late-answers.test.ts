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
