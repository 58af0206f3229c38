// Every object of options that the library takes, with what may stand in it and a call that takes it.
import { Redis } from "ioredis";
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
import { openDatabase } from "../integration/sqlite-driver.js";

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
const telling = createWaybill({
  jobs: [work],
  store: memoryStore(),
  notifiers: { ui: memoryNotifier() },
  clock,
});
const { id } = await clock.runUntil(waybill.submit(work, { n: 1 }).unwrap());
// Who asks for its result has it at once.
await clock.runUntil(waybill.cancel(id).unwrap());

/** One that nobody has ended yet: of another, all is refused whatever the options are. */
async function another(): Promise<string> {
  return (await clock.runUntil(waybill.submit(work, { n: 1 }).unwrap())).id;
}

export interface Entry {
  /** As the sentence calls it. */
  readonly what: string;
  readonly known: readonly string[];
  /** Without the option that is put in. */
  readonly base?: object;
  readonly call: (options: never) => unknown;
}

const pool = { query: () => undefined, connect: () => undefined, totalCount: 0 };
const ioredis = new Redis({ lazyConnect: true });
const aws = { send: () => undefined };
const connection = rabbitmq.rabbitmqConnection(() => Promise.reject(new Error("no broker here")));
const SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
const GRAPHQL = {
  endpoint: "https://abc.appsync-api.eu-west-1.amazonaws.com/graphql",
  auth: { mode: "apiKey", apiKey: "da2-key" },
};
const EVENTS = {
  endpoint: "https://abc.appsync-api.eu-west-1.amazonaws.com/event",
  auth: { mode: "apiKey", apiKey: "da2-key" },
  namespace: "jobs",
};
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

export const ENTRIES: readonly Entry[] = [
  {
    what: "createWaybill",
    known: [...PARTS, "policy", "onTrim", "onPublish", "onParked"],
    base: needed,
    call: createWaybill,
  },
  { what: "submit", known: [...ITEM, "tx"], call: (o) => waybill.submit(work, { n: 1 }, o) },
  { what: "submitMany", known: ["input", ...ITEM], call: (o) => waybill.submitMany(work, [o]) },
  {
    what: "cancel",
    known: ["owner", "reason", "actor"],
    call: async (o) => waybill.cancel(await another(), o),
  },
  { what: "recall", known: ["actor"], call: async (o) => waybill.recall(await another(), o) },
  { what: "rerun", known: ["owner", "actor", "idempotencyKey"], call: (o) => waybill.rerun(id, o) },
  { what: "rerun", known: ["input"], call: (o) => waybill.rerun(work, id, o) },
  { what: "dispatch", known: ["owner"], call: (o) => waybill.dispatch(id, o) },
  { what: "get", known: ["owner"], call: (o) => waybill.get(id, o) },
  { what: "history", known: ["owner"], call: (o) => waybill.history(id, o) },
  { what: "latest", known: ["owner"], call: (o) => waybill.latest(work, "a", o) },
  {
    what: "list",
    known: ["kind", "status", "word", "owner", "subject", "limit", "cursor"],
    base: { kind: "work" },
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
    base: { owner: "ann" },
    call: (o) => anyOf(waybill.observe(o)),
  },
  {
    what: "observe",
    known: ["signal", "known"],
    call: (o) => anyOf(waybill.observe({ owner: "ann" }, o)),
  },
  { what: "claim", known: ["owner", "name", "signal"], call: (o) => waybill.claim(own, id, o) },
  {
    what: "report",
    known: ["ref", "token"],
    base: { ref: 1 },
    call: (o) => waybill.report(work as never, o, { state: "open" } as never),
  },
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
  { what: "relay", known: ["notifiers", "reconcile", "shutdownTimeoutMs"], call: (o) => telling.relay(o) },
  {
    what: "intake",
    known: ["concurrency", "name", "wakeMessages", "reconciledElsewhere"],
    call: (o) => waybill.intake([handler], o),
  },
  {
    what: "process",
    known: ["queue", "source", "remainingMs", "reserveMs"],
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
  ...[
    (o: never) => memoryQueue({ faults: o }),
    (o: never) => {
      memoryQueue().faults.set(o);
    },
  ].map((call) => ({ what: "faults", known: ["duplicate", "loss", "reorder", "redelivery"], call })),
  ...[
    (o: never) => memoryFeed({ faults: o }),
    (o: never) => {
      memoryFeed().setFaults(o);
    },
  ].map((call) => ({ what: "faults", known: ["loss", "duplicate", "delayMs"], call })),
  { what: "memoryNotifier", known: NOTIFIER, call: memoryNotifier },
  {
    what: "sqliteStore",
    known: ["db", "durability", "busyTimeoutMs"],
    base: { db: openDatabase(":memory:") },
    call: sqlite.sqliteStore,
  },
  {
    what: "postgresStore",
    known: ["client", "schema", "listen"],
    base: { client: pool },
    call: postgres.postgresStore,
  },
  {
    what: "postgresFeed",
    known: ["client", "listen", "channel", "clock"],
    base: { client: pool },
    call: postgres.postgresFeed,
  },
  { what: "redisStore", known: ["client", ...looked], base: { client: ioredis }, call: redis.redisStore },
  {
    what: "redisFeed",
    known: ["client", "channel", "clock"],
    base: { client: ioredis },
    call: redis.redisFeed,
  },
  {
    what: "dynamodbStore",
    known: ["client", "table", "clockSkewMs", "timeToLive", "retryForMs"],
    base: { client: aws, table: "jobs" },
    call: dynamodb.dynamodbStore,
  },
  {
    what: "dynamodbTable",
    known: ["table", "capacity"],
    base: { table: "jobs" },
    call: dynamodb.dynamodbTable,
  },
  {
    what: "dynamodbTable",
    known: ["table", "capacity"],
    base: { table: "jobs" },
    call: dynamodb.dynamodbTableScript,
  },
  {
    what: "dynamodbTable",
    known: ["table", "capacity"],
    base: { table: "jobs" },
    call: dynamodb.dynamodbCloudFormation,
  },
  {
    what: "capacity",
    known: ["readUnits", "writeUnits"],
    base: { readUnits: 5, writeUnits: 5 },
    call: (o) => dynamodb.dynamodbTable({ table: "jobs", capacity: o }),
  },
  { what: "dynamodbIamPolicy", known: ["tableArn"], call: dynamodb.dynamodbIamPolicy },
  {
    what: "sqsQueue",
    known: ["client", "queueUrl", "deadLetterQueueUrl", "maxReceives", "visibilityMs"],
    base: { client: aws, queueUrl: "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs" },
    call: sqs.sqsQueue,
  },
  {
    what: "sqsIamPolicy",
    known: ["queueArn", "deadLetterQueueArn", "role"],
    base: { queueArn: "arn:aws:sqs:eu-west-1:123456789012:jobs", role: "worker" },
    call: sqs.sqsIamPolicy,
  },
  {
    what: "sqsCloudFormation",
    known: ["queueName", "longestLeaseMs"],
    base: { queueName: "jobs" },
    call: sqs.sqsCloudFormation,
  },
  {
    what: "rabbitmqQueue",
    known: ["connection", "queue", "deadLetterQueue", "maxReceives", "consumerTimeoutMs", "declare"],
    base: { connection, queue: "jobs" },
    call: rabbitmq.rabbitmqQueue,
  },
  {
    what: "rabbitmqNotifier",
    known: ["connection", "exchange", "name", "format", "fields", ...NOTIFIER],
    base: { connection },
    call: rabbitmq.rabbitmqNotifier,
  },
  {
    what: "rabbitmqFeed",
    known: ["connection", "exchange"],
    base: { connection },
    call: rabbitmq.rabbitmqFeed,
  },
  {
    what: "webhookNotifier",
    known: ["endpoint", ...NOTIFIER],
    base: { endpoint: { url: "https://hooks.example/jobs", secrets: [SECRET] } },
    call: webhook.webhookNotifier,
  },
  {
    what: "websocketGateway",
    known: ["kinds", "authorize", "allowedOrigins", "path"],
    base: { kinds: [work], authorize: () => null, allowedOrigins: [] },
    call: (o) => websocket.websocketGateway(waybill, o),
  },
  { what: "appsyncNotifier", known: NOTIFIER, base: GRAPHQL, call: appsync.appsyncNotifier },
  { what: "appsyncEventsNotifier", known: NOTIFIER, base: EVENTS, call: appsync.appsyncEventsNotifier },
  {
    what: "appsyncSchema",
    known: ["mutation", "subscription", "publisher", "subscriber"],
    call: appsync.appsyncSchema,
  },
  {
    what: "jobRoutes",
    known: ["authorize", "maxBodyBytes", "maxWaits"],
    base: { kinds: [work], submit: [], authorize: () => null },
    call: (o) => http.jobRoutes(waybill, o),
  },
  {
    what: "openApiDocument",
    known: ["kinds", "submit", "basePath"],
    base: { kinds: [work], submit: [] },
    call: http.openApiDocument,
  },
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
