import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { importedBy } from "../../scripts/proof/imports.js";
import { InputFiles } from "../../scripts/proof/inputs.js";
import { PARTS } from "../../scripts/proof/parts.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const TIMEOUT_MS = 120_000;
const run = promisify(execFile);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "waybill-proof-inputs-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function inputsOf(name: string): readonly string[] {
  const part = PARTS.find((each) => each.name === name);
  if (part === undefined) throw new Error(`there is no part ${name}`);
  return new InputFiles(ROOT).filesOf(part.inputs);
}

/** The repository's files that the engine of a script and of its children really ran, by what they report at their end. */
async function loadedBy(script: string, args: readonly string[]): Promise<readonly string[]> {
  const reports = join(folder, "reports");
  const env = { ...process.env, NODE_V8_COVERAGE: reports, NODE_OPTIONS: "" };
  await run(process.execPath, ["--import", "tsx", script, ...args], { cwd: ROOT, env });
  const urls = readdirSync(reports).flatMap((name) => {
    const { result } = JSON.parse(readFileSync(join(reports, name), "utf8")) as {
      readonly result: readonly { readonly url: string }[];
    };
    return result.map(({ url }) => url);
  });
  const files = urls
    .filter((url) => url.startsWith("file:"))
    .map((url) => relative(ROOT, fileURLToPath(url.replace(/[?#].*$/, ""))))
    .filter((file) => !file.startsWith("..") && !file.split("/").includes("node_modules"));
  return [...new Set(files)].sort();
}

describe("a part whose inputs are what its script imports", () => {
  const scripts: Readonly<Record<string, readonly string[]>> = {
    explore: ["--task", "family A2"],
    simulate: ["--seeds", "2", "--steps", "60"],
  };

  it("is one of those that are looked at here", () => {
    const imports = PARTS.filter(({ inputs }) => "imports" in inputs).map(({ name }) => name);
    expect(imports).toEqual(Object.keys(scripts));
  });

  it.each(Object.entries(scripts))(
    "loads its inputs and no other file: %s",
    { timeout: TIMEOUT_MS },
    async (name, args) => {
      const script = `scripts/proof-${name}.ts`;
      const loaded = await loadedBy(script, [...args, "--out", join(folder, "out.json")]);
      expect(loaded).toContain(script);
      expect(loaded).toEqual(inputsOf(name));
    },
  );
});

const STORES = ["sqlite", "postgres", "redis", "dynamodb"];

/** Files of stores that a part says nothing of: a script imports them and does not use them. */
function isOfOther(store: string, file: string): boolean {
  return STORES.some(
    (other) =>
      other !== store &&
      new RegExp(`^(src/adapters/${other}/|src/${other}\\.ts|test/integration/${other}-)`).test(file),
  );
}

describe("a part whose inputs are written down", () => {
  const QUEUES = ["sqs", "rabbitmq"];

  /** What the processes of a torture load: of the stores and queues that can be told, these only. */
  function loadedInTorture(store: string, queue: string | null, script = "proof-torture"): readonly string[] {
    const others = [
      ...STORES.filter((each) => each !== store).map((each) => `test/torture/${each}-torture.ts`),
      ...QUEUES.filter((each) => each !== queue).map((each) => `test/torture/pairing/${each}-torture.ts`),
    ];
    return importedBy(ROOT, [`scripts/${script}.ts`, "test/torture/worker-child.ts"], others);
  }

  it.each(["sqlite", "postgres", "redis"])("has all that torture loads on %s", (store) => {
    const needed = loadedInTorture(store, null);
    expect(needed).toContain(`src/adapters/${store}/store.ts`);
    expect(missing(needed, `torture-${store}`)).toEqual([]);
  });

  const pairs = ["postgres", "redis", "dynamodb"].flatMap((store) =>
    QUEUES.map((queue) => ({ store, queue })),
  );
  it.each(pairs)("has all that torture loads on $store with $queue", ({ store, queue }) => {
    const needed = loadedInTorture(store, queue);
    expect(needed).toContain(`src/adapters/${store}/store.ts`);
    expect(needed).toContain(`src/adapters/${queue}/queue.ts`);
    expect(missing(needed, `torture-${store}-${queue}`)).toEqual([]);
  });

  it.each(["postgres", "redis"])("has all that torture at its full size loads on %s", (store) => {
    const needed = loadedInTorture(store, "sqs", "proof-closing");
    expect(needed).toContain(`src/adapters/${store}/store.ts`);
    expect(missing(needed, `closing-${store}`)).toEqual([]);
  });

  it.each(["memory", ...STORES])("has all that guard deletion loads on %s", (store) => {
    const campaign = store === "memory" ? "memory-campaign" : "campaign";
    const scripts = ["scripts/proof-guard-deletion.ts", `test/guard-deletion/${campaign}.ts`];
    const needed = importedBy(ROOT, scripts).filter((file) => !isOfOther(store, file));
    expect(missing(needed, `guard-deletion-${store}`)).toEqual([]);
    expect(inputsOf(`guard-deletion-${store}`)).toContain(`src/adapters/${store}/store.ts`);
  });

  it("has all that the n-th failure and its tests load", { timeout: TIMEOUT_MS }, async () => {
    const config = "test/nth-failure/catches/vitest.config.ts";
    const args = [
      resolve(ROOT, "node_modules/vitest/vitest.mjs"),
      "list",
      "--filesOnly",
      "--json",
      "--config",
      config,
    ];
    const { stdout } = await run(process.execPath, args, { cwd: ROOT });
    const listed = JSON.parse(stdout) as readonly { readonly file: string }[];
    // These are about the inputs, and about nothing in the library.
    const tests = listed
      .map(({ file }) => relative(ROOT, file))
      .filter((file) => !/\/proof-[a-z]+\.test\.ts$/.test(file));
    expect(tests.length).toBeGreaterThan(50);
    const scripts = [
      "scripts/proof-nth-failure.ts",
      "test/nth-failure/campaign/campaign.ts",
      "test/nth-failure/catches/setup.ts",
    ];
    expect(missing(importedBy(ROOT, [...tests, ...scripts, config]), "nth-failure")).toEqual([]);
  });

  function missing(needed: readonly string[], part: string): readonly string[] {
    const inputs = new Set(inputsOf(part));
    return needed.filter((file) => !inputs.has(file));
  }
});
