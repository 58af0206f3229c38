// The library and the benchmark as JavaScript: measured is code as it is shipped, not as a loader makes it on the fly
// (one that keeps the names of functions makes every closure dear).
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));

/** Inside node_modules, so that the drivers are found from there. */
export const built = fileURLToPath(new URL("../node_modules/.cache/waybill-bench/", import.meta.url));

export async function buildBench(outdir = built) {
  const contestants = readdirSync(`${here}contestants`).map((file) => `contestants/${file}`);
  await build({
    absWorkingDir: here,
    entryPoints: ["main.ts", "lib/child.ts", ...contestants],
    outdir,
    outbase: here,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    packages: "external",
    target: "node20",
    logLevel: "warning",
  });
}
