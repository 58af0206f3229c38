import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { SQSClient } from "@aws-sdk/client-sqs";
import { dynamodbTable } from "waybill/dynamodb";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { apiOf } from "../../examples/notification-pipeline/api.js";
import { auditList } from "../../examples/notification-pipeline/audit.js";
import { infrastructure } from "../../examples/notification-pipeline/infrastructure.js";
import { alarmsOf, Metrics } from "../../examples/notification-pipeline/monitor.js";
import { NaiveService } from "../../examples/notification-pipeline/naive.js";
import { type NotificationWaybill, openWaybill } from "../../examples/notification-pipeline/open-waybill.js";
import { type Received, startReceiver } from "../../examples/notification-pipeline/receiver.js";
import { workerOf } from "../../examples/notification-pipeline/worker.js";
import { Children } from "../../examples/stage/children.js";
import { dynamodb, sqs } from "../../examples/stage/parts.js";
import { httpRoad, type Fate, type PassingRequest } from "../../examples/stage/road.js";
import { runExample } from "./run-example.js";

describe("the run", () => {
  it.concurrent(
    "shows what the naive build loses, and ends with what is true of the store",
    { timeout: 120_000 },
    async () => {
      const run = await runExample("notification-pipeline", "--fast");
      expect(run.code, run.out).toBe(0);
      expect(run.lastLine).toBe(
        "✓ 40 records are COMPLETED with one outcome each; the receiver saw each key once.",
      );
      expect(run.row("answered 202")).toEqual([
        "32",
        expect.stringMatching(/^40, [5-8] of them PENDING, unconfirmed$/),
      ]);
      expect(run.row("SYSTEM_ERROR")).toEqual(["8", "0"]);
      expect(run.row("  yet delivered")).toEqual(["3", "–"]);
      expect(run.row("  repeat: duplicate")).toEqual(["8", "–"]);
      expect(run.row("delivered")).toEqual(["35, none twice", "40, none twice"]);
      expect(run.row("PENDING for ever")[0]).toMatch(/^5 /);
      expect(run.row("PENDING for ever")[1]).toBe("0");
      expect(run.row("copies in SQS")[0]).toBe("50, 15 absorbed");
      expect(run.row("own attributes kept")).toEqual(["40", "40"]);
      expect(run.row("m-30")).toEqual(["PENDING QUEUED PENDING", "PENDING QUEUED PROCESSING COMPLETED"]);
    },
  );

  it.concurrent("without the fault, is passed by the naive build too", { timeout: 120_000 }, async () => {
    const run = await runExample("notification-pipeline", "--fast", "--fault", "none");
    expect(run.code, run.out).toBe(0);
    expect(run.row("delivered")).toEqual(["40, none twice", "40, none twice"]);
    expect(run.row("answered 202")).toEqual(["40", "40"]);
    // A busy machine may take longer to mark a send than the grace that a send has, and then there is a copy more.
    expect(run.row("copies in SQS")[0]).toBe("40, 0 absorbed");
  });
});

describe("the pipeline", () => {
  const stage = {
    closers: [] as (() => unknown)[],
    atEnd: (close: () => unknown) => void stage.closers.push(close),
  };
  const NAMES = ["AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL_DYNAMODB"];
  let table: string;
  let queueUrl: string;
  let seen: PassingRequest[];
  let onQueue: (request: PassingRequest) => "pass" | "cut" | "hang";
  let onTable: (request: PassingRequest) => Fate;
  let tables: Awaited<ReturnType<typeof dynamodb>>;
  let received: Received[];
  let receiverUrl: string;

  beforeEach(async () => {
    seen = [];
    received = [];
    onQueue = onTable = () => "pass";
    tables = await dynamodb(stage);
    table = await tables.table(dynamodbTable({ table: "notifications" }));
    const queues = await sqs(stage);
    const { url } = await queues.queue("notifications");
    const toQueue = await httpRoad(stage, queues.endpoint);
    const toTable = await httpRoad(stage, tables.endpoint);
    toQueue?.fate((request) => (seen.push(request), onQueue(request)));
    toTable?.fate((request) => (seen.push(request), onTable(request)));
    process.env["AWS_ENDPOINT_URL_SQS"] = toQueue!.url;
    process.env["AWS_ENDPOINT_URL_DYNAMODB"] = toTable!.url;
    queueUrl = toQueue!.url + new URL(url).pathname;
    const receiver = await startReceiver({ onReceived: (one) => void received.push(one) });
    receiverUrl = receiver.url;
    stage.atEnd(() => {
      receiver.close();
    });
  });
  afterEach(async () => {
    for (const close of stage.closers.splice(0).reverse()) await close();
    for (const name of NAMES) Reflect.deleteProperty(process.env, name);
  });

  function open(telemetry?: Metrics) {
    const opened = openWaybill({
      table,
      queueUrl,
      logger: SILENT,
      ...(telemetry === undefined ? {} : { telemetry }),
    });
    stage.atEnd(opened.close);
    const api = apiOf({ ...opened, table });
    return { ...opened, post: (body: unknown, key = "k-1") => api(requestOf(body, key)) };
  }

  function work(waybill: NotificationWaybill): void {
    const ending = new AbortController();
    const run = workerOf(waybill, receiverUrl).run({ signal: ending.signal });
    stage.atEnd(async () => {
      ending.abort();
      await run;
    });
  }

  const actions = (): string[] =>
    seen.map(({ headers }) => String(headers["x-amz-target"]).split(".").pop() ?? "");
  const completed = async (waybill: NotificationWaybill): Promise<number> => {
    let count = 0;
    for await (const row of auditList(waybill, "billing")) if (row.status === "COMPLETED") count += 1;
    return count;
  };

  it("answers with one create, one send and one mark, and the same key is the same job", async () => {
    const { post } = open();
    const first = await post({ id: "m-1", text: "hello" });
    expect([first.status, await first.json()]).toEqual([202, expect.objectContaining({ status: "QUEUED" })]);
    const calls = actions();
    expect(calls.filter((action) => action === "SendMessageBatch")).toHaveLength(1);
    const sentAt = calls.indexOf("SendMessageBatch");
    // The mark, and the application's own attributes.
    expect(calls.slice(sentAt + 1)).toEqual(["UpdateItem", "UpdateItem"]);
    expect((await post({ id: "m-1", text: "hello" })).status).toBe(202);
    expect(actions().filter((action) => action === "SendMessageBatch")).toHaveLength(1);
    const other = await post({ id: "m-1", text: "something else" });
    expect([other.status, await other.json()]).toEqual([
      422,
      expect.objectContaining({ error: "IDEMPOTENCY.CONFLICT" }),
    ]);
    expect((await post({ id: "M!", text: "" }, "k-2")).status).toBe(422);
  });

  it("names attributes by placeholders only", async () => {
    const { post, waybill } = open();
    work(waybill);
    await post({ id: "m-1", text: "hello" });
    await expect.poll(() => completed(waybill)).toBe(1);
    const expressions = seen.flatMap(({ body }) => {
      const { UpdateExpression = "", ConditionExpression = "" } =
        body === "" ? {} : (JSON.parse(body) as Expressions);
      return [UpdateExpression, ConditionExpression];
    });
    expect(expressions.join("").length).toBeGreaterThan(0);
    for (const expression of expressions)
      expect(expression).not.toMatch(/(?<![#:\w])(status|name|ttl|data)\b/i);
  });

  it("marks QUEUED inside DynamoDB, only where it is PENDING in this dispatch, and touches nothing else", async () => {
    const { post } = open();
    await post({ id: "m-1", text: "hello" });
    const marks = seen.map(({ body }) => resolved(body)).filter(({ set }) => set.includes("status = QUEUED"));
    expect(marks).toHaveLength(1);
    expect(marks[0]?.condition).toContain("status = PENDING");
    expect(marks[0]?.condition).toContain("dispatch = 1");
    for (const own of ["name", "ttl", "data"]) expect(marks[0]?.names).not.toContain(own);
  });

  it("says SYSTEM_ERROR when the store is out of reach, and only then", async () => {
    const { post } = open();
    onQueue = ({ headers }) => (String(headers["x-amz-target"]).includes("Send") ? "cut" : "pass");
    const unconfirmed = await post({ id: "m-1", text: "hello" });
    expect([unconfirmed.status, await unconfirmed.json()]).toEqual([
      202,
      expect.objectContaining({ status: "PENDING", dispatch: "unconfirmed" }),
    ]);
    onTable = () => DENIED;
    const refused = await post({ id: "m-2", text: "hello" }, "k-2");
    expect([refused.status, await refused.json()]).toEqual([
      503,
      expect.objectContaining({ error: "SYSTEM_ERROR" }),
    ]);
  });

  it("delivers what an API that was killed between create and send had recorded", async () => {
    const children = new Children({ say: () => {}, show: () => {}, keep: () => {}, verdict: () => {} });
    stage.atEnd(() => {
      children.killAll();
    });
    let sending = (): void => {};
    const sends = new Promise<void>((resolve) => (sending = resolve));
    onQueue = ({ headers }) => {
      if (!String(headers["x-amz-target"]).includes("Send")) return "pass";
      sending();
      return "hang";
    };
    const env = { TABLE: table, QUEUE_URL: queueUrl };
    const api = children.spawn("api", new URL("notification-api-process.ts", import.meta.url), { env });
    await sends;
    await api.kill();
    onQueue = () => "pass";
    const metrics = new Metrics();
    const { waybill } = open(metrics);
    work(waybill);
    await expect.poll(() => completed(waybill), { timeout: 30_000 }).toBe(1);
    expect(received.map(({ message }) => message)).toEqual(["m-1"]);
    expect(metrics.of("queue.send default")).toBe(1);
    expect(alarmsOf(await waybill.health())).toEqual([]);
  });

  it("kindest naive build: what was lost heals if the client repeats, and only then", async () => {
    const client = { dynamodb: new DynamoDBClient(), sqs: new SQSClient() };
    stage.atEnd(() => {
      client.sqs.destroy();
      client.dynamodb.destroy();
    });
    const naiveTable = await tables.table({
      TableName: "naive",
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
      KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
    });
    const service = new NaiveService({
      ...client,
      table: naiveTable,
      queueUrl,
      receiverUrl,
      resendsDuplicates: true,
    });
    onQueue = ({ headers }) => (String(headers["x-amz-target"]).includes("Send") ? "cut" : "pass");
    for (const id of ["m-1", "m-2"]) expect(await service.post({ id, text: "hello" })).toBe("SYSTEM_ERROR");
    onQueue = () => "pass";
    expect(await service.post({ id: "m-1", text: "hello" })).toBe("QUEUED");
    const ending = new AbortController();
    const run = service.run(ending.signal);
    await expect.poll(() => received.length).toBe(1);
    ending.abort();
    await run;
    expect(received.map(({ message }) => message)).toEqual(["m-1"]);
  });

  it("has its infrastructure as data", () => {
    const options = {
      table: "notifications",
      queueName: "notifications",
      region: "eu-west-1",
      account: "000000000000",
    };
    const { Resources } = infrastructure(options) as {
      readonly Resources: Record<string, { readonly Type: string }>;
    };
    const types = Object.values(Resources).map(({ Type }) => Type);
    const count = (type: string): number => types.filter((each) => each === type).length;
    expect([
      count("AWS::DynamoDB::Table"),
      count("AWS::SQS::Queue"),
      count("AWS::CloudWatch::Alarm"),
      count("AWS::IAM::ManagedPolicy"),
    ]).toEqual([1, 2, 3, 2]);
  });

  it("lets DynamoDB remove no job at an instant of the application's own attribute ttl", () => {
    const options = { table: "notifications", queueName: "notifications", region: "eu-west-1", account: "0" };
    const tables = Object.values(infrastructure(options)["Resources"] as object).filter(
      ({ Type }: { readonly Type: string }) => Type === "AWS::DynamoDB::Table",
    ) as readonly { readonly Properties: object }[];
    expect(tables.map(({ Properties }) => Object.keys(Properties))).toEqual([
      expect.not.arrayContaining(["TimeToLiveSpecification"]),
    ]);
  });
});

const DENIED: Fate = {
  status: 400,
  body: JSON.stringify({ __type: "com.amazonaws.dynamodb.v20120810#AccessDeniedException", message: "no" }),
};

interface Expressions {
  readonly UpdateExpression?: string;
  readonly ConditionExpression?: string;
  readonly ExpressionAttributeNames?: Readonly<Record<string, string>>;
  readonly ExpressionAttributeValues?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** The expressions of a request, with names and values in the place of their placeholders. */
function resolved(body: string) {
  const request = (body === "" ? {} : JSON.parse(body)) as Expressions;
  const { ExpressionAttributeNames: names = {}, ExpressionAttributeValues: values = {} } = request;
  const read = (expression = ""): string =>
    expression
      .replaceAll(/#\w+/g, (name) => names[name] ?? name)
      .replaceAll(/:\w+/g, (value) => String(Object.values(values[value] ?? {})[0]));
  return {
    set: read(request.UpdateExpression),
    condition: read(request.ConditionExpression),
    names: Object.values(names),
  };
}

const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

function requestOf(body: unknown, key: string): Request {
  const headers = { "x-service": "billing", "idempotency-key": key };
  return new Request("http://api/notifications", { method: "POST", headers, body: JSON.stringify(body) });
}
