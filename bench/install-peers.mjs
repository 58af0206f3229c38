// Peers are no dependency of the package: they have a folder, a manifest and a lock of their own, and are installed there
// when somebody first compares with them. `node bench/install-peers.mjs`, or by import.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { npmCommand } from "../scripts/ensure-deps.mjs";

export const peers = fileURLToPath(new URL("peers/", import.meta.url));

function areThere() {
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

if (!areThere()) {
  console.error("Installing what is compared (npm ci in bench/peers) …");
  const { command, args, shell } = npmCommand("ci", "--no-audit", "--no-fund", "--loglevel=error");
  const { status } = spawnSync(command, args, { cwd: peers, shell, stdio: ["ignore", 2, 2] });
  if (status !== 0) {
    console.error("npm ci in bench/peers failed.");
    process.exit(status ?? 1);
  }
}
