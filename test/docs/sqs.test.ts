import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { sqsIamPolicy } from "../../src/sqs.js";

const ROOT = new URL("../../", import.meta.url);
const page = readFileSync(new URL("docs/adapters/sqs.md", ROOT), "utf8");

function read(path: string): string {
  return readFileSync(new URL(path, ROOT), "utf8");
}

describe("docs/adapters/sqs.md", () => {
  it("shows the policy as it is", () => {
    const [, json = ""] = /```json\n([\s\S]*?)```/.exec(page) ?? [];
    const queueArn = "arn:aws:sqs:eu-west-1:123456789012:jobs";
    expect(JSON.parse(json)).toEqual(
      sqsIamPolicy({ queueArn, deadLetterQueueArn: `${queueArn}-dead`, role: "work" }),
    );
  });

  it("lists every finding of the check, with its severity, and no other", () => {
    const made = [...read("src/adapters/sqs/check.ts").matchAll(/(failing|warning)\(\s*"(sqs\.\w+)"/g)].map(
      ([, how, code]) => `${String(code)} ${how === "failing" ? "error" : "warning"}`,
    );
    const listed = [...page.matchAll(/^\| `(sqs\.\w+)` +\| (\w+)/gm)].map(
      ([, code, severity]) => `${String(code)} ${String(severity)}`,
    );
    expect(made.length).toBeGreaterThan(8);
    expect(listed.sort()).toEqual([...new Set(made)].sort());
  });

  it("lists every option", () => {
    const [, names = ""] = /const OPTIONS = \[(.*?)\]/s.exec(read("src/adapters/sqs/settings.ts")) ?? [];
    const options = [...names.matchAll(/"(\w+)"/g)].map(([, name]) => name);
    expect(options).toHaveLength(5);
    expect(options.filter((name) => !page.includes(`| \`${String(name)}\``))).toEqual([]);
  });
});
