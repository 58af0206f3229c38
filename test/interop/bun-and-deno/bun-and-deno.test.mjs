// The packed tarball on runtimes that are not Node: every entry, a job on each store that needs no server, routes and client.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, it } from "node:test";

const RUNTIMES = {
  bun: ["node_modules/@oven/bun-linux-x64/bin/bun", []],
  deno: [
    "node_modules/@deno/linux-x64-glibc/deno",
    ["run", "--allow-all", "--node-modules-dir=manual", "--no-lock"],
  ],
};

for (const [name, [command, args]] of Object.entries(RUNTIMES)) {
  describe(name, () => {
    const run = (...more) =>
      execFileSync(command, [...args, ...more], {
        encoding: "utf8",
        timeout: 120_000,
        env: { ...process.env, NO_COLOR: "1" },
      }).trim();

    it(`${name}: loads every entry, by import and by require`, () => {
      assert.equal(run("load.mjs"), "[]");
    });
    it(`${name}: runs a job on the memory store`, () => {
      assert.equal(run("job.mjs", "memory"), "42");
    });
    it(`${name}: runs a job on its own SQLite`, () => {
      assert.equal(run("job.mjs", "sqlite"), "42");
    });
    it(`${name}: serves jobs, and follows one as a client`, () => {
      assert.equal(run("live.mjs"), "42");
    });
  });
}
