/**
 * The long torture of a store: `npx tsx scripts/proof-torture.ts --store sqlite|postgres|redis|dynamodb --jobs 5000 --kills 50
 * --out FILE`; with `--queue sqs|rabbitmq` of the two together.
 *
 * Real processes work on one store while they are killed and frozen, and where there is a server, it is killed too: that of
 * the queue, where it has one. Ends with 0 only when every promise held and as many faults struck as were asked for.
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { storeNamed } from "../test/torture/stores.js";
import { queueNamed } from "../test/torture/pairing/queues.js";
import { torturePair } from "../test/torture/pairing/pair.js";
import { tortureProcesses } from "../test/torture/torture-process.js";
import { reportOf } from "./proof/torture-report.js";

const { values } = parseArgs({
  options: {
    store: { type: "string", default: "sqlite" },
    queue: { type: "string" },
    jobs: { type: "string", default: "5000" },
    kills: { type: "string", default: "50" },
    stops: { type: "string", default: "10" },
    orderly: { type: "string", default: "5" },
    "server-kills": { type: "string", default: "5" },
    silences: { type: "string", default: "0" },
    "lost-replies": { type: "string", default: "0" },
    exhaustions: { type: "string", default: "0" },
    workers: { type: "string" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    out: { type: "string" },
    inputs: { type: "string" },
  },
});

/** A worker needs a second or two to be there again: kills that come faster would meet nobody at work. */
const KILL_EVERY_MS = 3_600;
/** dynalite answers some hundred requests a second. */
const JOBS_A_SECOND = values.store === "dynamodb" ? 8 : 25;
/** What gets no further in so long is stuck; what is calm ends at once. */
const DRAIN_MS = 300_000;
const MOST_PRINTED = 50;

const store = await storeNamed(values.store);
const queue = values.queue === undefined ? null : await queueNamed(values.queue);
const name = queue === null ? store.name : `${store.name}-${queue.name}`;
const asked = {
  seed: Number(values.seed),
  jobs: Number(values.jobs),
  kills: Number(values.kills),
  stops: Number(values.stops),
  orderly: Number(values.orderly),
  serverKills: store.hasServer || queue?.hasServer === true ? Number(values["server-kills"]) : 0,
  silences: Number(values.silences),
  lostReplies: Number(values["lost-replies"]),
  exhaustions: Number(values.exhaustions),
  workers: Number(values.workers ?? (queue === null ? 3 : 2)),
};
const loadMs = Math.max(asked.kills * KILL_EVERY_MS, (asked.jobs * 1_000) / JOBS_A_SECOND);
console.log(`${name}, seed ${asked.seed}: ${asked.jobs} jobs over ${loadMs} ms`);

const options = { ...asked, loadMs, drainMs: DRAIN_MS };
const result = await (queue === null ? tortureProcesses(store, options) : torturePair(store, queue, options));
const report = { part: `torture-${name}`, inputs: values.inputs ?? null, ...reportOf(options, result) };
if (values.out !== undefined) writeFileSync(values.out, `${JSON.stringify(report, null, 2)}\n`);
console.log(JSON.stringify({ ...report, violations: report.violations.length }));
for (const line of report.violations.slice(0, MOST_PRINTED)) console.error(line);
if (!report.complete) console.error("Fewer jobs or faults than were asked for.");
process.exitCode = report.complete && report.violations.length === 0 ? 0 : 1;
