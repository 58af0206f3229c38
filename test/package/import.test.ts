import { expect, it } from "vitest";
import { installedPackage, projectWith } from "./support/installed-package.js";
import { mustRun } from "./support/run.js";

/** Prints the names that each entry exports, by specifier. */
const PRINT = "console.log(JSON.stringify(names));";

async function exportedNames(files: Record<string, string>): Promise<Record<string, string[]>> {
  const [main = ""] = Object.keys(files);
  const stdout = await mustRun(await projectWith({ files }), process.execPath, "--throw-deprecation", main);
  return JSON.parse(stdout) as Record<string, string[]>;
}

async function specifiers(): Promise<string[]> {
  return (await installedPackage()).entries.map(({ specifier }) => specifier);
}

it("loads every entry with import and with require, with the same names", async () => {
  const list = JSON.stringify(await specifiers());
  const imported = await exportedNames({
    "main.mjs": `const names = {};
      for (const name of ${list}) names[name] = Object.keys(await import(name)).sort();
      ${PRINT}`,
  });
  const required = await exportedNames({
    "main.cjs": `const names = {};
      for (const name of ${list}) names[name] = Object.keys(require(name)).sort();
      ${PRINT}`,
  });
  expect(Object.keys(imported)).toEqual(await specifiers());
  expect(required).toEqual(imported);
  for (const names of Object.values(imported)) expect(names).not.toEqual([]);
});

it("loads both copies into one process", async () => {
  const names = await exportedNames({
    "main.mjs": `import { createRequire } from "node:module";
      const require = createRequire(import.meta.url);
      const names = {};
      for (const name of ${JSON.stringify(await specifiers())}) {
        const [one, other] = [await import(name), require(name)];
        names[name] = Object.keys(one).filter((key) => !(key in other));
      }
      ${PRINT}`,
  });
  expect(Object.values(names).flat()).toEqual([]);
});

/** What each entry says of itself to require and, loaded as a file of CommonJS, to import. */
interface Marked {
  readonly marked: boolean;
  readonly keys: readonly string[];
  readonly missing: readonly string[];
  readonly defaultIsAll: boolean;
}

it("is marked as a module for require, so that mocks look behind its getters, and imports from ESM as before", async () => {
  const project = await projectWith({
    files: {
      "main.mjs": `import { createRequire } from "node:module";
        import { pathToFileURL } from "node:url";
        const require = createRequire(import.meta.url);
        const names = {};
        for (const name of ${JSON.stringify(await specifiers())}) {
          const required = require(name);
          const imported = await import(pathToFileURL(require.resolve(name)).href);
          names[name] = {
            marked: required.__esModule === true,
            keys: Object.keys(required).filter((key) => key === "__esModule" || key === "default"),
            missing: Object.keys(required).filter((key) => imported[key] !== required[key]),
            defaultIsAll: imported.default === required,
          };
        }
        ${PRINT}`,
    },
  });
  const stdout = await mustRun(project, process.execPath, "--throw-deprecation", "main.mjs");
  const found = JSON.parse(stdout) as Record<string, Marked>;
  const expected: Marked = { marked: true, keys: [], missing: [], defaultIsAll: true };
  expect(found).toEqual(Object.fromEntries((await specifiers()).map((name) => [name, expected])));
});

it("says its own version", async () => {
  const stdout = await mustRun(
    await projectWith({ files: { "main.cjs": 'console.log(require("waybill/package.json").name);' } }),
    process.execPath,
    "main.cjs",
  );
  expect(stdout.trim()).toBe("waybill");
});
