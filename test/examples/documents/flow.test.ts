import type pg from "pg";
import type { ChannelModel } from "amqplib";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { ingest } from "../../../examples/documents/documents.jobs.js";
import type { WorkMessage } from "../../../examples/documents/loops.js";
import { openWaybill } from "../../../examples/documents/open-waybill.js";
import { bytesOf, SAMPLES } from "../../../examples/documents/run/samples.js";
import { answerApi } from "../../../examples/documents/service.js";
import { indexOf, workspacesOf } from "../../../examples/documents/tables.js";
import {
  embed,
  link,
  type Means,
  proving,
  provisioning,
  takeIn,
} from "../../../examples/documents/workers.js";
import { postgresMissing, postgresServer } from "../../support/postgres-server.js";
import { rabbitmqMissing, type RabbitmqServer, startRabbitmq } from "../../support/rabbitmq-server.js";

const missing = postgresMissing() ?? rabbitmqMissing();
const WITHIN = { timeout: 60_000, interval: 20 };

interface Heard {
  readonly key: string;
  readonly body: Readonly<Record<string, unknown>>;
}

describe.skipIf(missing !== null)("a document on its way, over a real broker", () => {
  let broker: RabbitmqServer;
  let opened: ReturnType<typeof openWaybill>;
  let means: Means;
  let model: ChannelModel;
  const ending = new AbortController();
  let working: Promise<void>;
  let workspaceId: string;
  const heard: Heard[] = [];
  const handedOver: Heard[] = [];

  beforeAll(async () => {
    const { port } = await postgresServer();
    broker = await startRabbitmq();
    opened = openWaybill({
      DATABASE_URL: `postgres://postgres@127.0.0.1:${String(port)}/postgres`,
      RABBITMQ_URL: broker.url,
      RABBITMQ_EXCHANGE: "documents",
    });
    await opened.prepare();
    model = await broker.client();
    // Any other service: bound to both keys of a change, it gets one copy.
    await listen("documents", ["#.status.updated", "document.status.*"], heard);
    await listen("documents.work", ["#"], handedOver);
    means = { ...opened, stepMs: 0, send: async () => undefined };
    const handlers = [proving(opened.pool, 100), provisioning(opened.pool, 0)];
    working = opened.waybill.worker(handlers).run({ signal: ending.signal });
    workspaceId = (await ask("ana", "POST", "/api/workspaces?name=Contracts")).body.id;
    await vi.waitUntil(async () => (await workspacesOf(opened.pool, "ana"))[0]?.status === "ready", WITHIN);
  });

  afterAll(async () => {
    ending.abort();
    await working;
    await opened.close();
    await broker.stop();
  });

  async function listen(exchange: string, keys: readonly string[], into: Heard[]): Promise<void> {
    const channel = await model.createChannel();
    await channel.assertExchange(exchange, "topic", { durable: true });
    const { queue } = await channel.assertQueue("", { exclusive: true });
    for (const key of keys) await channel.bindQueue(queue, exchange, key);
    await channel.consume(
      queue,
      (delivery) => {
        const body = JSON.parse(String(delivery?.content)) as Heard["body"];
        into.push({ key: delivery?.fields.routingKey ?? "", body });
      },
      { noAck: true },
    );
  }

  async function ask(user: string, method: string, path: string, body?: Uint8Array, service = opened) {
    const headers = body === undefined ? {} : { "content-length": String(body.byteLength) };
    const request = new Request(`http://documents${path}`, {
      ...{ method, headers },
      ...(body === undefined ? {} : { body }),
    });
    const answer = await answerApi(service, user, request);
    return { status: answer.status, body: (await answer.json()) as { readonly id: string } };
  }

  /** Uploads a document; its message as the ingest worker gets it. */
  async function upload(sample = SAMPLES[6]!): Promise<WorkMessage> {
    const path = `/api/workspaces/${workspaceId}/documents?name=${sample.name}`;
    const { status, body } = await ask("ana", "POST", path, bytesOf(sample));
    expect(status).toBe(202);
    const job = await opened.waybill.latest(ingest, `document:${body.id}`);
    return { jobId: job?.id ?? "", documentId: body.id };
  }

  const row = async (documentId: string): Promise<unknown> =>
    (await opened.pool.query("select processing_status from documents where id = $1", [documentId])).rows[0];

  const outcomes = async (jobId: string): Promise<readonly string[]> => {
    const events = (await opened.waybill.history(ingest, jobId))?.events ?? [];
    return events.map(({ type }) => type).filter((type) => type === "job.completed" || type === "job.failed");
  };

  const ended = (jobId: string, word: string) =>
    expect.poll(async () => (await opened.waybill.get(ingest, jobId))?.word, WITHIN).toBe(word);

  it("is told to other services once for each change, in order, as one flat object", async () => {
    const message = await upload(SAMPLES[7]);
    await takeIn(means, message);
    await ended(message.jobId, "failed");
    await opened.waybill.flush();
    const versions = (await opened.waybill.history(ingest, message.jobId))?.events.map(
      ({ version }) => version,
    );
    const told = () => heard.filter(({ body }) => body["job_id"] === message.jobId);
    await expect.poll(() => told().map(({ body }) => body["version"]), WITHIN).toEqual(versions);
    expect(new Set(told().map(({ key }) => key))).toEqual(new Set(["document.status.updated"]));
    const plain = told().map(({ body }) => ({
      ...body,
      ...Object.fromEntries(Object.entries(body).flatMap(([name, value]) => stable(name, value, message))),
    }));
    expect(plain).toMatchSnapshot();
    const workspace = heard.find(({ key }) => key.startsWith("workspace"));
    expect(workspace).toMatchObject({
      key: "workspace.status.updated",
      body: { workspace_id: workspaceId, status: "provisioning", user_id: "ana" },
    });
  });

  it("is accepted once its transaction is committed, whatever becomes of its dispatch", async () => {
    const dispatch = () => ({ unwrap: () => Promise.reject(new Error("the store is out of reach")) });
    const waybill = { ...opened.waybill, dispatch } as unknown as typeof opened.waybill;
    const away = { ...opened, waybill };
    const { name } = SAMPLES[6]!;
    const path = `/api/workspaces/${workspaceId}/documents?name=${name}`;
    expect(await ask("ana", "POST", path, bytesOf(SAMPLES[6]!), away)).toMatchObject({ status: 202 });
    expect(await ask("ana", "POST", "/api/workspaces?name=More", undefined, away)).toMatchObject({
      status: 202,
    });
  });

  it("is accepted as soon as its workspace's job is done, though the row is still to follow", async () => {
    await opened.pool.query("update workspaces set status = 'provisioning' where id = $1", [workspaceId]);
    await upload();
    await opened.pool.query("update workspaces set status = 'ready' where id = $1", [workspaceId]);
  });

  it("is handed to the ingest worker by the outbox, anew after each try that failed", async () => {
    const message = await upload();
    const mine = () => handedOver.filter(({ body }) => body["job_id"] === message.jobId);
    await expect.poll(() => mine().map(({ body }) => body["event"]), WITHIN).toEqual(["job.created"]);
    const failing: Means = { ...means, send: () => Promise.reject(new Error("the broker is away")) };
    expect(await takeIn(failing, message)).toMatchObject({ acknowledge: false });
    await expect
      .poll(() => mine().map(({ body }) => body["event"]), WITHIN)
      .toEqual(["job.created", "job.retrying"]);
    // By another notifier, which may be told later.
    await expect.poll(() => row(message.documentId), WITHIN).toEqual({ processing_status: "pending" });
  });

  it("has one outcome, however often each worker gets its message", async () => {
    const message = await upload();
    // It overtook the job, and comes again.
    expect(await embed(means, message)).toMatchObject({ acknowledge: false });
    const twice = async (worker: typeof takeIn): Promise<void> => {
      await Promise.all([worker(means, message), worker(means, message)]);
    };
    await twice(takeIn);
    await twice(embed);
    await twice(takeIn);
    await twice(link);
    await ended(message.jobId, "ready");
    for (const worker of [takeIn, embed, link])
      expect(await worker(means, message)).toEqual({ acknowledge: true });
    expect(await outcomes(message.jobId)).toEqual(["job.completed"]);
    expect(await indexOf(opened.pool, message.documentId)).toEqual({ chunks: 23, embedded: 23, linked: 23 });
    await opened.waybill.flush();
    await expect.poll(() => row(message.documentId), WITHIN).toEqual({ processing_status: "ready" });
  });

  it("has one outcome, whichever statement of a worker fails before its message comes again", async () => {
    const message = await upload();
    for (const worker of [takeIn, embed, link]) {
      for (let nth = 0, isDone = false; !isDone; nth += 1) {
        const { pool, failed } = failingAt(opened.pool, nth);
        const fate = await worker({ ...means, pool }, message).catch(() => null);
        // The next one is the try in which nothing fails any more.
        isDone = fate?.acknowledge === true && !failed();
        // A backoff of the engine's own stands between two tries.
        if (worker === takeIn && !isDone) await notBefore(message.jobId);
      }
    }
    await ended(message.jobId, "ready");
    expect(await outcomes(message.jobId)).toEqual(["job.completed"]);
  });

  const notBefore = (jobId: string) =>
    expect
      .poll(async () => {
        const job = await opened.waybill.get(ingest, jobId);
        return job?.status === "PENDING" && (job.retryAt ?? new Date(0)).getTime() <= Date.now();
      }, WITHIN)
      .toBe(true);

  it("is processed again as a new job, for its owner only, and once however often that is asked", async () => {
    const message = await upload(SAMPLES[7]);
    await takeIn(means, message);
    await ended(message.jobId, "failed");
    const path = `/api/documents/${message.documentId}/again`;
    expect((await ask("ben", "POST", path)).status).toBe(404);
    const asked = await Promise.all([ask("ana", "POST", path), ask("ana", "POST", path)]);
    const ids = new Set(asked.filter(({ status }) => status === 202).map(({ body }) => body.id));
    expect(ids.size).toBe(1);
    const again = await opened.waybill.latest(ingest, `document:${message.documentId}`);
    expect(again).toMatchObject({ origin: message.jobId, word: "pending", owner: "ana" });
    await expect.poll(() => row(message.documentId), WITHIN).toEqual({ processing_status: "pending" });
  });
});

/** Ids and instants differ from run to run; an event may carry instants of what came after it. */
function stable(name: string, value: unknown, { jobId, documentId }: WorkMessage): [string, unknown][] {
  if (name.endsWith("_at")) return [[name, "(instant, or null)"]];
  if (typeof value !== "string") return [];
  return [[name, value.replace(jobId, "(job)").replace(documentId, "d-8")]];
}

/** A pool whose nth statement fails. */
function failingAt(pool: pg.Pool, nth: number): { readonly pool: pg.Pool; readonly failed: () => boolean } {
  let count = 0;
  let hasFailed = false;
  const query = (...args: [string, unknown[]]): unknown => {
    if (count++ !== nth) return pool.query(...args);
    hasFailed = true;
    return Promise.reject(new Error("the database refuses"));
  };
  return { pool: { query } as unknown as pg.Pool, failed: () => hasFailed };
}
