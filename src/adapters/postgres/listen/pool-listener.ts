import { WaybillError } from "../../../core/errors/errors.js";
import type { PostgresChannelClient } from "../client/client.js";
import { type Deafen, type ListeningConnection, ListenLink } from "./listen-link.js";
import { Relistened } from "./relistened.js";

/** The part of a `Pool` of `pg` by which it is known, and by which it lends a connection. */
interface Pool {
  readonly totalCount: number;
  readonly options: { readonly max?: number };
  /** Its owner has called `end`, which waits until every connection is back. */
  readonly ending?: boolean;
  connect(answered: (error: Error | undefined, lent?: Lent) => void): unknown;
}

interface Lent extends ListeningConnection {
  release(destroy?: boolean): void;
}

/** What `pg` takes where a pool was told nothing. */
const USUAL_SIZE = 10;

/** A pool tells nobody that it ends: who holds one of its connections looks, this often. */
const ENDING_LOOK_MS = 100;

/** How long a connection may take to say that it listens no more. */
const QUIET_MS = 1_000;

/** Connections of a pool that listen, for all stores and feeds on it together. */
const listening = new WeakMap<object, number>();

export function isPool(client: object): boolean {
  const { totalCount, options, connect } = client as Partial<Pool>;
  return typeof totalCount === "number" && typeof options === "object" && typeof connect === "function";
}

/**
 * Listens on a connection borrowed from a pool, given back and asked for again when it breaks. The last one that is left to
 * work is never borrowed.
 */
export function listenOnPool(client: object): PostgresChannelClient {
  const pool = client as Pool;
  const relistened = new Relistened();
  const heeded = new WeakMap<Lent, Deafen>();
  const watched = new WeakMap<Lent, NodeJS.Timeout>();
  const giveBackAtItsEnd = (lent: Lent): void => {
    const watch = setInterval(() => {
      if (pool.ending === true) void source.giveBack(lent, true);
    }, ENDING_LOOK_MS);
    watch.unref();
    watched.set(lent, watch);
  };
  const source = {
    async open(heed: (connection: Lent) => Deafen): Promise<Lent> {
      const used = listening.get(pool) ?? 0;
      if (used + 2 > (pool.options.max ?? USUAL_SIZE)) {
        throw new WaybillError(
          "feed.unavailable",
          "The pool of the Postgres store is too small to lend a connection that listens: changes are found by reading. Give it one more, or set listen to false.",
        );
      }
      listening.set(pool, used + 1);
      try {
        const lent = await borrowed(pool, (one) => {
          heeded.set(one, heed(one));
        });
        giveBackAtItsEnd(lent);
        return lent;
      } catch (error) {
        leave(pool);
        throw error;
      }
    },
    async giveBack(lent: Lent, broken: boolean): Promise<void> {
      const watch = watched.get(lent);
      // Given back already, when its pool ended.
      if (watch === undefined) return;
      clearInterval(watch);
      watched.delete(lent);
      leave(pool);
      const isUsable = !broken && (await isQuiet(lent));
      // Of one that the pool ends, an `error` may still come, and would end the process if nobody heard it.
      if (isUsable) heeded.get(lent)?.();
      lent.release(!isUsable);
    },
  };
  return {
    onRelisten: relistened.on,
    listen: async (channel, onPayload) => {
      const link = new ListenLink(source, channel, { payload: onPayload, again: relistened.tell });
      await link.start();
      return () => link.stop();
    },
  };
}

/**
 * A connection of the pool, heeded from the very moment in which it is lent: a server that dies then may say so in the bytes
 * behind its greeting, and an `error` that nobody hears ends the process. A promise is looked at too late for that.
 */
function borrowed(pool: Pool, heed: (lent: Lent) => void): Promise<Lent> {
  return new Promise((resolve, reject) => {
    pool.connect((error, lent) => {
      if (lent === undefined) {
        reject(error ?? new Error("the pool lent no connection"));
        return;
      }
      heed(lent);
      resolve(lent);
    });
  });
}

function leave(pool: Pool): void {
  listening.set(pool, Math.max(0, (listening.get(pool) ?? 0) - 1));
}

/**
 * It hears nothing any more, whoever has it next. One that does not answer is not waited for: it would keep its place in the
 * pool until the system gives up a link that has gone silent.
 */
function isQuiet(lent: Lent): Promise<boolean> {
  return new Promise((resolve) => {
    const over = setTimeout(resolve, QUIET_MS, false);
    void lent
      .query("unlisten *")
      .then(
        () => true,
        () => false,
      )
      .then((answered) => {
        clearTimeout(over);
        resolve(answered);
      });
  });
}
