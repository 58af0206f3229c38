import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { runtimeClientMissing } from "../doubles/lambda/runtime-client.js";
import { postgresMissing } from "../support/postgres-server.js";

const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));
const missing = postgresMissing() ?? (await runtimeClientMissing());

/** What a run in a pipe prints, and how it ends. */
function run(
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly lines: readonly string[]; readonly stderr: string }> {
  const script = ["--import", "tsx", "examples/task-api/main.ts", "--fast", ...args];
  const { DATABASE_URL: _, AWS_ENDPOINT_URL_SQS: __, ...env } = process.env;
  return new Promise((resolve) => {
    execFile(process.execPath, script, { cwd: REPOSITORY, env }, (error, stdout, stderr) => {
      const code = error === null ? 0 : Number(error.code);
      resolve({ code, lines: stdout.trimEnd().split("\n"), stderr });
    });
  });
}

/** The cells that a row had last. */
function last(lines: readonly string[], name: string): readonly string[] {
  const row = lines.filter((line) => line.includes(` s  ${name}`)).at(-1) ?? "";
  return row
    .slice(row.indexOf(name) + name.length)
    .trim()
    .split(/\s{2,}/);
}

describe.skipIf(missing !== null)("the example task-api", () => {
  it("loses nothing where the naive build acknowledges what it never did", async () => {
    const { code, lines } = await run();
    expect(lines.at(-1)).toBe(
      "✓ 40 of 40 jobs are COMPLETED with one outcome each, and every row says the same.",
    );
    expect(code).toBe(0);
    const [theirs, ours] = last(lines, "rows completed").map(Number);
    expect(ours).toBe(40);
    // All of the first part, and what was under way when the database went.
    expect(theirs).toBeLessThanOrEqual(16);
    const [theirAnswers = "", ourAnswers = ""] = last(lines, "Lambda answered 200");
    expect(theirAnswers.split(" of ")[0]).toBe(theirAnswers.split(" of ")[1]);
    expect(ourAnswers.split(" of ")[0]).not.toBe(ourAnswers.split(" of ")[1]);
    expect(Number(last(lines, "queue 0, unfinished")[0])).toBe(40 - (theirs ?? 0));
    expect(last(lines, "task 6")[0]).toBe("pending");
  }, 120_000);

  it("without its driver alone: the naive build loses what was there before the driver came", async () => {
    const { code, lines } = await run("--fault", "driver");
    expect(lines.at(-1)).toMatch(/^✓ 40 of 40 jobs/);
    expect(code).toBe(0);
    expect(last(lines, "rows completed")).toEqual(["20", "40"]);
    expect(last(lines, "rows pending")).toEqual(["20", "0"]);
    expect(lines.join("\n")).not.toContain("have lost the database");
  }, 120_000);

  it("without its database alone: the naive build loses what was under way, and what came meanwhile", async () => {
    const { code, lines } = await run("--fault", "database");
    expect(lines.at(-1)).toMatch(/^✓ 40 of 40 jobs/);
    expect(code).toBe(0);
    const [theirs, ours] = last(lines, "rows completed").map(Number);
    expect(ours).toBe(40);
    expect(theirs).toBeGreaterThanOrEqual(20);
    expect(theirs).toBeLessThan(40);
    // Each of its messages was answered 200, and is gone.
    expect(last(lines, "messages left, dead")[0]).toBe("0, –");
    expect(Number(last(lines, "queue 0, unfinished")[0])).toBe(40 - (theirs ?? 0));
  }, 120_000);

  it("names the faults that there are", async () => {
    const { code, stderr } = await run("--fault", "rain");
    expect(code).toBe(2);
    expect(stderr).toBe("--fault takes all, none, driver, database; not rain.\n");
  });

  it("without the fault both builds finish every task", async () => {
    const { code, lines } = await run("--fault", "none");
    expect(lines.at(-1)).toMatch(/^✓ 40 of 40 jobs/);
    expect(code).toBe(0);
    expect(last(lines, "rows completed")).toEqual(["40", "40"]);
  }, 120_000);
});
