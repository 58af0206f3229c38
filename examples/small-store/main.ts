// One process that submits, works and shows, on the small store in a folder: `npx tsx examples/small-store/main.ts jobs`.
import { mkdir } from "node:fs/promises";
import { createWaybill, defineJob } from "waybill";
import { z } from "zod";
import { openJournal } from "./journal.js";
import { smallStore } from "./small-store.js";

const greet = defineJob({
  kind: "greet",
  input: z.object({ name: z.string() }),
  output: z.object({ text: z.string() }),
});

const folder = process.argv[2] ?? "small-store-jobs";
await mkdir(folder, { recursive: true });
const journal = await openJournal(folder);
const waybill = createWaybill({ jobs: [greet], store: smallStore(journal) });

const worker = waybill.worker([greet.handle(({ input }) => ({ text: `Hello ${input.name}` }))]);
void worker.run();

const job = await waybill.submit(greet, { name: "Ana" }).unwrap();
for await (const { status, version } of waybill.watch(greet, job.id)) console.log(version, status);
await worker.stop();

const { items: jobs } = await waybill.list({ kind: "greet" });
console.log(`${jobs.length} jobs are kept in ${folder}`);
await waybill.close();
await journal.close();
