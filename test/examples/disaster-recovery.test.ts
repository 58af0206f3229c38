import { spawn } from "node:child_process";
import { describe, expect, it } from "vitest";
import { executionRecord } from "../../examples/disaster-recovery/execution-record.js";
import { recover } from "../../examples/disaster-recovery/recovery.job.js";
import { recovering } from "../../examples/disaster-recovery/recovering.js";
import { createWaybill, memoryStore } from "../../src/index.js";
import { fakeClock } from "../../src/testing/fake-clock.js";

const MAIN = "examples/disaster-recovery/main.ts";
const RUN_WITHIN_MS = 150_000;

function run(...args: readonly string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ["--import", "tsx", MAIN, "--fast", ...args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (part: Buffer) => (output += String(part)));
    child.on("exit", (code) => {
      resolve({ code, output });
    });
  });
}

describe("disaster-recovery, as it is run", () => {
  it(
    "no execution is COMPLETED before six READY servers, whoever is killed",
    { timeout: RUN_WITHIN_MS },
    async () => {
      const { code, output } = await run();
      expect(output).toContain("✓ 1 of 3 plans COMPLETED with 6 READY servers each, 2 are FAILED and name 7");
      expect(output).toMatch(/COMPLETED too early +naive 3 of 3, kindest 3 of 3, Waybill 0 of 3/);
      expect(output).toMatch(/servers launched +naive 18, kindest 18, Waybill 18/);
      expect(output).toMatch(/search +FAILED, 1 of 6: srv-4, \S/);
      expect(output).toMatch(/mail +FAILED, 6 of 6: \S/);
      expect(output).toMatch(/alerts heard +\d+ of servers, \d+ of executions/);
      const [, told, applied] =
        /^✓ .* of (\d+) events (\d+) were applied, \d+ of them after they had come too early/m.exec(output) ??
        [];
      expect(Number(told)).toBe(24);
      expect(Number(applied)).toBeGreaterThan(12);
      expect(output.trimEnd().split("\n").at(-1)).toMatch(/^✓ /);
      expect(code, output.slice(-2_000)).toBe(0);
    },
  );

  it("without the fault all three end well", { timeout: RUN_WITHIN_MS }, async () => {
    const { code, output } = await run("--fault", "none");
    expect(output).toContain("✓ 3 of 3 plans COMPLETED");
    expect(code).toBe(0);
  });
});

const AT = Date.UTC(2025, 0, 1);
const servers = (state: "converting" | "ready" | "failed") =>
  Array.from({ length: 6 }, (_, index) => ({
    ...{ id: `srv-${String(index + 1)}`, state, converted: state === "ready" ? 1 : 0.5 },
    ...{ since: AT, launchedAt: AT + 60_000, note: "" },
  }));
const counters = (state: "converting" | "ready" | "failed") => ({
  ...{ total: 6, pending: 0, launched: 0, converting: 0, ready: 0, failed: 0, [state]: 6 },
  startedAt: AT + 60_000,
  servers: servers(state),
});

/** The record of an execution of which `state` was seen after a quarter of an hour. */
async function recordOf(state: "converting" | "ready" | "failed") {
  const clock = fakeClock();
  const waybill = createWaybill({ jobs: [recover], store: memoryStore(), clock });
  const progress = counters(state);
  const handler = recover.handle({
    run: ({ track }) => track({ drsJobId: "drsjob-1" }),
    poll: () => {
      if (state === "converting") return { state: "open", phase: "converting", progress };
      if (state === "ready") return { state: "done", output: progress, progress };
      return { state: "failed", message: "6 of 6: refused", expose: true, progress };
    },
    pollEveryMs: 900_000,
  });
  const ending = new AbortController();
  const running = waybill.worker([handler]).run({ signal: ending.signal });
  const { id } = await waybill
    .submit(recover, { planId: "billing", type: "DRILL" }, { owner: "ana", id: "execution-1" })
    .unwrap();
  for (let second = 0; second < 920; second += 1) await clock.advance(1_000);
  const job = await waybill.get(recover, id);
  ending.abort();
  for (let second = 0; second < 20; second += 1) await clock.advance(1_000);
  await running;
  return job === null ? null : executionRecord(job);
}

/** Polls come with jitter, so what follows from them is held to ten seconds. */
function held(record: object | null): object | null {
  const polled = ["Duration", "EndTime", "LastUpdatedTime"];
  if (record === null) return null;
  const fields = Object.entries(record).map(([name, value]: [string, unknown]) =>
    polled.includes(name) && typeof value === "number" ? [name, Math.floor(value / 10) * 10] : [name, value],
  );
  return Object.fromEntries(fields) as object;
}

describe("the execution record", () => {
  it.each(["converting", "ready", "failed"] as const)("of six servers %s", async (state) => {
    expect(held(await recordOf(state))).toMatchSnapshot();
  });
});

it("the state of 200 servers fits into what is kept of an execution", async () => {
  const clock = fakeClock();
  const waybill = createWaybill({ jobs: [recover], store: memoryStore(), clock });
  const all = Array.from({ length: 200 }, (_, index) => ({
    ...{ id: `srv-${String(index + 1)}`, state: "converting" as const, converted: 0.99, since: AT },
    ...{ launchedAt: AT, note: "waits for its disk" },
  }));
  const service = {
    launch: async () => "drsjob-1",
    describe: async () => ({ servers: all, expectedEndAt: AT }),
    stop: async () => {},
  };
  const ending = new AbortController();
  const running = waybill.worker([recovering(service, 1_000)]).run({ signal: ending.signal });
  const { id } = await waybill.submit(recover, { planId: "search", type: "RECOVERY" }).unwrap();
  await clock.advance(10_000);
  const job = await waybill.get(recover, id);
  expect(job?.status === "PROCESSING" && job.progress).toMatchObject({ total: 200, converting: 200 });
  ending.abort();
  await clock.runUntil(running);
});
