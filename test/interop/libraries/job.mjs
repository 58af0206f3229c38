// One job, with everything that may give a promise giving one of the library that the first argument names.
import assert from "node:assert/strict";

const native = Promise;
let Other;
if (process.argv[2] === "bluebird") Other = (await import("bluebird")).default;
else {
  await import("zone.js");
  Other = Promise;
}
assert.notEqual(Other, native);
const { createWaybill, defineJob, memoryStore } = await import("waybill");
const later = (value) => new Other((resolve) => setTimeout(() => resolve(value), 1));
const schema = {
  "~standard": { version: 1, vendor: "interop", validate: (value) => later({ value }) },
};
const double = defineJob({ kind: "double", input: schema, output: schema });
const told = [];
const waybill = createWaybill({
  jobs: [double],
  store: memoryStore(),
  notifiers: {
    ui: {
      publish: (events) => later(events.map((event) => (told.push(event.type), { status: "delivered" }))),
    },
  },
});
const running = waybill.worker([double.handle(({ input }) => later(input * 2))]).run();
const job = await waybill.submit(double, 21).unwrap();
const result = await waybill.result(double, job.id);
await waybill.close();
await running;
assert.ok(told.length > 0);
console.log(result);
