// Every entry by import, and by require where there is one: prints those whose names differ or are none.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { exports } = JSON.parse(readFileSync("node_modules/waybill/package.json", "utf8"));
const wrong = [];
for (const name of Object.keys(exports)) {
  if (name === "./package.json") continue;
  const specifier = `waybill${name.slice(1)}`;
  const imported = Object.keys(await import(specifier)).sort();
  const required = Object.keys(require(specifier)).sort();
  if (imported.length === 0 || String(imported) !== String(required)) wrong.push(specifier);
}
console.log(JSON.stringify(wrong));
