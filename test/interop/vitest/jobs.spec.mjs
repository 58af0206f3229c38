import { expect, test, vi } from "vitest";
import { createWaybill, defineJob, isWaybillError, memoryStore } from "waybill";
import { createClient } from "waybill/client";
import { jobRoutes } from "waybill/http";
import { testWaybill } from "waybill/testing";

const anything = { "~standard": { version: 1, vendor: "interop", validate: (value) => ({ value }) } };
const double = defineJob({ kind: "double", input: anything, output: anything });
const handler = double.handle(({ input }) => input * 2);

test("timers are as the run says", () => {
  expect(vi.isFakeTimers()).toBe(process.env.FAKE_TIMERS === "1");
});

test("the kit of tests runs a job on its own clock", async () => {
  const kit = testWaybill({ jobs: [double], handlers: [handler] });
  const job = await kit.submit(double, 21).unwrap();
  await kit.settle();
  expect(await kit.get(double, job.id)).toMatchObject({ status: "COMPLETED", output: 42 });
  await kit.close();
});

test("an error that a handler throws is told as what it is", async () => {
  const failing = double.handle(() => {
    throw new RangeError("too large");
  });
  const kit = testWaybill({ jobs: [double], handlers: [failing] });
  const job = await kit.submit(double, 21).unwrap();
  await kit.settle();
  expect((await kit.get(double, job.id)).lastError.message).toContain("too large");
  await kit.close();
});

test("a Waybill of its own runs a job, and a client sees it", async () => {
  const waybill = createWaybill({ jobs: [double], store: memoryStore() });
  const running = waybill.worker([handler]).run();
  const routes = jobRoutes(waybill, {
    kinds: [double],
    submit: [double],
    authorize: async () => ({ owner: "ann" }),
  });
  const client = createClient({
    baseUrl: "https://x.test/jobs",
    transports: ["poll"],
    fetch: (url, init) => routes(new Request(url, init)),
  });
  const job = await moved(waybill.submit(double, 21, { owner: "ann" }).unwrap());
  const output = waybill.result(double, job.id);
  const shown = new Promise((resolve) => {
    const store = client.job("double", job.id);
    store.subscribe(() => store.getSnapshot().job?.status === "COMPLETED" && resolve("COMPLETED"));
  });
  expect(await moved(Promise.all([output, shown]))).toEqual([42, "COMPLETED"]);
  client.close();
  await moved(waybill.close());
  await running;
});

/** Where the timers are Vitest's, they move when it says so, and what is no timer goes on in between. */
async function moved(promise) {
  let isOver = false;
  const over = () => void (isOver = true);
  promise.then(over, over);
  while (vi.isFakeTimers() && !isOver) await vi.advanceTimersByTimeAsync(1_000);
  return promise;
}

test("an error is Waybill's", () => {
  let thrown;
  try {
    createWaybill({});
  } catch (error) {
    thrown = error;
  }
  expect(isWaybillError(thrown, "config.invalid")).toBe(true);
});
