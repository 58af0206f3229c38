// The API process: submits and shows, never works.
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { isFinal, isWaybillError, type JobStatus, STATUSES, toView, type WaybillError } from "waybill";
import { openWaybill } from "./open-waybill.js";
import { textAnalysis } from "./text-analysis.job.js";

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

const { waybill, close } = await openWaybill();

/** What a refusal or an error means over HTTP. The text of an error names no payload and no secret. */
const STATUS_OF: Readonly<Partial<Record<WaybillError["code"], number>>> = {
  "input.invalid": 422,
  "input.too_large": 413,
  "idempotency.conflict": 409,
  "id.invalid": 404,
  "job.not_found": 404,
  "job.already_final": 409,
  "config.invalid": 400,
  "store.unavailable": 503,
};

function refused(error: WaybillError): Answer {
  return { status: STATUS_OF[error.code] ?? 500, body: { code: error.code, message: error.message } };
}

const NOT_FOUND: Answer = { status: 404, body: { code: "not_found", message: "There is nothing here." } };
const MOST_BODY_BYTES = 1_000_000;

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MOST_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    return undefined;
  }
}

async function submit(request: IncomingMessage, owner: string): Promise<Answer> {
  const key = request.headers["idempotency-key"];
  // Whatever was sent: the kind's schema says what it must be.
  const input = (await bodyOf(request)) as { text: string };
  const result = await waybill.submit(textAnalysis, input, {
    owner,
    ...(typeof key === "string" ? { idempotencyKey: key } : {}),
  });
  if (!result.ok) return refused(result.error);
  const { id } = result.value;
  return { status: 202, body: toView(textAnalysis, result.value), headers: { location: `/tasks/${id}` } };
}

/** A task of this owner. That of another is not there. */
async function own(id: string, owner: string) {
  const job = await waybill.get(textAnalysis, id);
  return job?.owner === owner ? job : null;
}

async function show(id: string, owner: string): Promise<Answer> {
  const job = await own(id, owner);
  if (job === null) return NOT_FOUND;
  return {
    status: 200,
    body: toView(textAnalysis, job),
    headers: isFinal(job.status) ? {} : { "retry-after": "1" },
  };
}

async function cancel(id: string, owner: string): Promise<Answer> {
  if ((await own(id, owner)) === null) return NOT_FOUND;
  const result = await waybill.cancel(id, { actor: owner, reason: "Cancelled by its owner." });
  return result.ok ? { status: 200, body: toView(textAnalysis, result.value) } : refused(result.error);
}

async function list(query: URLSearchParams, owner: string): Promise<Answer> {
  const asked = query.get("status");
  const status = STATUSES.find((one): one is JobStatus => one === asked);
  const cursor = query.get("cursor");
  const page = await waybill.list({
    owner,
    kind: textAnalysis.kind,
    ...(status === undefined ? {} : { status }),
    ...(cursor === null ? {} : { cursor }),
  });
  return {
    status: 200,
    body: {
      tasks: page.items.map(({ id, word, createdAt }) => ({ id, status: word, createdAt })),
      next: page.next,
    },
  };
}

async function answer(request: IncomingMessage): Promise<Answer> {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
  const user = request.headers["x-user"];
  const owner = typeof user === "string" && user !== "" ? user : "anonymous";
  const [, tasks, id, more] = pathname.split("/");
  if (tasks !== "tasks" || more !== undefined) return NOT_FOUND;
  if (id === undefined) return request.method === "POST" ? submit(request, owner) : list(searchParams, owner);
  return request.method === "DELETE" ? cancel(id, owner) : show(id, owner);
}

const server = createServer((request, response) => {
  answer(request)
    .catch((error: unknown): Answer => {
      if (isWaybillError(error)) return refused(error);
      return { status: 500, body: { code: "unexpected", message: "Something went wrong." } };
    })
    .then(({ status, body, headers }) => {
      response
        .writeHead(status, { "content-type": "application/json", ...headers })
        .end(JSON.stringify(body));
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
