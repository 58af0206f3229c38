import { readFileSync, writeFileSync } from "node:fs";
import { defineConfig } from "tsup";

const { exports } = JSON.parse(readFileSync("package.json", "utf8")) as { exports: Record<string, unknown> };

// One barrel for each entry of package.json's `exports`: "." is src/index.ts, "./sqlite" is src/sqlite.ts.
const names = Object.keys(exports)
  .filter((name) => name !== "./package.json")
  .map((name) => (name === "." ? "index" : name.slice(2)));
const entry = names.map((name) => `src/${name}.ts`);

/** No entry of the package: what definitions are made of gets chunks of its own, so that they bundle without the engine. */
const DEFINITIONS = "src/core/define/define-job.ts";

/** What React asks for above a client's module: rollup drops it. On the first line, which keeps the source map's lines. */
function markForClients(): void {
  for (const file of ["dist/react.js", "dist/react.cjs"]) {
    writeFileSync(file, `"use client";${readFileSync(file, "utf8")}`);
  }
}

/** Directives, which must stay the first statements of a file. */
const DIRECTIVES = /^(?:\s*(?:"use [a-z]+"|'use [a-z]+');)*/;
const MARK = 'Object.defineProperty(exports,"__esModule",{value:true});';

/**
 * rollup marks a module of CommonJS only where it has a default export. Without the mark `jest.mock` takes the getters of the
 * exports for a module's own and leaves them out. On the line of the directives, which keeps the source map's lines.
 */
function markAsModules(): void {
  for (const name of names) {
    const file = `dist/${name}.cjs`;
    const text = readFileSync(file, "utf8");
    if (/defineProperty\(exports, ?["']__esModule["']/.test(text)) continue;
    writeFileSync(
      file,
      text.replace(DIRECTIVES, (directives) => directives + MARK),
    );
  }
}

// Dependencies and peers stay imports: tsup leaves what package.json names outside the bundle.
export default defineConfig({
  entry: [...entry, DEFINITIONS],
  format: ["esm", "cjs"],
  dts: true,
  // Entries share chunks in both formats, so that errors and registries exist once however many are loaded.
  splitting: true,
  // Rollup, which does this, also turns the split chunks into CJS. tsup's default for that (sucrase) rewrites
  // class fields, `?.` and `??` on the way.
  // No module acts when it is loaded: a bare import of a chunk would only warn whoever bundles.
  treeshake: { moduleSideEffects: false },
  sourcemap: true,
  clean: true,
  target: "node20",
  // `node:sqlite` exists only under that name.
  removeNodeProtocol: false,
  async onSuccess() {
    markForClients();
    markAsModules();
  },
});
