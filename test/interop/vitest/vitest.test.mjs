// Vitest over programs that use the packed tarball: its verdict is ours.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";

/** What a run must end with: a file that was not found, or a test that was skipped, is no proof. */
const ALL = /Tests +7 passed \(7\)/;

describe("vitest", () => {
  for (const [name, env, args] of [
    ["real timers", {}, []],
    ["fake timers everywhere", { FAKE_TIMERS: "1" }, []],
    ["jsdom", {}, ["--environment=jsdom"]],
    ["jsdom, fake timers everywhere", { FAKE_TIMERS: "1" }, ["--environment=jsdom"]],
    ["threads that share their modules", {}, ["--pool=threads", "--no-isolate"]],
  ]) {
    it(`vitest, ${name}: mocks, a job, and the kit of tests`, () => {
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        ["node_modules/vitest/vitest.mjs", "run", "--no-color", ...args],
        { encoding: "utf8", timeout: 120_000, env: { ...process.env, ...env } },
      );
      assert.equal(status, 0, stdout + stderr);
      assert.match(stdout, ALL);
    });
  }
});
