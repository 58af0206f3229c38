// One program under each TypeScript, in each way to resolve modules, with the declarations of the library checked as well.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync } from "node:fs";
import { describe, it } from "node:test";

const COMPILERS = ["5.4", "5.6", "5.8", "5.9", "6.0", "7.0"];
const SETTINGS = {
  nodenext: ["--module", "nodenext"],
  bundler: ["--module", "esnext", "--moduleResolution", "bundler"],
};
const COMMON = [
  "--noEmit",
  "--strict",
  "--exactOptionalPropertyTypes",
  "--target",
  "es2022",
  "--types",
  "node",
];

copyFileSync("app.mts", "app.cts");

for (const compiler of COMPILERS) {
  describe(`TypeScript ${compiler}`, () => {
    for (const [name, settings] of Object.entries(SETTINGS)) {
      for (const file of name === "nodenext" ? ["app.mts", "app.cts"] : ["app.mts"]) {
        it(`TypeScript ${compiler}, ${name}, ${file}`, () => {
          const args = [`node_modules/ts-${compiler}/bin/tsc`, ...COMMON, ...settings, file];
          const { stdout, status } = spawnSync(process.execPath, args, { encoding: "utf8" });
          assert.equal(status, 0, stdout);
        });
      }
    }
  });
}
