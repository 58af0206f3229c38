/**
 * The long run of the exhaustive search: `npx tsx scripts/proof-explore.ts --out FILE`.
 *
 * Every family at the bounds of the protocol check and beyond, then every variant there. Each search is a child process
 * of its own, two at a time, and is added to the result file when it ends, so that a run that was ended goes on where it
 * stopped: `--inputs` is any text that stands for what was searched, and a file with another one is begun anew.
 */
import { fork } from "node:child_process";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { FAMILIES, type FamilyName, LARGER } from "../test/explore/families.js";
import { REAL, type Rules } from "../test/explore/model/rules.js";
import type { Setup } from "../test/explore/model/world.js";
import { type Monitor, Watch } from "../test/explore/monitors.js";
import { type Limits, type Report, search } from "../test/explore/search.js";
import { BROKEN, SPARE, STUCK_WITHIN, stepsOf } from "../test/explore/variants.js";

interface FamilyRow {
  readonly name: string;
  readonly states: number;
  readonly transitions: number;
  readonly depth: number;
  readonly complete: boolean;
  readonly verdict: string;
}

interface VariantRow {
  readonly name: string;
  readonly family: string;
  readonly states: number;
  readonly verdict: string;
  /** Of the counterexample, as the protocol check counts them; `null`: the variant is expected to be safe. */
  readonly steps: number | null;
  readonly allowedSteps: number | null;
}

interface Proof {
  readonly part: "explore";
  readonly inputs: string;
  readonly families: readonly FamilyRow[];
  readonly variants: readonly VariantRow[];
  /** Of the families. */
  readonly states: number;
  readonly violations: readonly {
    readonly name: string;
    readonly what: string;
    readonly steps: readonly string[];
  }[];
  readonly elapsedMs: number;
  /** Every search has ended. */
  readonly complete: boolean;
}

/** One search, and what it adds to the proof. */
interface Task {
  readonly key: string;
  readonly rules: Rules;
  readonly setup: Setup;
  readonly off: readonly Monitor[];
  readonly limits: Limits;
  readonly added: (report: Report) => Pick<Proof, "families" | "variants" | "violations">;
}

const MOST_STATES = 6_000_000;
/** Two searches at a time stay below 8 GB with what lies outside the heap. */
const HEAP_MB = 2_800;

const { values } = parseArgs({
  options: {
    out: { type: "string", default: "proof-explore.json" },
    inputs: { type: "string", default: "" },
    workers: { type: "string", default: "2" },
    task: { type: "string" },
  },
});

function familyTask(name: string, setup: Setup): Task {
  return {
    ...{ key: `family ${name}`, rules: REAL, setup, off: [], limits: { states: MOST_STATES } },
    added: ({ states, transitions, depth, complete, finding }) => ({
      families: [{ name, states, transitions, depth, complete, verdict: safe(finding, complete) }],
      variants: [],
      violations: finding === null ? [] : [{ name, ...finding }],
    }),
  };
}

function safe(finding: Report["finding"], complete: boolean): string {
  if (finding !== null) return finding.what;
  return complete ? "safe, live" : "no violation, capped, liveness not judged";
}

function brokenTask({ name, family, rules, setup, off, found, listed }: (typeof BROKEN)[number]): Task {
  const within = found === "stuck" ? { askedWithin: STUCK_WITHIN } : {};
  return {
    key: `variant ${name}`,
    // What a broken rule no longer refuses is not spared.
    rules: { ...rules, spares: false },
    setup: { ...FAMILIES[family].whole, ...setup },
    off: off ?? [],
    limits: { states: MOST_STATES, ...within },
    added: ({ states, finding }) => {
      const steps = finding === null ? null : stepsOf(finding.steps);
      const verdict = finding?.what ?? "missed";
      const seen = verdict.startsWith(found) && steps !== null && steps <= listed;
      const what = `expected ${found} in ${String(listed)} steps, got ${verdict} in ${String(steps)}`;
      return {
        families: [],
        variants: [{ name, family, states, verdict, steps, allowedSteps: listed }],
        violations: seen ? [] : [{ name, what, steps: finding?.steps ?? [] }],
      };
    },
  };
}

function spareTask({ name, family, rules, setup, off }: (typeof SPARE)[number]): Task {
  return {
    key: `spare ${name}`,
    rules,
    setup: { ...FAMILIES[family].whole, ...setup },
    off: off ?? [],
    limits: { states: MOST_STATES },
    added: ({ states, finding, complete }) => {
      const verdict = safe(finding, complete);
      const what = `expected to be safe and live: ${verdict}`;
      const found = finding !== null || !complete;
      return {
        families: [],
        variants: [{ name, family, states, verdict, steps: null, allowedSteps: null }],
        violations: found ? [{ name, what, steps: finding?.steps ?? [] }] : [],
      };
    },
  };
}

const TASKS: readonly Task[] = [
  ...(Object.keys(FAMILIES) as FamilyName[]).map((name) => familyTask(name, FAMILIES[name].whole)),
  ...Object.entries(LARGER).map(([name, setup]) => familyTask(name, setup)),
  ...SPARE.map(spareTask),
  ...BROKEN.map(brokenTask),
];

function begin(): Proof {
  if (existsSync(values.out)) {
    const stored = JSON.parse(readFileSync(values.out, "utf8")) as Proof;
    if (stored.inputs === values.inputs) return stored;
    console.log("The result file is of other inputs: beginning anew.");
  }
  const { inputs } = values;
  const nothing = { families: [], variants: [], states: 0, violations: [], elapsedMs: 0 };
  return { part: "explore", inputs, ...nothing, complete: false };
}

function store(proof: Proof): void {
  writeFileSync(`${values.out}.part`, `${JSON.stringify(proof, null, 2)}\n`);
  renameSync(`${values.out}.part`, values.out);
}

function isDone({ families, variants }: Proof, key: string): boolean {
  const rows = [
    ...families.map(({ name }) => `family ${name}`),
    ...variants.map(({ name, allowedSteps }) => `${allowedSteps === null ? "spare" : "variant"} ${name}`),
  ];
  return rows.includes(key);
}

function inChild({ key }: Task): Promise<Report> {
  return new Promise((resolve, reject) => {
    const execArgv = [...process.execArgv, `--max-old-space-size=${String(HEAP_MB)}`];
    const child = fork(fileURLToPath(import.meta.url), ["--task", key], { execArgv });
    let report: Report | null = null;
    child.on("message", (message) => {
      report = message as Report;
    });
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      if (report !== null && code === 0) resolve(report);
      else reject(new Error(`${key} ended with ${String(code ?? signal)}`));
    });
  });
}

function joined(proof: Proof, more: ReturnType<Task["added"]>, elapsedMs: number): Proof {
  const families = [...proof.families, ...more.families];
  return {
    ...proof,
    families,
    variants: [...proof.variants, ...more.variants],
    violations: [...proof.violations, ...more.violations],
    states: families.reduce((sum, family) => sum + family.states, 0),
    elapsedMs: Math.round(elapsedMs),
  };
}

async function runAll(): Promise<void> {
  let proof = begin();
  const before = proof.elapsedMs;
  const startedAt = performance.now();
  const open = TASKS.filter(({ key }) => !isDone(proof, key));
  const work = async (): Promise<void> => {
    for (let task = open.shift(); task !== undefined; task = open.shift()) {
      const report = await inChild(task);
      const more = task.added(report);
      proof = joined(proof, more, before + performance.now() - startedAt);
      store(proof);
      const verdict = [...more.families, ...more.variants].map((row) => row.verdict).join();
      const seconds = (report.ms / 1_000).toFixed(1);
      console.log(`${task.key}: ${String(report.states)} states, ${seconds} s, ${verdict}`);
    }
  };
  await Promise.all(Array.from({ length: Number(values.workers) }, work));
  proof = { ...proof, complete: true };
  store(proof);
  for (const { name, what, steps } of proof.violations)
    console.error([`${name}: ${what}`, ...steps].join("\n  "));
  console.log(
    `${String(proof.states)} states in the families, ${String(proof.violations.length)} violations`,
  );
  process.exitCode = proof.violations.length === 0 ? 0 : 1;
}

function runOne(key: string): void {
  // Nobody would hear of the end.
  process.on("disconnect", () => process.exit(1));
  const task = TASKS.find((each) => each.key === key);
  if (task === undefined) throw new Error(`there is no task ${key}`);
  const watch = new Watch(new Set(task.off));
  const report = search({ rules: task.rules, setup: task.setup, watch }, task.limits);
  process.send?.(report, () => process.exit(0));
}

if (values.task === undefined) await runAll();
else runOne(values.task);
