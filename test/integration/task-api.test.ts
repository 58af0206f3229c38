import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { postgresMissing, postgresServer } from "../support/postgres-server.js";

const EXAMPLE = new URL("../../examples/task-api/", import.meta.url);

interface Task {
  readonly id: string;
  readonly status: string;
  readonly word: string;
  readonly output?: { readonly words: number; readonly frequent: readonly { word: string; times: number }[] };
}

/** What its processes are given to find their store by. */
interface Place {
  readonly env: Readonly<Record<string, string>>;
  remove(): Promise<void>;
}

async function sqliteFile(): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), "waybill-task-api-"));
  return {
    env: { TASKS_DB: join(folder, "tasks.db") },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** An empty server: the example makes its own tables. It is stopped with this file. */
async function postgresDatabase(): Promise<Place> {
  const { port } = await postgresServer();
  return {
    env: { DATABASE_URL: `postgres://postgres@127.0.0.1:${String(port)}/postgres` },
    remove: async () => undefined,
  };
}

let address: string;

async function ask(
  path: string,
  init: RequestInit = {},
): Promise<{ readonly response: Response; readonly body: Task }> {
  const response = await fetch(`${address}${path}`, init);
  return { response, body: (await response.json()) as Task };
}

function post(text: unknown, headers: Readonly<Record<string, string>> = {}): ReturnType<typeof ask> {
  return ask("/tasks", { method: "POST", body: JSON.stringify({ text }), headers });
}

async function finished(id: string): Promise<Task> {
  for (;;) {
    const { body } = await ask(`/tasks/${id}`);
    if (body.status === "COMPLETED" || body.status === "FAILED") return body;
    await sleep(50);
  }
}

/** The whole story, told on one store. */
function taskApiOn(open: () => Promise<Place>): void {
  const children: ChildProcess[] = [];
  let place: Place;

  /** Starts a process of the example and waits for its first line. */
  async function start(file: string): Promise<string> {
    const script = fileURLToPath(new URL(file, EXAMPLE));
    const { DATABASE_URL: _, ...env } = process.env;
    const child = spawn(process.execPath, ["--import", "tsx", script], {
      env: { ...env, ...place.env },
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.push(child);
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    return line.toString().trim();
  }

  beforeAll(async () => {
    place = await open();
    address = await start("api.ts");
  }, 60_000);

  afterAll(async () => {
    for (const child of children) {
      // One that has died by itself has no second end to wait for.
      const ended = child.exitCode === null && child.signalCode === null ? once(child, "exit") : null;
      child.kill("SIGTERM");
      await ended;
      expect(child.exitCode).toBe(0);
    }
    await place.remove();
  }, 30_000);

  it("answers 202 before anybody works, and shows the result when a worker in another process has stored it", async () => {
    const { response, body } = await post("A rose is a rose is a rose.");
    expect(response.status).toBe(202);
    expect(response.headers.get("location")).toBe(`/tasks/${body.id}`);
    expect(body).toMatchObject({ status: "QUEUED", word: "pending" });
    await start("worker.ts");
    const done = await finished(body.id);
    expect(done).toMatchObject({ status: "COMPLETED", word: "completed", output: { words: 8 } });
    expect(done.output?.frequent[0]).toEqual({ word: "a", times: 3 });
    expect(JSON.stringify(done)).not.toContain("A rose");
  }, 30_000);

  it("answers a repeated key with the same task, and another text under it with 409", async () => {
    const first = await post("one", { "idempotency-key": "k" });
    expect((await post("one", { "idempotency-key": "k" })).body.id).toBe(first.body.id);
    expect((await post("two", { "idempotency-key": "k" })).response.status).toBe(409);
  });

  it("refuses what the schema does not take, and what is not there", async () => {
    expect((await post(7)).response.status).toBe(422);
    expect((await ask("/tasks", { method: "POST", body: "no json" })).response.status).toBe(422);
    expect((await ask("/tasks/no-such-task")).response.status).toBe(404);
    expect((await ask("/elsewhere")).response.status).toBe(404);
  });

  it("shows nobody the tasks of another", async () => {
    const { body } = await post("mine", { "x-user": "ann" });
    expect((await ask(`/tasks/${body.id}`, { headers: { "x-user": "bob" } })).response.status).toBe(404);
    const bobs = await ask("/tasks", { headers: { "x-user": "bob" } });
    expect(bobs.body).toEqual({ tasks: [], next: null });
    const anns = await ask("/tasks", { headers: { "x-user": "ann" } });
    expect(anns.body).toMatchObject({ tasks: [{ id: body.id }] });
  });
}

describe("the task API on a SQLite file", () => {
  taskApiOn(sqliteFile);
});

describe.skipIf(postgresMissing() !== null)("the task API on Postgres", () => {
  taskApiOn(postgresDatabase);

  it("keeps its tasks there, and goes on when its idle connections are ended", async () => {
    const { body } = await post("three words here");
    const done = await finished(body.id);
    const pool = (await postgresServer()).pool();
    const { rows } = await pool.query("select status from waybill.job where id = $1", [done.id]);
    expect(rows).toEqual([{ status: "COMPLETED" }]);
    const ended = await pool.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'",
    );
    expect(ended.rowCount).toBeGreaterThan(1);
    // Each process hears of the loss when it hears of it; the one call in between may still meet a dead connection.
    await expect.poll(async () => (await ask(`/tasks/${done.id}`)).response.status).toBe(200);
    expect(await finished((await post("and one more")).body.id)).toMatchObject({ status: "COMPLETED" });
  }, 30_000);
});
