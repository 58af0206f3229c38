// Measures Waybill beside others and beside the raw floor of each engine, prints a table and keeps it with a plot.
// `npm run bench` builds and starts it. Times are reported, never asserted.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { ENGINES } from "./engines/all.js";
import type { Engine, Entry, Stage } from "./lib/engine.js";
import { grown, sample, type Sample, sharedOut } from "./lib/measures.js";
import { HELP, type Options, optionsOf } from "./lib/options.js";
import { plotOf } from "./lib/plot.js";
import { type Line, lineOf } from "./lib/results.js";
import { figure, pairsTable, tableOf, TITLES } from "./lib/table.js";

const RESULTS = process.env["WAYBILL_BENCH_RESULTS"] ?? ".";
const PEERS = process.env["WAYBILL_BENCH_PEERS"] ?? ".";

/** Each contestant once, then each again, the order turned round every time: what drifts, drifts for all. */
async function measured(
  engine: Engine,
  stage: Stage,
  { measures, names, sizes: asked, before }: Options,
): Promise<readonly Line[]> {
  const sizes = sharedOut(asked, engine.share);
  const lines: Line[] = [];
  for (const measure of measures) {
    if (measure === "growth") continue;
    const entries = withBefore(engine.entries, before).filter(
      (entry) => entry.measures.includes(measure) && (names?.includes(entry.name) ?? true),
    );
    const samples = new Map<string, Sample[]>(entries.map(({ name }) => [name, []]));
    for (let round = 0; round < sizes.rounds; round += 1) {
      const order = round % 2 === 0 ? entries : [...entries].reverse();
      for (const entry of order) {
        samples.get(entry.name)?.push(await sample(measure, { engine, entry, stage, sizes }));
      }
    }
    for (const { name, role } of entries) {
      const line = lineOf({ engine: engine.name, measure, name, role }, samples.get(name) ?? []);
      lines.push(line);
      console.error(`${engine.name}  ${TITLES[measure]}  ${name}  ${figure(line.spread.median, line.unit)}`);
    }
  }
  return lines;
}

/** The build before has its turn next to this one's. */
function withBefore(entries: readonly Entry[], before: string | null): readonly Entry[] {
  if (before === null) return entries;
  return entries.flatMap((entry) =>
    entry.role === "waybill"
      ? [
          entry,
          { ...entry, name: "waybill before", contestant: `before/${entry.contestant}`, role: "before" },
        ]
      : [entry],
  );
}

async function growth(engine: Engine, stage: Stage, { names, sizes }: Options): Promise<readonly Line[]> {
  const lines: Line[] = [];
  for (const entry of engine.entries) {
    if (!entry.measures.includes("growth") || !(names?.includes(entry.name) ?? true)) continue;
    const samples = await grown({ engine, entry, stage, sizes });
    sizes.growth.forEach((count, index) => {
      const name = `${entry.name}, ${count.toLocaleString("en-US")} settled`;
      const about = { engine: engine.name, measure: "growth", name, role: entry.role } as const;
      lines.push(lineOf(about, samples[index] ?? []));
    });
  }
  return lines;
}

/** What the figures were made on and with; nothing that names the machine. */
function circumstances(abouts: readonly string[]): readonly string[] {
  const [cpu] = cpus();
  const { dependencies } = JSON.parse(readFileSync(join(PEERS, "package.json"), "utf8")) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  const peers = Object.entries(dependencies).map(([name, version]) => `${name} ${version}`);
  return [
    `${cpus().length} cores (${cpu?.model.trim() ?? "unknown"}), shared by client, worker and server; load at the start ${loadavg()[0]?.toFixed(1) ?? "?"}`,
    `Node ${process.versions.node}; ${peers.join(", ")}`,
    ...abouts,
  ];
}

/** How many jobs a run has, and on which engines it has fewer. */
function jobsOf({ sizes }: Options, lines: readonly Line[]): string {
  const measuredOn = ENGINES.filter(({ name }) => lines.some(({ engine }) => engine === name));
  const groups = new Map<number, string[]>();
  for (const { name, share } of measuredOn) {
    const { jobs } = sharedOut(sizes, share);
    groups.set(jobs, [...(groups.get(jobs) ?? []), name]);
  }
  const said = [...groups].map(
    ([jobs, names]) => `${jobs.toLocaleString("en-US")}${groups.size > 1 ? ` (${names.join(", ")})` : ""}`,
  );
  return said.join(" or ");
}

async function main(): Promise<void> {
  const options = optionsOf(process.argv.slice(2));
  if (options === null) {
    console.log(HELP);
    return;
  }
  const about = [...circumstances([])];
  const lines: Line[] = [];
  for (const engine of ENGINES.filter(({ name }) => options.engines?.includes(name) ?? true)) {
    const stage = await engine.start();
    about.push(`${engine.name}: ${stage.about}`);
    try {
      lines.push(...(await measured(engine, stage, options)));
      if (options.measures.includes("growth")) lines.push(...(await growth(engine, stage, options)));
    } finally {
      await stage.stop();
    }
  }
  if (lines.length === 0) throw new TypeError("nothing fits what was asked for");
  const { rounds } = options.sizes;
  const caption = `${rounds} runs of ${jobsOf(options, lines)} jobs (slow contestants a fifth), alternating; median, lowest – highest`;
  console.log([...about, caption, "", tableOf(lines), pairsTable(lines)].join("\n"));
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(
    join(RESULTS, `${options.out}.json`),
    `${JSON.stringify({ about, sizes: options.sizes, lines }, null, 2)}\n`,
  );
  writeFileSync(join(RESULTS, `${options.out}.svg`), plotOf(lines, caption));
}

await main();
