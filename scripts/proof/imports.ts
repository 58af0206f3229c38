import { buildSync } from "esbuild";

/**
 * The files of the repository that some scripts load, themselves included: what esbuild would put into one bundle.
 *
 * @param leftOut - files that are never loaded though an `import()` names them
 */
export function importedBy(
  root: string,
  scripts: readonly string[],
  leftOut: readonly string[] = [],
): readonly string[] {
  const { metafile } = buildSync({
    absWorkingDir: root,
    entryPoints: [...scripts],
    outdir: "nowhere",
    bundle: true,
    write: false,
    metafile: true,
    platform: "node",
    format: "esm",
    packages: "external",
    // An import is not left out because the package says that its files have no effects of their own.
    ignoreAnnotations: true,
    external: leftOut.map((file) => `${root}/${file}`),
    logLevel: "silent",
  });
  return Object.keys(metafile.inputs).sort();
}
