// A worker was killed, and its job stayed "active" for hours, or for ever (taskforcesh/bullmq#652, graphile/worker#204, #449,
// pg-boss#208).
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { createWaybill } from "../../src/core/create-waybill.js";
import type { AnyStore } from "../../src/core/ports/store.js";
import { postgresStore } from "../../src/postgres.js";
import { sqliteStore } from "../../src/sqlite.js";
import { openDatabase, temporaryFile } from "../integration/sqlite-driver.js";
import { postgresMissing, postgresServer } from "../support/postgres-server.js";
import { sqliteDatabase } from "./naive/database.js";
import { JobTable, SCHEMA } from "./naive/job-table.js";
import { MEANS } from "./support/means.js";
import { regression } from "./support/regression.js";
import type { Open } from "./support/system.js";
import { EMBEDDED, sampleKind } from "./support/waybill-build.js";
import { must, Workshop } from "./support/workshop.js";

/** How often somebody repairs. */
const REPAIRS_IN_A_LEASE = 6;

/** Killed with a message in hand. Another worker is there, and somebody repairs as often as can be wished for. */
async function withMessages(open: Open): Promise<readonly string[]> {
  const system = await open({ queue: true });
  const { time, leaseMs } = system;
  const workshop = new Workshop();
  const killed = await system.process("killed");
  killed.work(workshop.open);
  const id = await time.run((await system.process("api")).submit());
  must(await time.until(() => workshop.by("killed") !== undefined, leaseMs), "the work began");
  await time.pass(leaseMs / 2);
  // It never goes on: to everybody else that is the same as its end.
  killed.freeze();
  (await system.process("survivor")).work(workshop.quick);

  const repairer = await system.process("repairer");
  const everyMs = leaseMs / REPAIRS_IN_A_LEASE;
  const completedWithin = async (boundMs: number): Promise<boolean> => {
    for (let passedMs = 0; passedMs <= boundMs; passedMs += everyMs) {
      if ((await system.truth(id))?.status === "COMPLETED") return true;
      await time.pass(everyMs);
      await time.run(repairer.repair());
    }
    return (await system.truth(id))?.status === "COMPLETED";
  };
  if (await completedWithin(leaseMs + everyMs + 1_000)) return [];
  if (await completedWithin(leaseMs * 100)) return ["the job of a killed worker was recovered too late"];
  return ["the job of a killed worker was never recovered"];
}

regression("kill9-recovers-within-bound, a message in hand", {
  scenario: withMessages,
  naive: ["the job of a killed worker was never recovered"],
  // The bound is exact, as only a fake clock is.
  builds: EMBEDDED,
});

const CHILD = fileURLToPath(new URL("support/worker-child.ts", import.meta.url));
const TIMEOUT_MS = 120_000;
/** For a build that never recovers: a lease and the pause of the reconciler, several times over. */
const NAIVE_WAIT_MS = 4 * (MEANS.real.leaseMs + 500);
/** For ours: the exact bound is told on the fake clock above; here two busy cores may take their time. */
const OURS_WAIT_MS = 90_000;
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

interface WorkerChild {
  readonly process: ChildProcess;
  said(line: string): Promise<void>;
}

function startWorker(args: readonly string[]): WorkerChild {
  const child = spawn(process.execPath, ["--import", "tsx", CHILD, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const seen: string[] = [];
  const output = createInterface({ input: child.stdout });
  output.on("line", (line) => seen.push(line));
  return {
    process: child,
    said: async (line) => {
      while (!seen.includes(line)) await once(output, "line");
    },
  };
}

/** The worker is killed at its job, and started again, as any supervisor does. Nobody else does anything. */
async function killedAndRestarted(
  args: readonly string[],
  isCompleted: () => Promise<boolean>,
  waitMs: number,
): Promise<boolean> {
  const first = startWorker([...args, "never"]);
  await first.said("began");
  const ended = once(first.process, "exit");
  first.process.kill("SIGKILL");
  await ended;
  const second = startWorker([...args, "soon"]);
  await second.said("working");
  const giveUpAt = Date.now() + waitMs;
  while (Date.now() < giveUpAt) {
    if (await isCompleted()) return true;
    await sleep(50);
  }
  return false;
}

async function onOurs(store: AnyStore, args: readonly string[]): Promise<void> {
  const kind = sampleKind(MEANS.real);
  const waybill = createWaybill({ jobs: [kind], store });
  await store.migrate?.();
  const { id } = await waybill.submit(kind, {}).unwrap();
  const isCompleted = async (): Promise<boolean> => (await waybill.get(kind, id))?.status === "COMPLETED";
  expect(await killedAndRestarted(args, isCompleted, OURS_WAIT_MS)).toBe(true);
  const { events = [] } = (await waybill.history(id)) ?? {};
  expect(events.filter(({ type }) => type === "job.completed").length).toBe(1);
  await waybill.close();
}

describe("kill9-recovers-within-bound, SIGKILL and a restart", () => {
  it("shows on a naive build", { timeout: TIMEOUT_MS }, async () => {
    const file = temporaryFile();
    const db = openDatabase(file.path);
    db.exec("pragma journal_mode = wal");
    const table = new JobTable(sqliteDatabase(db));
    db.exec(SCHEMA);
    await table.insert("job-1", null);
    await table.setStatus("job-1", "QUEUED");
    const isCompleted = async (): Promise<boolean> => (await table.find("job-1"))?.status === "COMPLETED";
    expect(await killedAndRestarted(["naive", "sqlite", file.path], isCompleted, NAIVE_WAIT_MS)).toBe(false);
    // Its sweeper is a script of its own, and it runs where somebody thought of it.
    expect((await table.find("job-1"))?.status).toBe("PROCESSING");
    db.close();
    file.remove();
  });

  it("does not happen to Waybill on SQLite", { timeout: TIMEOUT_MS }, async () => {
    const file = temporaryFile();
    const db = openDatabase(file.path);
    await onOurs(sqliteStore({ db, busyTimeoutMs: 20_000 }), ["waybill", "sqlite", file.path]);
    db.close();
    file.remove();
  });

  it.skipIf(postgresMissing() !== null)(
    "does not happen to Waybill on Postgres",
    { timeout: TIMEOUT_MS },
    async () => {
      const server = await postgresServer();
      const schema = server.schema();
      const store = postgresStore({ client: server.pool(), schema });
      await onOurs(store, ["waybill", "postgres", `${String(server.port)}/${schema}`]);
    },
  );
});
