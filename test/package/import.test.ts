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

it("says its own version", async () => {
  const stdout = await mustRun(
    await projectWith({ files: { "main.cjs": 'console.log(require("waybill/package.json").name);' } }),
    process.execPath,
    "main.cjs",
  );
  expect(stdout.trim()).toBe("waybill");
});
