import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import * as appsync from "../../src/appsync.js";
import { createClient } from "../../src/client.js";
import { fakeClock } from "../../src/testing/fake-clock.js";
import * as dynamodb from "../../src/dynamodb.js";
import * as http from "../../src/http.js";
import {
  createWaybill,
  defineJob,
  memoryFeed,
  memoryNotifier,
  memoryQueue,
  memoryStore,
} from "../../src/index.js";
import * as lambda from "../../src/lambda.js";
import * as postgres from "../../src/postgres.js";
import * as rabbitmq from "../../src/rabbitmq.js";
import * as redis from "../../src/redis.js";
import * as sqlite from "../../src/sqlite.js";
import * as sqs from "../../src/sqs.js";
import * as webhook from "../../src/webhook.js";
import * as websocket from "../../src/websocket.js";
import { isWaybillError } from "../../src/core/errors/errors.js";

// Every object of options that the library takes: a name that it does not know is refused before anything happens, with the
// nearest one that it does. The misspelt names are generated from the known ones.

const work = defineJob({ kind: "work", input: z.object({ n: z.number() }), output: z.number() });
const own = defineJob({ kind: "own", input: z.object({}), handOver: "own", deadlineMs: 60_000 });
const handler = work.handle(({ input }) => input.n);

const clock = fakeClock();
const waybill = createWaybill({
  jobs: [work, own],
  store: memoryStore(),
  queue: memoryQueue({ clock }),
  clock,
});
const { id } = await clock.runUntil(waybill.submit(work, { n: 1 }).unwrap());

/** For operators' tools: not in the types. */
const recalling = waybill as unknown as { recall(id: string, options: unknown): unknown };

interface Entry {
  /** As the sentence calls it. */
  readonly what: string;
  readonly known: readonly string[];
  /** Without the option that is put in. */
  readonly base?: object;
  readonly call: (options: never) => unknown;
}

const ITEM = ["idempotencyKey", "owner", "subject", "metadata", "delayMs", "deadlineMs", "actor", "id"];
const PARTS = [
  "queue",
  "queues",
  "notifiers",
  "retired",
  "feed",
  "logger",
  "telemetry",
  "callbacks",
  "clock",
  "newId",
];
const NOTIFIER = ["kinds", "on", "giveUpAfterMs", "timeoutMs"];
const needed = { jobs: [work], store: memoryStore() };
const looked = ["prefix", "shards", "durability", "wait", "listen", "onWarning"];
const anyOf = async (iterable: AsyncIterable<unknown>): Promise<void> => {
  for await (const _ of iterable) return;
};

const ENTRIES: readonly Entry[] = [
  {
    what: "createWaybill",
    known: [...PARTS, "policy", "onTrim", "onPublish", "onParked"],
    base: needed,
    call: createWaybill,
  },
  { what: "submit", known: [...ITEM, "tx"], call: (o) => waybill.submit(work, { n: 1 }, o) },
  { what: "submitMany", known: ["input", ...ITEM], call: (o) => waybill.submitMany(work, [o]) },
  { what: "cancel", known: ["owner", "reason", "actor"], call: (o) => waybill.cancel(id, o) },
  { what: "recall", known: ["actor"], call: (o) => recalling.recall(id, o) },
  { what: "rerun", known: ["owner", "actor", "idempotencyKey"], call: (o) => waybill.rerun(id, o) },
  { what: "rerun", known: ["input"], call: (o) => waybill.rerun(work, id, o) },
  { what: "dispatch", known: ["owner"], call: (o) => waybill.dispatch(id, o) },
  { what: "get", known: ["owner"], call: (o) => waybill.get(id, o) },
  { what: "history", known: ["owner"], call: (o) => waybill.history(id, o) },
  { what: "latest", known: ["owner"], call: (o) => waybill.latest(work, "a", o) },
  {
    what: "list",
    known: ["kind", "status", "word", "owner", "subject", "limit", "cursor"],
    call: (o) => waybill.list(o),
  },
  { what: "undelivered", known: ["limit", "cursor"], call: (o) => waybill.undelivered(o) },
  { what: "parked", known: ["limit", "cursor"], call: (o) => waybill.parked(o) },
  { what: "redeliver", known: ["jobId", "notifier", "versions"], call: (o) => waybill.redeliver(o) },
  { what: "watch", known: ["owner", "signal"], call: (o) => anyOf(waybill.watch(id, o)) },
  { what: "result", known: ["owner", "signal", "timeoutMs"], call: (o) => waybill.result(work, id, o) },
  {
    what: "observe",
    known: ["ids", "owner", "kind", "subject", "limit"],
    call: (o) => anyOf(waybill.observe(o)),
  },
  { what: "claim", known: ["owner", "name", "signal"], call: (o) => waybill.claim(own, id, o) },
  {
    what: "report",
    known: ["owner"],
    call: (o) => waybill.report(work as never, { ref: 1 }, { state: "open" } as never, o),
  },
  {
    what: "worker",
    known: [
      "concurrency",
      "queues",
      "reconcile",
      "wakeMessages",
      "reconciledElsewhere",
      "shutdownTimeoutMs",
      "pollIntervalMs",
      "prefetch",
      "name",
    ],
    call: (o) => waybill.worker([handler], o),
  },
  { what: "run", known: ["signal"], call: (o) => waybill.worker([handler]).run(o) },
  { what: "relay", known: ["notifiers", "reconcile", "shutdownTimeoutMs"], call: (o) => waybill.relay(o) },
  {
    what: "intake",
    known: ["concurrency", "name", "wakeMessages", "reconciledElsewhere"],
    call: (o) => waybill.intake([handler], o),
  },
  {
    what: "process",
    known: ["queue", "source", "reserveMs"],
    base: { remainingMs: 9 },
    call: (o) => waybill.intake([handler]).process([], o),
  },
  { what: "reconcile", known: ["handlers", "budgetMs", "signal"], call: (o) => waybill.reconcile(o) },
  { what: "flush", known: ["timeoutMs"], call: (o) => waybill.flush(o) },
  {
    what: 'The job "work"',
    known: [
      "output",
      "progress",
      "phases",
      "external",
      "words",
      "messages",
      "project",
      "subject",
      "percent",
      "expectedMs",
      "retry",
      "leaseMs",
      "deadlineMs",
      "retainMs",
      "queue",
      "refKeys",
      "handOver",
    ],
    base: { kind: "work", input: z.object({}) },
    call: (o) => defineJob(o),
  },
  {
    what: "retry",
    known: ["maxAttempts", "baseMs", "capMs"],
    call: (o) => defineJob({ kind: "work", input: z.object({}), retry: o }),
  },
  {
    what: "project",
    known: ["output", "progress", "metadata", "actor"],
    call: (o) => defineJob({ kind: "work", input: z.object({}), project: o }),
  },
  { what: "The handler", known: ["run"], call: (o) => work.handle(o) },
  {
    what: "memoryQueue",
    known: ["visibilityMs", "maxDelayMs", "maxReceives", "ordered", "maxBatch", "clock", "random", "faults"],
    call: memoryQueue,
  },
  { what: "memoryFeed", known: ["clock", "random", "faults"], call: memoryFeed },
  { what: "memoryNotifier", known: NOTIFIER, call: memoryNotifier },
  { what: "sqliteStore", known: ["db", "durability", "busyTimeoutMs"], call: sqlite.sqliteStore },
  { what: "postgresStore", known: ["client", "schema", "listen"], call: postgres.postgresStore },
  { what: "postgresFeed", known: ["client", "listen", "channel", "clock"], call: postgres.postgresFeed },
  { what: "redisStore", known: ["client", ...looked], call: redis.redisStore },
  { what: "redisFeed", known: ["client", "channel", "clock"], call: redis.redisFeed },
  {
    what: "dynamodbStore",
    known: ["client", "table", "clockSkewMs", "timeToLive", "retryForMs"],
    call: dynamodb.dynamodbStore,
  },
  { what: "dynamodbTable", known: ["table", "capacity"], call: dynamodb.dynamodbTable },
  { what: "dynamodbTable", known: ["table", "capacity"], call: dynamodb.dynamodbTableScript },
  { what: "dynamodbTable", known: ["table", "capacity"], call: dynamodb.dynamodbCloudFormation },
  { what: "dynamodbIamPolicy", known: ["tableArn"], call: dynamodb.dynamodbIamPolicy },
  {
    what: "sqsQueue",
    known: ["client", "queueUrl", "deadLetterQueueUrl", "maxReceives", "visibilityMs"],
    call: sqs.sqsQueue,
  },
  { what: "sqsIamPolicy", known: ["queueArn", "deadLetterQueueArn", "role"], call: sqs.sqsIamPolicy },
  { what: "sqsCloudFormation", known: ["queueName", "longestLeaseMs"], call: sqs.sqsCloudFormation },
  {
    what: "rabbitmqQueue",
    known: ["connection", "queue", "deadLetterQueue", "maxReceives", "consumerTimeoutMs", "declare"],
    call: rabbitmq.rabbitmqQueue,
  },
  {
    what: "rabbitmqNotifier",
    known: ["connection", "exchange", "name", "format", "fields", ...NOTIFIER],
    call: rabbitmq.rabbitmqNotifier,
  },
  { what: "rabbitmqFeed", known: ["connection", "exchange"], call: rabbitmq.rabbitmqFeed },
  { what: "webhookNotifier", known: ["endpoint", ...NOTIFIER], call: webhook.webhookNotifier },
  {
    what: "websocketGateway",
    known: ["kinds", "authorize", "allowedOrigins", "path"],
    call: (o) => websocket.websocketGateway(waybill, o),
  },
  { what: "appsyncNotifier", known: NOTIFIER, call: appsync.appsyncNotifier },
  { what: "appsyncEventsNotifier", known: NOTIFIER, call: appsync.appsyncEventsNotifier },
  {
    what: "appsyncSchema",
    known: ["mutation", "subscription", "publisher", "subscriber"],
    call: appsync.appsyncSchema,
  },
  {
    what: "jobRoutes",
    known: ["authorize", "maxBodyBytes", "maxWaits"],
    call: (o) => http.jobRoutes(waybill, o),
  },
  { what: "openApiDocument", known: ["kinds", "submit", "basePath"], call: http.openApiDocument },
  {
    what: "sqsHandler",
    known: ["queue", "concurrency", "reserveMs"],
    base: { reportBatchItemFailures: true },
    call: (o) => lambda.sqsHandler(waybill, [handler], o),
  },
  {
    what: "deadLetterHandler",
    known: ["queue"],
    base: { reportBatchItemFailures: true },
    call: (o) => lambda.deadLetterHandler(waybill, o),
  },
  {
    what: "scheduledHandler",
    known: ["reserveMs"],
    call: (o) => lambda.scheduledHandler(waybill, [handler], o),
  },
  {
    what: "",
    known: ["baseUrl", "jobs", "accessToken", "transports", "fetch", "WebSocket", "onWake"],
    call: (o) => createClient<typeof work>(o),
  },
];

/** Ways in which people get a name wrong. None of them is another known name. */
function misspelt(name: string, known: readonly string[]): readonly string[] {
  const ways = [
    name.toLowerCase(),
    name.slice(0, -1),
    `${name}s`,
    name.slice(0, 1) + name.slice(2),
    `${name.slice(0, -1)}x`,
  ];
  return [...new Set(ways)].filter((way) => way.length > 1 && !known.includes(way));
}

async function refusal(entry: Entry, options: unknown): Promise<unknown> {
  try {
    await entry.call(options as never);
    return null;
  } catch (error) {
    return error;
  }
}

describe.each(ENTRIES)("the options of $what", (entry) => {
  it("that do not exist are refused, with the nearest that does", async () => {
    for (const name of entry.known) {
      for (const wrong of misspelt(name, entry.known)) {
        const error = await refusal(entry, { ...entry.base, [wrong]: undefined });
        expect(error, `${entry.what} took ${wrong}`).toMatchObject({ code: "config.invalid" });
        const { message } = error as Error;
        expect(message).toContain(`"${wrong}"`);
        // A long name with one letter wrong can only be meant one way; the client carries no such table.
        const hint =
          entry.what !== "" && name.length > 5 ? /Did you mean \w+\?/ : /Did you mean \w+\?|It takes /;
        expect(message).toMatch(hint);
        if (entry.what !== "") expect(message).toContain(entry.what);
        expect(message).not.toMatch(/undefined|\[object|Cannot (read|destructure)/);
      }
    }
  });

  it("must be an object", async () => {
    for (const wrong of [null, 7, "text", []]) {
      const error = await refusal(entry, wrong);
      if (entry.what === "") expect(error).toMatchObject({ code: "config.invalid" });
      else expect(isWaybillError(error, "config.invalid"), `${entry.what} took ${String(wrong)}`).toBe(true);
    }
  });
});

/** Functions of the entries that take no options of their own. */
const WITHOUT_OPTIONS = [
  ...[
    "steps",
    "tally",
    "servedElsewhere",
    "isCancelled",
    "eventToJson",
    "isFinal",
    "isOk",
    "ok",
    "err",
    "unwrap",
  ],
  ...["toView", "toListedView", "viewFromJson", "isWaybillError", "memoryStore", "applyNewer"],
  ...["defineFeed", "defineNotifier", "defineQueue", "defineStore"],
  ...["appsyncResolver", "hintsOfStreamRecord", "problemOf", "problemResponse", "withFlush"],
  ...["listenOnPg", "fromPg", "fromPostgresJs", "postgresMigrationSql", "rabbitmqConnection"],
];
/** For those who write or test parts, and what is checked by hand elsewhere. */
const OTHER_ENTRIES = ["machine.ts", "react.ts", "store-kit.ts", "testing.ts"];

it("leaves no function of an entry out", async () => {
  const swept = ENTRIES.map(({ call }) => `${call.name} ${String(call)}`).join("\n");
  const entries = readdirSync("src").filter((file) => file.endsWith(".ts") && !OTHER_ENTRIES.includes(file));
  for (const file of entries) {
    const exported = (await import(`../../src/${file}`)) as Readonly<Record<string, unknown>>;
    for (const [name, value] of Object.entries(exported)) {
      if (typeof value !== "function" || /^[A-Z]/.test(name) || WITHOUT_OPTIONS.includes(name)) continue;
      expect(swept, `${name} of ${file} is not swept`).toMatch(new RegExp(`\\b${name}\\b`));
    }
  }
});
