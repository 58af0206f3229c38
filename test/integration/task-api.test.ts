import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const EXAMPLE = new URL("../../examples/task-api/", import.meta.url);

interface Task {
  readonly id: string;
  readonly status: string;
  readonly word: string;
  readonly output?: { readonly words: number; readonly frequent: readonly { word: string; times: number }[] };
}

let folder: string;
let address: string;
const children: ChildProcess[] = [];

/** Starts a process of the example and waits for its first line. */
async function start(file: string): Promise<string> {
  const script = fileURLToPath(new URL(file, EXAMPLE));
  const { DATABASE_URL: _, ...env } = process.env;
  const child = spawn(process.execPath, ["--import", "tsx", script], {
    env: { ...env, TASKS_DB: join(folder, "tasks.db") },
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return line.toString().trim();
}

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

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "waybill-task-api-"));
  address = await start("api.ts");
}, 30_000);

afterAll(async () => {
  for (const child of children) {
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    await ended;
    expect(child.exitCode).toBe(0);
  }
  await rm(folder, { recursive: true, force: true });
}, 30_000);

describe("the task API", () => {
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
});
