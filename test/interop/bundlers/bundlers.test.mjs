// Every entry of the packed tarball, and a program, through each bundler: what it prints a user reads. Peers stay outside.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, it } from "node:test";
import commonjs from "@rollup/plugin-commonjs";
import { nodeResolve } from "@rollup/plugin-node-resolve";
import * as esbuild from "esbuild";
import { rollup } from "rollup";
import * as vite from "vite";
import webpack from "webpack";

const { exports, peerDependencies } = JSON.parse(readFileSync("node_modules/waybill/package.json", "utf8"));
const ENTRIES = Object.keys(exports)
  .filter((name) => name !== "./package.json")
  .map((name) => `waybill${name.slice(1)}`);
const peers = Object.keys(peerDependencies);
const isPeer = (id) => peers.some((name) => id === name || id.startsWith(`${name}/`));
/** What a page loads. */
const OF_BROWSERS = ["waybill", "waybill/client", "waybill/react"];

// Two files for each entry, and the program.
mkdirSync("in", { recursive: true });
const fileOf = (name) => resolve("in", `${name.replaceAll("/", "-")}.mjs`);
for (const name of ENTRIES) {
  writeFileSync(fileOf(name), `export * from ${JSON.stringify(name)};\n`);
  writeFileSync(
    fileOf(`${name}-one`),
    `import * as all from ${JSON.stringify(name)};\nexport const names = all;\n`,
  );
}
writeFileSync(fileOf("job"), readFileSync("job.mjs", "utf8"));
const files = ["", "-one"].flatMap((suffix) => ENTRIES.map((name) => fileOf(`${name}${suffix}`)));
const pageFiles = OF_BROWSERS.map(fileOf);
const job = fileOf("job");

/** What each bundler says of some files, one line each; it writes the program's bundle to `outfile`. */
const BUNDLERS = {
  async esbuild(entryPoints, platform, outdir) {
    const { warnings } = await esbuild.build({
      ...{ entryPoints, outdir, platform, bundle: true, format: "esm", outExtension: { ".js": ".mjs" } },
      external: peers,
      logLevel: "silent",
    });
    return warnings.map(({ text }) => text);
  },
  async rollup(entryPoints, platform, outdir) {
    const said = [];
    const bundle = await rollup({
      input: entryPoints,
      external: (id) => isPeer(id) || id.startsWith("node:"),
      // A dependency of ours has a file of CommonJS in it.
      plugins: [
        nodeResolve({ browser: platform === "browser", preferBuiltins: platform === "node" }),
        commonjs(),
      ],
      onLog: (level, { message }) => void said.push(`${level}: ${message}`),
    });
    await bundle.write({ dir: outdir, entryFileNames: "[name].mjs", format: "esm" });
    await bundle.close();
    return said;
  },
  async vite(entryPoints, platform, outdir) {
    const said = [];
    const tell = (message) => void said.push(message);
    const customLogger = {
      ...{ info: () => undefined, clearScreen: () => undefined, hasErrorLogged: () => false },
      ...{ warn: tell, warnOnce: tell, error: tell, hasWarned: false },
    };
    await vite.build({
      ...{ configFile: false, customLogger, logLevel: "warn" },
      ssr: { noExternal: true, external: peers },
      build: {
        ...{ outDir: outdir, emptyOutDir: false, minify: false, chunkSizeWarningLimit: 10_000 },
        ...(platform === "node" ? { ssr: true } : {}),
        rollupOptions: {
          input: entryPoints,
          external: isPeer,
          preserveEntrySignatures: "strict",
          output: { entryFileNames: "[name].mjs" },
        },
      },
    });
    return said;
  },
  async webpack(entryPoints, platform, outdir) {
    const entry = Object.fromEntries(entryPoints.map((path) => [path.split("/").at(-1).slice(0, -4), path]));
    const stats = await new Promise((done, failed) => {
      webpack(
        {
          ...{ mode: "production", entry, target: platform === "node" ? "node20" : "web" },
          // Of a size that is too large for a page it would say so; the sizes are judged elsewhere.
          performance: { hints: false },
          externalsType: "module",
          externals: [({ request }, answer) => (isPeer(request) ? answer(null, request) : answer())],
          experiments: { outputModule: true },
          output: {
            path: resolve(outdir),
            filename: "[name].mjs",
            module: true,
            library: { type: "module" },
          },
        },
        (error, result) => (error ? failed(error) : done(result)),
      );
    });
    const { warnings, errors } = stats.toJson();
    return [...warnings, ...errors].map(({ message }) => message);
  },
};

/** Rollup and Vite note it of each package that React's servers are to leave to the page; Vite's plugin for React takes it away. */
const isUseClient = (line) => line.includes('"use client"') && line.includes("react.js");

for (const [name, build] of Object.entries(BUNDLERS)) {
  const bundle = async (...args) => (await build(...args)).filter((line) => !isUseClient(line));
  describe(name, () => {
    it(`${name}: every entry for Node, without a word`, async () => {
      assert.deepEqual(await bundle(files, "node", join("out", name)), []);
    });
    it(`${name}: a program for Node runs as a bundle`, async () => {
      const outdir = join("out", `${name}-job`);
      assert.deepEqual(await bundle([job], "node", outdir), []);
      const said = execFileSync(process.execPath, [join(outdir, "job.mjs")], { encoding: "utf8" });
      assert.equal(said.trim(), "42 true true");
    });
    it(`${name}: what a page loads, without a word`, async () => {
      assert.deepEqual(await bundle(pageFiles, "browser", join("out", `${name}-page`)), []);
    });
  });
}
