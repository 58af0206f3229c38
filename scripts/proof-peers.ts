/**
 * The faults of `scripts/peer-faults`, against the libraries that `bench/peers` installs and against Waybill:
 * `npx tsx scripts/proof-peers.ts [--peer NAMES] [--fault NAMES] [--at-once 3] --out FILE [--inputs DIGEST]`.
 *
 * Each cell is made on a server of its own and decided from what was counted. What FILE holds of the same code is kept, so a
 * run goes on where it was ended. A cell of Waybill that does not hold is a violation; those of the others are facts.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { FAULTS } from "./peer-faults/faults/all.js";
import type { Fault } from "./peer-faults/fault.js";
import type { Peer } from "./peer-faults/peer.js";
import { versionOfPeer } from "./peer-faults/installed.js";
import { PEERS } from "./peer-faults/peers/all.js";
import { openStage, type RealStage, SERVER_SETTINGS } from "./peer-faults/real-stage.js";
import { type Cell, cellOf, tableOf } from "./peer-faults/table.js";

const { values } = parseArgs({
  options: {
    peer: { type: "string" },
    fault: { type: "string" },
    "at-once": { type: "string", default: "3" },
    out: { type: "string", default: "proof-peers.json" },
    inputs: { type: "string" },
  },
});

const installed = spawnSync(
  process.execPath,
  [fileURLToPath(new URL("../bench/install-peers.mjs", import.meta.url))],
  { stdio: "inherit" },
);
if (installed.status !== 0) process.exit(1);

/** Of the names that were asked for; all where none was. */
function chosen<T extends { readonly name: string }>(
  all: readonly T[],
  asked: string | undefined,
): readonly T[] {
  if (asked === undefined) return all;
  const names = asked.split(",");
  const unknown = names.filter((name) => !all.some((one) => one.name === name));
  if (unknown.length > 0) {
    console.error(`There is no ${unknown.join(", ")}. There are: ${all.map(({ name }) => name).join(", ")}`);
    process.exit(2);
  }
  return all.filter(({ name }) => names.includes(name));
}

const inputs = values.inputs ?? null;
const startedAt = performance.now();

/** What was run before of the same code. */
function kept(): { readonly cells: readonly Cell[]; readonly elapsedMs: number } {
  const none = { cells: [], elapsedMs: 0 };
  if (!existsSync(values.out)) return none;
  const before = JSON.parse(readFileSync(values.out, "utf8")) as typeof none & {
    readonly inputs: string | null;
  };
  return before.inputs === inputs ? before : none;
}

const before = kept();
const cells: Cell[] = [...before.cells];

const stages = new Set<RealStage>();
// A worker that stands still would otherwise stand for ever.
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    void Promise.allSettled([...stages].map((stage) => stage.close())).then(() => process.exit(1));
  });
}

async function play(peer: Peer, fault: Fault): Promise<void> {
  const began = performance.now();
  const stage = await openStage(peer);
  stages.add(stage);
  try {
    const facts = await fault.run(stage);
    const elapsedMs = Math.round(performance.now() - began);
    const cell = cellOf(peer.name, fault, facts, { at: new Date().toISOString().slice(0, 10), elapsedMs });
    cells.push(cell);
    console.log(
      `${peer.name}, ${fault.name}: ${cell.verdict}: ${cell.text} (${Math.round(elapsedMs / 1_000)} s)`,
    );
  } catch (error) {
    console.error(`${peer.name}, ${fault.name}: not looked at: ${String(error)}`);
  } finally {
    await stage.close();
    stages.delete(stage);
  }
  store();
}

function versionOf({ package: name }: Peer): string {
  if (name === null)
    return execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  return versionOfPeer(name);
}

function store(): void {
  const names = PEERS.map(({ name }) => name);
  const inOrder = FAULTS.flatMap((fault) =>
    names.flatMap((peer) => cells.filter((cell) => cell.peer === peer && cell.fault === fault.name)),
  );
  const own = PEERS.filter((peer) => peer.package === null).map(({ name }) => name);
  const proof = {
    part: "peers",
    inputs,
    complete: inOrder.length === PEERS.length * FAULTS.length,
    cellsRun: inOrder.length,
    node: process.version,
    servers: SERVER_SETTINGS,
    peers: PEERS.map((peer) => ({
      name: peer.name,
      package: peer.package,
      version: versionOf(peer),
      settings: peer.settings,
    })),
    faults: FAULTS.map(({ name, title, how }) => ({ name, title, how })),
    violations: inOrder
      // What an engine has no transaction for is not offered, which is said and breaks nothing.
      .filter(({ peer, verdict }) => own.includes(peer) && verdict !== "holds" && verdict !== "none")
      .map(({ peer, fault, text }) => `${peer}, ${fault}: ${text}`),
    cells: inOrder,
    elapsedMs: before.elapsedMs + Math.round(performance.now() - startedAt),
  };
  writeFileSync(values.out, `${JSON.stringify(proof, null, 2)}\n`);
}

const open = chosen(FAULTS, values.fault)
  .flatMap((fault) => chosen(PEERS, values.peer).map((peer) => ({ peer, fault })))
  .filter(({ peer, fault }) => !cells.some((cell) => cell.peer === peer.name && cell.fault === fault.name))
  .reverse();
const lane = async (): Promise<void> => {
  for (let next = open.pop(); next !== undefined; next = open.pop()) await play(next.peer, next.fault);
};
await Promise.all(Array.from({ length: Number(values["at-once"]) }, lane));
store();
for (const engine of ["redis", "postgres"] as const) {
  const names = chosen(PEERS, values.peer)
    .filter((peer) => peer.engine === engine)
    .map(({ name }) => name);
  if (names.length > 0) console.log(`\n${tableOf(names, chosen(FAULTS, values.fault), cells)}`);
}
for (const peer of PEERS) console.log(`${peer.name} ${versionOf(peer)}: ${peer.settings.join("; ")}`);
const { violations, complete } = JSON.parse(readFileSync(values.out, "utf8")) as {
  readonly violations: readonly string[];
  readonly complete: boolean;
};
for (const violation of violations) console.error(violation);
process.exit(violations.length === 0 && complete ? 0 : 1);
