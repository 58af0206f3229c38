import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { decodeHistory } from "../../src/core/job/history.js";
import { redisStore } from "../../src/redis.js";
import { redisMissing, type RedisServer, startRedis } from "./redis-server.js";

const CHILD = fileURLToPath(new URL("relay-child.ts", import.meta.url));
const TIMEOUT_MS = 120_000;
const isMissing = redisMissing() !== null;

let server: RedisServer;
const children: ChildProcess[] = [];

beforeAll(async () => {
  if (!isMissing) server = await startRedis({ settings: { appendonly: "yes" } });
}, TIMEOUT_MS);

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

afterAll(async () => {
  if (!isMissing) await server.stop();
});

interface Child {
  readonly lines: readonly string[];
  readonly ended: Promise<string>;
  ready(): Promise<void>;
  stop(): void;
}

function start(role: string, prefix: string, file: string): Child {
  const child = spawn(process.execPath, ["--import", "tsx", CHILD, role, String(server.port), prefix, file]);
  children.push(child);
  const lines: string[] = [];
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  const output = createInterface({ input: child.stdout });
  output.on("line", (line) => lines.push(line));
  const first = once(output, "line");
  const closed = once(child, "close").then(([code]: unknown[]) => `${String(code)}${errors}`);
  return {
    lines,
    ended: closed,
    async ready() {
      const end = await Promise.race([first.then(() => null), closed]);
      if (end !== null) throw new Error(`it ended: ${end}`);
    },
    stop() {
      child.stdin.end();
    },
  };
}

interface Told {
  readonly jobId: string;
  readonly version: number;
}

describe.skipIf(isMissing)("one process submits, three work, one relays", () => {
  it("tells of every change of every job, each job in order", { timeout: TIMEOUT_MS }, async () => {
    const prefix = server.prefix();
    const file = join(server.folder, "told.txt");
    const [relay, ...workers] = ["relay", "work", "work", "work"].map((role) => start(role, prefix, file));
    for (const child of [relay!, ...workers]) await child.ready();
    const submitter = start("submit", prefix, file);
    expect(await submitter.ended).toBe("0");
    const ids = submitter.lines.slice(1);
    expect(ids).toHaveLength(60);

    const client = server.client();
    const store = redisStore({ client, prefix });
    const records = await settled(store, ids);
    for (const child of [relay!, ...workers]) child.stop();
    for (const child of [relay!, ...workers]) expect(await child.ended).toBe("0");

    const told = new Map<string, number[]>();
    for (const { jobId, version } of linesOf(file)) {
      const versions = told.get(jobId) ?? [];
      // A repetition is allowed; what counts is when it was told first.
      if (!versions.includes(version)) told.set(jobId, [...versions, version]);
    }
    for (const { id, history } of records)
      expect(told.get(id)).toEqual(decodeHistory(history).map(({ version }) => version));
    expect(told.size).toBe(ids.length);
    await store.close();
  });
});

function linesOf(file: string): readonly Told[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Told);
}

/** Final, and delivered: then nobody is to look at a record again. */
async function settled(store: ReturnType<typeof redisStore>, ids: readonly string[]) {
  for (;;) {
    const { jobs } = await store.read({ nowMs: 0, ids });
    const records = jobs.map((job) => job!.record);
    if (records.every(({ status, wakeAt }) => status === "COMPLETED" && wakeAt === null)) return records;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
