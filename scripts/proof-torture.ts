/**
 * The long torture of a store: `npx tsx scripts/proof-torture.ts --store sqlite|postgres|redis|dynamodb --jobs 5000 --kills 50
 * --out FILE`; with `--queue sqs|rabbitmq` of the two together.
 *
 * Real processes work on one store while they are killed and frozen, and where there is a server, it is killed too: that of
 * the queue, where there is one. Ends with 0 only when every promise held and as many faults struck as were asked for.
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { isFinal } from "waybill";
import type { Rule } from "../test/torture/evidence.js";
import { storeNamed } from "../test/torture/stores.js";
import { queueNamed } from "../test/torture/pairing/queues.js";
import { torturePair } from "../test/torture/pairing/pair.js";
import { tortureProcesses } from "../test/torture/torture-process.js";

const { values } = parseArgs({
  options: {
    store: { type: "string", default: "sqlite" },
    queue: { type: "string" },
    jobs: { type: "string", default: "5000" },
    kills: { type: "string", default: "50" },
    stops: { type: "string", default: "10" },
    orderly: { type: "string", default: "5" },
    "server-kills": { type: "string", default: "5" },
    workers: { type: "string", default: "3" },
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
  serverKills: (queue ?? store).hasServer ? Number(values["server-kills"]) : 0,
  workers: Number(values.workers),
};
const loadMs = Math.max(asked.kills * KILL_EVERY_MS, (asked.jobs * 1_000) / JOBS_A_SECOND);
console.log(`${name}, seed ${asked.seed}: ${asked.jobs} jobs over ${loadMs} ms`);

const options = { ...asked, loadMs, drainMs: DRAIN_MS };
const { evidence, violations, struck, recovery, elapsedMs } = await (queue === null
  ? tortureProcesses(store, options)
  : torturePair(store, queue, options));

const count = (...rules: readonly Rule[]): number =>
  violations.filter(({ rule }) => rules.includes(rule)).length;
const outcomes: Record<string, number> = {};
for (const { record } of evidence.stored) {
  const outcome = isFinal(record.status) ? (record.failure?.reason ?? record.status) : "open";
  outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
}
const reached =
  evidence.acknowledged.size >= asked.jobs &&
  struck.kills >= asked.kills &&
  struck.stops >= asked.stops &&
  struck.serverKills >= asked.serverKills;
const report = {
  part: `torture-${name}`,
  inputs: values.inputs ?? null,
  complete: reached,
  seed: asked.seed,
  jobs: evidence.acknowledged.size,
  ...struck,
  lost: count("lost"),
  stuck: count("stuck"),
  illegal: count("S1", "S2", "S4", "S8"),
  doubleOutcome: count("S3"),
  violations: violations.map(({ rule, jobId, text }) => `${rule} ${jobId}: ${text}`),
  claimsCutByKills: recovery.cut,
  outcomes,
  runs: evidence.effects.filter(({ what }) => what === "begin").length,
  deliveries: evidence.events.length,
  recoveryMs: recovery.claimedAgain,
  sweptMs: recovery.swept,
  elapsedMs,
};
if (values.out !== undefined) writeFileSync(values.out, `${JSON.stringify(report, null, 2)}\n`);
console.log(JSON.stringify({ ...report, violations: violations.length }));
for (const line of report.violations.slice(0, MOST_PRINTED)) console.error(line);
if (!reached) console.error("Fewer jobs or faults than were asked for.");
process.exitCode = reached && violations.length === 0 ? 0 : 1;
