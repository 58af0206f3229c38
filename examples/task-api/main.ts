// Forty tasks, twice: the driver of the database is missing at first, and the database is away in the middle.
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { SQSClient } from "@aws-sdk/client-sqs";
import pg from "pg";
import { LambdaFunction } from "../../test/doubles/lambda/function.js";
import { EventSourceMapping } from "../../test/doubles/lambda/mapping.js";
import { runtimeClient } from "../../test/doubles/lambda/runtime-client.js";
import { postgres, type QueuePart, sqs, type SqsPart } from "../stage/parts.js";
import { type TcpRoad, tcpRoad } from "../stage/road.js";
import { CannotRun, runExample, type Stage } from "../stage/run.js";
import { buildLambda } from "./build-lambda.js";
import { createNaiveTables, createNaiveTask } from "./naive.js";
import { openWaybill } from "./open-waybill.js";
import { type Answers, type Rows, rowsNow, stories, tableOf } from "./table.js";
import { judge } from "./verdict.js";

const PART = 20;
const PATIENCE_MS = 50_000;

await runExample(play, { faults: ["driver", "database"] });

async function play(stage: Stage): Promise<boolean> {
  await runtimeClient().catch(() => {
    throw new CannotRun("Lambda's runtime client could not be fetched: npm must reach its registry once.");
  });
  const times = stage.fast
    ? { visibilityS: 1, outageMs: 2_000, taskMs: 200, tickMs: 1_000, mostBatches: 1 }
    : { visibilityS: 3, outageMs: 6_000, taskMs: 500, tickMs: 1_000, mostBatches: 2 };
  process.env["TASK_MS"] = String(times.taskMs);
  await ownDatabase(stage);
  const queues = await sqs(stage);
  const client = new SQSClient();
  stage.atEnd(() => {
    client.destroy();
  });
  const dead = await queues.queue("tasks-dead");
  const redrive = JSON.stringify({ deadLetterTargetArn: dead.arn, maxReceiveCount: 5 });
  const attributes = { VisibilityTimeout: String(times.visibilityS) };
  const jobs = await queues.queue("tasks", { ...attributes, RedrivePolicy: redrive });
  const naive = await queues.queue("naive-tasks", attributes);
  Object.assign(process.env, { TASKS_QUEUE_URL: jobs.url, TASKS_DEAD_QUEUE_URL: dead.url });
  const { waybill, pool, migrate, close } = openWaybill();
  stage.atEnd(close);
  await migrate();
  await createNaiveTables(pool);
  const service = await startService(stage, queues, { jobs, dead, naive, client, ...times });
  const api = await startApi(stage);
  const create = async (part: number): Promise<void> => {
    const numbers = Array.from({ length: PART }, (_, place) => part * PART + place + 1);
    await Promise.all(
      numbers.map(async (number) => {
        const body = { title: `Task ${String(number)}`, description: null };
        const answer = await fetch(`${api}/tasks`, { method: "POST", body: JSON.stringify(body) });
        if (answer.status !== 202) throw new Error(`The API said ${await answer.text()}`);
        await createNaiveTask(pool, client, naive.url, body);
      }),
    );
  };
  const urls = { jobs: jobs.url, dead: dead.url, naive: naive.url };
  const head = ["task-api", "NAIVE", "WAYBILL"];
  const shown = async (more: readonly (readonly string[])[] = []): Promise<Rows> => {
    const now = await rowsNow(pool, client, urls);
    const rows = tableOf(now, answersOf(service.work), answersOf(service.naive));
    stage.screen.show({ head, rows: [...rows, ...more] });
    return now;
  };
  const until = async (isSo: (now: Rows) => boolean): Promise<void> => {
    const giveUpAt = Date.now() + PATIENCE_MS;
    while (!isSo(await shown()) && Date.now() < giveUpAt && !stage.signal.aborted) await sleep(200);
  };
  if (!stage.withFault) stage.screen.say("No fault.");
  if (stage.hasFault("driver")) stage.screen.say("The functions were deployed without their driver.");
  await create(0);
  if (stage.hasFault("driver")) {
    await until(() => service.work.outcomes.filter(({ status }) => status === "init_failed").length >= 3);
    await service.redeploy();
    stage.screen.say("Deployed again, with the driver.");
  }
  await until(({ ours, theirLeft }) => ours["completed"] === PART && theirLeft === 0);
  const isAway = stage.hasFault("database");
  await Promise.all([create(1), ...(isAway ? outages(stage, pool, service, times.outageMs) : [])]);
  await until(
    ({ ours, theirs, left, theirLeft }) =>
      ours["completed"] === 2 * PART &&
      left + theirLeft === 0 &&
      (stage.withFault || theirs["completed"] === 2 * PART),
  );
  const end = await shown(await stories(waybill, pool, PART));
  stage.screen.keep();
  const verdict = await judge(waybill, pool, 2 * PART);
  const naiveHolds = end.theirs["completed"] === 2 * PART && end.theirLeft === 0;
  const isTrue = verdict.isTrue && (stage.withFault || naiveHolds);
  stage.screen.verdict(
    isTrue,
    isTrue
      ? `${String(verdict.completed)} of ${String(2 * PART)} jobs are COMPLETED with one outcome each, and every row says the same.`
      : `Only ${String(verdict.completed)} of ${String(2 * PART)} jobs are COMPLETED, ${String(verdict.equal)} rows say the same as their jobs; the naive build has ${String(end.theirs["completed"] ?? 0)}.`,
  );
  return isTrue;
}

/** An empty database of this run, on whichever server. */
async function ownDatabase(stage: Stage): Promise<void> {
  const url = new URL(await postgres(stage));
  const name = `task_api_${crypto.randomUUID().slice(0, 8)}`;
  const query = async (sql: string): Promise<void> => {
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    await client.query(sql).finally(() => client.end());
  };
  await query(`create database ${name}`);
  stage.atEnd(() => query(`drop database ${name} with (force)`));
  const own = new URL(url);
  own.pathname = `/${name}`;
  process.env["DATABASE_URL"] = own.href;
}

function startApi(stage: Stage): Promise<string> {
  return new Promise((resolve) => {
    const api = stage.children.spawn("api", new URL("api.ts", import.meta.url), {
      env: { NODE_NO_WARNINGS: "1" },
      onLine: resolve,
    });
    stage.atEnd(() => api.stop());
  });
}

function answersOf({ outcomes }: LambdaFunction): Answers {
  const answered = outcomes.filter(({ status }) => status === "answered").length;
  return { answered, all: outcomes.length };
}

interface Parts {
  readonly jobs: QueuePart;
  readonly dead: QueuePart;
  readonly naive: QueuePart;
  readonly client: SQSClient;
  readonly tickMs: number;
  readonly mostBatches: number;
}

interface Service {
  readonly work: LambdaFunction;
  readonly naive: LambdaFunction;
  readonly roads: Readonly<Record<"work" | "naive", TcpRoad>>;
  redeploy(): Promise<void>;
}

/** The functions of both builds with their mappings, and a schedule. */
async function startService(stage: Stage, queues: SqsPart, parts: Parts): Promise<Service> {
  const { jobs, dead, naive, client, tickMs, mostBatches } = parts;
  const database = new URL(process.env["DATABASE_URL"] ?? "");
  const target = { host: database.hostname, port: Number(database.port || 5_432) };
  const roads = { work: await tcpRoad(stage, target), naive: await tcpRoad(stage, target) };
  const build = (withDriver: boolean): Promise<string> => {
    const folder = join(stage.folder, withDriver ? "with-driver" : "without-driver");
    return buildLambda({ entries: ["lambda.ts", "naive.ts"], folder, withDriver });
  };
  const folder = await build(!stage.hasFault("driver"));
  const fn = (name: string, handler: string, road: TcpRoad): Promise<LambdaFunction> =>
    LambdaFunction.create({
      ...{ name, handler, folder, timeoutMs: 10_000 },
      environment: environmentOf(queues, database, road, jobs, dead),
    });
  const work = await fn("tasks", "lambda.work", roads.work);
  const letters = await fn("tasks-dead", "lambda.dead", roads.work);
  const tick = await fn("tasks-tick", "lambda.tick", roads.work);
  const theirs = await fn("naive-tasks", "naive.handler", roads.naive);
  const all = [work, letters, tick, theirs];
  const map = (from: QueuePart, to: LambdaFunction, reportBatchItemFailures: boolean): void => {
    const mapping = new EventSourceMapping({
      ...{ client, queueUrl: from.url, queueArn: from.arn, reportBatchItemFailures },
      ...{ invoke: (event) => to.invoke(event), batchSize: 5, maximumConcurrency: mostBatches },
    });
    mapping.start();
    stage.atEnd(() => mapping.stop());
  };
  map(jobs, work, true);
  map(dead, letters, true);
  map(naive, theirs, false);
  const schedule = setInterval(() => {
    // Without the driver it would only fail as the others do.
    if (tick.busy.length === 0 && work.outcomes.at(-1)?.status !== "init_failed") void tick.invoke({});
  }, tickMs);
  // Functions end before their mappings are waited for.
  stage.atEnd(() => Promise.all(all.map((one) => one.close())));
  stage.atEnd(() => {
    clearInterval(schedule);
  });
  return {
    ...{ work, naive: theirs, roads },
    async redeploy() {
      const mended = await build(true);
      for (const one of all) one.deploy({ folder: mended });
    },
  };
}

function environmentOf(
  queues: SqsPart,
  database: URL,
  road: TcpRoad,
  jobs: QueuePart,
  dead: QueuePart,
): Record<string, string> {
  const through = new URL(database);
  through.hostname = road.host;
  through.port = String(road.port);
  const aws = ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "TASK_MS"];
  const given: Record<string, string> = {};
  for (const name of aws) {
    const value = process.env[name];
    if (value !== undefined) given[name] = value;
  }
  return {
    ...given,
    AWS_ENDPOINT_URL_SQS: queues.endpoint,
    DATABASE_URL: through.href,
    TASKS_QUEUE_URL: jobs.url,
    TASKS_DEAD_QUEUE_URL: dead.url,
  };
}

/** At the fourth task of the second part that a build has begun, its functions lose the database for a while. */
function outages(
  stage: Stage,
  pool: pg.Pool,
  { roads }: Service,
  outageMs: number,
): readonly Promise<void>[] {
  const begun = {
    work: `select count(*)::int as begun from waybill.job where attempt > 0 and split_part(subject, ':', 2)::int > ${String(PART)}`,
    naive: `select count(*)::int as begun from naive_tasks where status <> 'pending' and id > ${String(PART)}`,
  };
  return (["work", "naive"] as const).map(async (build) => {
    for (;;) {
      const { rows } = await pool.query<{ begun: number }>(begun[build]);
      if ((rows[0]?.begun ?? 0) >= 4 || stage.signal.aborted) break;
      await sleep(20);
    }
    roads[build].cut();
    stage.screen.say(`${build === "work" ? "waybill" : "naive"}: the functions have lost the database.`);
    await sleep(outageMs);
    roads[build].restore();
    stage.screen.say(`${build === "work" ? "waybill" : "naive"}: the database is back.`);
  });
}
