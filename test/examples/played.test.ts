import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, expect, it, vi } from "vitest";

// Processes on a busy machine take their time.
vi.setConfig({ testTimeout: 60_000 });
const PATIENCE = { timeout: 30_000, interval: 20 };
const PLAYED = fileURLToPath(new URL("played.ts", import.meta.url));

let run: ChildProcess | undefined;
afterEach(() => {
  run?.kill("SIGKILL");
});

/** Starts the run; resolves when its process is there. */
async function played(env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, ["--import", "tsx", PLAYED], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, NO_COLOR: "1", ...env },
  });
  run = child;
  let out = "";
  child.stdout.on("data", (part: Buffer) => (out += part.toString()));
  const ended = new Promise<number | null>((resolve) => {
    child.once("close", resolve);
  });
  await expect.poll(() => out, PATIENCE).toMatch(/process \d+ in \S+ \./);
  const [, pid = "", folder = ""] = /process (\d+) in (\S+) \./.exec(out) ?? [];
  const isAlive = (): boolean => {
    try {
      return process.kill(Number(pid), 0);
    } catch {
      return false;
    }
  };
  return { child, ended, folder, isAlive, out: () => out };
}

it("in a pipe it begins and ends by itself, waits for nobody, and leaves nothing behind", async () => {
  const { ended, folder, isAlive, out } = await played();
  expect(await ended).toBe(0);
  expect(out()).toMatch(/begun\n✓ All is well\.\n$/);
  expect(out()).not.toMatch(/somebody looks|Ctrl-C/);
  expect([existsSync(folder), isAlive()]).toEqual([false, false]);
});

it("on a terminal it waits for somebody who looks, and serves on until Ctrl-C, with what the verdict was", async () => {
  const { child, ended, folder, out } = await played({ ON_TERMINAL: "1" });
  await expect.poll(out, PATIENCE).toContain("It begins when somebody looks, or in 10 s.");
  child.kill("SIGUSR2");
  await expect.poll(out, PATIENCE).toContain("The page is served until Ctrl-C.");
  expect(out()).toMatch(/begun\n✓ All is well\.\n/);
  child.kill("SIGINT");
  expect(await ended).toBe(0);
  expect(existsSync(folder)).toBe(false);
});
