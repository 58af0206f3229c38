// What a page shows is copied: a command whose refusal nobody looks at commits what was refused.
import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";

const ROOT = new URL("../../", import.meta.url);
const PAGES = [
  "README.md",
  ...readdirSync(new URL("docs/", ROOT), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".md"))
    .map((path) => `docs/${path}`),
];

const BLOCK = /```tsx?\n([\s\S]*?)```/g;
/** A command as a statement of its own: what it answers is thrown away, unless `unwrap` makes a refusal an error. */
const UNSEEN =
  /^ *await (?:waybill|core)\.(?:submit|submitMany|cancel|rerun|report|redeliver)\((?!.*\.unwrap\(\)).*$/gm;

it.each(PAGES)("%s shows no command whose refusal is lost", (path) => {
  const page = readFileSync(new URL(path, ROOT), "utf8");
  const blocks = [...page.matchAll(BLOCK)].map(([, block = ""]) => block);
  expect(blocks.flatMap((block) => block.match(UNSEEN) ?? [])).toEqual([]);
});

it("knows a command whose refusal is lost", () => {
  const lines = ["submit(a, b, { tx });", "submit(a, b, { tx }).unwrap();"].map(
    (call) => `  await waybill.${call}`,
  );
  expect(lines.join("\n").match(UNSEEN)).toEqual([lines[0]]);
});
