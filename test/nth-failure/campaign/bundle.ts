import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { build, type Plugin } from "esbuild";

export interface Bundle {
  /** What `node` runs. */
  readonly path: string;
  remove(): void;
}

/** Changes a source file on its way into the bundle; `file` is relative to the root of the repository. */
export type ChangeSource = (file: string, source: string) => string;

/** A server of the tests ends with its test file; in a bundle whoever starts it stops it. */
const NO_TEST_RUNNER: Plugin = {
  name: "no-test-runner",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^vitest$/ }, () => ({ path: "vitest", namespace: "no-test-runner" }));
    onLoad({ filter: /.*/, namespace: "no-test-runner" }, () => ({
      contents: "export const afterAll = () => undefined;",
    }));
  },
};

/**
 * One file from an entry and all that it imports, in a folder of its own. A long campaign so runs on what the sources were
 * when it began, in as many processes as it likes, whatever is edited meanwhile.
 */
export async function bundle(entry: string, change: ChangeSource = (_, source) => source): Promise<Bundle> {
  const folder = mkdtempSync(join(tmpdir(), "waybill-bundle-"));
  symlinkSync(resolve("node_modules"), join(folder, "node_modules"));
  const path = join(folder, "bundle.mjs");
  await build({
    entryPoints: [entry],
    outfile: path,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    packages: "external",
    logLevel: "error",
    plugins: [NO_TEST_RUNNER, changing(change)],
  });
  return {
    path,
    remove: () => {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function changing(change: ChangeSource): Plugin {
  return {
    name: "change-source",
    setup({ onLoad }) {
      onLoad({ filter: /\/src\/.*\.ts$/ }, ({ path }) => ({
        contents: change(relative(process.cwd(), path), readFileSync(path, "utf8")),
        loader: "ts",
      }));
    },
  };
}
