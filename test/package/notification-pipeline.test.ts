import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { REGION } from "../doubles/sqs/account.js";
import { CREDENTIALS } from "../doubles/sqs/bench.js";
import { startSqs, type SqsDouble } from "../doubles/sqs/server.js";
import { type Dynalite, startDynalite } from "../support/dynalite.js";
import { projectWith } from "./support/installed-package.js";
import { mustRun, repository } from "./support/run.js";

/** What an application takes over; the rest of the example is the run around it. */
const FILES = [
  ...["notification.job.ts", "open-waybill.ts", "api.ts", "worker.ts", "receiver.ts"],
  ...["own-attributes.ts", "audit.ts", "monitor.ts"],
];
const USES = ["@aws-sdk/client-dynamodb", "@aws-sdk/client-sqs", "@types/node", "zod"];

/** An application of those files: two messages, one of them posted twice, delivered and listed. */
const MAIN = `
import { CreateTableCommand } from "@aws-sdk/client-dynamodb";
import { dynamodbTable } from "waybill/dynamodb";
import { apiOf } from "./api.js";
import { auditList } from "./audit.js";
import { alarmsOf, jsonLogger, Metrics } from "./monitor.js";
import { notification } from "./notification.job.js";
import { openWaybill } from "./open-waybill.js";
import { readOwn } from "./own-attributes.js";
import { startReceiver } from "./receiver.js";
import { workerOf } from "./worker.js";

const table = "notifications";
const queueUrl = process.env["QUEUE_URL"] ?? "";
const receiver = await startReceiver();
const telemetry = new Metrics();
const logger = jsonLogger((line) => console.error(line));
const { waybill, dynamodb, close } = openWaybill({ table, queueUrl, logger, telemetry });
await dynamodb.send(new CreateTableCommand(dynamodbTable({ table })));
const post = apiOf({ waybill, dynamodb, table });
const posted: { readonly status: number; readonly id: string }[] = [];
for (const [key, id] of [["k-1", "m-1"], ["k-2", "m-2"], ["k-1", "m-1"]] as const) {
  const answer = await post(new Request("http://api/notifications", {
    method: "POST",
    headers: { "x-service": "billing", "idempotency-key": key },
    body: JSON.stringify({ id, text: "hello" }),
  }));
  posted.push({ status: answer.status, id: ((await answer.json()) as { id: string }).id });
}
const worker = workerOf(waybill, receiver.url + "/deliver");
void worker.run();
for (const { id } of posted) await waybill.result(notification, id);
const rows = [];
for await (const { message, status, trail, outcomes } of auditList(waybill, "billing")) rows.push([message, status, trail, outcomes]);
const received = (await (await fetch(receiver.url + "/log")).json()) as { message: string }[];
console.log(JSON.stringify({
  answers: posted.map(({ status }) => status),
  jobs: new Set(posted.map(({ id }) => id)).size,
  rows,
  received: received.map(({ message }) => message).sort(),
  name: (await readOwn(dynamodb, table, posted[0]?.id ?? ""))?.name,
  runs: telemetry.of("handler.notification.deliver"),
  alarms: alarmsOf(await waybill.health()),
}));
await worker.stop();
receiver.close();
await close();
`;

const TSCONFIG = {
  compilerOptions: {
    ...{ module: "NodeNext", target: "ES2022", lib: ["ES2022"], types: ["node"], outDir: "out" },
    ...{ strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: true },
  },
};

let sqs: SqsDouble;
let database: Dynalite;

beforeAll(async () => {
  sqs = await startSqs({ queues: { notifications: {} } });
  database = await startDynalite();
});
afterAll(async () => {
  await database.stop();
  await sqs.close();
});

it("the application files of notification-pipeline compile and run in an empty folder, from the tarball", async () => {
  const folder = join(repository, "examples", "notification-pipeline");
  const texts = await Promise.all(
    FILES.map(async (name) => [name, await readFile(join(folder, name), "utf8")] as const),
  );
  const project = await projectWith({
    files: {
      ...Object.fromEntries(texts),
      "main.ts": MAIN,
      "tsconfig.json": JSON.stringify(TSCONFIG),
      "package.json": JSON.stringify({ name: "notifications", private: true, type: "module" }),
    },
    uses: USES,
  });
  await mustRun(project, process.execPath, join(repository, "node_modules", "typescript", "bin", "tsc"));
  const environment = {
    AWS_ENDPOINT_URL_DYNAMODB: database.endpoint,
    AWS_ENDPOINT_URL_SQS: sqs.endpoint,
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
    QUEUE_URL: sqs.queueUrl("notifications"),
  };
  const given = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const said = await mustRun(project, "env", ...given, process.execPath, join("out", "main.js"));
  const trail = ["PENDING", "QUEUED", "PROCESSING", "COMPLETED"];
  expect(JSON.parse(said)).toEqual({
    answers: [202, 202, 202],
    jobs: 2,
    rows: [
      ["m-2", "COMPLETED", trail, 1],
      ["m-1", "COMPLETED", trail, 1],
    ],
    received: ["m-1", "m-2"],
    name: "message m-1",
    runs: 2,
    alarms: [],
  });
});
