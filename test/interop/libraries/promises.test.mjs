// Programs whose promises are another library's.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, it } from "node:test";

describe("promises", () => {
  for (const library of ["bluebird", "zone.js"]) {
    it(`${library}: schemas, handlers and stores that give its promises are awaited`, () => {
      assert.equal(execFileSync(process.execPath, ["job.mjs", library], { encoding: "utf8" }).trim(), "42");
    });
  }
});
