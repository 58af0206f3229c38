import { createRequire } from "node:module";
import { setImmediate } from "node:timers/promises";
import {
  CreateTableCommand,
  DeleteTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
} from "@aws-sdk/client-dynamodb";
import { dynamodbTable } from "../../../src/dynamodb.js";

/** What dynalite does for one operation. */
type Action = (
  store: unknown,
  data: unknown,
  done: (error: unknown, answer: Readonly<Record<string, unknown>>) => void,
) => void;

interface Checks {
  readonly types: unknown;
  readonly validations: unknown;
  readonly custom: unknown;
}

interface Validations {
  checkTypes(data: unknown, types: unknown): unknown;
  checkValidations(data: unknown, validations: unknown, custom: unknown, store: unknown): void;
}

interface Store {
  readonly db: { close(done: () => void): void };
}

interface Databases {
  create(options: Readonly<Record<string, unknown>>): Store;
}

interface Command {
  readonly input: object;
}

const load = createRequire(import.meta.url);

/**
 * dynalite without HTTP, and the tables of one test after the other. A campaign runs each test hundreds of times: signing,
 * writing and reading of requests is nine tenths of what a test takes, and no guard is in it.
 */
export class Emulator {
  readonly client: DynamoDBClient;
  readonly #store: Store;
  readonly #validations = load("dynalite/validations/index.js") as Validations;
  #made = 0;

  constructor() {
    const { create } = load("dynalite/db/index.js") as Databases;
    this.#store = create({ createTableMs: 0, deleteTableMs: 0 });
    const credentials = { accessKeyId: "test", secretAccessKey: "test" };
    const client = new DynamoDBClient({ region: "us-east-1", credentials });
    const send = (command: Command): Promise<unknown> => this.#send(command);
    this.client = new Proxy(client, {
      get: (target, property) => (property === "send" ? send : (Reflect.get(target, property) as unknown)),
    });
  }

  async table(): Promise<string> {
    this.#made += 1;
    const TableName = `guards-${String(this.#made)}`;
    await this.client.send(new CreateTableCommand(dynamodbTable({ table: TableName })));
    for (;;) {
      const { Table } = await this.client.send(new DescribeTableCommand({ TableName }));
      if (Table?.TableStatus === "ACTIVE") return TableName;
      await setImmediate();
    }
  }

  async drop(TableName: string): Promise<void> {
    await this.client.send(new DeleteTableCommand({ TableName }));
  }

  async stop(): Promise<void> {
    this.client.destroy();
    await new Promise<void>((resolve) => {
      this.#store.db.close(resolve);
    });
  }

  async #send({ constructor, input }: Command): Promise<unknown> {
    const name = constructor.name.replace(/Command$/, "");
    const action = name.charAt(0).toLowerCase() + name.slice(1);
    const { types, validations, custom } = load(`dynalite/validations/${action}.js`) as Checks;
    const act = load(`dynalite/actions/${action}.js`) as Action;
    try {
      // As JSON, as it would come over the wire: what is stored is nobody's object.
      const sent: unknown = JSON.parse(JSON.stringify(input));
      const data = this.#validations.checkTypes(sent, types);
      this.#validations.checkValidations(data, validations, custom, this.#store);
      const answer = await new Promise<unknown>((resolve, reject) => {
        act(this.#store, data, (error, given) => {
          if (error instanceof Error) reject(error);
          else resolve(given);
        });
      });
      return JSON.parse(JSON.stringify(answer));
    } catch (error) {
      throw asService(error);
    }
  }
}

/** A refusal as the SDK throws it. */
function asService(error: unknown): unknown {
  const { body } = error as { readonly body?: { readonly __type: string; readonly message?: string } };
  if (body === undefined) return error;
  const thrown = new Error(body.message ?? "");
  thrown.name = body.__type.replace(/^.*#/, "");
  return Object.assign(thrown, { $metadata: { httpStatusCode: 400 } });
}
