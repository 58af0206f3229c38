import { SQSClient } from "@aws-sdk/client-sqs";
import Database from "libsql";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Environment } from "../doubles/lambda/environment.js";
import { LambdaFunction, type FunctionOptions } from "../doubles/lambda/function.js";
import { EventSourceMapping, type Batch, type MappingOptions } from "../doubles/lambda/mapping.js";
import { packFunction } from "../doubles/lambda/package.js";
import { runtimeClientMissing } from "../doubles/lambda/runtime-client.js";
import { REGION } from "../doubles/sqs/account.js";
import { CREDENTIALS } from "../doubles/sqs/bench.js";
import { startSqs, type SqsDouble } from "../doubles/sqs/server.js";
import { greet, greeting, LEASE_MS, openWaybill } from "./lambda-function.js";

const CACHE = fileURLToPath(new URL("../../node_modules/.cache/waybill/", import.meta.url));
const missing = await runtimeClientMissing();

describe.skipIf(missing !== null)("functions under Lambda's own runtime client", () => {
  let folder: string;
  let sqs: SqsDouble;
  let client: SQSClient;
  const ends: (() => unknown)[] = [];

  beforeAll(async () => {
    await mkdir(CACHE, { recursive: true });
    // Beside node_modules, where the driver with its own binary is found that cannot be packed.
    folder = await mkdtemp(join(CACHE, "function-"));
    const entry = fileURLToPath(new URL("lambda-function.ts", import.meta.url));
    await packFunction({ entry, folder, external: ["libsql"] });
    sqs = await startSqs();
    client = new SQSClient({ endpoint: sqs.endpoint, region: REGION, credentials: CREDENTIALS });
  });

  afterAll(async () => {
    for (const end of ends.reverse()) await end();
    client.destroy();
    await sqs.close();
    await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  });

  let worlds = 0;

  /** A queue with dead letters, a Waybill in this process, and what a function needs to find both. */
  function world({ visibilityS = 30, maxReceiveCount = 5 } = {}) {
    worlds += 1;
    const [name, deadName] = [`jobs-${String(worlds)}`, `jobs-${String(worlds)}-dead`];
    sqs.createQueue(deadName);
    sqs.createQueue(name, {
      VisibilityTimeout: String(visibilityS),
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: sqs.queueArn(deadName), maxReceiveCount }),
    });
    const place = {
      STORE_FILE: join(folder, `${name}.db`),
      QUEUE_URL: sqs.queueUrl(name),
      DEAD_QUEUE_URL: sqs.queueUrl(deadName),
    };
    const waybill = openWaybill(place, client);
    ends.push(() => waybill.close());
    const environment = {
      ...place,
      AWS_REGION: REGION,
      AWS_ENDPOINT_URL_SQS: sqs.endpoint,
      AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
    };
    return {
      ...{ name, deadName, waybill, file: place.STORE_FILE },
      async fn(handler: "work" | "dead" | "tick", more: Partial<FunctionOptions> = {}) {
        const made = await LambdaFunction.create({
          ...{ name: handler, folder, handler: `index.${handler}`, environment },
          ...more,
        });
        ends.push(() => made.close());
        return made;
      },
      mapping(fn: LambdaFunction, queue: string, more: Partial<MappingOptions> = {}) {
        return new EventSourceMapping({
          ...{ client, queueUrl: sqs.queueUrl(queue), queueArn: sqs.queueArn(queue) },
          ...{ reportBatchItemFailures: true, invoke: (event) => fn.invoke(event), ...more },
        });
      },
      left: () => sqs.counts(name),
    };
  }

  const bodyOf = (batch: Batch | null): unknown =>
    batch?.outcome.status === "answered" ? JSON.parse(batch.outcome.body) : batch;

  const isProcessing = (waybill: ReturnType<typeof openWaybill>, id: string) =>
    expect.poll(async () => (await waybill.get(greet, id))?.status, { interval: 20 }).toBe("PROCESSING");

  /** Freezes it between two of its writes: in the middle of one it would keep the file from everybody for as long as it stands. */
  async function freezeBetweenWrites(environment: Environment, file: string): Promise<void> {
    const db = new Database(file);
    db.exec("pragma busy_timeout = 0");
    for (;;) {
      environment.freeze();
      await sleep(20);
      try {
        db.exec("begin immediate");
        break;
      } catch {
        environment.thaw();
        await sleep(5);
      }
    }
    db.exec("rollback");
    db.close();
  }

  it("does a batch, and the mapping deletes what is done; the next batch finds the same process", async () => {
    const w = world();
    const fn = await w.fn("work");
    const mapping = w.mapping(fn, w.name);
    const ids = await Promise.all(
      ["Ann", "Ben"].map(async (name) => (await w.waybill.submit(greet, { name }).unwrap()).id),
    );
    expect(bodyOf(await mapping.pollOnce())).toEqual({ batchItemFailures: [] });
    expect(await w.waybill.result(greet, ids[0] ?? "")).toEqual({ greeting: "Hello Ann", by: "lambda" });
    expect(w.left()).toEqual({ visible: 0, inFlight: 0, delayed: 0 });
    const third = await w.waybill.submit(greet, { name: "Cid" }).unwrap();
    expect(bodyOf(await mapping.pollOnce())).toEqual({ batchItemFailures: [] });
    expect(await w.waybill.get(greet, third.id)).toMatchObject({ status: "COMPLETED" });
  });

  it("refuses the outcome of a process that was frozen for twice its lease, once another has the job", async () => {
    const w = world({ visibilityS: 1 });
    const fn = await w.fn("work");
    const { id } = await w.waybill.submit(greet, { name: "Ann", waitMs: 400 }).unwrap();
    const batch = w.mapping(fn, w.name).pollOnce();
    await isProcessing(w.waybill, id);
    const environment = fn.busy[0]!;
    await freezeBetweenWrites(environment, w.file);
    const frozenAt = Date.now();
    const worker = w.waybill.worker([greeting("another")], { pollIntervalMs: 50 });
    const working = worker.run();
    const output = await w.waybill.result(greet, id);
    expect(output.by).toBe("another");
    while (Date.now() - frozenAt < 2 * LEASE_MS) await new Promise((resolve) => setTimeout(resolve, 50));
    const before = await w.waybill.get(greet, id);
    environment.thaw();
    expect((await batch)?.outcome.status).toBe("answered");
    expect(await w.waybill.get(greet, id)).toEqual(before);
    await worker.stop();
    await working;
    const history = await w.waybill.history(greet, id);
    expect(history?.events.filter(({ type }) => type === "job.completed")).toHaveLength(1);
  });

  it("deletes nothing while the function cannot be loaded", async () => {
    const w = world({ visibilityS: 0 });
    const fn = await w.fn("work", { handler: "missing.work" });
    const mapping = w.mapping(fn, w.name);
    const { id } = await w.waybill.submit(greet, { name: "Ann" }).unwrap();
    const batch = await mapping.pollOnce();
    expect(batch?.outcome.status).toBe("init_failed");
    expect(batch?.kept).toHaveLength(1);
    fn.deploy({ handler: "index.work" });
    expect(bodyOf(await mapping.pollOnce(5_000))).toEqual({ batchItemFailures: [] });
    expect(await w.waybill.get(greet, id)).toMatchObject({ status: "COMPLETED", attempt: 1 });
  });

  it("leaves a job whose process ran out of time to the schedule", async () => {
    const w = world();
    const fn = await w.fn("work", { timeoutMs: 1_500 });
    const { id } = await w.waybill.submit(greet, { name: "Ann", waitMs: 60_000 }).unwrap();
    const batch = w.mapping(fn, w.name).pollOnce();
    // Frozen past its end, as an outage of the machine below would.
    await isProcessing(w.waybill, id);
    fn.busy[0]?.freeze();
    expect((await batch)?.outcome.status).toBe("timed_out");
    const tick = await w.fn("tick");
    await expect
      .poll(
        async () => {
          expect((await tick.invoke({ source: "aws.events" })).status).toBe("answered");
          return (await w.waybill.get(greet, id))?.status;
        },
        { interval: 100 },
      )
      .toBe("QUEUED");
  });

  it("hands a job over again whose message was throttled into the dead letters", async () => {
    const w = world({ visibilityS: 0, maxReceiveCount: 3 });
    const fn = await w.fn("work", { mostEnvironments: 0 });
    const dead = await w.fn("dead");
    const { id } = await w.waybill.submit(greet, { name: "Ann" }).unwrap();
    const mapping = w.mapping(fn, w.name);
    for (let receive = 1; receive <= 3; receive += 1) {
      expect((await mapping.pollOnce())?.outcome.status).toBe("throttled");
    }
    expect(await mapping.pollOnce()).toBeNull();
    expect(bodyOf(await w.mapping(dead, w.deadName).pollOnce())).toEqual({ batchItemFailures: [] });
    const able = await w.fn("work");
    expect(bodyOf(await w.mapping(able, w.name).pollOnce(5_000))).toEqual({ batchItemFailures: [] });
    expect(await w.waybill.get(greet, id)).toMatchObject({ status: "COMPLETED", attempt: 1 });
  });
});
