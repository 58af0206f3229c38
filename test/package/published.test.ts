import { readdir, readFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { expect, it } from "vitest";
import { installedPackage } from "./support/installed-package.js";
import { repository } from "./support/run.js";

it("satisfies publint, warnings and suggestions included", async () => {
  const { folder } = await installedPackage();
  const { messages, pkg } = await publint({ pkgDir: folder, level: "suggestion", strict: true });
  expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
});

it("has types that are right in every resolution mode", async () => {
  const { tarball } = await installedPackage();
  const analysis = await checkPackage(createPackageFromTarballData(await readFile(tarball)));
  expect(analysis.types && "problems" in analysis ? analysis.problems : ["no types found"]).toEqual([]);
});

it("ships what is built, its licence, its notes and the page that errors point to, and nothing else", async () => {
  const files = await shipped();
  const meant =
    /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|docs\/(errors|PROTOCOL)\.md|dist\/(webhook\/)?[\w-]+\.(c?js(\.map)?|d\.c?ts))$/;
  expect(files.filter((file) => !meant.test(file))).toEqual([]);
  expect(files).toEqual(expect.arrayContaining(["README.md", "LICENSE", "CHANGELOG.md", "docs/errors.md"]));
});

it("ships every file that exports names, and no file that none of them leads to", async () => {
  const { folder, entries } = await installedPackage();
  const named = entries.flatMap(({ files }) => Object.values(files).flatMap(Object.values<string>));
  const reached = new Set<string>();
  const visit = async (file: string): Promise<void> => {
    if (reached.has(file)) return;
    reached.add(file);
    const text = await readFile(join(folder, file), "utf8");
    for (const [, next = ""] of text.matchAll(/(?:from|require\(|import\(|import)\s*["'](\.[^"']+)["']/g)) {
      const target = relative(folder, resolve(folder, file, "..", next));
      await visit(/\.d\.c?ts$/.test(file) ? target.replace(/(c?)js$/, "d.$1ts") : target);
    }
  };
  for (const file of named) await visit(relative(".", file));

  const built = (await shipped()).filter((file) => file.startsWith("dist/") && !file.endsWith(".map"));
  expect([...reached].sort()).toEqual(built.sort());
});

it("marks hooks and components for the client, in both formats", async () => {
  const { folder } = await installedPackage();
  for (const file of ["react.js", "react.cjs"]) {
    expect(await readFile(join(folder, "dist", file), "utf8")).toMatch(/^"use client";/);
  }
});

it("offers the same entries to old resolution (typesVersions) and to this repository (paths)", async () => {
  const { manifest, entries } = await installedPackage();
  const inFull = Object.keys(manifest.typesVersions["*"]).map((name) => `waybill/${name}`);
  expect(["waybill", ...inFull]).toEqual(entries.map(({ specifier }) => specifier));

  const tsconfig = await readFile(join(repository, "tsconfig.json"), "utf8");
  const paths = [...tsconfig.matchAll(/"(waybill[^"]*)": \["/g)].map(([, name]) => name);
  expect(paths).toEqual(entries.map(({ specifier }) => specifier));
});

async function shipped(): Promise<string[]> {
  const { folder } = await installedPackage();
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  return files
    .filter((file) => file.isFile())
    .map((file) => relative(folder, join(file.parentPath, file.name)).replaceAll("\\", "/"));
}
