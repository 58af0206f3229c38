// 40 messages at once, through a naive build and through Waybill. SQS takes some and does not say so, and loses two.
import { setTimeout as sleep } from "node:timers/promises";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { GetQueueAttributesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { dynamodbTable } from "waybill/dynamodb";
import { dynamodb, sqs, type SqsPart } from "../stage/parts.js";
import { type Fate, httpRoad, type PassingRequest } from "../stage/road.js";
import { runExample, type Stage } from "../stage/run.js";
import { apiOf, type Posted } from "./api.js";
import { jsonLogger } from "./monitor.js";
import { NaiveService } from "./naive.js";
import { openWaybill } from "./open-waybill.js";
import { startReceiver } from "./receiver.js";
import { judgeNaive, judgeWaybill, type Verdict } from "./verdict.js";
import { workerOf } from "./worker.js";

const OWNER = "billing";
const MESSAGES: readonly Posted[] = Array.from({ length: 40 }, (_, index) => ({
  id: `m-${String(index + 1).padStart(2, "0")}`,
  text: `Invoice ${String(index + 1)} is due.`,
}));

/** Sends by their place: taken without an answer, and lost. The client of SQS tries each three times by itself. */
const UNANSWERED: ReadonlySet<number> = new Set([5, 6, 7, 30, 31, 32]);
const LOST: ReadonlySet<number> = new Set([20, 21]);
const TRIES = 3;
/** Of the unanswered ones, those that are delivered before anybody gives up waiting for the answer. */
const DELIVERED_FIRST: ReadonlySet<number> = new Set([5, 6, 7]);
/** The receiver takes its time with these until the sends after them have been given up. */
const SLOW: ReadonlySet<string> = new Set(["m-28", "m-29"]);
const GIVEN_UP_FIRST = ["m-30", "m-31", "m-32"];
/** How long a try waits for its answer before the connection breaks. */
const UNANSWERED_MS = 250;
const PATIENCE_MS = 40_000;

interface Answer {
  readonly message: string;
  /** `202`, or the code of the error. */
  readonly code: string;
  readonly isConfirmed: boolean;
}

/** One of the two services, as it is seen from outside: what it sends, what it answers, what arrives. */
class Build {
  readonly name: string;
  readonly queueUrl: string;
  readonly answers: Answer[] = [];
  readonly delivered = new Set<string>();
  /** What SQS took, copies included. */
  copies = 0;
  /** The repeats that were told `DUPLICATE`. */
  duplicates = 0;
  /** The place of each send, and how often it was tried, by what it says. */
  readonly #sends = new Map<string, { readonly place: number; tries: number }>();
  readonly #changed = new Set<() => void>();

  constructor(name: string, queueUrl: string) {
    this.name = name;
    this.queueUrl = queueUrl;
  }

  /** What becomes of a request on the road, where it is one of this build's sends. */
  fateOf({ body, headers }: PassingRequest, faulty: boolean): Fate | null {
    if (!body.includes(new URL(this.queueUrl).pathname)) return null;
    if (!String(headers["x-amz-target"]).includes("SendMessage")) return "pass";
    const { MessageBody, Entries = [] } = JSON.parse(body) as SendInput;
    const texts = MessageBody === undefined ? Entries.map((entry) => entry.MessageBody) : [MessageBody];
    const fates = texts.map((text) => this.#fateOfSend(text));
    const fate = (faulty ? fates.find((each) => each !== "pass") : null) ?? "pass";
    if (fate !== "cut") this.copies += texts.length;
    this.changed();
    return fate;
  }

  answer(answer: Answer): void {
    this.answers.push(answer);
    this.changed();
  }

  receive(message: string): void {
    this.delivered.add(message);
    this.changed();
  }

  changed(): void {
    for (const look of [...this.#changed]) look();
  }

  /** Resolves as soon as it holds. */
  async until(holds: () => boolean): Promise<void> {
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (!holds()) return;
        this.#changed.delete(look);
        resolve();
      };
      this.#changed.add(look);
      look();
    });
  }

  /** Posts all at once: none waits for the answer of another, and each for the send of the one before, which gives them places. */
  async postAll(post: (message: Posted) => Promise<Omit<Answer, "message">>): Promise<void> {
    const posted: Promise<void>[] = [];
    for (const [index, message] of MESSAGES.entries()) {
      const answered = post(message).then((answer) => {
        this.answer({ message: message.id, ...answer });
      });
      posted.push(answered);
      await Promise.race([answered, this.until(() => this.#sends.size > index)]);
    }
    await Promise.all(posted);
  }

  hasAnswered(messages: readonly string[]): boolean {
    return messages.every((message) => this.answers.some((answer) => answer.message === message));
  }

  #fateOfSend(text: string): Fate {
    const send = this.#sends.get(text) ?? { place: this.#sends.size + 1, tries: 0 };
    this.#sends.set(text, send);
    send.tries += 1;
    // What is sent again later is another send, though it says the same.
    if (send.tries > TRIES) return "pass";
    if (LOST.has(send.place)) return "cut";
    if (!UNANSWERED.has(send.place)) return "pass";
    const isLast = send.tries === TRIES && DELIVERED_FIRST.has(send.place);
    const message = MESSAGES[send.place - 1]?.id ?? "";
    return { loseReplyAfter: isLast ? this.until(() => this.delivered.has(message)) : sleep(UNANSWERED_MS) };
  }
}

interface SendInput {
  readonly MessageBody?: string;
  readonly Entries?: readonly { readonly MessageBody: string }[];
}

async function play(stage: Stage): Promise<boolean> {
  const { screen } = stage;
  const tables = await dynamodb(stage);
  const queues = await sqs(stage);
  const road = await httpRoad(stage, queues.endpoint);
  const faulty = stage.withFault && road !== null;
  if (road === null) screen.say("The endpoint is https: there is no road to break, so this is normal work.");
  else process.env["AWS_ENDPOINT_URL_SQS"] = road.url;
  const naive = new Build("naive", await queueOf(queues, "naive", road?.url));
  const waybill = new Build("waybill", await queueOf(queues, "notifications", road?.url));
  road?.fate((request) => naive.fateOf(request, faulty) ?? waybill.fateOf(request, faulty) ?? "pass");
  const receiverUrl = await receiverFor(stage, faulty, { naive, waybill });
  const table = await tables.table(dynamodbTable({ table: "notifications" }));
  const naiveTable = await tables.table({
    TableName: "naive-notifications",
    BillingMode: "PAY_PER_REQUEST",
    AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
    KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
  });
  screen.say(`40 messages${faulty ? "; 6 accepted without an answer, 2 lost" : ", no fault"}`);
  const watching = setInterval(() => {
    screen.show({ head: HEAD, rows: rowsOf([naive, null], [waybill, null]) });
  }, 400);
  stage.atEnd(() => {
    clearInterval(watching);
  });
  const options = { table, queueUrl: waybill.queueUrl };
  await Promise.all([
    runNaive(stage, naive, { table: naiveTable, receiverUrl: `${receiverUrl}/naive` }),
    runWaybill(stage, waybill, { ...options, receiverUrl: `${receiverUrl}/waybill` }),
  ]);
  clearInterval(watching);
  const [byNaive, byWaybill] = await Promise.all([
    judgeNaive(naiveTable, MESSAGES.length, `${receiverUrl}/log`),
    judgeWaybill(options, OWNER, MESSAGES, `${receiverUrl}/log`),
  ]);
  screen.show({
    head: HEAD,
    rows: rowsOf([naive, byNaive], [waybill, byWaybill]),
  });
  screen.keep();
  const isTrue =
    byWaybill.isTrue && codes(waybill, "202").length === MESSAGES.length && (faulty || byNaive.isTrue);
  screen.verdict(
    isTrue,
    isTrue
      ? "40 records are COMPLETED with one outcome each; the receiver saw each key once."
      : `${String(byWaybill.completed)} of 40 records are COMPLETED with one outcome each; ${String(byWaybill.deliveredTwice.length)} keys came twice.`,
  );
  return isTrue;
}

/** On the road: the AWS client takes the origin of a queue's URL. */
async function queueOf(queues: SqsPart, name: string, road: string | undefined): Promise<string> {
  const dead = await queues.queue(`${name}-dead`, { MessageRetentionPeriod: "1209600" });
  const { url } = await queues.queue(name, {
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: dead.arn, maxReceiveCount: 10 }),
  });
  return road === undefined ? url : new URL(new URL(url).pathname, road).href;
}

async function receiverFor(
  stage: Stage,
  faulty: boolean,
  builds: Readonly<Record<"naive" | "waybill", Build>>,
): Promise<string> {
  const given = process.env["RECEIVER_URL"];
  if (given !== undefined) return given;
  const buildOf = (path: string): Build => (path === "/naive" ? builds.naive : builds.waybill);
  const receiver = await startReceiver({
    before: ({ path, message }) => {
      const build = buildOf(path);
      return faulty && SLOW.has(message) ? build.until(() => build.hasAnswered(GIVEN_UP_FIRST)) : undefined;
    },
    onReceived: ({ path, message }) => {
      buildOf(path).receive(message);
    },
  });
  stage.atEnd(() => {
    receiver.close();
  });
  return receiver.url;
}

async function runNaive(
  stage: Stage,
  build: Build,
  { table, receiverUrl }: { readonly table: string; readonly receiverUrl: string },
): Promise<void> {
  const clients = { dynamodb: new DynamoDBClient(), sqs: new SQSClient() };
  const service = new NaiveService({ ...clients, table, queueUrl: build.queueUrl, receiverUrl });
  const working = new AbortController();
  stage.atEnd(() => {
    working.abort();
    clients.sqs.destroy();
    clients.dynamodb.destroy();
  });
  const run = service.run(working.signal);
  await build.postAll(async (message) => {
    const answer = await service.post(message);
    return { code: answer === "QUEUED" ? "202" : answer, isConfirmed: answer === "QUEUED" };
  });
  // The client repeats once, with its key.
  const refused = new Set(codes(build, "SYSTEM_ERROR"));
  for (const message of MESSAGES.filter(({ id }) => refused.has(id)))
    if ((await service.post(message)) === "DUPLICATE") build.duplicates += 1;
  // What is in no queue now nobody will ever look for.
  await drained(clients.sqs, build.queueUrl);
  working.abort();
  await run;
}

async function runWaybill(
  stage: Stage,
  build: Build,
  options: { readonly table: string; readonly queueUrl: string; readonly receiverUrl: string },
): Promise<void> {
  const log: string[] = [];
  const logger = jsonLogger((line) => log.push(line));
  const api = openWaybill({ ...options, logger });
  const working = openWaybill({ ...options, logger });
  const ending = new AbortController();
  stage.atEnd(api.close);
  stage.atEnd(working.close);
  const run = workerOf(working.waybill, options.receiverUrl).run({ signal: ending.signal });
  const post = apiOf({ ...api, table: options.table });
  await build.postAll(async (message) => {
    const headers = { "x-service": OWNER, "idempotency-key": message.id };
    const response = await post(
      new Request("http://api/notifications", { method: "POST", headers, body: JSON.stringify(message) }),
    );
    const { error, status } = (await response.json()) as {
      readonly error?: string;
      readonly status?: string;
    };
    return { code: error ?? String(response.status), isConfirmed: status !== "PENDING" };
  });
  await eventually(async () => {
    const { items } = await api.waybill.list({ kind: "notification.deliver", owner: OWNER, limit: 100 });
    return items.every(({ status }) => status === "COMPLETED" || status === "FAILED");
  });
  const client = new SQSClient();
  await drained(client, build.queueUrl);
  client.destroy();
  ending.abort();
  await run;
}

/** Until a queue holds nothing, in flight or not. */
async function drained(client: SQSClient, queueUrl: string): Promise<void> {
  const names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"] as const;
  await eventually(async () => {
    const { Attributes } = await client.send(
      new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: [...names] }),
    );
    return names.every((name) => Attributes?.[name] === "0");
  });
}

/** Asks a store or queue, which tell nobody by themselves, until it says so, or patience ends and the verdict says what is wrong. */
async function eventually(holds: () => Promise<boolean>): Promise<void> {
  const endAt = performance.now() + PATIENCE_MS;
  while (performance.now() < endAt && !(await holds())) await sleep(100);
}

const HEAD = ["notification-pipeline", "NAIVE", "WAYBILL"];

function codes(build: Build, code: string): readonly string[] {
  return build.answers.filter((answer) => answer.code === code).map(({ message }) => message);
}

/** A build, and what its store says at the end. */
type Result = readonly [Build, Verdict | null];

function rowsOf(...results: readonly Result[]): readonly (readonly string[])[] {
  const row = (title: string, cell: (build: Build, verdict: Verdict | null) => string) => [
    title,
    ...results.map(([build, verdict]) => cell(build, verdict)),
  ];
  /** What is known at the end only. */
  const atEnd = (title: string, cell: (verdict: Verdict, build: Build) => string) =>
    results.every(([, verdict]) => verdict !== null)
      ? [row(title, (build, verdict) => (verdict === null ? "" : cell(verdict, build)))]
      : [];
  const refused = (build: Build): readonly string[] => codes(build, "SYSTEM_ERROR");
  const orDash = (build: Build, text: string): string => (refused(build).length === 0 ? "–" : text);
  return [
    row("answered 202", answeredOf),
    row("SYSTEM_ERROR", (build) => String(refused(build).length)),
    ...atEnd("  yet delivered", ({ delivered }, build) =>
      orDash(build, String(refused(build).filter((message) => delivered.has(message)).length)),
    ),
    ...atEnd("  repeat: duplicate", (_verdict, build) => orDash(build, String(build.duplicates))),
    row("delivered", deliveredOf),
    ...atEnd("PENDING for ever", ({ waiting }) => waitingOf(waiting)),
    row("copies in SQS", (build, verdict) => {
      const { copies } = build;
      return verdict === null ? String(copies) : `${copies}, ${copies - verdict.delivered.size} absorbed`;
    }),
    ...atEnd("own attributes kept", ({ ownKept }) => String(ownKept)),
    ...atEnd(
      "m-30",
      ({ records }) => records.find(({ message }) => message === "m-30")?.trail.join(" ") ?? "none",
    ),
  ];
}

/** How many wait, and the first two. */
function waitingOf(messages: readonly string[]): string {
  const shown = [...messages].sort().slice(0, 2);
  return [messages.length, ...shown, ...(messages.length > shown.length ? ["…"] : [])].join(" ");
}

function answeredOf(build: Build): string {
  const answered = build.answers.filter(({ code }) => code === "202");
  const unconfirmed = answered.filter(({ isConfirmed }) => !isConfirmed).length;
  return unconfirmed === 0
    ? String(answered.length)
    : `${answered.length}, ${unconfirmed} of them PENDING, unconfirmed`;
}

/** As the receiver's own log has it, once it was asked. */
function deliveredOf(build: Build, verdict: Verdict | null): string {
  if (verdict === null) return String(build.delivered.size);
  const { delivered, deliveredTwice } = verdict;
  const twice = deliveredTwice.length === 0 ? "none" : `${deliveredTwice.length} of them`;
  return `${delivered.size}, ${twice} twice`;
}

await runExample(play);
