// A program as a user has it: one job, from its submit to its stored output, on the store that the first argument names.
import assert from "node:assert/strict";
import { createWaybill, defineJob, memoryStore } from "waybill";

const anything = { "~standard": { version: 1, vendor: "interop", validate: (value) => ({ value }) } };
const double = defineJob({ kind: "double", input: anything, output: anything });

async function openStore(name) {
  if (name === "memory") return memoryStore();
  const [{ DatabaseSync }, { sqliteStore }] = await Promise.all([
    import("node:sqlite"),
    import("waybill/sqlite"),
  ]);
  return sqliteStore({ db: new DatabaseSync(":memory:") });
}

const waybill = createWaybill({ jobs: [double], store: await openStore(process.argv[2]) });
const worker = waybill.worker([double.handle(({ input }) => input * 2)]);
const stop = new AbortController();
const running = worker.run({ signal: stop.signal });
const job = await waybill.submit(double, 21).unwrap();
assert.equal(await waybill.result(double, job.id), 42);
stop.abort();
await running;
await waybill.close();
console.log("42");
