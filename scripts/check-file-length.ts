/**
 * No file in src is longer than 400 lines: beyond that it holds two ideas.
 *
 * ESLint says the same in the editor, about TypeScript; this also reads SQL, Lua and whatever else is there.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const LIMIT = 400;

const tooLong = readdirSync("src", { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name))
  .map((path) => ({ path, lines: readFileSync(path, "utf8").replace(/\n$/, "").split("\n").length }))
  .filter(({ lines }) => lines > LIMIT);

for (const { path, lines } of tooLong) console.error(`${path}: ${lines} lines, at most ${LIMIT}`);
process.exitCode = tooLong.length === 0 ? 0 : 1;
