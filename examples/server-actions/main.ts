// 12 writes and 6 reads of two people, through a naive build and through Waybill, while AppSync is away for a third of the run.
import { setTimeout as sleep } from "node:timers/promises";
import {
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import type { Logger } from "waybill";
import { dynamodbTable } from "waybill/dynamodb";
import type { SqsFunction } from "waybill/lambda";
import { appsync, type AppSyncPart, dynamodb, sqs, type QueuePart } from "../stage/parts.js";
import { type Fate, httpRoad, type HttpRoad } from "../stage/road.js";
import { runExample, type Stage } from "../stage/run.js";
import { FakeEc2 } from "./fake-ec2.js";
import { NaiveService } from "./naive.js";
import { type Opened, openWaybill } from "./open-waybill.js";
import { processorOf, reconcilerOf } from "./processor.js";
import { jobsOf, type ResolverAnswer, type ResolverEvent, resolverOf } from "./resolver.js";
import type { Action } from "./server-action.job.js";
import { Subscriber, type Update } from "./subscriber.js";
import { type Heard, judge, type Verdict } from "./verdict.js";

interface Write {
  readonly user: "ana" | "ben";
  readonly action: Action;
  readonly instanceId: string;
}

const ACTION_OF: readonly Action[] = ["start", "stop", "start", "reboot"];
const WRITES: readonly Write[] = Array.from({ length: 12 }, (_, index) => ({
  user: index % 4 < 2 ? "ana" : "ben",
  action: ACTION_OF[index % 4] ?? "start",
  instanceId: `i-${String(index + 1).padStart(2, "0")}`,
}));
const READS = 6;
const TROUBLE = { "i-03": "capacity", "i-07": "exception" } as const;
const GARBAGE = '{"userEmail": "ana@example.com", "action": sto';

/** The road to AppSync breaks after so many pushes. */
const PUSHES_BEFORE = 8;
/** Actions that run at a time. */
const SLOTS = 3;
const PATIENCE_MS = 40_000;

const claimsOf = (name: string) => ({ sub: name, email: `${name}@example.com`, email_verified: true });

/** One of the two services, as its users see it. */
class Build {
  readonly ec2: FakeEc2;
  readonly heard: Heard[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(delayMs: number) {
    this.ec2 = new FakeEc2({ trouble: TROUBLE, delayMs });
  }

  hear(update: Update): void {
    this.heard.push({ ...update, heardAt: Date.now() });
    for (const look of [...this.#waiting]) look();
  }

  /** Resolves when it holds, which is asked whenever something was heard, or when patience ends. */
  async until(holds: () => boolean, patienceMs = PATIENCE_MS): Promise<boolean> {
    let look = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      look = () => {
        if (holds()) resolve();
      };
      this.#waiting.add(look);
      look();
    });
    const ending = new AbortController();
    await Promise.race([
      held,
      sleep(patienceMs, undefined, { signal: ending.signal }).catch(() => undefined),
    ]);
    ending.abort();
    this.#waiting.delete(look);
    return holds();
  }

  last(instanceId: string): Update | null {
    const ofInstance = this.heard.filter(({ id }) => id === instanceId);
    // The page shows the newest of a job; the naive build has nothing to tell by, and shows what came last.
    return ofInstance.reduce<Update | null>(
      (newest, update) => ((update.version ?? 0) >= (newest?.version ?? 0) ? update : newest),
      null,
    );
  }

  hasEnd(instanceId: string): boolean {
    return ["COMPLETED", "FAILED"].includes(this.last(instanceId)?.status ?? "");
  }
}

/** The road to AppSync: refuses, hangs and answers with errors, a while each, once so many pushes have passed. */
function breakAfter(road: HttpRoad, phaseMs: number): void {
  let passed = 0;
  let brokenAt: number | null = null;
  road.fate(({ body }): Fate => {
    if (passed < PUSHES_BEFORE) {
      passed += body.split("publishJobUpdate(").length - 1;
      return "pass";
    }
    brokenAt ??= performance.now();
    const phase = Math.floor((performance.now() - brokenAt) / phaseMs);
    return AWAY[phase] ?? "pass";
  });
}

const AWAY: readonly Fate[] = [
  { status: 503, body: "{}" },
  "hang",
  {
    status: 200,
    body: JSON.stringify({ data: null, errors: [{ errorType: "InternalFailure", message: "It failed." }] }),
  },
];

async function play(stage: Stage): Promise<boolean> {
  const { screen } = stage;
  const phaseMs = stage.fast ? 1_000 : 4_000;
  const tables = await dynamodb(stage);
  const queues = await sqs(stage);
  const tokens = { "token.of.ana": claimsOf("ana"), "token.of.ben": claimsOf("ben") };
  const ui = await appsync(stage, { tokens });
  const roads = { naive: await httpRoad(stage, ui.url), waybill: await httpRoad(stage, ui.url) };
  const isFaulty = stage.withFault && roads.waybill !== null;
  if (roads.waybill === null)
    screen.say("The endpoint is https: there is no road to break, so this is normal work.");
  for (const road of Object.values(roads)) if (road !== null && stage.withFault) breakAfter(road, phaseMs);
  const queue = await queues.queue("actions");
  const naiveQueue = await queues.queue("naive-actions");
  Object.assign(process.env, {
    ACTIONS_TABLE: await tables.table(dynamodbTable({ table: "actions" })),
    ACTIONS_QUEUE_URL: queue.url,
    APPSYNC_URL: roads.waybill?.url ?? ui.url,
  });
  const naive = new Build(phaseMs * 1.25);
  const waybill = new Build(phaseMs * 1.25);
  const opened = openWaybill(SILENT);
  stage.atEnd(opened.close);
  await listen(stage, ui, opened, { naive, waybill });
  screen.say(
    `12 writes, 6 reads${isFaulty ? `; AppSync is away after ${String(PUSHES_BEFORE)} pushes` : ", no fault"}`,
  );
  const watching = setInterval(() => {
    screen.show({ head: HEAD, rows: WRITES.map((write) => rowOf(write, naive, waybill)) });
  }, 400);
  stage.atEnd(() => {
    clearInterval(watching);
  });
  const [jobIds] = await Promise.all([
    runWaybill(stage, waybill, opened, queue),
    runNaive(stage, naive, { queue: naiveQueue, appsyncUrl: roads.naive?.url ?? ui.url }),
  ]);
  const verdict = await toldOrGivenUp(jobIds, waybill);
  clearInterval(watching);
  return report(stage, { naive, waybill, verdict, isFaulty });
}

/** Ana and Ben subscribe. Updates of the naive build name no job. */
async function listen(
  stage: Stage,
  { realtimeUrl }: AppSyncPart,
  { waybill }: Opened,
  builds: Readonly<Record<"naive" | "waybill", Build>>,
): Promise<void> {
  for (const user of ["ana", "ben"]) {
    const page = new Subscriber({
      realtimeUrl,
      token: `token.of.${user}`,
      userEmail: claimsOf(user).email,
      read: () => jobsOf(waybill, claimsOf(user)),
      onUpdate: (update) => {
        // The message that nobody can read has no job; of the naive build it has no address either, and reaches nobody.
        const isNaive = update.jobId === null && update.id !== "unknown";
        (isNaive ? builds.naive : builds.waybill).hear(update);
      },
    });
    stage.atEnd(() => {
      page.close();
    });
    await page.open();
  }
}

/** The Lambdas behind their triggers: the mapping of the queue, and the schedule. Resolves with the jobs that were accepted. */
async function runWaybill(
  stage: Stage,
  build: Build,
  { waybill }: Opened,
  queue: QueuePart,
): Promise<readonly string[]> {
  const client = new SQSClient();
  const ending = new AbortController();
  stage.atEnd(() => {
    ending.abort();
    client.destroy();
  });
  const processor = processorOf(waybill, build.ec2);
  const reconciler = reconcilerOf(waybill, build.ec2);
  for (let slot = 0; slot < SLOTS; slot += 1) void mapping(client, queue, processor, ending.signal);
  void scheduled(() => reconciler({}, CONTEXT), ending.signal);
  await client.send(new SendMessageCommand({ QueueUrl: queue.url, MessageBody: GARBAGE }));
  await build.until(() => build.heard.some(({ id }) => id === "unknown"), 5_000);
  const answers = await ask(build, resolverOf(waybill, build.ec2));
  return answers
    .filter(({ statusCode }) => statusCode === 202)
    .map(({ body }) => (JSON.parse(body) as { readonly id: string }).id);
}

async function runNaive(
  stage: Stage,
  build: Build,
  { queue, appsyncUrl }: { readonly queue: QueuePart; readonly appsyncUrl: string },
): Promise<void> {
  const client = new SQSClient();
  const ending = new AbortController();
  stage.atEnd(() => {
    ending.abort();
    client.destroy();
  });
  const apiKey = process.env["APPSYNC_API_KEY"] ?? "";
  const service = new NaiveService({ sqs: client, queueUrl: queue.url, ec2: build.ec2, appsyncUrl, apiKey });
  const run = service.run(ending.signal, SLOTS);
  await client.send(new SendMessageCommand({ QueueUrl: queue.url, MessageBody: GARBAGE }));
  await ask(build, (event) => service.resolve(event));
  await worked(build, WRITES.length);
  ending.abort();
  // It ends when what it has taken is told, or given up.
  await run;
}

/** People ask: a write when fewer than three machines are under way, and a read after every second one. */
async function ask(
  build: Build,
  resolve: (event: ResolverEvent) => Promise<ResolverAnswer>,
): Promise<readonly ResolverAnswer[]> {
  const answers: Promise<ResolverAnswer>[] = [];
  for (const [index, { user, action, instanceId }] of WRITES.entries()) {
    await worked(build, index + 1 - SLOTS);
    const identity = { claims: claimsOf(user) };
    answers.push(resolve({ arguments: { action, instanceId }, identity }));
    if (index % (WRITES.length / READS) === 0)
      await resolve({ arguments: { action: "describe", instanceId }, identity });
  }
  return Promise.all(answers);
}

/** Until the machines have done, or refused, so many actions, by their own log. */
async function worked({ ec2 }: Build, count: number): Promise<void> {
  const endAt = performance.now() + PATIENCE_MS;
  while (ec2.log.length < count && performance.now() < endAt) await sleep(50);
}

/** Asks the store by a connection of its own until all is told, or patience ends. */
async function toldOrGivenUp(jobIds: readonly string[], { heard }: Build): Promise<Verdict> {
  const asking = openWaybill(SILENT);
  const endAt = performance.now() + PATIENCE_MS;
  try {
    for (;;) {
      const verdict = await judge(asking.waybill, jobIds, heard);
      if (verdict.isTrue || performance.now() > endAt) return verdict;
      await sleep(250);
    }
  } finally {
    await asking.close();
  }
}

/** What the event source mapping of a queue does, a message at a time. */
async function mapping(
  client: SQSClient,
  { url, arn }: QueuePart,
  handler: SqsFunction,
  signal: AbortSignal,
): Promise<void> {
  const request = {
    QueueUrl: url,
    MaxNumberOfMessages: 1,
    WaitTimeSeconds: 5,
    MessageSystemAttributeNames: ["ApproximateReceiveCount" as const, "SentTimestamp" as const],
  };
  while (!signal.aborted) {
    const received = await client
      .send(new ReceiveMessageCommand(request), { abortSignal: signal })
      .catch(() => null);
    for (const { MessageId = "", Body = "", Attributes, ReceiptHandle } of received?.Messages ?? []) {
      const { ApproximateReceiveCount = "1", SentTimestamp = "0" } = Attributes ?? {};
      const attributes = { ApproximateReceiveCount, SentTimestamp };
      const record = { messageId: MessageId, body: Body, attributes, eventSourceARN: arn };
      const answer = await handler({ Records: [record] }, CONTEXT).catch(() => null);
      if (answer?.batchItemFailures.length === 0)
        await client.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle })).catch(() => undefined);
    }
  }
}

/** A schedule's shortest interval is a minute; this run is shorter than that. */
async function scheduled(run: () => Promise<void>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await run().catch(() => undefined);
    await sleep(1_000, undefined, { signal }).catch(() => undefined);
  }
}

const CONTEXT = { getRemainingTimeInMillis: () => 30_000 };
const nothing = (): void => undefined;
const SILENT: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };

const HEAD = ["server-actions", "NAIVE, heard", "WAYBILL, heard"];

function rowOf({ user, action, instanceId }: Write, naive: Build, waybill: Build): readonly string[] {
  const update = waybill.last(instanceId);
  return [
    `${instanceId} ${action.padEnd(6)} ${user}`,
    naive.last(instanceId)?.status ?? "(nothing)",
    update === null ? "(nothing)" : `${update.status.padEnd(10)} ${update.message ?? ""}`,
  ];
}

interface Result {
  readonly naive: Build;
  readonly waybill: Build;
  readonly verdict: Verdict;
  readonly isFaulty: boolean;
}

function report({ screen }: Stage, { naive, waybill, verdict, isFaulty }: Result): boolean {
  // Three steps of each write, and the message that nobody could read.
  const all = WRITES.length * 3 + 1;
  const neverHeard = WRITES.filter(({ instanceId }) => !naive.hasEnd(instanceId)).length;
  const done = ({ ec2 }: Build): string =>
    `${String(ec2.log.filter((entry) => entry.done).length)} of ${String(WRITES.length)}`;
  const told = verdict.heard + waybill.heard.filter(({ id }) => id === "unknown").length;
  const silence = verdict.longestSilenceMs;
  screen.show({
    head: HEAD,
    rows: [
      ...WRITES.map((write) => rowOf(write, naive, waybill)),
      ["done by EC2", done(naive), done(waybill)],
      [
        "pushes heard",
        `${String(naive.heard.length)} of ${String(all)}`,
        `${String(told)} of ${String(all)}, ${String(verdict.heardTwice)} of them twice`,
      ],
      ["outcomes never heard", String(neverHeard), String(verdict.outcomesNeverHeard.length)],
      [
        "longest silence",
        neverHeard === 0 ? "–" : "for ever",
        silence === null ? "for ever" : `${(silence / 1_000).toFixed(1)} s`,
      ],
    ],
  });
  screen.keep();
  const isTrue = verdict.isTrue && verdict.jobs === WRITES.length && (isFaulty || neverHeard === 0);
  screen.verdict(
    isTrue,
    isTrue
      ? `Each of ${String(verdict.jobs)} histories in the store was heard to its last entry; 0 events are undelivered.`
      : `${String(verdict.heard)} of ${String(verdict.steps)} entries of ${String(verdict.jobs)} histories were heard; ${String(verdict.undelivered)} are undelivered.`,
  );
  return isTrue;
}

await runExample(play);
