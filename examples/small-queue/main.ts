// One process that submits and works, with the small queue: `npx tsx examples/small-queue/main.ts redis://127.0.0.1:6379`.
import { Redis } from "ioredis";
import { createWaybill, defineJob, memoryStore } from "waybill";
import { z } from "zod";
import { smallQueue } from "./small-queue.js";

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
const queue = smallQueue({ client, name: "greetings" });
const waybill = createWaybill({ jobs: [greet], store: memoryStore(), queue });

const worker = waybill.worker([greet.handle(({ input }) => ({ text: `Hello ${input.name}` }))]);
void worker.run();

const job = await waybill.submit(greet, { name: "Ana" }).unwrap();
for await (const { status, version } of waybill.watch(greet, job.id)) console.log(version, status);

await worker.stop();
await waybill.close();
client.disconnect();
