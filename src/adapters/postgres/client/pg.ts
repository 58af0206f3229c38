import type { PostgresClient } from "./client.js";
import { inTurn } from "./in-turn.js";
import { madeOfPool } from "./made-of-pool.js";
import { isPool, listenOnPool } from "../listen/pool-listener.js";

/** What `Pool`, `Client` and `PoolClient` of `pg` take for a named statement. */
export interface Pg {
  query(statement: { name: string; text: string; values: string[] }): Promise<{ readonly rows: object[] }>;
  query(text: string, values: string[]): Promise<{ readonly rows: object[] }>;
}

/** Each is kept on every connection; what comes later is sent without a name. */
const MAX_NAMED = 100;

/**
 * Makes a client of `pg` one that prepares the store's statements by name, which saves planning them anew. Not for a pooler
 * in transaction mode: the next statement may go to a connection that has not seen the name.
 */
export function fromPg(client: Pg): PostgresClient {
  const names = new Map<string, string>();
  const named: PostgresClient = {
    query: (text, params = []) => {
      let name = names.get(text);
      if (name === undefined && names.size < MAX_NAMED) names.set(text, (name = `waybill_${hash(text)}`));
      return inTurn(client, () =>
        name === undefined ? client.query(text, params) : client.query({ name, text, values: params }),
      );
    },
  };
  // A pool goes on lending a connection that listens.
  return isPool(client) ? madeOfPool({ ...named, ...listenOnPool(client) }) : named;
}

/** By the text alone: two stores on one pool give a statement the same name. */
function hash(text: string): string {
  let a = 0x811c9dc5;
  let b = text.length;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    a = Math.imul(a ^ code, 0x01000193);
    b = Math.imul(b, 31) + code;
  }
  return `${(a >>> 0).toString(36)}_${(b >>> 0).toString(36)}`;
}
