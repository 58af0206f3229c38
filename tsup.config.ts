import { readFileSync } from "node:fs";
import { defineConfig } from "tsup";

const { exports } = JSON.parse(readFileSync("package.json", "utf8")) as { exports: Record<string, unknown> };

// One barrel for each entry of package.json's `exports`: "." is src/index.ts, "./sqlite" is src/sqlite.ts.
const entry = Object.keys(exports)
  .filter((name) => name !== "./package.json")
  .map((name) => `src/${name === "." ? "index" : name.slice(2)}.ts`);

// Dependencies and peers stay imports: tsup leaves what package.json names outside the bundle.
export default defineConfig({
  entry,
  format: ["esm", "cjs"],
  dts: true,
  // Entries share chunks in both formats, so that errors and registries exist once however many are loaded.
  splitting: true,
  // Rollup, which does this, also turns the split chunks into CJS. tsup's default for that (sucrase) rewrites
  // class fields, `?.` and `??` on the way.
  treeshake: true,
  sourcemap: true,
  clean: true,
  target: "node20",
  // `node:sqlite` exists only under that name.
  removeNodeProtocol: false,
});
