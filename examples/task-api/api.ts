// The API process: records and shows, never works.
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pathToFileURL } from "node:url";
import type { Pool } from "pg";
import { isFinal, toView } from "waybill";
import { problemOf } from "waybill/http";
import { openWaybill, type TaskWaybill } from "./open-waybill.js";
import { inTransaction, readTask } from "./tables.js";
import { task } from "./task.job.js";

export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface TaskBody {
  readonly title: string;
  readonly description?: string | null;
}

const NOT_FOUND: Answer = { status: 404, body: { code: "not_found", detail: "There is nothing here." } };

/** Row and job are in one transaction: there are both, or there is neither. The message goes out after it. */
export async function create(waybill: TaskWaybill, pool: Pool, body: TaskBody): Promise<Answer> {
  const { id, jobId } = await inTransaction(pool, async (tx) => {
    const { rows } = await tx.query<{ id: number }>(
      "select nextval(pg_get_serial_sequence('tasks', 'id'))::int as id",
    );
    const [{ id: taskId }] = rows as [{ id: number }];
    const job = await waybill.submit(task, { ...body, taskId }, { tx }).unwrap();
    const { title, description } = job.input;
    await tx.query("insert into tasks (id, title, description, status_job) values ($1, $2, $3, $4)", [
      ...[taskId, title, description, job.id],
    ]);
    return { id: taskId, jobId: job.id };
  });
  // The task is committed whatever becomes of this: an error here would have the client post it twice. The reconciler sends it.
  await waybill
    .dispatch(jobId)
    .unwrap()
    .catch((error: unknown) => {
      console.warn("a task will be handed over by the reconciler", error);
    });
  return { status: 202, body: { id, status: "pending" }, headers: { location: `/tasks/${String(id)}` } };
}

/** The row, as other readers see it, and its job. */
export async function show(waybill: TaskWaybill, pool: Pool, id: number): Promise<Answer> {
  const row = Number.isSafeInteger(id) ? await readTask(pool, id) : null;
  if (row === null) return NOT_FOUND;
  const job = await waybill.latest(task, `task:${String(id)}`);
  return {
    status: 200,
    body: { ...row, job: job === null ? null : toView(task, job) },
    headers: job !== null && isFinal(job.status) ? {} : { "retry-after": "1" },
  };
}

async function answer(waybill: TaskWaybill, pool: Pool, request: IncomingMessage): Promise<Answer> {
  const [, tasks, id, more] = (request.url ?? "").split("?")[0]?.split("/") ?? [];
  if (tasks !== "tasks" || more !== undefined) return NOT_FOUND;
  if (id !== undefined) return show(waybill, pool, Number(id));
  if (request.method !== "POST") return NOT_FOUND;
  return create(waybill, pool, await bodyOf(request));
}

const MOST_BODY_BYTES = 100_000;

/** Whatever was sent: the kind's schema says what it must be. */
async function bodyOf(request: IncomingMessage): Promise<TaskBody> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8") as AsyncIterable<string>) {
    text += chunk;
    if (text.length > MOST_BODY_BYTES) break;
  }
  try {
    return JSON.parse(text) as TaskBody;
  } catch {
    return {} as TaskBody;
  }
}

function reply(response: ServerResponse, { status, body, headers }: Answer): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

async function serve(): Promise<void> {
  const { waybill, pool, migrate, close } = openWaybill();
  await migrate();
  const server = createServer((request, response) => {
    answer(waybill, pool, request)
      .catch((error: unknown): Answer => {
        const { problem, headers } = problemOf(error);
        if (problem.status === 500) console.error(error);
        return { status: problem.status, body: problem, headers };
      })
      .then((made) => {
        reply(response, made);
      })
      .catch(() => response.destroy());
  });
  server.listen(Number(process.env["PORT"] ?? 0), "127.0.0.1");
  await once(server, "listening");
  console.log(`http://127.0.0.1:${String((server.address() as AddressInfo).port)}`);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      server.close(() => void close());
      server.closeIdleConnections();
    });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await serve();
