// `npm run bench`: installs what is compared, where it is missing, builds, measures. See `--help`.
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ensureDependencies } from "../scripts/ensure-deps.mjs";

const folder = (path) => fileURLToPath(new URL(path, import.meta.url));
ensureDependencies();
const { peers } = await import("./install-peers.mjs");
const { buildBench, built } = await import("./build.mjs");
rmSync(built, { recursive: true, force: true });
const { values } = parseArgs({ strict: false, options: { before: { type: "string" } } });
await buildBench(built, values.before ?? null);
const env = {
  ...process.env,
  WAYBILL_BENCH_BUILT: built,
  WAYBILL_BENCH_PEERS: peers,
  WAYBILL_BENCH_RESULTS: folder("results/"),
};
const { status } = spawnSync(process.execPath, [`${built}main.mjs`, ...process.argv.slice(2)], {
  env,
  stdio: "inherit",
});
process.exit(status ?? 1);
