import { isWaybillError, StoreUnavailableError } from "../../../core/errors/errors.js";
import type { PostgresClient, Row } from "./client.js";
import { judgeClient, rowsOf } from "./client-check.js";
import { type Effect, explained, isRolledBackForOthers } from "./errors.js";
import { inTurn } from "./in-turn.js";
import type { Names } from "../names.js";

/** Tries of a statement that the server rolled back for another one's sake. */
const MAX_TRIES = 6;
const LONGEST_PAUSE_MS = 50;

/** Where statements run. */
export interface Session {
  readonly names: Names;
  /** Each statement commits; in the caller's transaction nothing has happened until the caller does. */
  readonly commits: boolean;
  /** Changes are told to other processes by the statements that make them. */
  readonly tells: boolean;
  /** Runs one statement in a transaction of its own. @throws StoreUnavailableError */
  run(sql: string, params: readonly string[], effect: Effect): Promise<readonly Row[]>;
}

/** Each statement commits by itself, on whatever connection the client has free: nothing is kept between two of them. */
export function sessionOf(client: PostgresClient, names: Names, tells: boolean): Session {
  return {
    names,
    commits: true,
    tells,
    async run(sql, params, effect) {
      for (let tries = 1; ; tries += 1) {
        // A client is judged before the statement is sent: that failing, the statement has had no effect.
        let reached: Effect = "reads";
        try {
          if (effect === "writes") await judgeClient(client);
          reached = effect;
          return rowsOf(await inTurn(client, () => client.query(sql, [...params])));
        } catch (error) {
          // Nothing of it was applied, so this is no second try of a change.
          if (!isRolledBackForOthers(error) || tries >= MAX_TRIES) throw explained(error, reached);
        }
        await pause(tries);
      }
    },
  };
}

/** Inside the caller's transaction a failed statement has spoilt it: nothing is tried again, and nothing is committed. */
export function sessionInTransaction(tx: PostgresClient, names: Names): Session {
  return {
    names,
    commits: false,
    // A transaction that has notified cannot be prepared for a commit in two phases, and fails where the queue is full.
    tells: false,
    async run(sql, params) {
      try {
        await judgeClient(tx);
        return rowsOf(await inTurn(tx, () => tx.query(sql, [...params])));
      } catch (error) {
        throw explained(error, "reads");
      }
    },
  };
}

/**
 * Runs a further statement of a call of which a part is `applied` already: that it failed without an effect of its own says
 * nothing about the call.
 */
export async function further<T>(session: Session, applied: boolean, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!applied || !session.commits || !isWaybillError(error, "store.unavailable")) throw error;
    throw new StoreUnavailableError("Postgres did a part of a call, and the rest of it failed.", {
      outcome: "unknown",
      cause: error.cause,
    });
  }
}

/** Full jitter: those that met do not meet again. */
function pause(tries: number): Promise<void> {
  const ms = Math.random() * Math.min(LONGEST_PAUSE_MS, 5 * 2 ** tries);
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
