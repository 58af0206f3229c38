// The library and the benchmark as JavaScript: measured is code as it is shipped, not as a loader makes it on the fly
// (one that keeps the names of functions makes every closure dear).
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));

/** Inside node_modules, so that the drivers are found from there. */
export const built = fileURLToPath(new URL("../node_modules/.cache/waybill-bench/", import.meta.url));

/** Contestants that measure another build of Waybill too. */
const WAYBILL = /^waybill-(memory|sqlite|postgres|redis)\.ts$/;

/**
 * The contestants of Waybill once more, on the sources of another checkout. What they compose is the same in both builds;
 * what was named differently then is put right here.
 */
function onSourcesOf(before) {
  const sources = join(before, "src");
  if (!existsSync(join(sources, "index.ts"))) throw new Error(`${before} is no checkout of Waybill`);
  return {
    name: "before",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^before:/ }, ({ path }) => ({
        path: join(here, "contestants", path.slice("before:".length)),
        namespace: "before",
      }));
      onResolve({ filter: /^\./, namespace: "before" }, ({ path, importer }) => {
        const file = resolve(dirname(importer), path).replace(/\.js$/, ".ts");
        const source = relative(join(here, "../src"), file);
        if (!source.startsWith("..")) return { path: join(sources, source) };
        return { path: file, ...(dirname(file) === dirname(importer) ? { namespace: "before" } : {}) };
      });
      onLoad({ filter: /.*/, namespace: "before" }, ({ path }) => ({
        contents: readFileSync(path, "utf8"),
        loader: "ts",
        resolveDir: dirname(path),
      }));
    },
  };
}

/** @param before - a checkout of another commit; `null`: none is measured */
export async function buildBench(outdir = built, before = null) {
  const files = readdirSync(`${here}contestants`);
  const entryPoints = ["main", "lib/child", ...files.map((file) => `contestants/${file.slice(0, -3)}`)].map(
    (path) => ({ in: `${path}.ts`, out: path }),
  );
  if (before !== null) {
    for (const file of files.filter((name) => WAYBILL.test(name)))
      entryPoints.push({ in: `before:${file}`, out: `contestants/before/${file.slice(0, -3)}` });
  }
  await build({
    absWorkingDir: here,
    entryPoints,
    outdir,
    plugins: before === null ? [] : [onSourcesOf(before)],
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
