import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const MAIN = fileURLToPath(new URL("../../examples/index-folder/main.ts", import.meta.url));

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "waybill-demo-test-"));
});
afterEach(() => rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }));

/** Runs the example in a pipe. */
function demo(...args: readonly string[]): Promise<{ readonly code: number; readonly out: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, ["--import", "tsx", MAIN, ...args], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), out: stdout + stderr });
    });
  });
}

describe("the example that indexes a folder", () => {
  it("recovers what a killed worker held, and says so only when it is true of the store", async () => {
    for (let file = 0; file < 12; file += 1) {
      const paragraph = `The lease of job ${String(file)} ends without a sign of life. `.repeat(60);
      await writeFile(
        join(folder, `document-${String(file)}.md`),
        `# Document ${String(file)}\n\n${paragraph}\n`,
      );
    }
    const { code, out } = await demo(folder);
    expect(out).toMatch(/worker-1 was killed \(SIGKILL\) while it held: document-/);
    expect(out).toMatch(/jobs in the store +12\n/);
    expect(out).toMatch(/completed +12\n/);
    expect(out).toMatch(/recovered from the kill +[12]\n/);
    expect(out).toMatch(/outcomes recorded twice +0\n/);
    expect(out).toMatch(/retrying \(lease_lost\)/);
    expect(out).toContain("✓ All of it is true of the store.");
    expect(code, out).toBe(0);
  });

  it("ends with an error where there is nothing to show", async () => {
    const { code, out } = await demo(folder);
    expect(out).toContain("There are only 0 Markdown files");
    expect(code).toBe(1);
  });
});
