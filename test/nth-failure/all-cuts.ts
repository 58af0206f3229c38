import { sha256Hex } from "../../src/core/json/hash.js";
import type { Store } from "../../src/core/ports/store.js";
import type { Variant } from "../simulate/variants.js";
import { type Cut, type CutAt, type CutPoint, CUTS } from "./cut-network.js";
import { type CaseResult, runCase } from "./run-case.js";
import type { Scenario } from "./scenarios.js";

/** An empty store for one case. */
export interface MadeStore {
  /** @param now - the simulated time, for a store that goes by a clock of its own */
  readonly store: (now: () => number) => Store;
  /** Empties it again. */
  readonly release: () => Promise<void>;
}

export interface StoreKind {
  readonly name: string;
  readonly make: () => MadeStore;
}

export interface ScenarioReport {
  readonly scenario: string;
  readonly store: string;
  /** Calls of the run without a cut: the cut points. */
  readonly calls: number;
  readonly cases: number;
  /** Calls that were broken in each way that differs there. */
  readonly visited: number;
  /** Of everything that happened in all cases: equal hashes, equal runs. */
  readonly hash: string;
  /** Pairs of call and cut that did not take place where the run without a cut had that call. */
  readonly missed: readonly string[];
  readonly failures: readonly string[];
  readonly rules: readonly string[];
  /** How the jobs ended, over all cases. */
  readonly ends: Readonly<Record<string, number>>;
  readonly slowestMs: number;
  readonly tookMs: number;
}

export interface AllCutsOptions {
  readonly cuts?: readonly Cut[];
  readonly variant?: Variant;
  /** Enough failures to stop at. @default 5 */
  readonly most?: number;
  /** Only each so-manieth call is broken, in one of the ways by turns. @default every call, in every way */
  readonly sampleEvery?: number;
  /** Which of the ways a sample begins with: scenarios that begin alike are not broken alike. @default 0 */
  readonly turn?: number;
}

/** What changes nothing is the same before its effect and after it. */
const READS: ReadonlySet<string> = new Set(["read", "list", "byRef", "parked", "health"]);
const OF_READS: ReadonlySet<Cut> = new Set(["not_applied", "hang", "outage", "crash_before"]);

/** The cuts that differ at this call. */
function cutsAt({ part, method }: CutPoint, cuts: readonly Cut[]): readonly Cut[] {
  return part === "store" && READS.has(method) ? cuts.filter((cut) => OF_READS.has(cut)) : cuts;
}

/** What is broken in one case each, by call. */
function casesOf(
  points: readonly CutPoint[],
  cuts: readonly Cut[],
  sampleEvery: number | undefined,
  turn: number,
): readonly (readonly CutAt[])[] {
  const all = points.map((point, index) => cutsAt(point, cuts).map((cut) => ({ nth: index + 1, cut })));
  if (sampleEvery === undefined) return all;
  const some = all.filter((_, index) => index % sampleEvery === 0);
  return some.map((ways, index) => ways.slice((index + turn) % ways.length).slice(0, 1));
}

/** What came of the cases of one scenario. */
class Tally {
  readonly failures: string[] = [];
  readonly missed: string[] = [];
  readonly rules = new Set<string>();
  readonly ends: Record<string, number> = {};
  slowestMs = 0;
  cases = 0;
  hash = "";
  readonly #name: string;

  /** @param name - of the scenario and the store */
  constructor(name: string) {
    this.#name = name;
  }

  judge(what: string, result: CaseResult): void {
    this.cases += 1;
    this.hash = sha256Hex(`${this.hash} ${result.hash}`);
    this.slowestMs = Math.max(this.slowestMs, result.tookMs);
    for (const end of result.ends) this.ends[end] = (this.ends[end] ?? 0) + 1;
    for (const { rule } of result.violations) this.rules.add(rule);
    if (result.violations.length === 0) return;
    const told = result.violations.map(({ rule, text }) => `${rule} ${text}`).join("; ");
    this.failures.push(`${this.#name}, ${what}: ${told}\n    ${result.lines.slice(-60).join("\n    ")}`);
  }
}

/** Breaks each call of a scenario in each way, one at a time. */
export async function allCuts(
  scenario: Scenario,
  kind: StoreKind,
  { cuts = CUTS, variant, most = 5, sampleEvery, turn = 0 }: AllCutsOptions = {},
): Promise<ScenarioReport> {
  const began = performance.now();
  const one = async (at: CutAt | null): Promise<CaseResult> => {
    const made = kind.make();
    try {
      return await runCase({ scenario, makeStore: made.store, at, ...(variant && { variant }) });
    } finally {
      await made.release();
    }
  };
  const tally = new Tally(`${scenario.name} (${kind.name})`);
  const whole = await one(null);
  tally.judge("nothing broken", whole);
  let visited = 0;
  for (const ways of casesOf(whole.points, cuts, sampleEvery, turn)) {
    const missedBefore = tally.missed.length;
    for (const { nth, cut } of ways) {
      if (tally.failures.length >= most) break;
      const point = whole.points[nth - 1]!;
      const what = `call ${String(nth)} of ${String(whole.points.length)}, ${textOf(point)}, ${cut}`;
      const result = await one({ nth, cut });
      if (result.struck === null || textOf(result.struck) !== textOf(point)) tally.missed.push(what);
      tally.judge(what, result);
    }
    const wasBroken = ways.length > 0 && tally.failures.length < most;
    if (wasBroken && tally.missed.length === missedBefore) visited += 1;
  }
  const { cases, hash, missed, failures, rules, ends, slowestMs } = tally;
  return {
    scenario: scenario.name,
    store: kind.name,
    calls: whole.points.length,
    cases,
    visited,
    hash,
    missed,
    failures,
    rules: [...rules],
    ends,
    slowestMs,
    tookMs: Math.round(performance.now() - began),
  };
}

function textOf({ process, part, method }: CutPoint): string {
  return `${process} ${part}.${method}`;
}

/** One line for each scenario. */
export function table(reports: readonly ScenarioReport[]): string {
  const rows = reports.map((report) => {
    const ends = Object.entries(report.ends).map(([end, count]) => `${end} ${String(count)}`);
    const numbers = [report.calls, report.visited, report.cases, report.failures.length];
    const columns = numbers.map((number) => String(number).padStart(6)).join(" ");
    return `${report.scenario.padEnd(58)} ${report.store.padEnd(7)}${columns} ${String(report.tookMs).padStart(7)}  ${ends.join(", ")}`;
  });
  const head = `${"scenario".padEnd(58)} ${"store".padEnd(7)}${["N", "cut", "cases", "broken"].map((name) => name.padStart(6)).join(" ")} ${"ms".padStart(7)}  ends`;
  const sum = (of: (report: ScenarioReport) => number): string =>
    String(reports.reduce((total, report) => total + of(report), 0));
  const total = `${sum(({ calls }) => calls)} cut points, ${sum(({ cases }) => cases)} cases, ${sum(({ visited }) => visited)} visited, ${sum(({ failures }) => failures.length)} broken, ${sum(({ tookMs }) => tookMs)} ms`;
  return [head, ...rows, total].join("\n");
}
