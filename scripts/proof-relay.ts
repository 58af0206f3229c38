/**
 * What becomes of notifications between real processes: `npx tsx scripts/proof-relay.ts [--only kills|split|order] [--place
 * redis|postgres|sqlite] [--out FILE]`.
 *
 * - `kills`: a worker dies once its outcome is stored; another process tells of it.
 * - `split`: one process submits, three work, one relays; with a feed and without.
 * - `order`: the relay is killed again and again, and its receivers misbehave.
 *
 * Ends with 0 only when every bound held.
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { killedOnceStored } from "../test/relay/kills.js";
import { orderAndCompleteness } from "../test/relay/order.js";
import { type Place, PLACES } from "../test/relay/places.js";
import { splitProcesses } from "../test/relay/split.js";

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    place: { type: "string" },
    kills: { type: "string", default: "100" },
    jobs: { type: "string", default: "2000" },
    "relay-kills": { type: "string", default: "50" },
    out: { type: "string" },
    inputs: { type: "string" },
  },
});

const RESULT_MS = 300;
const TOLD_MS: Readonly<Record<Place, number>> = { redis: 1_000, postgres: 1_000, sqlite: 2_000 };
const WITH_FEED_MS = 2_000;
const WITHOUT_FEED_MS = 10_000;
const JOB_EVERY_MS = 20;
const KILL_EVERY_MS = 800;

const from = Date.now();
const figures: object[] = [];
const violations: string[] = [];
const places = PLACES.filter((place) => values.place === undefined || values.place === place);
const wants = (run: string): boolean => values.only === undefined || values.only === run;

function note(run: string, figure: object, ...bounds: readonly (readonly [boolean, string])[]): void {
  figures.push({ run, ...figure });
  console.log(run, JSON.stringify(figure));
  for (const [holds, text] of bounds)
    if (!holds) violations.push(`${run}: ${text}: ${JSON.stringify(figure)}`);
}

async function kills(place: Place): Promise<void> {
  const run = await killedOnceStored(place, Number(values.kills));
  note(
    "kills",
    { place, ...run },
    [run.toldMs.max <= TOLD_MS[place], `told within ${String(TOLD_MS[place])} ms`],
    [run.resultMs.max <= RESULT_MS, `result within ${String(RESULT_MS)} ms`],
  );
}

async function split(place: Place): Promise<void> {
  for (const feed of [true, false]) {
    const run = await splitProcesses(place, feed, { jobs: Number(values.jobs), everyMs: JOB_EVERY_MS });
    note(
      "split",
      run,
      [run.lost === 0 && run.outOfOrder === 0, "all told, in order"],
      [run.toldMs.p99 <= (feed ? WITH_FEED_MS : WITHOUT_FEED_MS), "told in time"],
    );
  }
}

async function order(place: Place): Promise<void> {
  const options = {
    jobs: Number(values.jobs),
    kills: Number(values["relay-kills"]),
    killEveryMs: KILL_EVERY_MS,
  };
  const run = await orderAndCompleteness(place, options);
  const wrong = run.wrongEnd + run.missing + run.outOfOrder;
  note("order", run, [wrong === 0, "the store's word, whole and in order"]);
}

for (const place of places) {
  if (wants("kills")) await kills(place);
  // Processes of one SQLite file always tell each other.
  if (wants("split") && place !== "sqlite") await split(place);
  if (wants("order") && place === "redis") await order(place);
}

const report = {
  part: "relay",
  inputs: values.inputs ?? null,
  complete: true,
  figures,
  violations,
  elapsedMs: Date.now() - from,
};
if (values.out !== undefined) writeFileSync(values.out, `${JSON.stringify(report, null, 2)}\n`);
for (const line of violations) console.error(line);
process.exitCode = violations.length === 0 ? 0 : 1;
