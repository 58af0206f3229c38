import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

export interface Build {
  /** Modules of this folder whose exports are functions. Each becomes a `.cjs` file of the package. */
  readonly entries: readonly string[];
  readonly folder: string;
  /** Left out, as where a layer was expected to bring it, the package begins without a database driver. */
  readonly withDriver: boolean;
}

/** Packs modules and all that they import into one folder, which is the whole deployment package. */
export async function buildLambda({ entries, folder, withDriver }: Build): Promise<string> {
  await mkdir(folder, { recursive: true });
  await build({
    entryPoints: entries.map((entry) => fileURLToPath(new URL(entry, import.meta.url))),
    outdir: folder,
    outExtension: { ".js": ".cjs" },
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    minify: true,
    // `pg` asks for its native part and does without.
    external: withDriver ? ["pg-native"] : ["pg", "pg-native"],
    logLevel: "error",
  });
  return folder;
}
