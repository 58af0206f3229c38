/**
 * The long campaign of the simulation: `npm run proof -- simulate`.
 *
 * Runs blocks of seeds in child processes and adds each block to the result file, so that a campaign that was ended goes
 * on where it stopped. One seed in a hundred is run twice, and its two traces must have one hash.
 */
import { fork } from "node:child_process";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { simulate } from "../test/simulate/simulation.js";

interface Block {
  readonly seeds: number;
  readonly steps: number;
  readonly jobs: number;
  readonly replayed: number;
  readonly injected: Readonly<Record<string, number>>;
  readonly logged: Readonly<Record<string, number>>;
  readonly violations: readonly { readonly seed: number; readonly rule: string; readonly text: string }[];
}

interface Campaign extends Block {
  /** A digest of what is simulated: a result of other files is not gone on with. */
  readonly inputs: string;
  readonly complete: boolean;
  readonly stepsPerSeed: number;
  /** The next seed that nobody has begun. */
  readonly nextSeed: number;
  readonly elapsedMs: number;
}

/** Of one process, which takes its first hundred seeds to get to full speed; half as fast with blocks of 25 (measured). */
const BLOCK_SEEDS = 250;
const REPLAY_EVERY = 100;

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "10000" },
    steps: { type: "string", default: "5000" },
    workers: { type: "string", default: "2" },
    out: { type: "string", default: "proof-simulate.json" },
    inputs: { type: "string", default: "" },
    block: { type: "string" },
  },
});

const NOTHING: Block = { seeds: 0, steps: 0, jobs: 0, replayed: 0, injected: {}, logged: {}, violations: [] };

/** One block of seeds, in this process. */
async function runBlock(first: number, count: number, steps: number): Promise<Block> {
  let block = NOTHING;
  for (let seed = first; seed < first + count; seed += 1) {
    const result = await simulate({ seed, steps });
    const violations = result.violations.map(({ rule, text }) => ({ seed, rule, text }));
    const again = seed % REPLAY_EVERY === 0 ? await simulate({ seed, steps }) : null;
    if (again !== null && again.hash !== result.hash) {
      violations.push({ seed, rule: "replay", text: `${result.hash} then ${again.hash}` });
    }
    block = joined(block, {
      seeds: 1,
      steps: result.steps,
      jobs: result.jobs,
      replayed: again === null ? 0 : 1,
      injected: result.injected,
      logged: result.errors,
      violations,
    });
  }
  return block;
}

function joined(a: Block, b: Block): Block {
  return {
    seeds: a.seeds + b.seeds,
    steps: a.steps + b.steps,
    jobs: a.jobs + b.jobs,
    replayed: a.replayed + b.replayed,
    injected: summed(a.injected, b.injected),
    logged: summed(a.logged, b.logged),
    violations: [...a.violations, ...b.violations],
  };
}

function summed(a: Block["injected"], b: Block["injected"]): Block["injected"] {
  const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
  return Object.fromEntries(keys.map((key) => [key, (a[key] ?? 0) + (b[key] ?? 0)]));
}

function inChild(first: number, count: number): Promise<Block> {
  return new Promise((resolve, reject) => {
    const args = ["--block", `${String(first)},${String(count)}`, "--steps", values.steps];
    const child = fork(fileURLToPath(import.meta.url), args);
    let block: Block | null = null;
    child.on("message", (message) => {
      block = message as Block;
    });
    child.on("error", reject);
    child.on("exit", (code) => {
      if (block !== null && code === 0) resolve(block);
      else reject(new Error(`the block of seed ${String(first)} ended with ${String(code)}`));
    });
  });
}

function begin(): Campaign {
  const { inputs } = values;
  const stepsPerSeed = Number(values.steps);
  if (existsSync(values.out)) {
    const stored = JSON.parse(readFileSync(values.out, "utf8")) as Campaign;
    if (stored.inputs === inputs && stored.stepsPerSeed === stepsPerSeed) return stored;
    console.log("The result is of other files or another length: beginning anew.");
  }
  return { inputs, complete: false, ...NOTHING, stepsPerSeed, nextSeed: 1, elapsedMs: 0 };
}

function store(campaign: Campaign): void {
  writeFileSync(`${values.out}.part`, `${JSON.stringify(campaign, null, 2)}\n`);
  renameSync(`${values.out}.part`, values.out);
}

async function runCampaign(): Promise<void> {
  let campaign = begin();
  const before = campaign.elapsedMs;
  const startedAt = performance.now();
  const last = Number(values.seeds);
  while (campaign.nextSeed <= last) {
    // A row of blocks at a time: what is stored has no holes.
    const row: Promise<Block>[] = [];
    let next = campaign.nextSeed;
    for (let worker = 0; worker < Number(values.workers) && next <= last; worker += 1) {
      const count = Math.min(BLOCK_SEEDS, last - next + 1);
      row.push(inChild(next, count));
      next += count;
    }
    const blocks = await Promise.all(row);
    const elapsedMs = Math.round(before + performance.now() - startedAt);
    campaign = {
      ...campaign,
      ...blocks.reduce(joined, campaign),
      nextSeed: next,
      elapsedMs,
      complete: next > last,
    };
    store(campaign);
    const { seeds, steps, violations } = campaign;
    console.log(`${String(seeds)} seeds, ${String(steps)} steps, ${String(violations.length)} violations`);
  }
  for (const { seed, rule, text } of campaign.violations)
    console.error(`seed ${String(seed)}: ${rule} ${text}`);
  process.exitCode = campaign.violations.length === 0 ? 0 : 1;
}

if (values.block === undefined) await runCampaign();
else {
  const [first = 1, count = 1] = values.block.split(",").map(Number);
  const block = await runBlock(first, count, Number(values.steps));
  process.send?.(block);
  process.disconnect();
}
