import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { DEFAULT_POLICY } from "../../src/core/defaults.js";
import { FAILURE_REASONS } from "../../src/core/define/words/failure-reasons.js";

const ROOT = new URL("../../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, ROOT), "utf8");
const plain = (text: string): string => text.replace(/\s+/g, " ").trim();
const page = read("docs/jobs.md");

/** The fields of an interface, as its file declares them. */
function fieldsOf(file: string, name: string): readonly string[] {
  const [, body = ""] = new RegExp(`interface ${name}\\b[^]*? {\\n([^]*?)\\n}`).exec(read(file)) ?? [];
  return [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, field = ""]) => field);
}

/** What a table of the page says of an option. */
const cellsOf = (option: string): readonly string[] =>
  (new RegExp(`^\\| \`${option}\` +\\|(.*)\\|$`, "m").exec(page)?.[1] ?? "").split("|").map(plain);

describe("docs/jobs.md", () => {
  it("shows pieces of examples, as they are", () => {
    const blocks = [...page.matchAll(/^```ts (.+)\n([\s\S]*?)^```$/gm)];
    expect(blocks).toHaveLength([...page.matchAll(/^```ts/gm)].length);
    for (const [, file = "", text = ""] of blocks) expect(plain(read(file))).toContain(plain(text));
  });

  it.each([
    ["src/core/define/job-options.ts", "JobOptions", 19],
    ["src/core/api/submit.ts", "SubmitOptions", 9],
  ])("has a row for each option of %s", (file, name, count) => {
    const options = fieldsOf(file, name);
    expect(options).toHaveLength(count);
    expect(options.filter((option) => cellsOf(option).length < 2)).toEqual([]);
  });

  it.each(["RunContext", "LaunchContext", "TrackingContext"])("names all of a handler's %s", (name) => {
    const fields = fieldsOf("src/core/define/handler-context.ts", name);
    expect(fields.length).toBeGreaterThan(0);
    expect(fields.filter((field) => !new RegExp(`\\b${field}\\b`).test(page))).toEqual([]);
  });

  it("says the defaults as they are", () => {
    const { retry, leaseMs, retainMs, pollEveryMs, pollCapMs, awaitTimeoutMs, maxMetadataBytes } =
      DEFAULT_POLICY;
    const { maxCheckpointBytes, progressEveryMs } = DEFAULT_POLICY;
    const said = {
      attempts: cellsOf("retry")[0],
      waits: /`baseMs` \((.*?)\) and `capMs` \((.*?)\)/.exec(page)?.slice(1),
      lease: cellsOf("leaseMs")[0],
      retained: cellsOf("retainMs")[0],
      polls: /after `pollEveryMs` \((.*?)\)/.exec(page)?.[1],
      pollsAtMost: /ever more seldom, up to (.*?) +\|/.exec(page)?.[1],
      external: /After `timeoutMs` \((.*?)\)/.exec(page)?.[1],
      metadata: /yours, at most (.*?);/.exec(page)?.[1],
      checkpoint: /resolves, at most (.*?);/.exec(page)?.[1],
      progress: /written at most (.*?);/.exec(page)?.[1],
    };
    expect(said).toEqual({
      attempts: `${String(retry.maxAttempts)} attempts`,
      waits: [`${String(retry.baseMs / 1_000)} s`, `${String(retry.capMs / 60_000)} min`],
      lease: `${String(leaseMs / 1_000)} s`,
      retained: `${String(retainMs / 86_400_000)} days`,
      polls: `${String(pollEveryMs / 1_000)} s`,
      pollsAtMost: `${String(pollCapMs / 60_000)} min`,
      external: `${String(awaitTimeoutMs / 3_600_000)} h`,
      metadata: `${String(maxMetadataBytes / 1_024)} KiB`,
      checkpoint: `${String(maxCheckpointBytes / 1_024)} KiB`,
      progress: progressEveryMs === 500 ? "twice a second" : "",
    });
  });

  it("leads to pages and headings that are there", () => {
    const links = [...page.matchAll(/\]\(([^)#]*)(?:#([^)]*))?\)/g)];
    expect(links.length).toBeGreaterThan(4);
    for (const [, path = "", heading] of links) {
      const target = path === "" ? "docs/jobs.md" : `docs/${path}`;
      expect([target, existsSync(new URL(target, ROOT))]).toEqual([target, true]);
      const headings = [...read(target).matchAll(/^#+ (.*)$/gm)].map(([, text = ""]) =>
        text
          .toLowerCase()
          .replace(/[^\w -]/g, "")
          .replaceAll(" ", "-"),
      );
      if (heading !== undefined) expect(headings).toContain(heading);
    }
  });
});

it("docs/lifecycle.md has a row for each reason why a job is FAILED, and for no other", () => {
  const [, section = ""] = /^## Why a job is FAILED$([^]*?)^## /m.exec(read("docs/lifecycle.md")) ?? [];
  const listed = [...section.matchAll(/^\| `(\w+)`/gm)].map(([, reason]) => reason);
  expect(listed.sort()).toEqual([...FAILURE_REASONS].sort());
});
