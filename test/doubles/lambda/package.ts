import { build } from "esbuild";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const REPOSITORY = fileURLToPath(new URL("../../..", import.meta.url));

export interface PackageOptions {
  /** The module whose exports are the handlers. */
  readonly entry: string;
  readonly folder: string;
  /** Modules that are not packed: the function must find them by itself. */
  readonly external?: readonly string[];
}

/** Packs a module and all that it imports into `index.cjs`, as a deployment package without a `node_modules`. */
export async function packFunction({ entry, folder, external = [] }: PackageOptions): Promise<void> {
  await mkdir(folder, { recursive: true });
  await build({
    entryPoints: [entry],
    outfile: join(folder, "index.cjs"),
    absWorkingDir: REPOSITORY,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    external: [...external],
    logLevel: "error",
  });
}
