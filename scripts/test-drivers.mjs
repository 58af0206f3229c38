// `npm run test:drivers`: the tests of the SQLite store on every driver that this machine has. libsql is always there and is
// what `npm test` uses; the others are looked for, and what is left out is said with its reason.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { ensureDependencies, root } from "./ensure-deps.mjs";

ensureDependencies();

const require = createRequire(import.meta.url);
const tests = ["test/conformance/sqlite-store.test.ts", "test/integration/sqlite-"];

const drivers = [
  { name: "libsql", open: () => new (require("libsql"))(":memory:") },
  { name: "better-sqlite3", open: () => new (require("better-sqlite3"))(":memory:") },
  { name: "node:sqlite", open: () => new (require("node:sqlite").DatabaseSync)(":memory:") },
];

/** Why a driver cannot be used here; null: it can. */
function missing({ open }) {
  try {
    open().close();
    return null;
  } catch (error) {
    const [reason] = String(error?.message ?? error).split("\n");
    return reason;
  }
}

function run({ name }) {
  const vitest = join(dirname(require.resolve("vitest/package.json")), "vitest.mjs");
  const { status } = spawnSync(process.execPath, [vitest, "run", ...tests], {
    cwd: root,
    env: { ...process.env, SQLITE_DRIVER: name },
    stdio: "inherit",
  });
  return status === 0;
}

const lines = [];
for (const driver of drivers) {
  const reason = missing(driver);
  if (reason !== null) {
    lines.push(`left out  ${driver.name}: ${reason} (Node ${process.version})`);
    // The one driver that is installed with the project: without it nothing was tested.
    if (driver.name === "libsql") process.exitCode = 1;
    continue;
  }
  console.log(`\n── ${driver.name} on Node ${process.version}`);
  const passed = run(driver);
  lines.push(`${passed ? "passed  " : "FAILED  "}  ${driver.name}`);
  if (!passed) process.exitCode = 1;
}
console.log(`\n${lines.join("\n")}`);
