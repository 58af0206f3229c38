import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { create, show } from "../../examples/task-api/api.js";
import { inTransaction } from "../../examples/task-api/tables.js";
import { resultOf, task } from "../../examples/task-api/task.job.js";
import { judge } from "../../examples/task-api/verdict.js";
import { postgresMissing } from "../support/postgres-server.js";
import { openTasksBench, type TasksBench } from "./task-api-bench.js";

const missing = postgresMissing();

describe("the result of a task", () => {
  it("is the title, the instant and the description", () => {
    const now = new Date("2026-01-02T03:04:05.678Z");
    expect(JSON.stringify(resultOf({ title: "Six", description: null }, now))).toBe(
      '{"title":"Six","processedAt":"2026-01-02T03:04:05.678Z","description":null}',
    );
  });
});

describe.skipIf(missing !== null)("the task API's parts", () => {
  let open: TasksBench;
  beforeAll(async () => {
    open = await openTasksBench();
  });
  afterAll(() => open.close());

  const { row, post, work } = {
    row: (id: number) => open.row(id),
    post: (title: string) => open.post(title),
    work: () => open.work(),
  };

  it("answers 202, sends a pointer without title or description, and the row follows to the end", async () => {
    const { sqs } = open;
    sqs.requests.clear();
    const answer = await create(open.waybill, open.pool, {
      title: "secret-title",
      description: "secret-text",
    });
    expect(answer).toMatchObject({ status: 202, body: { status: "pending" } });
    const { id } = answer.body as { readonly id: number };
    expect(answer.headers).toEqual({ location: `/tasks/${String(id)}` });
    expect(await show(open.waybill, open.pool, id)).toMatchObject({
      status: 200,
      body: { status: "pending" },
      headers: { "retry-after": "1" },
    });
    expect(JSON.stringify(sqs.requests.of("SendMessageBatch"))).not.toMatch(/secret-/);
    await work();
    const done = await row(id);
    expect(done).toMatchObject({
      status: "completed",
      result: { title: "secret-title", description: "secret-text" },
    });
    expect(done?.updatedAt.getTime()).toBeGreaterThan(done?.createdAt.getTime() ?? Infinity);
    expect(await show(open.waybill, open.pool, id)).toMatchObject({ body: { job: { word: "completed" } } });
  });

  it("leaves no row, no job and no message of what is refused or rolled back", async () => {
    const counts = async () => {
      const tasks = await open.pool.query("select count(*)::int as n from tasks");
      const jobs = await open.pool.query("select count(*)::int as n from waybill.job");
      return [tasks.rows, jobs.rows, open.sqs.counts("tasks")];
    };
    const at = await counts();
    await expect(create(open.waybill, open.pool, { title: "" })).rejects.toMatchObject({
      code: "input.invalid",
    });
    await expect(
      inTransaction(open.pool, async (tx) => {
        await open.waybill.submit(task, { taskId: 1_000, title: "no" }, { tx }).unwrap();
        throw new Error("the application changed its mind");
      }),
    ).rejects.toThrow("changed its mind");
    expect(await counts()).toEqual(at);
  });

  it("does a task whose API died between commit and dispatch", async () => {
    const jobId = await inTransaction(open.pool, async (tx) => {
      const job = await open.waybill.submit(task, { taskId: 2_000, title: "orphan" }, { tx }).unwrap();
      await tx.query("insert into tasks (id, title, status_job) values (2000, 'orphan', $1)", [job.id]);
      return job.id;
    });
    await expect
      .poll(
        async () => {
          await open.waybill.reconcile();
          return (await open.waybill.get(task, jobId))?.status;
        },
        { interval: 100 },
      )
      .toBe("QUEUED");
    await work();
    expect(await row(2_000)).toMatchObject({ status: "completed" });
  });

  it("answers 202 for a task that is committed, whatever becomes of its dispatch", async () => {
    const away = { ...open.waybill, dispatch: () => refused } as unknown as typeof open.waybill;
    const refused = { unwrap: () => Promise.reject(new Error("the store is out of reach")) };
    const { status, body } = await create(away, open.pool, { title: "committed" });
    expect(status).toBe(202);
    const { id } = body as { readonly id: number };
    await open.waybill.dispatch((await row(id))?.jobId ?? "").unwrap();
    await work();
    expect(await row(id)).toMatchObject({ status: "completed" });
  });

  it("keeps the task when SQS does not answer the send", async () => {
    const { sqs } = open;
    sqs.faults.next("SendMessageBatch", { kind: "lost_before" }, 10);
    const id = await post("unconfirmed");
    sqs.faults.heal();
    const jobId = (await row(id))?.jobId ?? "";
    await expect
      .poll(
        async () => {
          await open.waybill.reconcile();
          await work();
          return (await open.waybill.get(task, jobId))?.status;
        },
        { interval: 100 },
      )
      .toBe("COMPLETED");
  });

  it("is counted by the queries that the page of Postgres shows", async () => {
    const page = readFileSync("docs/adapters/postgres.md", "utf8");
    const [, counts = "", open20 = ""] = /```sql\n(select [^;]*;)\n\n(select [^;]*;)\n```/.exec(page) ?? [];
    const id = await post("to be counted");
    const jobId = (await row(id))?.jobId;
    const { rows } = await open.pool.query<{ id: string; created: Date }>(open20);
    const createdAt = (await open.waybill.get(task, jobId ?? ""))?.createdAt;
    expect(rows.find((each) => each.id === jobId)?.created).toEqual(createdAt);
    await work();
    expect((await open.pool.query(counts)).rows).toContainEqual({
      ...{ kind: "task", status: "COMPLETED", count: expect.stringMatching(/^[1-9]/) as string },
    });
  });

  it("refuses words in capitals, set by hand", async () => {
    const id = await post("by hand");
    await expect(
      open.pool.query("update tasks set status = 'COMPLETED' where id = $1", [id]),
    ).rejects.toThrow("tasks_status_check");
    await work();
  });

  it("never lets a row go back, whatever is told twice or late, and follows a rerun from its version 1", async () => {
    const id = await post("again and again");
    await work();
    const done = await row(id);
    const { tasksRow } = await import("../../examples/task-api/tasks-row.js");
    const notifier = tasksRow(open.pool);
    const event = (jobId: string, version: number, word: string) => ({
      ...{
        id: `${jobId}:${String(version)}`,
        type: "job.started",
        kind: "task",
        subject: `task:${String(id)}`,
      },
      ...{ jobId, version, word, at: new Date() },
    });
    const tell = (...events: ReturnType<typeof event>[]) =>
      notifier.publish(events as never, {
        signal: new AbortController().signal,
        view: async () => null,
      });
    const { jobId = "", version = 0 } = done ?? {};
    await tell(event(jobId, 1, "pending"), event(jobId, version, "processing"));
    expect(await row(id)).toEqual(done);
    // A rerun is a newer job, and begins at version 1.
    const rerun = (await open.waybill.submit(task, { taskId: id, title: "rerun" }).unwrap()).id;
    await open.waybill.flush();
    expect((await row(id))?.jobId).toBe(rerun);
    expect(await row(id)).toMatchObject({ status: "pending", result: null });
    await tell(event(jobId, version + 10, "failed"));
    expect(await row(id)).toMatchObject({ status: "pending", jobId: rerun });
    await work();
    expect(await row(id)).toMatchObject({ status: "completed", result: { title: "rerun" } });
  });

  it("finds a row that says something else than its job, and a task that is not there", async () => {
    const count = async () => Number((await open.pool.query("select * from tasks")).rowCount);
    expect(await judge(open.waybill, open.pool, await count())).toMatchObject({ isTrue: true, wrong: [] });
    expect(await judge(open.waybill, open.pool, (await count()) + 1)).toMatchObject({ isTrue: false });
    await open.pool.query("update tasks set status = 'failed' where id = 2000");
    expect(await judge(open.waybill, open.pool, await count())).toMatchObject({
      isTrue: false,
      wrong: [2_000],
    });
  });
});
