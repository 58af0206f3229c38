import { existsSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";

const repository = new URL("../..", import.meta.url).pathname;
const text = readFileSync(`${repository}docs/compatibility.md`, "utf8");
const named = [...text.matchAll(/`(test\/[^`]+)`/g)].map(([, path = ""]) => path);

it("names tests and cases that are there", () => {
  expect(named.length).toBeGreaterThan(30);
  const missing = named.filter(
    (path) => ![path, `${path}.test.ts`, `${path}.test.tsx`].some((file) => existsSync(repository + file)),
  );
  expect(missing).toEqual([]);
});

it("names in each line by what it was tried", () => {
  const lines = text
    .split("\n\n")
    .filter((block) => block.includes("| tried by"))
    .flatMap((block) => block.split("\n").slice(2));
  expect(lines.length).toBeGreaterThan(40);
  expect(lines.filter((line) => !/`test\/[^`]+`/.test(line))).toEqual([]);
});

it("says nothing of a run of interop that failed, or was never made", () => {
  const results = JSON.parse(readFileSync(`${repository}proof/interop.json`, "utf8")) as Record<
    string,
    { readonly passed: readonly string[]; readonly failed: readonly string[] } | undefined
  >;
  const cases = named.flatMap((path) => /^test\/interop\/(.+)$/.exec(path)?.[1] ?? []);
  expect(cases.length).toBeGreaterThan(5);
  const shown = cases.filter((name) => results[name]?.failed.length === 0 && results[name].passed.length > 0);
  expect(shown).toEqual(cases);
});
