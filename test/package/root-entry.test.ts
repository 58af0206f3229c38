import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { installedPackage, projectWith } from "./support/installed-package.js";
import { mustRun } from "./support/run.js";

/** What a server pays for `import … from "waybill"` at most, everything included: as measured, rounded up (ADR 0028). */
const CEILING_GZIP_BYTES = 86_784;
/** What a page pays that imports definitions only, without `steps` and with it. As measured; 5,222 was the aim for both. */
const DEFINITIONS_CEILINGS_GZIP_BYTES = { defineJob: 4_672, "defineJob, steps": 4_832 };

/** Packages that the root entry may bring along. xstate and every driver are missing on purpose. */
const COMPANY = ["@noble/hashes", "eventemitter3", "waybill"];

/** Bundles for a browser, where no `node:` builtin resolves. */
async function bundle(
  file: string,
  folder?: string,
): Promise<{ gzipBytes: number; bytes: number; packages: string[] }> {
  const room = folder ?? (await installedPackage()).folder;
  const result = await build({
    entryPoints: [join(room, file)],
    absWorkingDir: room,
    bundle: true,
    minify: true,
    // A CJS entry keeps all that it exports.
    format: file.endsWith(".cjs") ? "cjs" : "esm",
    platform: "browser",
    metafile: true,
    write: false,
    logLevel: "silent",
  });
  const packages = Object.keys(result.metafile.inputs).map((path) => {
    const [, name] = /^.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path) ?? [];
    return name ?? "waybill";
  });
  const [code] = result.outputFiles;
  if (!code) throw new Error("esbuild wrote nothing");
  return {
    bytes: code.contents.byteLength,
    gzipBytes: gzipSync(code.contents).byteLength,
    packages: [...new Set(packages)].sort(),
  };
}

describe.each(["dist/index.js", "dist/index.cjs"])("%s", (file) => {
  it("runs in a browser and loads no driver and no xstate", async () => {
    const { packages } = await bundle(file);
    expect(packages.filter((name) => !COMPANY.includes(name))).toEqual([]);
  });
});

it("is small", async () => {
  const { bytes, gzipBytes } = await bundle("dist/index.js");
  console.log(`root entry, all included: ${bytes} B minified, ${gzipBytes} B gzip`);
  expect(gzipBytes).toBeLessThanOrEqual(CEILING_GZIP_BYTES);
});

it.each(Object.entries(DEFINITIONS_CEILINGS_GZIP_BYTES))(
  "costs a page that imports %s only a fraction of it",
  async (names, ceilingBytes) => {
    const project = await projectWith({ files: { "page.js": `export { ${names} } from "waybill";` } });
    const { bytes, gzipBytes } = await bundle("page.js", project);
    console.log(`${names} alone: ${bytes} B minified, ${gzipBytes} B gzip`);
    expect(gzipBytes).toBeLessThanOrEqual(ceilingBytes);
  },
);

// A time depends on the machine: printed, never judged.
it("says what a cold import costs", async () => {
  const project = await projectWith({
    files: {
      "main.mjs": `const start = performance.now();
        await import("waybill");
        console.log(performance.now() - start);`,
    },
  });
  const times: number[] = [];
  for (let i = 0; i < 5; i++) times.push(Number(await mustRun(project, process.execPath, "main.mjs")));
  times.sort((a, b) => a - b);
  console.log(
    `cold import: median ${times[2]?.toFixed(1)} ms of 5 (${times[0]?.toFixed(1)}–${times[4]?.toFixed(1)})`,
  );
  expect(times).toHaveLength(5);
});
