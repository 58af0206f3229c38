import { gzipSync } from "node:zlib";
import { build, type Metafile } from "esbuild";
import { expect, it } from "vitest";

/** What a bundle of an entry weighs, gzip, and what went into it. */
async function bundle(
  code: string,
  external: readonly string[] = [],
): Promise<{ bytes: number; inputs: string[] }> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: code, resolveDir: new URL("../..", import.meta.url).pathname, loader: "ts" },
    bundle: true,
    minify: true,
    format: "esm",
    jsx: "automatic",
    platform: "browser",
    external: ["react", ...external],
    metafile: true,
    write: false,
  });
  return { bytes: gzipSync(outputFiles[0]!.contents, { level: 9 }).length, inputs: weighing(metafile) };
}

/** The files that something is left of. */
function weighing({ outputs }: Metafile): string[] {
  return Object.values(outputs).flatMap(({ inputs }) =>
    Object.keys(inputs).filter((file) => inputs[file]!.bytesInOutput > 0),
  );
}

const LATE = "./live/http-link.js";
const KILOBYTE = 1000;

it("needs at most 6 kB before it shows jobs, and 1.5 kB more that are loaded beside the first connection", async () => {
  const client = await bundle(`export { createClient } from "./src/client.js"`, [LATE]);
  const late = await bundle(`export { HttpLink } from "./src/client/live/http-link.js"`);
  const whole = await bundle(`export { createClient } from "./src/client.js"`);
  expect(client.bytes).toBeLessThanOrEqual(6 * KILOBYTE);
  // By itself it brings along what it shares with the rest.
  expect(late.bytes).toBeLessThanOrEqual(3 * KILOBYTE);
  expect(whole.bytes - client.bytes).toBeLessThanOrEqual(1.5 * KILOBYTE);
});

it("adds at most 3 kB for the hooks and 2.5 kB for the components", async () => {
  const hooks = await bundle(`export { createHooks } from "./src/react.js"`);
  const components = await bundle(
    `export { StatusBadge, ProgressIndicator, LoadingSpinner } from "./src/react.js"`,
  );
  expect(hooks.bytes).toBeLessThanOrEqual(3 * KILOBYTE);
  expect(components.bytes).toBeLessThanOrEqual(2.5 * KILOBYTE);
});

it("takes of the core its results and its table of statuses only, and no package", async () => {
  const { inputs } = await bundle(`export * from "./src/client.js"; export * from "./src/react.js"`);
  expect(
    inputs.filter((file) => !/^src\/(client|react)[/.]/.test(file) && file !== "<stdin>").sort(),
  ).toEqual(["src/core/errors/result.ts", "src/core/job/lifecycle.ts"]);
});
