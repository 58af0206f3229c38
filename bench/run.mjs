// `npm run bench`: installs what is compared, where it is missing, builds, measures. See `--help`.
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ensureDependencies, npmCommand } from "../scripts/ensure-deps.mjs";

const folder = (path) => fileURLToPath(new URL(path, import.meta.url));
const peers = folder("peers/");

/** Peers are no dependency of the package: they have a folder, a manifest and a lock of their own. */
function peersAreThere() {
  const packages = (path) => JSON.parse(readFileSync(peers + path, "utf8")).packages;
  try {
    const present = packages("node_modules/.package-lock.json");
    return Object.entries(packages("package-lock.json")).every(
      ([path, { version, optional, peer }]) =>
        path === "" || (present[path]?.version ?? (optional || peer ? version : null)) === version,
    );
  } catch {
    return false;
  }
}

function end(status, what) {
  if (status !== 0) {
    console.error(`${what} failed.`);
    process.exit(status ?? 1);
  }
}

ensureDependencies();
if (!peersAreThere()) {
  console.error("Installing what is compared (npm ci in bench/peers) …");
  const { command, args, shell } = npmCommand("ci", "--no-audit", "--no-fund", "--loglevel=error");
  end(
    spawnSync(command, args, { cwd: peers, shell, stdio: ["ignore", 2, 2] }).status,
    "npm ci in bench/peers",
  );
}
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
