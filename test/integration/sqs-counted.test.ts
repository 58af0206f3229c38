import { afterEach, describe, expect, it } from "vitest";
import { createWaybill, defineJob, memoryStore } from "waybill";
import { z } from "zod";
import { type FakeClock, fakeClock } from "../../src/testing/fake-clock.js";
import { networkSettles, sqsBench, type SqsBench } from "../doubles/sqs/bench.js";

const mail = defineJob({
  kind: "mail",
  input: z.object({ n: z.number() }),
  output: z.null(),
  leaseMs: 60_000,
});

let bench: SqsBench;
const ending = new AbortController();

afterEach(() => bench.close());

/** How many messages each request of an action carried; without the empty ones, by which a check tries its permissions. */
function sizes(action: string): number[] {
  return bench.sqs.requests
    .of(action)
    .map(({ input }) => (input["Entries"] as unknown[]).length)
    .filter((size) => size > 0);
}

async function pass(clock: FakeClock, ms: number): Promise<void> {
  await clock.advance(ms);
  await networkSettles();
}

/** What a promise comes to, while time passes. */
async function settled<T>(clock: FakeClock, promise: Promise<T>): Promise<T> {
  const state = { isOver: false };
  const over = promise.finally(() => (state.isOver = true));
  while (!state.isOver) await pass(clock, 50);
  return over;
}

function open(fifo: boolean) {
  return sqsBench({ fifo, attributes: { VisibilityTimeout: "120" }, maxReceiveCount: 10 });
}

describe.each([
  ["standard", false],
  ["FIFO", true],
])("requests to SQS (%s), counted", (_, fifo) => {
  it("sends 100 concurrent submits with 10 requests", async () => {
    bench = await open(fifo);
    const waybill = createWaybill({ jobs: [mail], store: memoryStore(), queue: bench.queue });
    await Promise.all(Array.from({ length: 100 }, (__, n) => waybill.submit(mail, { n })));
    expect(sizes("SendMessageBatch")).toEqual(Array.from({ length: 10 }, () => 10));
    await waybill.close();
  });

  it("removes 10 jobs that end together with one request", async () => {
    bench = await open(fifo);
    const waybill = createWaybill({ jobs: [mail], store: memoryStore(), queue: bench.queue });
    await Promise.all(Array.from({ length: 10 }, (__, n) => waybill.submit(mail, { n })));
    let started = 0;
    let release = (): void => {};
    const all = new Promise<void>((resolve) => {
      release = resolve;
    });
    const handler = mail.handle(async () => {
      started += 1;
      if (started === 10) release();
      await all;
      return null;
    });
    const worker = waybill.worker([handler], { concurrency: 10 });
    const running = worker.run({ signal: ending.signal });
    await expect
      .poll(() => bench.sqs.counts(bench.name), { timeout: 20_000 })
      .toEqual({ visible: 0, inFlight: 0, delayed: 0 });
    expect(sizes("DeleteMessageBatch")).toEqual([10]);
    await worker.stop();
    await running;
    await waybill.close();
  });

  it("keeps 10 jobs that beat together with one request", async () => {
    const clock = fakeClock();
    bench = await sqsBench({ fifo, clock, attributes: { VisibilityTimeout: "60" }, maxReceiveCount: 10 });
    const waybill = createWaybill({ jobs: [mail], store: memoryStore(), queue: bench.queue, clock });
    const submitted = Array.from({ length: 10 }, (__, n) => waybill.submit(mail, { n }).unwrap());
    await settled(clock, Promise.all(submitted));
    let started = 0;
    const end = new AbortController();
    const handler = mail.handle(async () => {
      started += 1;
      await new Promise((resolve) => {
        end.signal.addEventListener("abort", resolve);
      });
      return null;
    });
    const worker = waybill.worker([handler], { concurrency: 10 });
    const running = worker.run({ signal: ending.signal });
    while (started < 10) await pass(clock, 100);
    expect(sizes("ChangeMessageVisibilityBatch")).toEqual([]);
    while (sizes("ChangeMessageVisibilityBatch").length === 0) await pass(clock, 100);
    expect(sizes("ChangeMessageVisibilityBatch")).toEqual([10]);
    end.abort();
    await settled(clock, worker.stop());
    await settled(clock, running);
    await settled(clock, waybill.close());
  });

  it(`costs no more than ${fifo ? 1.3 : 0.35} requests a job when there is a backlog`, async () => {
    bench = await open(fifo);
    const waybill = createWaybill({ jobs: [mail], store: memoryStore(), queue: bench.queue });
    const jobs = 200;
    await Promise.all(Array.from({ length: jobs }, (__, n) => waybill.submit(mail, { n })));
    const worker = waybill.worker([mail.handle(() => Promise.resolve(null))], { concurrency: 10 });
    const running = worker.run({ signal: ending.signal });
    await expect.poll(() => bench.sqs.counts(bench.name)).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
    const work = ["SendMessageBatch", "ReceiveMessage", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"];
    const asked = work.reduce((sum, action) => sum + bench.sqs.requests.count(action), 0);
    expect(asked / jobs).toBeLessThanOrEqual(fifo ? 1.3 : 0.35);
    await worker.stop();
    await running;
    await waybill.close();
  });
});
