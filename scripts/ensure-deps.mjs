// What a fresh clone needs before anything else can run. Plain Node: no dependency exists yet.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const OLDEST_NODE = [20, 19];

export const root = fileURLToPath(new URL("..", import.meta.url));

/** How to start npm: the one that started us, if one did; a shell finds npm.cmd on Windows. */
export function npmCommand(...args) {
  const self = process.env.npm_execpath;
  return self?.endsWith(".js") || self?.endsWith(".cjs")
    ? { command: process.execPath, args: [self, ...args], shell: false }
    : { command: "npm", args, shell: process.platform === "win32" };
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_NODE;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  console.error(`Waybill needs Node ${OLDEST_NODE.join(".")} or newer; this is ${process.versions.node}.`);
  process.exit(1);
}

/**
 * Whether node_modules holds what the lock asks for. npm's own note of what it installed is compared, not file
 * times: a checkout touches those.
 */
function installed() {
  try {
    const read = (path) => JSON.parse(readFileSync(`${root}/${path}`, "utf8")).packages;
    const present = read("node_modules/.package-lock.json");
    // Optional packages are for other platforms, or peers that nobody asked for.
    return Object.entries(read("package-lock.json")).every(
      ([path, { version, optional }]) =>
        path === "" || (present[path] === undefined ? optional === true : present[path].version === version),
    );
  } catch {
    return false;
  }
}

/** Checks Node and installs the locked dependencies unless they are there; ends the process if that fails. */
export function ensureDependencies() {
  checkNode();
  if (installed()) return;
  console.error("Installing dependencies (npm ci) …");
  // The level is set because a silent `npm run` above hands its silence down, and a failure must say why.
  const flags = ["--include=dev", "--no-audit", "--no-fund", "--loglevel=error"];
  const { command, args, shell } = npmCommand("ci", ...flags);
  // npm's words go to stderr: stdout belongs to the command that was asked for.
  const { status, error } = spawnSync(command, args, { cwd: root, shell, stdio: ["inherit", 2, 2] });
  if (status === 0) return;
  console.error(`npm ci failed${error ? `: ${error.message}` : ", see above"}.`);
  process.exit(status ?? 1);
}
