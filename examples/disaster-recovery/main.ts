import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { createServer as createNetServer } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { dynamodbTable } from "waybill/dynamodb";
import { verifyWebhook } from "waybill/webhook/verify";
import { dynamodb, sqs } from "../stage/parts.js";
import { runExample, type Stage } from "../stage/run.js";
import { judge, type ServiceLog } from "./verdict.js";
import type { ExecutionRecord } from "./execution-record.js";

const PLANS = [
  { planId: "billing", type: "DRILL", startsAtMinute: 0 },
  { planId: "search", type: "RECOVERY", startsAtMinute: 1 },
  { planId: "mail", type: "FAILBACK", startsAtMinute: 2 },
] as const;

/** A machine that is busy with other things takes this long to start a process anew. */
const LONGEST_MS = 120_000;

const file = (name: string): URL => new URL(name, import.meta.url);

async function freePort(): Promise<number> {
  const server = createNetServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Whoever is on call: verifies what arrives, and counts it. */
async function openPager(stage: Stage, secret: string): Promise<{ port: number; heard: string[] }> {
  const heard: string[] = [];
  const server = createServer((request, response) => {
    void text(request)
      .then((body) =>
        verifyWebhook({ body, headers: request.headers as Record<string, string> }, { secrets: [secret] }),
      )
      .then((event) => {
        heard.push(`${event.type} ${JSON.stringify(event.data)}`);
        response.writeHead(204).end();
      })
      .catch(() => response.writeHead(400).end());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stage.atEnd(() => server.close());
  return { port: (server.address() as { port: number }).port, heard };
}

await runExample(
  async (stage) => {
    const minuteMs = stage.fast ? 400 : 1_500;
    const dynamo = await dynamodb(stage);
    const queues = await sqs(stage);
    const dead = await queues.queue("recovery-dead", { MessageRetentionPeriod: "1209600" });
    const queue = await queues.queue("recovery", {
      VisibilityTimeout: "3",
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: dead.arn, maxReceiveCount: 20 }),
    });
    const secret = `whsec_${randomBytes(32).toString("base64")}`;
    const pager = await openPager(stage, secret);
    const [apiPort, naivePort, recoveryPort] = [await freePort(), await freePort(), await freePort()];
    const [api, naive, recovery] = [apiPort, naivePort, recoveryPort].map(
      (port) => `http://127.0.0.1:${port}`,
    );
    Object.assign(process.env, {
      RECOVERY_TABLE: await dynamo.table(dynamodbTable({ table: "recovery" })),
      NAIVE_TABLE: await dynamo.table({
        TableName: "executions",
        BillingMode: "PAY_PER_REQUEST",
        AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
        KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
      }),
      RECOVERY_QUEUE_URL: queue.url,
      ALERTS_URL: `http://127.0.0.1:${pager.port}/`,
      ALERTS_SECRET: secret,
      RECOVERY_URL: recovery,
      RECOVERY_PORT: String(recoveryPort),
      API_PORT: String(apiPort),
      NAIVE_PORT: String(naivePort),
      EVENTS_URL: `${api}/events`,
      MINUTE_MS: String(minuteMs),
      NODE_NO_WARNINGS: "1",
      ...(stage.withFault ? {} : { ALL_WELL: "1" }),
    });

    let restarting: Promise<unknown> = Promise.resolve();
    const started: Promise<void>[] = [];
    const whenReady = (name: string, script: string, onMessage?: (message: unknown) => void) => {
      let ready: () => void = () => undefined;
      started.push(
        new Promise((resolve) => {
          ready = resolve;
        }),
      );
      return stage.children.spawn(name, file(script), {
        onMessage: (message) => {
          if (message === "ready") ready();
          else onMessage?.(message);
        },
      });
    };
    whenReady("service", "recovery-service.ts", (message) => {
      const { accepted, token } = message as { accepted: string; token: string };
      if (!stage.withFault || accepted !== "search" || !token.endsWith(":launch")) return;
      // Accepted, and not answered yet: whoever asked will never hear of it.
      restarting = worker.kill().then(() => {
        worker.start();
      });
      stage.screen.say("the worker was killed: the service had accepted its launch and not yet answered");
    });
    whenReady("naive", "naive.ts");
    const page = whenReady("api", "api.ts");
    const worker = stage.children.spawn("worker", file("worker.ts"));
    await Promise.all(started);
    stage.screen.say(`look at ${api}/plans/billing`);
    stage.screen.say(
      `3 plans of 6 servers, a minute is ${minuteMs / 1_000} s; the page reads again by itself, there is no feed`,
    );

    const startedAt = Date.now();
    const minute = async (at: number): Promise<void> => {
      await sleep(Math.max(0, startedAt + at * minuteMs - Date.now()), undefined, { signal: stage.signal });
    };
    const ids = new Map<string, string>();
    const submit = async ({ planId, type, startsAtMinute }: (typeof PLANS)[number]): Promise<void> => {
      await minute(startsAtMinute);
      void fetch(naive ?? "", { method: "POST", body: planId });
      const response = await fetch(`${api}/jobs/dr.recover`, {
        method: "POST",
        headers: { "content-type": "application/json", "idempotency-key": planId },
        body: JSON.stringify({ planId, type }),
      });
      ids.set(planId, ((await response.json()) as { id: string }).id);
    };
    const submitted = Promise.all(PLANS.map(submit));

    const records = new Map<string, ExecutionRecord>();
    const show = async (): Promise<boolean> => {
      const wrong = (await fetch(naive ?? "")
        .then((answer) => answer.json())
        .catch(() => ({}))) as Record<string, [string]>;
      for (const [planId, id] of ids) {
        const record = await fetch(`${api}/records/${id}`)
          .then((answer) => (answer.ok ? answer.json() : null))
          .catch(() => null);
        if (record !== null) records.set(planId, record as ExecutionRecord);
      }
      stage.screen.show({
        head: ["disaster-recovery", "NAIVE", "WAYBILL"],
        rows: PLANS.map(({ planId }) => [planId, wrong[planId]?.[0] ?? "", said(records.get(planId))]),
      });
      return PLANS.every(({ planId }) => (records.get(planId)?.EndTime ?? null) !== null);
    };

    let killed = !stage.withFault;
    while (!(await show())) {
      await sleep(minuteMs / 4, undefined, { signal: stage.signal });
      // A stored state, not a time: two servers of the first plan are ready.
      if (!killed && ids.size === 3 && (records.get("billing")?.Progress?.["ready"] ?? 0) >= 2) {
        killed = true;
        await restarting;
        await Promise.all([worker.kill(), page.kill()]);
        stage.screen.say("worker and API were killed");
        await sleep(2 * minuteMs, undefined, { signal: stage.signal });
        page.start();
        worker.start();
        stage.screen.say("worker and API are back");
      }
      if (Date.now() > startedAt + LONGEST_MS) throw new Error("The executions did not end.");
    }
    await submitted;
    await show();
    stage.screen.keep();

    // What is left to be told is told within seconds of the end.
    while (stage.withFault && pager.heard.filter((line) => line.startsWith("job.failed")).length < 2) {
      await sleep(100, undefined, { signal: stage.signal });
    }
    const early = await naiveTooEarly(naive ?? "", recovery ?? "");
    const { isTrue, sentence, tooEarly, launched } = await judge(recovery ?? "", stage.withFault);
    const service = (await (await fetch(`${recovery}/log`)).json()) as ServiceLog;
    stage.screen.say(`COMPLETED too early    naive ${early} of 3, Waybill ${tooEarly} of 3`);
    stage.screen.say(`servers launched       naive 18, Waybill ${launched}`);
    stage.screen.say(
      `alerts heard           ${pager.heard.length}: ${pager.heard.map((line) => line.split(" ")[0]).join(", ")}`,
    );
    stage.screen.say(
      `events ${service.sent.events}, missed ${service.sent.missed}, doubled ${service.sent.doubled}; answers ${JSON.stringify(service.answers)}`,
    );
    stage.screen.verdict(isTrue, sentence);
    return isTrue;
  },
  { page: true },
);

function said(record: ExecutionRecord | undefined): string {
  if (record === undefined) return "";
  const { Status, Progress, Duration } = record;
  const counts =
    Progress === null
      ? ""
      : `  launched ${Progress.launched} converting ${Progress.converting} ready ${Progress.ready} failed ${Progress.failed}`;
  return `${Status}${counts}${Duration === null ? "" : `  after ${Duration} s`}`;
}

/** Executions of the naive build that were COMPLETED before six servers of their launch were ready. */
async function naiveTooEarly(naive: string, recovery: string): Promise<number> {
  const rows = Object.entries((await (await fetch(naive)).json()) as Record<string, [string, number]>);
  const { launches, log } = (await (await fetch(`${recovery}/log`)).json()) as ServiceLog;
  return rows.filter(([planId, [status, endTime]]) => {
    const launch = launches.find((one) => one.planId === planId && !one.token.endsWith(":launch"));
    const ready = log.filter(
      ({ at, jobId, state }) => jobId === launch?.jobId && state === "ready" && at <= endTime,
    );
    return status === "COMPLETED" && ready.length < 6;
  }).length;
}
