/**
 * `npm run interop`, or `npm run interop -- receivers react-18` for some cases alone: Waybill in other people's programs.
 *
 * A case is a folder of `test/interop` with a package.json of its own, whose packages are pinned and installed on demand,
 * outside the checkout, together with the packed tarball. Its `doubles` are bundled beside its tests, as `NAME.mjs`. Its `*.test.mjs` run under Node's own test runner. What was tried, with
 * which versions, and what came of it is written to `proof/interop.json`.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { build } from "esbuild";
import { format, resolveConfig } from "prettier";
import { InputFiles } from "./proof/inputs.js";

const CASES = "test/interop";
const RESULT = "proof/interop.json";
const INSTALL = [
  "install",
  "--prefer-offline",
  "--no-audit",
  "--no-fund",
  "--ignore-scripts",
  "--loglevel=error",
];

interface CaseResult {
  /** The digest of the library and of the case, as they were run. */
  readonly inputs: string;
  readonly node: string;
  /** Versions that were installed. */
  readonly packages: Readonly<Record<string, string>>;
  readonly passed: readonly string[];
  readonly failed: readonly string[];
}

function npm(folder: string, ...args: readonly string[]): void {
  execFileSync("npm", args, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
}

function pack(into: string): string {
  npm(".", "run", "--silent", "build");
  const args = ["pack", "--json", "--ignore-scripts", "--pack-destination", into];
  const [packed] = JSON.parse(execFileSync("npm", args, { encoding: "utf8" })) as [{ filename: string }];
  return join(into, packed.filename);
}

/** Tests by their names as Node's runner reports them in TAP; a suite is not one. */
function readTap(text: string): Pick<CaseResult, "passed" | "failed"> {
  const passed: string[] = [];
  const failed: string[] = [];
  for (const [, no, name = "", about = ""] of text.matchAll(
    /^ *(not )?ok \d+ - (.+)\n( *---\n[^]*?\n *\.\.\.)/gm,
  ))
    if (!about.includes("type: 'suite'")) (no ? failed : passed).push(name);
  return { passed, failed };
}

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  /** Doubles of the repository that a case needs. */
  readonly doubles?: Readonly<Record<string, string>>;
}

function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
}

/** The packages of a double are the case's own: it is to stand beside what the case installs. */
async function bundleDoubles({ doubles = {} }: Manifest, folder: string): Promise<void> {
  for (const [name, source] of Object.entries(doubles)) {
    const outfile = join(folder, `${name}.mjs`);
    await build({
      entryPoints: [source],
      outfile,
      bundle: true,
      format: "esm",
      platform: "node",
      packages: "external",
    });
  }
}

async function runCase(name: string, folder: string, tarball: string, inputs: string): Promise<CaseResult> {
  cpSync(join(CASES, name), folder, { recursive: true });
  npm(folder, ...INSTALL, "--no-save", tarball);
  const manifest = manifestOf(folder);
  await bundleDoubles(manifest, folder);
  const packages = Object.fromEntries(
    Object.keys(manifest.dependencies ?? {}).map((dependency) => [dependency, versionOf(folder, dependency)]),
  );
  const { stdout, stderr, status } = spawnSync(process.execPath, ["--test", "--test-reporter=tap"], {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  const found = readTap(stdout);
  if (status !== 0) console.error(`${stdout}\n${stderr}`);
  // A runner that ends badly without a failed test, or that ran none, has shown nothing.
  const isBroken = found.failed.length === 0 && (status !== 0 || found.passed.length === 0);
  return {
    inputs,
    node: process.version,
    packages,
    ...found,
    ...(isBroken ? { failed: [`${name} did not run`] } : {}),
  };
}

function versionOf(folder: string, dependency: string): string {
  const path = join(folder, "node_modules", dependency, "package.json");
  return (JSON.parse(readFileSync(path, "utf8")) as { readonly version: string }).version;
}

async function write(results: Readonly<Record<string, CaseResult>>): Promise<void> {
  const config = await resolveConfig(RESULT);
  const sorted = Object.fromEntries(Object.entries(results).sort(([a], [b]) => a.localeCompare(b)));
  writeFileSync(RESULT, await format(JSON.stringify(sorted), { ...config, parser: "json" }));
}

async function main(asked: readonly string[]): Promise<void> {
  const all = readdirSync(CASES, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? [entry.name] : [],
  );
  const unknown = asked.filter((name) => !all.includes(name));
  if (unknown.length > 0) throw new Error(`There is no case ${unknown.join(", ")}. Cases: ${all.join(", ")}`);
  const results = (existsSync(RESULT) ? JSON.parse(readFileSync(RESULT, "utf8")) : {}) as Record<
    string,
    CaseResult
  >;
  const scratch = mkdtempSync(join(tmpdir(), "waybill-interop-"));
  try {
    const tarball = pack(scratch);
    for (const name of asked.length === 0 ? all : asked) {
      const doubles = Object.values(manifestOf(join(CASES, name)).doubles ?? {}).map(dirname);
      const inputs = new InputFiles().digestOf({ paths: ["src", join(CASES, name), ...doubles] });
      const result = await runCase(name, join(scratch, name), tarball, inputs);
      results[name] = result;
      console.log(`${name}: ${String(result.passed.length)} passed, ${String(result.failed.length)} failed`);
      for (const failed of result.failed) console.log(`  not ok: ${failed}`);
      if (result.failed.length > 0) process.exitCode = 1;
      await write(results);
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

await main(process.argv.slice(2));
