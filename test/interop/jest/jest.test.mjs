// Jest over programs that use the packed tarball: its verdict is ours.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";

describe("jest", () => {
  for (const [name, args] of Object.entries({
    "real timers": [],
    // An emulation of a page, which lacks what Node has: no fetch, no Response, no TextEncoder, no structuredClone.
    jsdom: ["--env=jsdom"],
    "fake timers everywhere": ['--fakeTimers={"enableGlobally":true}'],
  })) {
    it(`jest, ${name}: mocks, a job, and the kit of tests`, () => {
      const { status, stderr } = spawnSync(
        process.execPath,
        ["node_modules/jest/bin/jest.js", "--ci", "--testMatch", "**/*.spec.cjs", ...args],
        { encoding: "utf8", timeout: 120_000 },
      );
      assert.equal(status, 0, stderr);
      assert.match(stderr, /Tests: +4 passed, 4 total/);
    });
  }
});
