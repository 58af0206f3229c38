import { decodeHistory } from "../../src/core/job/history.js";
import type { Store } from "../../src/core/ports/store.js";
import { judgeEnd, unsettled } from "../simulate/quiet.js";
import type { Variant } from "../simulate/variants.js";
import type { Violation } from "../simulate/world.js";
import { Bench } from "./bench.js";
import type { CutAt, CutPoint } from "./cut-network.js";
import type { Scenario } from "./scenarios.js";
import { Stage } from "./stage.js";

export interface CaseOptions {
  readonly scenario: Scenario;
  readonly makeStore: (now: () => number) => Store;
  readonly at: CutAt | null;
  readonly variant?: Variant;
}

export interface CaseResult {
  readonly points: readonly CutPoint[];
  readonly struck: CutPoint | null;
  readonly violations: readonly Violation[];
  readonly lines: readonly string[];
  /** How the jobs ended, by id. */
  readonly ends: readonly string[];
  readonly tookMs: number;
  readonly hash: string;
}

const WORKS = { works: true, reconciles: true };
const ONE_RECEIVER = { ui: { fails: 0, refuses: false } };
/** By then everything has come to its end, wherever the cut was. */
const BOUND_MS = 5 * 60_000;
const LOOK_EVERY_MS = 250;

/** Runs one scenario with one cut, and judges what came of it. */
export async function runCase(options: CaseOptions): Promise<CaseResult> {
  const { scenario, at, makeStore, variant = null } = options;
  const { roles = [WORKS, WORKS], receivers = ONE_RECEIVER } = scenario;
  const bench = new Bench({ at, makeStore, roles, receivers, variant });
  const { world, network } = bench;
  const beganAt = world.now;
  const left = { ended: false, quiet: false };
  scenario.run(new Stage(bench)).then(
    () => {
      left.ended = true;
    },
    (error: unknown) => {
      world.fail(
        "X0",
        `the scenario itself failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      );
    },
  );
  watchForQuiet(bench, left);
  await world.run(() => left.quiet || world.now > beganAt + BOUND_MS);
  network.endCounting();
  const tookMs = world.now - beganAt;
  if (world.violations.length === 0) judgeEnd(factsOf(bench), left.quiet);
  if (world.violations.length === 0) judgeJobs(bench, scenario);
  if (world.violations.length === 0) await judgeReads(bench);
  if (world.violations.length === 0) await close(bench);
  for (const { jobId, text } of bench.history.check()) world.fail("V7", `${jobId}: ${text}`);
  return {
    points: network.points,
    struck: network.struck,
    violations: world.violations,
    lines: world.lastLines(),
    ends: endsOf(bench),
    tookMs,
    hash: world.hash(),
  };
}

function factsOf({ world, monitors, store, receivers, queues }: Bench) {
  return { world, monitors, rows: store.rows, receivers, queues };
}

function watchForQuiet(bench: Bench, left: { ended: boolean; quiet: boolean }): void {
  bench.world.after(LOOK_EVERY_MS, null, () => {
    left.quiet = left.ended && unsettled(factsOf(bench)).length === 0;
    if (!left.quiet) watchForQuiet(bench, left);
  });
}

function endsOf({ monitors }: Bench): readonly string[] {
  return [...monitors.logs.values()].map(({ entries }) => {
    const last = entries[entries.length - 1];
    if (last?.edge === "T5") return "COMPLETED";
    return last === undefined ? "nothing" : `FAILED:${String(last.reason)}`;
  });
}

/** As many jobs as there should be, each with an end that is legitimate, and an output just where it is COMPLETED. */
function judgeJobs(bench: Bench, scenario: Scenario): void {
  const { world, monitors, store } = bench;
  const { jobs = 1, least = jobs, ends } = scenario;
  const fail = (rule: string, text: string): void => {
    world.fail(rule, text);
  };
  const made = monitors.logs.size;
  if (made < least || made > jobs) fail("N1", `there are ${String(made)} jobs instead of ${String(jobs)}`);
  for (const end of endsOf(bench))
    if (!ends.includes(end)) fail("N2", `ended ${end} instead of ${ends.join(" or ")}`);
  for (const [id, { record, output }] of store.rows) {
    if ((output !== null) !== (record.status === "COMPLETED"))
      fail("S13", `${id} is ${record.status}, output ${String(output)}`);
    if (record.token !== null || record.leaseUntil !== null) fail("N3", `${id} is final and still claimed`);
    if (decodeHistory(record.history).length === 0) fail("S3", `${id} has no history`);
  }
  if (scenario.purged === true && store.rows.size > 0) fail("N4", "the record was kept for ever");
}

/** Whoever asks afterwards is told what is stored. */
async function judgeReads(bench: Bench): Promise<void> {
  const { world, store, answers } = bench;
  const { waybill } = bench.alive(bench.first);
  if (waybill === null) return;
  const reading = { ended: false };
  const look = async (): Promise<void> => {
    for (const [id, { record }] of store.rows) {
      const job = await waybill.get(id);
      if (job === null) world.fail("S9", `get did not find ${id}`);
      else answers.told("get", job);
      const history = await waybill.history(id);
      const last = history?.events[history.events.length - 1];
      if (last?.status !== record.status)
        world.fail("S9", `the history of ${id} ends with ${String(last?.status)}`);
    }
  };
  look()
    .catch((error: unknown) => {
      answers.thrown("get", null, error);
      world.fail("S9", "a read failed after everything healed");
    })
    .finally(() => {
      reading.ended = true;
    });
  const since = world.now;
  await world.run(() => reading.ended || world.now > since + 60_000);
  if (!reading.ended) world.fail("L9", "a read had no answer after everything healed");
}

/** A stop in good order ends. */
async function close(bench: Bench): Promise<void> {
  const { world } = bench;
  const open = [bench.first, bench.second].filter(({ waybill }) => waybill !== null);
  let left = open.length;
  for (const process of open) {
    const ended = (): void => {
      left -= 1;
    };
    // A receive that was cut may end, and take its process with it, only now.
    bench.onCrash(process, ended);
    process.stop(ended);
  }
  const since = world.now;
  await world.run(() => left === 0 || world.now > since + 60_000);
  if (left > 0) world.fail("L8", `${String(left)} processes did not end`);
}
