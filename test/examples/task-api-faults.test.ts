import { SendMessageCommand } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PermanentError } from "waybill";
import { task } from "../../examples/task-api/task.job.js";
import { postgresMissing } from "../support/postgres-server.js";
import { openTasksBench, type TasksBench } from "./task-api-bench.js";

const PATIENCE = { timeout: 20_000, interval: 100 };

describe.skipIf(postgresMissing() !== null)("the task API, when something fails", () => {
  let bench: TasksBench;
  beforeAll(async () => {
    bench = await openTasksBench();
  });
  afterAll(() => bench.close());

  it("a task that is run again is a new job at its own version 1, and the row follows it", async () => {
    const { post, row, work, waybill } = bench;
    const id = await post("again");
    await work({
      handler: task.handle(() => {
        throw new PermanentError("no disk");
      }),
    });
    await waybill.flush();
    const failed = await row(id);
    expect(failed).toMatchObject({ status: "failed", result: null });
    const again = await waybill.rerun(task, failed?.jobId ?? "").unwrap();
    await waybill.flush();
    // By its version alone the row would stand still: the new one has begun anew.
    expect(again.version).toBeLessThan(failed?.version ?? 0);
    expect(await row(id)).toMatchObject({ status: "pending", jobId: again.id });
    await work();
    expect(await row(id)).toMatchObject({ status: "completed", jobId: again.id, result: { title: "again" } });
    expect((await waybill.get(task, failed?.jobId ?? ""))?.status).toBe("FAILED");
  });

  it("what a notifier was telling when it died is told by the next one", async () => {
    const { post, row, work, waybill, pool } = bench;
    const id = await post("told late");
    await waybill.flush();
    const holder = await pool.connect();
    await holder.query("begin");
    await holder.query("select * from tasks where id = $1 for update", [id]);
    // The row cannot be written: the function does the task, and its time ends before the row follows.
    const working = work({ remainingMs: 4_000 });
    const waiting = async (): Promise<readonly number[]> => {
      const { rows } = await pool.query<{ pid: number }>(
        "select pid from pg_stat_activity where wait_event_type = 'Lock' and query like '%update tasks%'",
      );
      return rows.map(({ pid }) => pid);
    };
    const jobId = (await row(id))?.jobId ?? "";
    await expect.poll(async () => (await waybill.get(task, jobId))?.status, PATIENCE).toBe("COMPLETED");
    await expect.poll(async () => (await waiting()).length, PATIENCE).toBeGreaterThan(0);
    for (const pid of await waiting()) await pool.query("select pg_terminate_backend($1)", [pid]);
    await working;
    expect(await row(id)).toMatchObject({ status: "pending" });
    await holder.query("rollback");
    holder.release();
    await expect
      .poll(async () => {
        await waybill.reconcile();
        return (await row(id))?.status;
      }, PATIENCE)
      .toBe("completed");
    expect(await row(id)).toMatchObject({ jobId, result: { title: "told late" } });
    const { items } = await waybill.undelivered();
    expect(items).toEqual([]);
  });

  it.each([true, false])(
    "a message that nobody can read spares its batch, with partial responses: %s",
    async (reportBatchItemFailures) => {
      const { post, row, work, sqs, client, waybill } = bench;
      const before = (await waybill.parked()).items.length;
      const first = await post("one");
      const QueueUrl = sqs.queueUrl("tasks");
      await client.send(
        new SendMessageCommand({ QueueUrl, MessageBody: `no envelope ${String(reportBatchItemFailures)}` }),
      );
      const second = await post("two");
      const batches = await work({ reportBatchItemFailures });
      expect(batches.map(({ messageIds, kept }) => [messageIds.length, kept])).toEqual([[3, []]]);
      for (const id of [first, second]) {
        const done = await row(id);
        expect(done?.status).toBe("completed");
        expect((await waybill.get(task, done?.jobId ?? ""))?.attempt).toBe(1);
      }
      expect((await waybill.parked()).items).toHaveLength(before + 1);
      expect(sqs.counts("tasks")).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
    },
  );

  it("kindest naive build: one bad task runs its neighbours again, and all lie among dead letters", async () => {
    const { sqs, client, pool, databaseUrl, mapping } = bench;
    const redrive = { deadLetterTargetArn: "", maxReceiveCount: 5 };
    sqs.createQueue("naive-dead");
    redrive.deadLetterTargetArn = sqs.queueArn("naive-dead");
    sqs.createQueue("naive-tasks", { VisibilityTimeout: "0", RedrivePolicy: JSON.stringify(redrive) });
    process.env["DATABASE_URL"] = databaseUrl;
    process.env["TASK_MS"] = "1";
    const { createNaiveTables, createNaiveTask, kindHandler } =
      await import("../../examples/task-api/naive.js");
    await createNaiveTables(pool);
    for (const title of ["one", "two", "three"])
      await createNaiveTask(pool, client, sqs.queueUrl("naive-tasks"), { title });
    const bad = JSON.stringify({ taskId: "no number", title: "bad", description: null });
    await client.send(new SendMessageCommand({ QueueUrl: sqs.queueUrl("naive-tasks"), MessageBody: bad }));
    let runs = 0;
    const mapped = mapping("naive-tasks", {
      reportBatchItemFailures: false,
      invoke: async (event) => {
        const { Records } = event as Parameters<typeof kindHandler>[0];
        runs += Records.filter(({ body }) => body !== bad).length;
        return kindHandler({ Records }).then(
          (answer) => ({ status: "answered", body: JSON.stringify(answer) }),
          (error: unknown) => ({ status: "failed", body: String(error) }),
        );
      },
    });
    while ((await mapped.pollOnce()) !== null);
    expect(sqs.counts("naive-tasks")).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
    // Three were done at the first receive, and are among the dead letters all the same.
    expect(sqs.counts("naive-dead").visible).toBe(4);
    expect(runs).toBe(15);
    // The batch was given up at the bad one, while its neighbours were still at work.
    const statuses = async (): Promise<readonly string[]> => {
      const { rows } = await pool.query<{ status: string }>("select status from naive_tasks");
      return rows.map(({ status }) => status);
    };
    await expect.poll(statuses, { timeout: 20_000 }).toEqual(["completed", "completed", "completed"]);
  });
});
