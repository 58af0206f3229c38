import { WaybillError } from "../../../core/errors/errors.js";
import type { PostgresChannelClient, PostgresClient } from "./client.js";
import { Relistened } from "../listen/relistened.js";
import { madeOfPool } from "./made-of-pool.js";

/** The part of `sql` of postgres.js, and of `sql` inside `sql.begin`, that is used. */
export interface PostgresJs {
  unsafe(text: string, params?: string[], options?: { prepare?: boolean }): PromiseLike<Iterable<object>>;
  readonly options?: {
    readonly max?: unknown;
    readonly transform?: { readonly column?: { readonly from?: unknown } };
  };
}

/** `sql` itself, which can listen too. */
export interface PostgresJsRoot extends PostgresJs {
  listen(
    channel: string,
    onPayload: (payload: string) => void,
    onListen?: () => void,
  ): PromiseLike<{ unlisten(): PromiseLike<void> }>;
}

/** How `fromPostgresJs` sends statements. */
export interface PostgresJsOptions {
  /** Named prepared statements. Leave it off behind a pooler in transaction mode. @default false */
  readonly prepare?: boolean | undefined;
}

/**
 * Makes `sql` of postgres.js a client of the store, and `sql` of a `sql.begin` a transaction.
 *
 * @throws WaybillError `config.invalid` when it renames columns (`transform`): make one without for the store
 */
export function fromPostgresJs(
  sql: PostgresJsRoot,
  options?: PostgresJsOptions,
): PostgresClient & PostgresChannelClient;
export function fromPostgresJs(sql: PostgresJs, options?: PostgresJsOptions): PostgresClient;
export function fromPostgresJs(
  sql: PostgresJs | PostgresJsRoot,
  { prepare = false }: PostgresJsOptions = {},
): PostgresClient | (PostgresClient & PostgresChannelClient) {
  if (typeof sql.options?.transform?.column?.from === "function") {
    throw new WaybillError("config.invalid", "The postgres.js connection of the store renames columns.");
  }
  const client: PostgresClient = {
    query: async (text, params = []) => ({ rows: [...(await sql.unsafe(text, params, { prepare }))] }),
  };
  if (!("listen" in sql)) return client;
  const relistened = new Relistened();
  const listening: PostgresClient & PostgresChannelClient = {
    ...client,
    onRelisten: relistened.on,
    listen: async (channel, onPayload) => {
      let isAgain = false;
      // It is told the first time too.
      const listened = await sql.listen(channel, onPayload, () => {
        if (isAgain) relistened.tell();
        isAgain = true;
      });
      return async () => {
        await listened.unlisten();
      };
    },
  };
  // Of one connection, a transaction may be begun on it by hand.
  return sql.options?.max === 1 ? listening : madeOfPool(listening);
}
