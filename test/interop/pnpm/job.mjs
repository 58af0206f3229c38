// A program as a user has it: one job, from its submit to its stored output.
import { createWaybill, defineJob, memoryStore } from "waybill";

const anything = { "~standard": { version: 1, vendor: "interop", validate: (value) => ({ value }) } };
const double = defineJob({ kind: "double", input: anything, output: anything });
const waybill = createWaybill({ jobs: [double], store: memoryStore() });
const running = waybill.worker([double.handle(({ input }) => input * 2)]).run();
const job = await waybill.submit(double, 21).unwrap();
console.log(await waybill.result(double, job.id));
await waybill.close();
await running;
