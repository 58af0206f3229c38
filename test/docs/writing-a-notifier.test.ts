import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const ROOT = new URL("../../", import.meta.url);

/** Spaces apart: a piece of a function stands further to the left in a page than in its file. */
function plain(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

function read(path: string): string {
  return readFileSync(new URL(path, ROOT), "utf8");
}

function membersOf(name: string): readonly string[] {
  const [, body = ""] =
    new RegExp(`export interface ${name}\\b.*?\\n([\\s\\S]*?)\\n}`).exec(
      read("src/core/ports/notifier.ts"),
    ) ?? [];
  return [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??[(:]/gm)].map(([, member = ""]) => member);
}

describe("docs/transports/writing-a-notifier.md", () => {
  const page = read("docs/transports/writing-a-notifier.md");
  const blocks = [...page.matchAll(/^```ts (.+)\n([\s\S]*?)^```$/gm)].map(([, file = "", text = ""]) => ({
    file,
    text,
  }));

  it.each(blocks)("shows $file as it is", ({ file, text }) => {
    expect(plain(read(file))).toContain(plain(text));
  });

  it("shows the whole of what the notifier does, in under 60 lines", () => {
    expect(blocks.length).toBeGreaterThanOrEqual(3);
    expect(read("examples/small-notifier/small-notifier.ts").trimEnd().split("\n").length).toBeLessThan(60);
  });

  it("names every member of the port, and every answer", () => {
    const members = [...membersOf("Notifier"), ...membersOf("NotifierOptions")];
    expect(members).toEqual(expect.arrayContaining(["publish", "lane", "giveUpAfterMs"]));
    expect(members.filter((member) => !page.includes(`\`${member}\``))).toEqual([]);
    const answers = [...read("src/core/ports/notifier.ts").matchAll(/readonly status: "(\w+)"/g)].map(
      ([, name]) => name,
    );
    expect(answers.length).toBe(4);
    expect(answers.filter((answer) => !page.includes(`- \`${String(answer)}\`:`))).toEqual([]);
  });
});

describe.each(["docs/transports/writing-a-notifier.md", "docs/transports/webhook.md"])("%s", (path) => {
  it("leads to files that are there", () => {
    const links = [...read(path).matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(([, link = ""]) => link);
    const here = links.filter((link) => !link.includes("://"));
    expect(here.filter((link) => !existsSync(new URL(link, new URL(path, ROOT))))).toEqual([]);
  });
});

describe("docs/transports/webhook.md", () => {
  it("names every option and every code", () => {
    const page = read("docs/transports/webhook.md");
    const [, known = ""] =
      /const KNOWN[^[]*\[\s*([\s\S]*?)\]/.exec(
        read("src/transports/webhook/options.ts").replace("(keyof WebhookNotifierOptions)[]", ""),
      ) ?? [];
    const names = [...known.matchAll(/"(\w+)"/g)].map(([, name]) => name);
    expect(names).toContain("allowLocalReceivers");
    const [, codes = ""] =
      /type WebhookVerificationCode =([^;]*);/.exec(read("src/transports/webhook/verify.ts")) ?? [];
    names.push(...[...codes.matchAll(/"(\w+)"/g)].map(([, code]) => code));
    expect(names).toContain("no_match");
    expect(names.filter((name) => !page.includes(`\`${String(name)}\``))).toEqual([]);
  });
});
