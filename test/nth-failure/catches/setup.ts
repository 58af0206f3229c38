// Runs before each test file of `vitest.config.ts` beside it: tells which catch branches the file came to.
import { writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { afterAll, expect } from "vitest";
import { watchCatches } from "./watch-catches.js";

const folder = process.env["CATCHES_FOLDER"];
if (folder === undefined) throw new Error("CATCHES_FOLDER says where to tell what was visited.");
const visited = watchCatches();

afterAll(() => {
  const test = relative(process.cwd(), expect.getState().testPath ?? "");
  const name = `${test.replaceAll("/", "+")}.json`;
  writeFileSync(join(folder, name), JSON.stringify({ test, visited: [...visited] }));
});
