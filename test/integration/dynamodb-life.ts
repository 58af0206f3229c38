// The life of a job as an application makes it, and what each of its writes cost.
import assert from "node:assert/strict";
import type { AttributeValue, ConsumedCapacity, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { entryTemplate } from "../../src/core/job/history.js";
import type { JobRecord } from "../../src/core/job/record.js";
import { dynamodbStore } from "../../src/dynamodb.js";
import { sampleHistory, sampleJob, sampleTerms, sampleWrite } from "../../src/testing/sample-jobs.js";
import { accepted, claimed, type StoreProbe } from "../../src/testing/store-suite/store-probe.js";
import { dynamoDbBench } from "./dynamodb-bench.js";
import type { DynamoDb } from "./dynamodb-server.js";

export type RawItem = Readonly<Record<string, AttributeValue>>;

/** A write of one item, which was this before and is that after; `null`: not there. */
export interface MeteredWrite {
  readonly units: number;
  readonly before: RawItem | null;
  readonly after: RawItem | null;
}

export interface Meter {
  readonly writes: MeteredWrite[];
  readonly reads: number[];
}

const WRITES = new Set(["PutItemCommand", "UpdateItemCommand", "DeleteItemCommand"]);

interface WriteInput {
  readonly Key?: RawItem;
  readonly Item?: RawItem;
}

/** Asks for the capacity of every request. */
function metered(client: DynamoDBClient, items: () => Promise<readonly RawItem[]>): Meter {
  const meter: Meter = { writes: [], reads: [] };
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const { Key, Item } = args.input as WriteInput;
      const { pk, sk } = Key ?? Item ?? {};
      const look = async (): Promise<RawItem | null> =>
        (await items()).find((item) => item["pk"]?.S === pk?.S && item["sk"]?.S === sk?.S) ?? null;
      const isWrite = WRITES.has(String(context["commandName"]));
      const before = isWrite ? await look() : null;
      const answer = await next({ ...args, input: { ...args.input, ReturnConsumedCapacity: "TOTAL" } });
      const { ConsumedCapacity: consumed } = answer.output as {
        ConsumedCapacity?: ConsumedCapacity | ConsumedCapacity[];
      };
      const units = [consumed ?? []].flat().reduce((sum, one) => sum + (one.CapacityUnits ?? 0), 0);
      if (isWrite) meter.writes.push({ units, before, after: await look() });
      else meter.reads.push(units);
      return answer;
    },
    { step: "initialize", name: "meter" },
  );
  return meter;
}

const ID = "0197a5f3-6b1c-7d2e-8f30-a1b2c3d4e5f6";
const TRANSITION = "AbCdEfGhIjKlMnOp";
const WORKER = "worker-ip-10-0-12-34-4711";
const TOKEN = "AbCdEfGhIjKlMnOpQrStUv";
const MINE = { transitionId: TRANSITION, actor: WORKER };
const RETAIN_MS = 604_800_000;
const NO_CLAIM = { token: null, leaseUntil: null, awaiting: null, poll: null, cancel: null };
const MESSAGE = "The renderer did not answer within 30 seconds.";

export interface Life {
  readonly input: string;
  readonly output: string;
  readonly id?: string;
  readonly owner?: string;
  readonly subject?: string;
  readonly metadata?: string;
  readonly scope?: string | undefined;
  readonly beats?: number;
  readonly failures?: number;
}

/** A job as an application makes it, through a queue: create, mark, claim, complete; a failure is one round more. */
export async function live(engine: DynamoDb, life: Life): Promise<Meter> {
  const bench = await dynamoDbBench(engine);
  const client = engine.client();
  const meter = metered(client, () => bench.items());
  const probe = bench.probe.through(dynamodbStore({ client, table: bench.table }));
  const { nowMs } = probe.at;
  const { id = ID, owner = "customer-4711", subject = "invoice:2025-000123", scope = null } = life;
  const record = sampleJob(
    {
      id,
      kind: "invoice.render",
      owner,
      subject,
      metadata: life.metadata ?? null,
      queue: "default",
      scope,
      inputHash: scope,
      retainMs: RETAIN_MS,
      history: sampleHistory(["T1"], { nowMs, transitionId: TRANSITION }),
    },
    nowMs,
  );
  await probe.create({ record, input: life.input });
  const { failures = 0 } = life;
  for (let round = 0; round <= failures; round += 1) {
    await mark(probe, (await bench.probe.read(id)).record);
    const terms = sampleTerms({
      worker: WORKER,
      started: entryTemplate("T4", MINE),
      queued: entryTemplate("T2", MINE),
    });
    const job = claimed(await probe.claim({ id, dispatch: round + 1, token: TOKEN, leaseMs: 30_000 }, terms));
    assert.equal(job.input, life.input);
    for (let beat = 0; beat < (life.beats ?? 0); beat += 1)
      accepted(await probe.beat({ id, token: TOKEN, leaseMs: 30_000 }));
    if (round < failures) await fail(probe, job.record);
    else await complete(probe, job.record, life.output);
  }
  return meter;
}

async function mark(probe: StoreProbe, record: JobRecord): Promise<void> {
  const { nowMs } = probe.at;
  const [queuedAt, updatedAt, sendAt, wakeAt] = [nowMs, nowMs, nowMs + 600_000, nowMs + 600_000];
  const patch = { queuedAt, updatedAt, sendAt, wakeAt, retryAt: null, purgeAt: null };
  accepted(await probe.write(sampleWrite(record, { edges: ["T2"], transitionId: TRANSITION, patch })));
}

/** Back to be run again, with what went wrong. */
async function fail(probe: StoreProbe, record: JobRecord): Promise<void> {
  const { nowMs } = probe.at;
  const { version, attempt, dispatch } = record;
  const at = nowMs + 5_000;
  const lastError = { message: MESSAGE, code: "render.timeout", expose: false, at: nowMs, attempt };
  const patch = {
    ...NO_CLAIM,
    ...{ lastError, dispatch: dispatch + 1, worker: null, updatedAt: nowMs },
    ...{ sendAt: at, retryAt: at, wakeAt: at },
  };
  const entry = { ...MINE, nowMs, version: version + 1, attempt, reason: "error", text: MESSAGE };
  const write = sampleWrite(record, { edges: ["T7"], patch });
  accepted(await probe.write({ ...write, history: { append: sampleHistory(["T7"], entry) } }));
}

async function complete(probe: StoreProbe, record: JobRecord, output: string): Promise<void> {
  const { nowMs } = probe.at;
  const patch = {
    ...NO_CLAIM,
    ...{ lastError: null, wakeAt: null, updatedAt: nowMs, finishedAt: nowMs, purgeAt: nowMs + RETAIN_MS },
  };
  const entry = { ...MINE, nowMs, version: record.version + 1, attempt: record.attempt };
  const write = sampleWrite(record, { edges: ["T5"], patch, output });
  accepted(await probe.write({ ...write, history: { append: sampleHistory(["T5"], entry) } }));
}
