import type { ConsumedCapacity, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { describe, expect, it } from "vitest";
import {
  SAMPLE_END,
  sampleHistory,
  sampleJob,
  sampleTerms,
  sampleWrite,
} from "../../src/testing/sample-jobs.js";
import { accepted, claimed } from "../../src/testing/store-suite/store-probe.js";
import { dynamodbStore } from "../../src/dynamodb.js";
import { dynamoDbBench } from "./dynamodb-bench.js";
import { dynamoDb, ENGINE } from "./dynamodb-server.js";

const engine = dynamoDb();

interface Bill {
  /** Units of the table itself, as the engine reports them. */
  written: number;
  read: number;
  requests: number;
  /** Index entries that were written or removed, a unit each (an entry is far below 1 KB), by DynamoDB's rule. */
  entries: number;
}

/** Attributes that are a key of an index, by index. */
const INDEX_KEYS = [
  ["wakeShard", "wakeKey"],
  ["purgeShard", "purgeKey"],
  ["listShard", "listKey"],
  ["owner", "listKey"],
  ["subject", "listKey"],
  ["undeliverable", "listKey"],
] as const;

type Attributes = Readonly<Record<string, { readonly S?: string } | undefined>>;

/** An entry that appears or goes costs a unit, one whose key changes costs two. */
function entriesOf(before: Attributes, after: Attributes): number {
  let units = 0;
  for (const keys of INDEX_KEYS) {
    const [was, is] = [before, after].map((item) =>
      keys.every((key) => item[key] !== undefined) ? keys.map((key) => item[key]?.S).join(" ") : null,
    );
    if (was !== is) units += (was === null ? 0 : 1) + (is === null ? 0 : 1);
  }
  return units;
}

const WRITES = new Set(["PutItemCommand", "UpdateItemCommand", "DeleteItemCommand"]);

/** Asks for the capacity of every request and adds it up. Index units are computed: the emulator reports none. */
function metered(client: DynamoDBClient, look: () => Promise<Attributes>): Bill {
  const bill: Bill = { written: 0, read: 0, requests: 0, entries: 0 };
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const input = { ...args.input, ReturnConsumedCapacity: "TOTAL" };
      const isWrite = WRITES.has(String(context["commandName"]));
      const before = isWrite ? await look() : {};
      const answer = await next({ ...args, input });
      const { ConsumedCapacity: consumed } = answer.output as {
        ConsumedCapacity?: ConsumedCapacity | ConsumedCapacity[];
      };
      const units = [consumed ?? []].flat().reduce((sum, one) => sum + (one.CapacityUnits ?? 0), 0);
      bill.requests += 1;
      if (isWrite) {
        bill.written += units;
        bill.entries += entriesOf(before, await look());
      } else bill.read += units;
      return answer;
    },
    { step: "initialize", name: "meter" },
  );
  return bill;
}

const ID = "0197a5f3-6b1c-7d2e-8f30-a1b2c3d4e5f6";
const TRANSITION = "AbCdEfGhIjKlMnOp";
const WORKER = "worker-ip-10-0-12-34-4711";
const TOKEN = "AbCdEfGhIjKlMnOpQrStUv";

interface Life {
  readonly inputBytes: number;
  readonly outputBytes: number;
  readonly scope?: string;
  readonly beats?: number;
}

/** A job as an application makes it, through a queue, without retries: create, mark, claim, complete. */
async function cost({
  inputBytes,
  outputBytes,
  scope,
  beats = 0,
}: Life): Promise<Bill & { readonly itemBytes: number }> {
  const bench = await dynamoDbBench(await engine());
  const client = (await engine()).client();
  const look = async (): Promise<Attributes> =>
    ((await bench.items()).find((item) => item["sk"]?.S === "job") as Attributes | undefined) ?? {};
  const bill = metered(client, look);
  const probe = bench.probe.through(dynamodbStore({ client, table: bench.table }));
  const now = probe.at.nowMs;
  const text = (bytes: number): string => JSON.stringify("x".repeat(bytes - 2));
  const mine = { nowMs: now, transitionId: TRANSITION };
  const record = sampleJob(
    {
      id: ID,
      kind: "invoice.render",
      owner: "customer-4711",
      subject: "invoice:2025-000123",
      queue: "default",
      scope: scope ?? null,
      inputHash: scope ?? null,
      retainMs: 604_800_000,
      history: sampleHistory(["T1"], mine),
    },
    now,
  );
  await probe.create({ record, input: text(inputBytes) });
  const mark = {
    status: "QUEUED" as const,
    queuedAt: now,
    updatedAt: now,
    sendAt: now + 600_000,
    wakeAt: now + 600_000,
    purgeAt: null,
  };
  accepted(await probe.write(sampleWrite(record, { edges: ["T2"], transitionId: TRANSITION, patch: mark })));
  const terms = sampleTerms({ transitionId: TRANSITION, worker: WORKER });
  const job = claimed(await probe.claim({ id: ID, token: TOKEN, leaseMs: 30_000 }, terms));
  for (let beat = 0; beat < beats; beat += 1)
    accepted(await probe.beat({ id: ID, token: TOKEN, leaseMs: 30_000 }));
  const end = {
    ...SAMPLE_END,
    awaiting: null,
    poll: null,
    cancel: null,
    updatedAt: now,
    finishedAt: now,
    purgeAt: now + 604_800_000,
  };
  const complete = sampleWrite(job.record, {
    edges: ["T5"],
    transitionId: TRANSITION,
    patch: end,
    output: text(outputBytes),
  });
  accepted(await probe.write(complete));
  const hot = await look();
  return { ...bill, itemBytes: sizeOf(hot) };
}

/** The documented rule: names and values; a number is two digits a byte and one more. */
function sizeOf(item: object): number {
  let bytes = 0;
  for (const [name, value] of Object.entries(item) as [
    string,
    { S?: string; N?: string; L?: { S: string }[] },
  ][]) {
    bytes += name.length;
    if (value.S !== undefined) bytes += value.S.length;
    if (value.N !== undefined) bytes += Math.ceil(value.N.length / 2) + 1;
    if (value.L !== undefined) bytes += 3 + value.L.reduce((sum, { S }) => sum + S.length + 1, 0);
  }
  return bytes;
}

const HASH = "a".repeat(64);

/** What `docs/adapters/dynamodb.md` publishes. An input of its own shares its KB with 59 bytes of key and names. */
const LIVES: readonly (readonly [title: string, life: Life, bill: Bill])[] = [
  [
    "input 150 B, output 20 B",
    { inputBytes: 150, outputBytes: 20 },
    { written: 4, entries: 10, read: 1, requests: 5 },
  ],
  [
    "input 965 B, output 20 B",
    { inputBytes: 965, outputBytes: 20 },
    { written: 5, entries: 10, read: 2, requests: 7 },
  ],
  [
    "input 1,024 B, output 20 B",
    { inputBytes: 1_024, outputBytes: 20 },
    { written: 6, entries: 10, read: 2, requests: 7 },
  ],
  [
    "input 4,000 B, output 1,000 B",
    { inputBytes: 4_000, outputBytes: 1_000 },
    { written: 9, entries: 10, read: 2, requests: 7 },
  ],
  [
    "input 965 B, output 20 B, under an idempotency key",
    { inputBytes: 965, outputBytes: 20, scope: HASH },
    { written: 7, entries: 12, read: 4, requests: 10 },
  ],
  [
    "input 965 B, output 20 B, with 10 heartbeats",
    { inputBytes: 965, outputBytes: 20, beats: 10 },
    { written: 15, entries: 10, read: 2, requests: 17 },
  ],
];

// Another engine counts in its own way.
describe.skipIf(ENGINE !== "dynalite")("the capacity that a job consumes", () => {
  it.each(LIVES)("%s", async (title, life, expected) => {
    const { itemBytes, ...bill } = await cost(life);
    const { written, entries, read, requests } = bill;
    console.info(
      `${title}: ${written} write units, ${entries} index units, ${read} read units, ${requests} requests; item ${itemBytes} B at its end`,
    );
    expect(bill).toEqual(expected);
    expect(itemBytes).toBeLessThanOrEqual(1_024 + life.outputBytes);
  });
});
