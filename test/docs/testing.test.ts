import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Fault } from "waybill/testing";

const PAGE = new URL("../../docs/testing.md", import.meta.url);
const ROOT = new URL("../../", import.meta.url);
const page = readFileSync(PAGE, "utf8");
const blocks = [...page.matchAll(/^```ts ?(.*)\n([\s\S]*?)^```$/gm)].map(([, file = "", text = ""]) => ({
  file,
  text,
}));

const FAULTS: Readonly<Record<Fault, true>> = {
  not_applied: true,
  request_lost: true,
  response_lost: true,
  late: true,
  delay: true,
  hang: true,
  hang_applied: true,
};

describe("docs/testing.md", () => {
  it("shows pieces of a file that runs, and nothing else", () => {
    expect(blocks.length).toBeGreaterThan(4);
    const other = blocks.filter(
      ({ file, text }) => !readFileSync(new URL(file, ROOT), "utf8").includes(text),
    );
    expect(other).toEqual([]);
  });

  it("names every fault", () => {
    expect(Object.keys(FAULTS).filter((fault) => !page.includes(fault))).toEqual([]);
  });

  it("leads to files that are there", () => {
    const links = [...page.matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(([, link = ""]) => link);
    expect(links.filter((link) => !existsSync(new URL(link, PAGE)))).toEqual([]);
  });
});
