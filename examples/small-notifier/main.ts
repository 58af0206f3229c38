// One process that submits and works, and a stream that hears of it:
// `npx tsx examples/small-notifier/main.ts redis://127.0.0.1:6379`.
import { Redis } from "ioredis";
import { createWaybill, defineJob, memoryStore } from "waybill";
import { z } from "zod";
import { streamNotifier } from "./small-notifier.js";

const greet = defineJob({
  kind: "greet",
  input: z.object({ name: z.string() }),
  output: z.object({ text: z.string() }),
});

const client = new Redis(process.argv[2] ?? "redis://127.0.0.1:6379", { lazyConnect: true });
// A connection that breaks later is made anew; unheard, each try would be printed with its stack.
client.on("error", () => undefined);
await client.connect().catch(() => {
  console.error("Redis does not answer: start one (redis-server), or pass the address of one.");
  process.exit(1);
});
const stream = streamNotifier({ client, prefix: "small-notifier" });
const waybill = createWaybill({ jobs: [greet], store: memoryStore(), notifiers: { stream } });

const worker = waybill.worker([greet.handle(({ input }) => ({ text: `Hello ${input.name}` }))]);
void worker.run();
const job = await waybill.submit(greet, { name: "Ana" }, { owner: "ana" }).unwrap();
await waybill.result(greet, job.id);
await waybill.flush();

for (const [id, fields] of await client.xrange("small-notifier:ana", "-", "+")) {
  console.log(id, fields[1], fields[3]);
}
await worker.stop();
await waybill.close();
client.disconnect();
