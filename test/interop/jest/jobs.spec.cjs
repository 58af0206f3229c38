const { createWaybill, defineJob, isWaybillError, memoryStore } = require("waybill");
const { testWaybill } = require("waybill/testing");

const anything = { "~standard": { version: 1, vendor: "interop", validate: (value) => ({ value }) } };
const double = defineJob({ kind: "double", input: anything, output: anything });
const handler = double.handle(({ input }) => input * 2);

test("the kit of tests runs a job on its own clock", async () => {
  const kit = testWaybill({ jobs: [double], handlers: [handler] });
  const job = await kit.submit(double, 21).unwrap();
  await kit.settle();
  expect(await kit.get(double, job.id)).toMatchObject({ status: "COMPLETED", output: 42 });
  await kit.close();
});

test("an error of Jest's own realm is told as what it is", async () => {
  const failing = double.handle(() => {
    throw new RangeError("too large");
  });
  const kit = testWaybill({ jobs: [double], handlers: [failing] });
  const job = await kit.submit(double, 21).unwrap();
  await kit.settle();
  const { lastError } = await kit.get(double, job.id);
  expect(lastError.message).toContain("too large");
  await kit.close();
});

test("a misuse is an error by its code", () => {
  let thrown;
  try {
    createWaybill({ jobs: [double], store: memoryStore(), stores: 1 });
  } catch (error) {
    thrown = error;
  }
  expect(isWaybillError(thrown, "config.invalid")).toBe(true);
});
