import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { dynamodbTable } from "waybill/dynamodb";
import { verifyWebhook } from "waybill/webhook/verify";
import type { Child } from "../stage/children.js";
import { dynamodb, sqs } from "../stage/parts.js";
import { runExample, type Stage } from "../stage/run.js";
import { judge, type ServiceLog, type Verdict } from "./verdict.js";
import type { ExecutionRecord } from "./execution-record.js";
import { freePort } from "../../test/support/free-port.js";

const PLANS = [
  { planId: "billing", type: "DRILL" },
  { planId: "search", type: "RECOVERY" },
  { planId: "mail", type: "FAILBACK" },
] as const;
type Plan = (typeof PLANS)[number];

/** A machine that is busy with other things takes this long to start a process anew. */
const LONGEST_MS = 120_000;
const VARIANTS = ["naive", "kindest"] as const;

async function play(stage: Stage): Promise<boolean> {
  const pager = await openPager(stage);
  const urls = await openParts(stage, pager);
  const { page, visited, worker, restarted, minuteMs } = await startProcesses(stage);
  stage.screen.say(`look at ${urls.api}/plans/billing`);
  stage.screen.say(
    `3 plans of 6 servers, a minute is ${minuteMs / 1_000} s; the page reads again by itself, there is no feed`,
  );
  await stage.visit(visited);
  const executions = new Executions(stage, urls, minuteMs);
  const isLaunched = (planId: string) => executions.said(planId) !== "SUBMITTED";
  await executions.submit(PLANS[0]);
  // A stored state, not a time: what the first launcher said is stored before the second one is killed.
  await executions.until(() => isLaunched("billing"));
  await executions.submit(PLANS[1]);
  await sleep(minuteMs, undefined, { signal: stage.signal });
  await executions.submit(PLANS[2]);
  if (stage.withFault) {
    await executions.until(() => executions.ready("billing") >= 2 && isLaunched("search"));
    await restarted();
    await Promise.all([worker.kill(), page.kill()]);
    stage.screen.say("worker and API were killed");
    await sleep(2 * minuteMs, undefined, { signal: stage.signal });
    page.start();
    // What nobody heard is told again, and needs no worker.
    await until(stage, async () => haveEnded(await serviceLog(urls)));
    worker.start();
    stage.screen.say("worker and API are back");
  }
  await executions.until(() => PLANS.every(({ planId }) => executions.hasEnded(planId)));
  stage.screen.keep();
  // What is left to be told is told within seconds of the end.
  await until(stage, async () => {
    const failures = pager.heard.filter((type) => type === "job.failed").length;
    return haveEnded(await serviceLog(urls)) && failures >= (stage.withFault ? 2 : 0);
  });
  const verdict = await judge(urls.recovery, stage.withFault);
  await tellAll(stage, urls, pager, verdict);
  stage.screen.verdict(verdict.isTrue, verdict.sentence);
  return verdict.isTrue;
}

function haveEnded({ deliveries }: ServiceLog): boolean {
  return deliveries.every(({ ended }) => ended);
}

interface Urls {
  readonly api: string;
  readonly naive: string;
  readonly recovery: string;
}

interface Pager {
  readonly port: number;
  readonly secret: string;
  /** The types of what it was told. */
  readonly heard: readonly string[];
}

/** Whoever is on call: verifies what arrives, and counts it. */
async function openPager(stage: Stage): Promise<Pager> {
  const secret = `whsec_${randomBytes(32).toString("base64")}`;
  const heard: string[] = [];
  const server = createServer((request, response) => {
    void text(request)
      .then((body) =>
        verifyWebhook({ body, headers: request.headers as Record<string, string> }, { secrets: [secret] }),
      )
      .then(({ type }) => {
        heard.push(type);
        response.writeHead(204).end();
      })
      .catch(() => response.writeHead(400).end());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stage.atEnd(() => server.close());
  return { port: (server.address() as { port: number }).port, secret, heard };
}

/** Tables and queues, and what the environment says to every process. */
async function openParts(stage: Stage, pager: Pager): Promise<Urls> {
  const dynamo = await dynamodb(stage);
  const queues = await sqs(stage);
  const dead = await queues.queue("recovery-dead", { MessageRetentionPeriod: "1209600" });
  const queue = await queues.queue("recovery", {
    VisibilityTimeout: "3",
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: dead.arn, maxReceiveCount: 20 }),
  });
  const [apiPort, naivePort, recoveryPort] = [await freePort(), await freePort(), await freePort()];
  const url = (port: number): string => `http://127.0.0.1:${String(port)}`;
  const urls = { api: url(apiPort), naive: url(naivePort), recovery: url(recoveryPort) };
  Object.assign(process.env, {
    RECOVERY_TABLE: await dynamo.table(dynamodbTable({ table: "recovery" })),
    NAIVE_TABLE: await dynamo.table({
      TableName: "executions",
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
    }),
    RECOVERY_QUEUE_URL: queue.url,
    ALERTS_URL: `${url(pager.port)}/`,
    ALERTS_SECRET: pager.secret,
    RECOVERY_URL: urls.recovery,
    RECOVERY_PORT: String(recoveryPort),
    API_PORT: String(apiPort),
    NAIVE_PORT: String(naivePort),
    EVENTS_URL: `${urls.api}/events`,
    NODE_NO_WARNINGS: "1",
    ...(stage.withFault ? {} : { ALL_WELL: "1" }),
  });
  return urls;
}

interface Processes {
  readonly page: Child;
  /** Resolves when somebody has opened a page. */
  readonly visited: Promise<void>;
  readonly worker: Child;
  /** Resolves when a worker that was killed in its launch has been started again. */
  readonly restarted: () => Promise<void>;
  /** How long a minute of the service is. */
  readonly minuteMs: number;
}

async function startProcesses(stage: Stage): Promise<Processes> {
  let restarting = Promise.resolve();
  let visit = (): void => undefined;
  const visited = new Promise<void>((resolve) => (visit = resolve));
  const start = (name: string, onMessage?: (message: { account: string; accepted: string }) => void) =>
    new Promise<Child>((resolve) => {
      const child = stage.children.spawn(name, new URL(`${name}.ts`, import.meta.url), {
        onMessage: (message) => {
          if (message === "ready") resolve(child);
          else if (message === "visited") visit();
          else onMessage?.(message as { account: string; accepted: string });
        },
      });
    });
  const startedAt = Date.now();
  const page = await start("api");
  // Where a process takes long to start, the service is slower too: a restart is always a part of a recovery.
  const minuteMs = Math.max(stage.fast ? 400 : 1_500, Math.round((Date.now() - startedAt) / 4));
  process.env["MINUTE_MS"] = String(minuteMs);
  const [worker] = await Promise.all([
    start("worker"),
    start("naive"),
    start("recovery-service", ({ account, accepted }) => {
      if (!stage.withFault || account !== "recovery" || accepted !== "search") return;
      // Accepted, and not answered yet: whoever asked will never hear of it.
      restarting = worker.restart();
      stage.screen.say("the worker was killed: the service had accepted its launch and not yet answered");
    }),
  ]);
  return { page, visited, worker, restarted: () => restarting, minuteMs };
}

/** The executions of this run, as their records say. */
class Executions {
  readonly #stage: Stage;
  readonly #urls: Urls;
  readonly #pauseMs: number;
  readonly #ids = new Map<string, string>();
  readonly #records = new Map<string, ExecutionRecord>();

  constructor(stage: Stage, urls: Urls, minuteMs: number) {
    this.#stage = stage;
    this.#urls = urls;
    this.#pauseMs = minuteMs / 3;
  }

  async submit({ planId, type }: Plan): Promise<void> {
    void fetch(this.#urls.naive, { method: "POST", body: planId });
    const response = await fetch(`${this.#urls.api}/jobs/dr.recover`, {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": planId },
      body: JSON.stringify({ planId, type }),
    });
    this.#ids.set(planId, ((await response.json()) as { id: string }).id);
  }

  said(planId: string): string {
    return this.#records.get(planId)?.Status ?? "SUBMITTED";
  }

  ready(planId: string): number {
    return this.#records.get(planId)?.Progress?.ready ?? 0;
  }

  hasEnded(planId: string): boolean {
    return (this.#records.get(planId)?.EndTime ?? null) !== null;
  }

  /** Reads and shows the records again and again, until it is so. */
  async until(isSo: () => boolean): Promise<void> {
    await until(
      this.#stage,
      async () => {
        await this.#show();
        return isSo();
      },
      this.#pauseMs,
    );
  }

  async #show(): Promise<void> {
    for (const [planId, id] of this.#ids) {
      const record = await fetch(`${this.#urls.api}/records/${id}`)
        .then((answer) => (answer.ok ? answer.json() : null))
        .catch(() => null);
      if (record !== null) this.#records.set(planId, record as ExecutionRecord);
    }
    const rows = await naiveRows(this.#urls);
    const naive = (variant: string, planId: string): string =>
      rows.find((row) => row.variant === variant && row.planId === planId)?.status ?? "";
    this.#stage.screen.show({
      head: ["disaster-recovery", "NAIVE", "KINDEST", "WAYBILL"],
      rows: PLANS.map(({ planId }) => [
        planId,
        ...VARIANTS.map((variant) => naive(variant, planId)),
        lineOf(this.#records.get(planId)),
      ]),
    });
  }
}

async function until(stage: Stage, isSo: () => Promise<boolean>, pauseMs = 100): Promise<void> {
  const giveUpAt = Date.now() + LONGEST_MS;
  while (!(await isSo())) {
    if (Date.now() > giveUpAt) throw new Error("The executions did not end.");
    await sleep(pauseMs, undefined, { signal: stage.signal });
  }
}

function lineOf(record: ExecutionRecord | undefined): string {
  if (record === undefined) return "";
  const { Status, Progress, Duration } = record;
  const counts =
    Progress === null
      ? ""
      : `  launched ${Progress.launched} converting ${Progress.converting} ready ${Progress.ready} failed ${Progress.failed}`;
  return `${Status}${counts}${Duration === null ? "" : `, ${Duration} s`}`;
}

interface NaiveRow {
  readonly variant: string;
  readonly planId: string;
  readonly status: string;
  readonly endTime: number | null;
}

async function naiveRows({ naive }: Urls): Promise<readonly NaiveRow[]> {
  return (await (await fetch(naive)).json()) as readonly NaiveRow[];
}

async function serviceLog({ recovery }: Urls): Promise<ServiceLog> {
  return (await (await fetch(`${recovery}/log`)).json()) as ServiceLog;
}

/** What the run comes to, beside the verdict. */
async function tellAll(stage: Stage, urls: Urls, pager: Pager, verdict: Verdict): Promise<void> {
  const service = await serviceLog(urls);
  const rows = await naiveRows(urls);
  const [naive, kindest] = VARIANTS.map((variant) => tooEarlyOf(variant, rows, service));
  const { told, applied, tooEarly, final } = verdict.events;
  const { events, missed, doubled } = service.sent;
  const warnings = pager.heard.filter((type) => type === "job.warning").length;
  const say = (name: string, line: string): void => {
    stage.screen.say(`${name.padEnd(22)}${line}`);
  };
  say(
    "COMPLETED too early",
    `naive ${naive} of 3, kindest ${kindest} of 3, Waybill ${verdict.tooEarly} of 3`,
  );
  const [launched, launchedKindly] = VARIANTS.map(
    (variant) => 6 * service.launches.filter(({ account }) => account === variant).length,
  );
  say("servers launched", `naive ${launched}, kindest ${launchedKindly}, Waybill ${verdict.launched}`);
  for (const { planId, message } of verdict.failures) say(planId, `FAILED, ${message}`);
  say("alerts heard", `${warnings} of servers, ${pager.heard.length - warnings} of executions that failed`);
  say("polls", String(service.polls));
  say("events", `${events}: ${missed} missed, ${doubled} doubled, so ${told} told`);
  say(
    "",
    `${applied} applied, ${tooEarly} of them told again since they came too early; ${final} already final`,
  );
}

/** Executions of a naive build that were COMPLETED before six servers of their launch were ready. */
function tooEarlyOf(variant: string, rows: readonly NaiveRow[], { launches, log }: ServiceLog): number {
  return rows.filter(({ variant: its, planId, status, endTime }) => {
    const launch = launches.find((one) => one.account === variant && one.planId === planId);
    const ready = log.filter(
      ({ at, jobId, state }) => jobId === launch?.jobId && state === "ready" && at <= (endTime ?? 0),
    );
    return its === variant && status === "COMPLETED" && ready.length < 6;
  }).length;
}

await runExample(play, { page: true });
