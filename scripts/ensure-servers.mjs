// The servers that the tests start for themselves: installed where the machine lacks them and may install, else named.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

const DEBIAN_VERSIONS = "/usr/lib/postgresql";

/** Debian keeps the binaries of Postgres off the PATH, a folder a version, and servers off that of a plain user. */
function folders() {
  const versions = existsSync(DEBIAN_VERSIONS) ? readdirSync(DEBIAN_VERSIONS) : [];
  return [
    ...(process.env.PATH ?? "").split(":"),
    "/usr/sbin",
    ...versions.map((version) => join(DEBIAN_VERSIONS, version, "bin")),
  ];
}

function has(...names) {
  return names.every((name) => folders().some((folder) => existsSync(join(folder, name))));
}

const SERVERS = [
  { name: "Postgres", debian: "postgresql", present: () => has("initdb", "postgres") },
  { name: "PgBouncer", debian: "pgbouncer", present: () => has("pgbouncer") },
];

function install(packages) {
  const options = { stdio: ["ignore", 2, 2], env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } };
  const run = (...args) => spawnSync("apt-get", args, options).status === 0;
  return run("update", "-q") && run("install", "-q", "-y", "--no-install-recommends", ...packages);
}

/** Ends the process with what is missing where it cannot be installed: a test without its server is no test. */
export function ensureServers() {
  const missing = SERVERS.filter(({ present }) => !present());
  if (missing.length === 0) return;
  const packages = missing.map(({ debian }) => debian);
  console.error(`The tests need ${missing.map(({ name }) => name).join(", ")}.`);
  const mayInstall = process.getuid?.() === 0 && has("apt-get");
  if (mayInstall && install(packages) && missing.every(({ present }) => present())) return;
  console.error(`Install it as root: apt-get install ${packages.join(" ")}`);
  process.exit(1);
}
