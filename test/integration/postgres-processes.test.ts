import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { decodeHistory } from "../../src/core/job/history.js";
import { type PostgresStore, postgresStore } from "../../src/postgres.js";
import { sampleReadyJob } from "../../src/testing/sample-jobs.js";
import { postgresMissing, type PostgresServer, postgresServer } from "../support/postgres-server.js";

const CHILD = fileURLToPath(new URL("postgres-child.ts", import.meta.url));
const TIMEOUT_MS = 120_000;
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

interface Child {
  readonly process: ChildProcess;
  readonly claimed: readonly string[];
  readonly ended: Promise<{ readonly code: number | null; readonly errors: string }>;
  /** Resolves when it has written `n` lines: "loaded", then one for each claim. */
  lines(n: number): Promise<void>;
}

function startChild(server: PostgresServer, schema: string): Child {
  const child = spawn(process.execPath, ["--import", "tsx", CHILD, String(server.port), schema, "7"]);
  children.push(child);
  const claimed: string[] = [];
  let errors = "";
  let seen = 0;
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  const output = createInterface({ input: child.stdout });
  output.on("line", (line) => {
    seen += 1;
    if (seen > 1) claimed.push(...line.split(" "));
  });
  const closed = once(child, "close");
  return {
    process: child,
    claimed,
    ended: closed.then(([code]: unknown[]) => ({ code: code as number | null, errors })),
    lines: async (n) => {
      while (seen < n) {
        const ended = await Promise.race([once(output, "line").then(() => false), closed.then(() => true)]);
        if (ended && seen < n) throw new Error(`the process ended after ${seen} lines: ${errors}`);
      }
    },
  };
}

async function createJobs(store: PostgresStore, count: number): Promise<readonly string[]> {
  const { nowMs } = await store.read({ nowMs: 0, ids: [] });
  const ids = Array.from({ length: count }, (_, index) => `job-${index}`);
  for (let from = 0; from < count; from += 500) {
    const items = ids
      .slice(from, from + 500)
      .map((id) => ({ record: sampleReadyJob({ id }, nowMs), input: "{}" }));
    await store.create({ nowMs, items });
  }
  return ids;
}

async function startTogether(
  count: number,
  server: PostgresServer,
  schema: string,
): Promise<readonly Child[]> {
  const started = Array.from({ length: count }, () => startChild(server, schema));
  for (const child of started) await child.lines(1);
  for (const child of started) child.process.stdin?.end("go\n");
  return started;
}

describe.skipIf(postgresMissing() !== null)("several processes on one Postgres", () => {
  it("claim every job once and complete them all", { timeout: TIMEOUT_MS }, async () => {
    const server = await postgresServer();
    const schema = server.schema();
    const store = postgresStore({ client: server.pool(), schema });
    await store.migrate();
    const ids = await createJobs(store, 3_000);
    const started = await startTogether(3, server, schema);
    for (const { ended } of started) expect(await ended).toEqual({ code: 0, errors: "" });
    const claimed = started.flatMap((child) => child.claimed);
    expect(claimed.length).toBe(ids.length);
    expect(new Set(claimed)).toEqual(new Set(ids));
    expect(started.filter((child) => child.claimed.length > 0).length).toBeGreaterThan(1);
    const { jobs } = await store.read({ nowMs: 0, ids, output: true });
    for (const job of jobs) {
      const { status, fence, version, history, worker } = job!.record;
      expect([status, fence, version]).toEqual(["COMPLETED", 1, 4]);
      expect(decodeHistory(history).map((entry) => entry.version)).toEqual([1, 2, 3, 4]);
      expect(job!.output).toBe(JSON.stringify({ by: worker }));
    }
  });

  it("leave whole batches when one is killed while it works", { timeout: TIMEOUT_MS }, async () => {
    const server = await postgresServer();
    const schema = server.schema();
    const store = postgresStore({ client: server.pool(), schema });
    await store.migrate();
    const ids = await createJobs(store, 7 * 400);
    const [child] = await startTogether(1, server, schema);
    await child!.lines(10);
    child!.process.kill("SIGKILL");
    await child!.ended;
    // Its last statement may still be running.
    await new Promise((resolve) => setTimeout(resolve, 200));
    const { jobs } = await store.read({ nowMs: 0, ids });
    const count = (status: string): number => jobs.filter((job) => job?.record.status === status).length;
    expect(count("PROCESSING")).toBe(7);
    expect(count("COMPLETED") % 7).toBe(0);
    expect(count("QUEUED") + count("COMPLETED") + count("PROCESSING")).toBe(ids.length);
    for (const job of jobs) {
      const versions = decodeHistory(job!.record.history).map((entry) => entry.version);
      expect(versions.length).toBe(job!.record.version);
      expect(job!.record.token !== null).toBe(job!.record.status === "PROCESSING");
    }
  });
});
