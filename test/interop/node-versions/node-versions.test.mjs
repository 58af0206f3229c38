// The packed tarball on every supported line of Node.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, it } from "node:test";

const LINES = [20, 22, 24, 26];
/** The first line whose own SQLite needs no flag. */
const HAS_SQLITE = 22;

for (const line of LINES) {
  describe(`on Node ${line}`, () => {
    const run = (...args) =>
      execFileSync(`node_modules/node-${line}/bin/node`, ["--throw-deprecation", ...args], {
        encoding: "utf8",
      }).trim();

    it(`is the version that it says`, () => {
      assert.match(run("-p", "process.versions.node"), new RegExp(`^${line}\\.`));
    });

    it(`loads by require`, () => {
      assert.equal(run("load.cjs"), "6");
    });

    it(`runs a job on the memory store`, () => {
      assert.equal(run("job.mjs", "memory"), "42");
    });

    if (line >= HAS_SQLITE)
      it(`runs a job on its own SQLite`, () => {
        assert.equal(run("--disable-warning=ExperimentalWarning", "job.mjs", "sqlite"), "42");
      });
  });
}
