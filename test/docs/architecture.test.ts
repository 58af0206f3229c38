import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { expect, it } from "vitest";

const page = readFileSync("docs/ARCHITECTURE.md", "utf8");
const named = [...page.matchAll(/`(src[^`*]*)`/g)].map(([, path]) => path!);

/** Folders that have files of their own. */
function foldersWithFiles(): readonly string[] {
  const files = readdirSync("src", { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return [...new Set(files.map(({ parentPath }) => parentPath))].sort();
}

it("has a line for every folder of src", () => {
  expect(foldersWithFiles().filter((folder) => !page.includes(`| \`${folder}\``))).toEqual([]);
});

it("names no folder and no file that is not there", () => {
  expect(named.length).toBeGreaterThan(50);
  expect(named.filter((path) => !existsSync(path))).toEqual([]);
});

it("names files beside the last path of their line's sentence that are there", () => {
  const missing = page.split("\n\n").flatMap((paragraph) => {
    let folder: string | null = null;
    const absent: string[] = [];
    for (const [, path] of paragraph.matchAll(/`([\w/.-]+\.ts)`/g)) {
      if (path!.includes("/")) folder = dirname(path!);
      else if (folder !== null && !existsSync(`${folder}/${path!}`)) absent.push(`${folder}/${path!}`);
    }
    return absent;
  });
  expect(missing).toEqual([]);
});
