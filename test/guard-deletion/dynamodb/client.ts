import { type AttributeValue, type DynamoDBClient, GetItemCommand } from "@aws-sdk/client-dynamodb";
import type { RequestMutator } from "./mutator.js";
import type { Request } from "./requests.js";

type Item = Readonly<Record<string, AttributeValue>>;

/** A command, as far as all kinds of them are alike. */
interface Command {
  readonly input: Request &
    Readonly<Record<string, unknown>> & {
      readonly TableName?: string;
      readonly IndexName?: string;
      /** Of an item that is changed or removed, */
      readonly Key?: Item;
      /** and one that is put. */
      readonly Item?: Item;
    };
}

/** Is told of a request by the name of its command. */
export type Before = (command: string, input: Readonly<Record<string, unknown>>) => Promise<void> | undefined;

/** What only passes a request on, and says nothing about what it is for. */
const PASSES_ON =
  /^(?:siteOf|(?:ChangedRequests|Connection|Array|Promise|Object|Proxy)\..*|#?send|#run|#written|asWellAsMayBe|beforeTheJob|inDoubt)$/;
const FRAMES = 40;

/** The function of the store that a request is sent from, and the index that it reads. */
function siteOf({ input }: Command): string {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = FRAMES;
  const { stack = "" } = new Error("only for its stack");
  Error.stackTraceLimit = limit;
  const names = stack.split("\n").flatMap((line) => /^\s+at (?:async )?([\w.#]+) [([]/.exec(line)?.[1] ?? []);
  // A bundler numbers functions of one name; a private one comes with its class or without.
  const site = names
    .map((name) => name.replace(/^.*\.(?=#)|\d+$/g, ""))
    .find((name) => !PASSES_ON.test(name));
  if (site === undefined) throw new Error(`a request from nowhere: ${stack}`);
  return input.IndexName === undefined ? site : `${site} ${input.IndexName}`;
}

/** Clients through which requests pass with a guard taken out. */
export class ChangedRequests {
  readonly #client: DynamoDBClient;
  readonly #mutator: RequestMutator;
  readonly #open = new Set<{ isOver: boolean }>();

  constructor(client: DynamoDBClient, mutator: RequestMutator) {
    this.#client = client;
    this.#mutator = mutator;
  }

  /** @param before - what happens before a request is sent */
  client(before?: Before): DynamoDBClient {
    const test = { isOver: false };
    this.#open.add(test);
    const send = async (command: Command): Promise<unknown> => {
      if (test.isOver) throw new Error("The test is over.");
      // Of the stack nothing is left behind a wait.
      const site = siteOf(command);
      const without = this.#mutator.changed(site, command.input);
      if (without !== null) Object.assign(command.input, without);
      await before?.(command.constructor.name.replace(/Command$/, ""), command.input);
      return this.#send(command, without !== null);
    };
    return new Proxy(this.#client, {
      get: (target, property) => (property === "send" ? send : (Reflect.get(target, property) as unknown)),
    });
  }

  /** Ends what a test left running: what it sends from now on is refused. */
  end(): void {
    for (const test of this.#open) test.isOver = true;
    this.#open.clear();
  }

  async #send(command: Command, isChanged: boolean): Promise<unknown> {
    if (isStale(command)) return { Items: [], Count: 0, Responses: {} };
    try {
      const send = this.#client.send.bind(this.#client) as (command: Command) => Promise<unknown>;
      return await send(command);
    } catch (error) {
      const isUnreadable = error instanceof Error && error.name === "ValidationException";
      if (isChanged && isUnreadable) this.#mutator.unreadable.add(String(error));
      throw await this.#withItem(error, command);
    }
  }

  /** A refusal comes with the item that it met, where that was asked for. The emulator leaves it out, so it is read here. */
  async #withItem(error: unknown, { input }: Command): Promise<unknown> {
    const isRefusal = error instanceof Error && error.name === "ConditionalCheckFailedException";
    if (!isRefusal || input.ReturnValuesOnConditionCheckFailure !== "ALL_OLD") return error;
    const { pk, sk } = input.Key ?? input.Item ?? {};
    if (pk === undefined || sk === undefined) return error;
    const { TableName } = input;
    const read = new GetItemCommand({ TableName, Key: { pk, sk }, ConsistentRead: true });
    return Object.assign(error, { Item: (await this.#client.send(read)).Item });
  }
}

/**
 * A read of the table that is not strong may be answered by a copy that has not heard of anything yet. The emulator has no
 * such copies, so this is one.
 */
function isStale({ input }: Command): boolean {
  if (input.RequestItems !== undefined)
    return Object.values(input.RequestItems).some((one) => one.ConsistentRead !== true);
  const isQuery = input.KeyConditionExpression !== undefined && input.IndexName === undefined;
  return isQuery && input.ConsistentRead !== true;
}
