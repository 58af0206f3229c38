// The servers that an example needs. Each is taken from the environment where it is named there; otherwise it is started on
// a free port of the loopback, and the environment says where, so that the application cannot tell the one from the other.
import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DynamoDBClient,
  waitUntilTableExists,
} from "@aws-sdk/client-dynamodb";
import { CreateQueueCommand, GetQueueAttributesCommand, SQSClient } from "@aws-sdk/client-sqs";
import {
  type AppSyncDouble,
  type AppSyncDoubleOptions,
  startAppSync,
} from "../../test/doubles/appsync/double.js";
import { type SqsDouble, startSqs } from "../../test/doubles/sqs/server.js";
import { redisBinary, startRedis } from "../../test/integration/redis-process.js";
import { startDynalite } from "../../test/support/dynalite.js";
import { postgresBinaries, startPostgres } from "../../test/support/postgres-process.js";
import { rabbitmqIsHere, startRabbitmq } from "../../test/support/rabbitmq-server.js";
import { CannotRun, type Stage } from "./run.js";

type Ends = Pick<Stage, "atEnd">;

/** Sets what the environment does not say yet. */
function say(names: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(names)) process.env[name] ??= value;
}

/** What every AWS client reads by itself. */
function sayAws(): void {
  // What Node is too old for next year is no news of a run.
  say({ AWS_REGION: "us-east-1", AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true" });
  // A profile or a role of the machine is as good; without a custom endpoint they are needed.
  if (process.env["AWS_PROFILE"] === undefined)
    say({ AWS_ACCESS_KEY_ID: "example", AWS_SECRET_ACCESS_KEY: "example" });
}

export interface QueuePart {
  readonly url: string;
  readonly arn: string;
}

export interface SqsPart {
  readonly endpoint: string;
  /** `null`: the environment names an SQS. */
  readonly double: SqsDouble | null;
  /** Makes a queue, standard unless the name ends in `.fifo`. */
  queue(name: string, attributes?: Readonly<Record<string, string>>): Promise<QueuePart>;
}

/** `AWS_ENDPOINT_URL_SQS`, or the double of SQS. */
export async function sqs(stage: Ends): Promise<SqsPart> {
  sayAws();
  const given = process.env["AWS_ENDPOINT_URL_SQS"];
  const double = given === undefined ? await startSqs() : null;
  if (double !== null) stage.atEnd(() => double.close());
  const endpoint = given ?? double?.endpoint ?? "";
  say({ AWS_ENDPOINT_URL_SQS: endpoint });
  const client = new SQSClient({ endpoint });
  stage.atEnd(() => {
    client.destroy();
  });
  const fresh = suffix(double !== null);
  return {
    endpoint,
    double,
    async queue(name, attributes = {}) {
      const [, base = name, ending = ""] = /^(.*?)(\.fifo)?$/.exec(name) ?? [];
      const { QueueUrl = "" } = await client.send(
        new CreateQueueCommand({
          QueueName: `${base}${fresh}${ending}`,
          Attributes: { ...(ending === "" ? {} : { FifoQueue: "true" }), ...attributes },
        }),
      );
      const { Attributes } = await client.send(
        new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] }),
      );
      return { url: QueueUrl, arn: Attributes?.["QueueArn"] ?? "" };
    },
  };
}

export interface DynamoDbPart {
  readonly endpoint: string;
  /** Whether the environment names it. */
  readonly given: boolean;
  /** Makes a table; its name is the answer. */
  table(definition: CreateTableCommandInput): Promise<string>;
}

/** `AWS_ENDPOINT_URL_DYNAMODB`, or dynalite in this process. */
export async function dynamodb(stage: Ends): Promise<DynamoDbPart> {
  sayAws();
  const given = process.env["AWS_ENDPOINT_URL_DYNAMODB"];
  const own = given === undefined ? await startDynalite() : null;
  if (own !== null) stage.atEnd(() => own.stop());
  const endpoint = given ?? own?.endpoint ?? "";
  say({ AWS_ENDPOINT_URL_DYNAMODB: endpoint });
  const client = new DynamoDBClient({ endpoint });
  stage.atEnd(() => {
    client.destroy();
  });
  const fresh = suffix(given === undefined);
  return {
    endpoint,
    given: given !== undefined,
    async table(definition) {
      const TableName = `${definition.TableName ?? "table"}${fresh}`;
      await client.send(new CreateTableCommand({ ...definition, TableName }));
      await waitUntilTableExists({ client, maxWaitTime: 60, minDelay: 1, maxDelay: 2 }, { TableName });
      return TableName;
    },
  };
}

export interface AppSyncPart {
  readonly url: string;
  readonly realtimeUrl: string;
  /** `null`: the environment names an AppSync. */
  readonly double: AppSyncDouble | null;
}

/** `APPSYNC_URL`, `APPSYNC_REALTIME_URL` and `APPSYNC_API_KEY`, or the double of AppSync. */
export async function appsync(stage: Ends, options: AppSyncDoubleOptions = {}): Promise<AppSyncPart> {
  const { APPSYNC_URL: url, APPSYNC_REALTIME_URL: realtimeUrl } = process.env;
  if (url !== undefined && realtimeUrl !== undefined) return { url, realtimeUrl, double: null };
  const apiKey = options.apiKey ?? "da2-key-of-the-example";
  const double = await startAppSync({ ...options, apiKey });
  stage.atEnd(() => double.close());
  Object.assign(process.env, {
    APPSYNC_URL: double.url,
    APPSYNC_REALTIME_URL: double.realtimeUrl,
    APPSYNC_API_KEY: apiKey,
  });
  return { url: double.url, realtimeUrl: double.realtimeUrl, double };
}

/** `DATABASE_URL`, or a Postgres of this run. Without one on this machine the run ends with a sentence. */
export async function postgres(stage: Ends): Promise<string> {
  const given = process.env["DATABASE_URL"];
  if (given !== undefined) return given;
  if (postgresBinaries() === null)
    throw new CannotRun(
      "There is no Postgres here: install the package postgresql, or name one in DATABASE_URL.",
    );
  const server = await startPostgres({ durable: false });
  stage.atEnd(() => server.stop());
  const url = `postgres://postgres@127.0.0.1:${String(server.port)}/postgres`;
  say({ DATABASE_URL: url });
  return url;
}

/** `DATABASE_URL`, or a Postgres of this run; `null`: this machine has none, and the example does without. */
export async function postgresIfHere(stage: Ends): Promise<string | null> {
  if (process.env["DATABASE_URL"] === undefined && postgresBinaries() === null) return null;
  return postgres(stage);
}

/** `REDIS_URL`, or a Redis of this run; `null`: this machine has none, and the example does without. */
export async function redisIfHere(stage: Ends): Promise<string | null> {
  const given = process.env["REDIS_URL"];
  if (given !== undefined) return given;
  if (redisBinary("redis-server") === null) return null;
  const server = await startRedis();
  stage.atEnd(() => server.stop());
  const url = `redis://127.0.0.1:${String(server.port)}`;
  say({ REDIS_URL: url });
  return url;
}

/** `RABBITMQ_URL`, or a RabbitMQ of this run; `null`: this machine has none, and the example does without. */
export async function rabbitmqIfHere(stage: Ends): Promise<string | null> {
  const given = process.env["RABBITMQ_URL"];
  if (given !== undefined) return given;
  if (!rabbitmqIsHere()) return null;
  const server = await startRabbitmq();
  stage.atEnd(() => server.stop());
  say({ RABBITMQ_URL: server.url });
  return server.url;
}

/** `RABBITMQ_URL`, or a RabbitMQ of this run. Without one on this machine the run ends with a sentence. */
export async function rabbitmq(stage: Ends): Promise<string> {
  const url = await rabbitmqIfHere(stage);
  if (url !== null) return url;
  throw new CannotRun(
    "There is no RabbitMQ here: install the package rabbitmq-server, or name one in RABBITMQ_URL.",
  );
}

/** On somebody's own server nothing of an earlier run may be met. */
function suffix(isOwn: boolean): string {
  return isOwn ? "" : `-${crypto.randomUUID().slice(0, 8)}`;
}
