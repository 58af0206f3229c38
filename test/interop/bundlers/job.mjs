// A program as a user has it: one job, from its submit to its stored output.
import { createWaybill, defineJob, isWaybillError, memoryStore, WaybillError } from "waybill";
import * as all from "waybill";

const anything = { "~standard": { version: 1, vendor: "interop", validate: (value) => ({ value }) } };
const double = defineJob({ kind: "double", input: anything, output: anything });
const waybill = createWaybill({ jobs: [double], store: memoryStore() });
const worker = waybill.worker([double.handle(({ input }) => input * 2)]);
const running = worker.run();
const job = await waybill.submit(double, 21).unwrap();
const result = await waybill.result(double, job.id);
await waybill.close();
await running;
const error = new WaybillError("claim.lost", "Gone.");
console.log(result, isWaybillError(error, "claim.lost"), Object.keys(all).length > 20);
