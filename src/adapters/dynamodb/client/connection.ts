import type {
  BatchGetItemCommandOutput,
  DescribeTableCommandOutput,
  QueryCommandInput,
  QueryCommandOutput,
} from "@aws-sdk/client-dynamodb";
import { type DynamoDbClient, type Item, type ItemKey, keyOf } from "./client.js";
import {
  BatchGetItemCommand,
  DeleteItemCommand,
  DescribeTableCommand,
  PutItemCommand,
  QueryCommand,
  UpdateItemCommand,
} from "./commands.js";
import { type Effect, explained, isWorthRepeating, itemOfRefusal, verdictOn } from "./errors.js";
import { Expression, type ExpressionParts, type Update } from "./expression.js";

/**
 * What became of a conditional write.
 *
 * `refused` comes with the item that is stored where the engine returns it. `doubt`: an earlier try of this very request
 * may have been applied, so the refusal may be its own doing.
 */
export type Written =
  | { readonly status: "ok"; readonly item: Item | null }
  | { readonly status: "refused"; readonly item: Item | null; readonly doubt: boolean };

/** A condition that did not hold, on its way through `send`. */
class ConditionFailed extends Error {
  readonly item: Item | null;
  readonly doubt: boolean;

  constructor(item: Item | null, doubt: boolean) {
    super("The condition did not hold.");
    this.item = item;
    this.doubt = doubt;
  }
}

type Middleware = <A, R>(next: (args: A) => Promise<R>) => (args: A) => Promise<R>;

/** Adds what looks at one step of a command. */
type Add<Step, Priority> = (
  middleware: Middleware,
  options: { readonly step: Step; readonly priority: Priority; readonly name: string },
) => void;

/** A command, as far as all kinds of them are alike. */
interface AnyCommand {
  readonly middlewareStack: { readonly add: Add<"initialize", "high"> & Add<"finalizeRequest", "low"> };
}

const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 1_000;

/** Requests to one table, each asked again for a while when the table is busy. */
export class Connection {
  readonly table: string;
  readonly #client: DynamoDbClient;
  readonly #budgetMs: number;

  constructor(client: DynamoDbClient, table: string, budgetMs: number) {
    this.#client = client;
    this.table = table;
    this.#budgetMs = budgetMs;
  }

  /** Strong. */
  async batchGet(
    keys: readonly ItemKey[],
  ): Promise<Pick<BatchGetItemCommandOutput, "Responses" | "UnprocessedKeys">> {
    const RequestItems = { [this.table]: { ConsistentRead: true, Keys: keys.map(keyOf) } };
    return this.#run("reads", () => {
      const command = new BatchGetItemCommand({ RequestItems });
      return { command, send: () => this.#client.send(command) };
    });
  }

  async query(input: Omit<QueryCommandInput, "TableName">): Promise<QueryCommandOutput> {
    return this.#run("reads", () => {
      const command = new QueryCommand({ TableName: this.table, ...input });
      return { command, send: () => this.#client.send(command) };
    });
  }

  async describe(): Promise<DescribeTableCommandOutput> {
    return this.#run("reads", () => {
      const command = new DescribeTableCommand({ TableName: this.table });
      return { command, send: () => this.#client.send(command) };
    });
  }

  /** Writes an item that must not be there yet; `anew: false` puts it in the place of another. */
  async put(key: ItemKey, attributes: Item, anew = true): Promise<Written> {
    const expression = new Expression();
    const condition = anew ? { ConditionExpression: expression.absent("pk") } : {};
    return this.#written(async () => {
      await this.#run("writes", () => {
        const command = new PutItemCommand({
          TableName: this.table,
          Item: { ...keyOf(key), ...attributes },
          ...condition,
          ...expression.parts(),
          ReturnValuesOnConditionCheckFailure: "ALL_OLD",
        });
        return { command, send: () => this.#client.send(command) };
      });
      return null;
    });
  }

  /** `returns` what the item is after the update, or what it was before it. */
  async update(
    key: ItemKey,
    update: Update,
    returns: "ALL_NEW" | "ALL_OLD" | "NONE" = "NONE",
  ): Promise<Written> {
    return this.#written(async () => {
      const { Attributes } = await this.#run("writes", () => {
        const command = new UpdateItemCommand({
          TableName: this.table,
          Key: keyOf(key),
          ...update.request(),
          ReturnValues: returns,
          ReturnValuesOnConditionCheckFailure: "ALL_OLD",
        });
        return { command, send: () => this.#client.send(command) };
      });
      return Attributes ?? null;
    });
  }

  async delete(
    key: ItemKey,
    condition?: ExpressionParts & { readonly ConditionExpression: string },
  ): Promise<Written> {
    return this.#written(async () => {
      await this.#run("writes", () => {
        const command = new DeleteItemCommand({ TableName: this.table, Key: keyOf(key), ...condition });
        return { command, send: () => this.#client.send(command) };
      });
      return null;
    });
  }

  async #written(write: () => Promise<Item | null>): Promise<Written> {
    try {
      return { status: "ok", item: await write() };
    } catch (error) {
      if (!(error instanceof ConditionFailed)) throw error;
      return { status: "refused", item: error.item, doubt: error.doubt };
    }
  }

  /**
   * Sends a request, and sends it again for a while when the table is busy or the service has a fault of its own. Every
   * write here is under a condition, or has a key of its own, or says the same again: repeating it does no harm. What a
   * repeat cannot tell, a refusal that is its own doing, is said as `doubt`.
   */
  async #run<Output>(
    effect: Effect,
    make: () => { readonly command: AnyCommand; readonly send: () => Promise<Output> },
  ): Promise<Output> {
    const giveUpAt = performance.now() + this.#budgetMs;
    let doubt = false;
    for (let tries = 1; ; tries += 1) {
      const { command, send } = make();
      const tried = observe(command);
      try {
        return await send();
      } catch (error) {
        doubt ||= leavesDoubt(tried, error);
        if (verdictOn(error) === "condition") throw new ConditionFailed(returnedItem(error), doubt);
        const pauseMs = Math.random() * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** tries);
        if (!isWorthRepeating(error) || performance.now() + pauseMs > giveUpAt)
          throw explained(error, effect, { doubt, isUnsent: tried.isEntered && tried.begun === 0 });
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    }
  }
}

/** What the client's own tries of one request came to. */
interface Tries {
  /** The client has taken the command up: from here on its tries are seen. */
  isEntered: boolean;
  begun: number;
  readonly failures: unknown[];
}

/**
 * Looks at each try that the client makes by itself. Of these it reports the last one only, which may be a clear refusal
 * after a first one that was applied and never answered. The command is the store's own; the client stays as it is.
 */
function observe({ middlewareStack }: AnyCommand): Tries {
  const tries: Tries = { isEntered: false, begun: 0, failures: [] };
  middlewareStack.add(
    (next) => (args) => {
      tries.isEntered = true;
      return next(args);
    },
    { step: "initialize", priority: "high", name: "waybillCommand" },
  );
  middlewareStack.add(
    (next) => async (args) => {
      tries.begun += 1;
      try {
        return await next(args);
      } catch (error) {
        tries.failures.push(error);
        throw error;
      }
    },
    { step: "finalizeRequest", priority: "low", name: "waybillTries" },
  );
  return tries;
}

/** Whether any try may have been applied. A client that is not the SDK's own shows no tries: its error alone counts. */
function leavesDoubt({ isEntered, failures }: Tries, error: unknown): boolean {
  if (!isEntered) return verdictOn(error) === "doubt";
  return failures.some((failure) => verdictOn(failure) === "doubt");
}

function returnedItem(error: unknown): Item | null {
  const item = itemOfRefusal(error);
  return typeof item === "object" && item !== null ? (item as Item) : null;
}
