import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const PAGE = "docs/adapters/writing-a-queue.md";
const ROOT = new URL("../../", import.meta.url);

/** Spaces apart: a piece of a function stands further to the left in a page than in its file. */
function plain(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

function read(path: string): string {
  return readFileSync(new URL(path, ROOT), "utf8");
}

const page = read(PAGE);
const port = read("src/core/ports/queue.ts");
const blocks = [...page.matchAll(/^```(\S*) ?(.*)\n([\s\S]*?)^```$/gm)].map(
  ([, language = "", file = "", text = ""]) => ({ language, file, text }),
);

describe(PAGE, () => {
  it("says of each block of code which file it is a piece of", () => {
    const code = blocks.filter(({ language }) => language === "ts");
    expect(code.length).toBeGreaterThan(4);
    expect(code.filter(({ file }) => file === "")).toEqual([]);
  });

  it.each(blocks.filter(({ file }) => file !== ""))("shows $file as it is", ({ file, text }) => {
    expect(plain(read(file))).toContain(plain(text));
  });

  it("names every method of the port", () => {
    const bodies = ["Queue", "Delivery"].map(
      (name) => new RegExp(`export interface ${name} {\\n([\\s\\S]*?)\\n}`).exec(port)?.[1] ?? "",
    );
    const methods = [...bodies.join("\n").matchAll(/^ {2}(?:readonly )?(\w+)\??(?=\(|: \{)/gm)].map(
      ([, name]) => name,
    );
    expect(methods).toEqual(expect.arrayContaining(["send", "deadLetters", "backlog", "extend"]));
    expect(methods.filter((name) => !new RegExp(`\\b${String(name)}\\b`).test(page))).toEqual([]);
  });

  it("names every capability", () => {
    const [, body = ""] = /export interface QueueCapabilities {\n([\s\S]*?)\n}/.exec(port) ?? [];
    const capabilities = [...body.matchAll(/readonly (\w+)\??:/g)].map(([, name]) => name);
    expect(capabilities).toContain("visibilityMs");
    expect(capabilities.filter((name) => !page.includes(`| \`${String(name)}\``))).toEqual([]);
  });

  it("is right about the size of its example", () => {
    const lines = ["small-queue.ts", "scripts.ts"].map(
      (file) => read(`examples/small-queue/${file}`).split("\n").length,
    );
    expect(lines.reduce((sum, each) => sum + each, 0)).toBeLessThan(260);
  });

  it("leads to files that are there", () => {
    const links = [...page.matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(([, link = ""]) => link);
    const missing = links.filter(
      (link) => !link.includes("://") && !existsSync(new URL(link, new URL(PAGE, ROOT))),
    );
    expect(links.length).toBeGreaterThan(1);
    expect(missing).toEqual([]);
  });
});
