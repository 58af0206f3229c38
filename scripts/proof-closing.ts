/**
 * The torture at its full size: `npx tsx scripts/proof-closing.ts --store postgres|redis --rounds 20 --jobs 5000 --kills 50
 * --out FILE --inputs DIGEST`.
 *
 * In rounds, each on a server of its own and by a seed of its own, every other one through SQS. A round is added to the
 * result file when it has ended, so that a run that was ended goes on with the next round, as long as `--inputs` is the
 * same. Ends with 0 only when every promise held in every round and as many faults struck as were asked for.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { torturePair } from "../test/torture/pairing/pair.js";
import { queueNamed } from "../test/torture/pairing/queues.js";
import { storeNamed } from "../test/torture/stores.js";
import type { TortureOptions } from "../test/torture/torture.js";
import { tortureProcesses } from "../test/torture/torture-process.js";
import { reportOf, type TortureReport } from "./proof/torture-report.js";

const { values } = parseArgs({
  options: {
    store: { type: "string", default: "postgres" },
    rounds: { type: "string", default: "20" },
    jobs: { type: "string", default: "5000" },
    kills: { type: "string", default: "50" },
    "jobs-a-second": { type: "string", default: "50" },
    out: { type: "string", default: "proof-closing.json" },
    inputs: { type: "string", default: "" },
  },
});

/** How often each of the other faults strikes. A silent connection costs its process seconds: more of them would be an outage. */
const EVERY_MS = {
  stops: 25_000,
  orderly: 40_000,
  serverKills: 60_000,
  silences: 40_000,
  lostReplies: 5_000,
  exhaustions: 25_000,
};
const WORKERS = 5;
/** A process needs a second or two to be there again: with as many as there are, most kills meet somebody at work. */
const KILL_EVERY_MS = 1_500;
/** What gets no further in so long is stuck; what is calm ends at once. */
const DRAIN_MS = 300_000;
const MOST_PRINTED = 50;

type Round = TortureReport & { readonly queue: string | null };

interface Proof {
  readonly part: string;
  readonly inputs: string;
  /** Every round has run, and met as much as was asked for. */
  readonly complete: boolean;
  readonly violations: readonly string[];
  readonly elapsedMs: number;
  readonly roundsRun: readonly Round[];
}

const store = await storeNamed(values.store);
const rounds = Number(values.rounds);
const asked = { jobs: Number(values.jobs), kills: Number(values.kills) };
const part = `closing-${store.name}`;

function optionsOf(seed: number): TortureOptions {
  const loadMs = Math.max(
    asked.kills * KILL_EVERY_MS,
    (asked.jobs * 1_000) / Number(values["jobs-a-second"]),
  );
  const times = (everyMs: number): number => Math.max(1, Math.floor(loadMs / everyMs));
  return {
    ...asked,
    stops: times(EVERY_MS.stops),
    orderly: times(EVERY_MS.orderly),
    serverKills: times(EVERY_MS.serverKills),
    silences: times(EVERY_MS.silences),
    lostReplies: times(EVERY_MS.lostReplies),
    exhaustions: times(EVERY_MS.exhaustions),
    ...{ seed, loadMs, workers: WORKERS, drainMs: DRAIN_MS },
  };
}

async function run(seed: number): Promise<Round> {
  const options = optionsOf(seed);
  // Half of the jobs wait in the store, half of them travel.
  const queue = seed % 2 === 0 ? await queueNamed("sqs") : null;
  const result = await (queue === null
    ? tortureProcesses(store, options)
    : torturePair(store, queue, { ...options, workers: WORKERS - 1 }));
  return { queue: queue?.name ?? null, ...reportOf(options, result) };
}

function stored(): readonly Round[] {
  if (!existsSync(values.out)) return [];
  const proof = JSON.parse(readFileSync(values.out, "utf8")) as Proof;
  if (proof.inputs === values.inputs && proof.part === part) return proof.roundsRun;
  console.log("The result file is of other inputs: beginning anew.");
  return [];
}

/** Every count of the rounds, added up. */
function sums(of: readonly Round[]): Readonly<Record<string, number>> {
  const summed: Record<string, number> = {};
  for (const round of of) {
    for (const [name, count] of Object.entries(round))
      if (typeof count === "number" && name !== "seed") summed[name] = (summed[name] ?? 0) + count;
  }
  const jobsThroughSqs = of.filter(({ queue }) => queue !== null).reduce((sum, { jobs }) => sum + jobs, 0);
  return { ...summed, jobsThroughSqs };
}

function written(roundsRun: readonly Round[]): Proof {
  const proof = {
    part,
    inputs: values.inputs,
    rounds: roundsRun.length,
    ...sums(roundsRun),
    complete: roundsRun.length >= rounds && roundsRun.every(({ complete }) => complete),
    violations: roundsRun.flatMap(({ seed, violations }) => violations.map((one) => `seed ${seed}: ${one}`)),
    elapsedMs: roundsRun.reduce((sum, { elapsedMs }) => sum + elapsedMs, 0),
    roundsRun,
  };
  writeFileSync(`${values.out}.part`, `${JSON.stringify(proof, null, 2)}\n`);
  renameSync(`${values.out}.part`, values.out);
  return proof;
}

let roundsRun = stored();
let proof = written(roundsRun);
while (roundsRun.length < rounds) {
  const round = await run(roundsRun.length + 1);
  roundsRun = [...roundsRun, round];
  proof = written(roundsRun);
  const { seed, queue, jobs, kills, claimsCutByKills, elapsedMs, violations } = round;
  console.log(
    `${part}, round ${seed} of ${rounds}${queue === null ? "" : `, through ${queue}`}: ${jobs} jobs, ${kills} kills ` +
      `that cut off ${claimsCutByKills} claims, ${violations.length} violations, ${elapsedMs} ms`,
  );
}
for (const line of proof.violations.slice(0, MOST_PRINTED)) console.error(line);
if (!proof.complete) console.error("Fewer jobs or faults than were asked for.");
process.exitCode = proof.complete && proof.violations.length === 0 ? 0 : 1;
