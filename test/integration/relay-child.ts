// One of several processes on one Redis: `relay-child.ts ROLE PORT PREFIX FILE`. It submits, works, or relays to a receiver
// that appends what it hears to a file. It says "ready", and works until its input ends.
import { appendFileSync } from "node:fs";
import { once } from "node:events";
import { Redis } from "ioredis";
import { createWaybill, defineJob, type Logger, type Notifier, servedElsewhere } from "waybill";
import { redisStore } from "waybill/redis";
import { z } from "zod";

const [role = "", port = "", prefix = "", file = ""] = process.argv.slice(2);
const JOBS = 60;

const step = defineJob({
  kind: "step",
  input: z.object({ n: z.number() }),
  phases: ["begun", "going"],
  retry: { maxAttempts: 3, baseMs: 10, capMs: 20 },
});

const ui: Notifier = {
  publish: async (events) => {
    for (const { jobId, version } of events) appendFileSync(file, `${JSON.stringify({ jobId, version })}\n`);
    return events.map(() => ({ status: "delivered" }));
  },
};

const quiet = (): void => undefined;
const unlessTriedAgain: Logger["warn"] = (message, fields) => {
  if (message !== "a handler threw; its job is tried again") console.warn(message, fields);
};

const client = new Redis({ host: "127.0.0.1", port: Number(port) });
const waybill = createWaybill({
  jobs: [step],
  store: redisStore({ client, prefix }),
  notifiers: { ui: role === "relay" ? ui : servedElsewhere() },
  // An attempt that throws is part of the run; whatever else is said ends up in the test's failure.
  logger: { debug: quiet, info: quiet, warn: unlessTriedAgain, error: console.error },
});

const stop = new AbortController();
const ended = once(process.stdin, "end").then(() => {
  stop.abort();
});
process.stdin.resume();

const handler = step.handle(async ({ input, phase, attempt }) => {
  phase("begun");
  if (input.n % 3 === 0 && attempt === 1) throw new Error("not yet");
  phase("going");
  return null;
});

async function work(): Promise<void> {
  switch (role) {
    case "submit":
      for (let n = 0; n < JOBS; n += 1) {
        const job = await waybill.submit(step, { n }).unwrap();
        process.stdout.write(`${job.id}\n`);
      }
      return;
    case "work":
      return waybill.worker([handler], { concurrency: 5 }).run({ signal: stop.signal });
    default:
      return waybill.relay().run({ signal: stop.signal });
  }
}

process.stdout.write("ready\n");
await work();
await waybill.close();
await client.quit();
if (role !== "submit") await ended;
process.stdin.destroy();
