import { isWaybillError, StoreUnavailableError, WaybillError } from "../../core/errors/errors.js";
import {
  type Row,
  type SqliteDatabase,
  type SqliteStatement,
  type SqliteValue,
  isBusy,
  sqliteCode,
} from "./driver.js";

/**
 * How long SQLite itself waits for a lock. It blocks the event loop meanwhile, so it covers an ordinary commit of another
 * process and no more; what lasts longer is waited for with a timer.
 */
export const BLOCKING_WAIT_MS = 50;

/** Longest pause between two tries. */
const LONGEST_PAUSE_MS = 40;

const BEGIN_READ = "begin";
const BEGIN_WRITE = "begin immediate";
const COMMIT = "commit";
const ROLLBACK = "rollback";

/** What a call does inside its transaction: statements by their text, prepared once. */
export interface Session {
  /** @returns the number of rows changed */
  run(sql: string, ...params: readonly SqliteValue[]): number;
  all(sql: string, ...params: readonly SqliteValue[]): readonly Row[];
  exec(sql: string): void;
}

/** A driver's statement with the parameters that the store passes: every driver takes them. */
interface PreparedStatement extends SqliteStatement {
  run(...params: readonly SqliteValue[]): { readonly changes: number | bigint };
  all(...params: readonly SqliteValue[]): unknown[];
}

/** One connection: prepared statements, transactions, and patience with other processes. */
export class Connection {
  readonly #db: SqliteDatabase;
  readonly #busyTimeoutMs: number;
  readonly #statements = new Map<string, PreparedStatement>();
  readonly #session: Session;
  #released = false;

  constructor(db: SqliteDatabase, busyTimeoutMs: number) {
    this.#db = db;
    this.#busyTimeoutMs = busyTimeoutMs;
    this.#session = {
      run: (sql, ...params) => Number(this.#prepared(sql).run(...params).changes),
      // Never `get`: a statement that was not stepped to its end keeps its snapshot, and the log cannot be cut.
      all: (sql, ...params) => this.#prepared(sql).all(...params) as Row[],
      exec: (sql) => {
        this.#db.exec(sql);
      },
    };
  }

  /** Runs what must not be in a transaction: settings. @throws StoreUnavailableError `not_applied` */
  configure(work: (session: Session) => void): Promise<void> {
    return this.#patiently(() => {
      work(this.#session);
    });
  }

  /** Runs reads, all of one moment. Waits for no writer and stops none. @throws StoreUnavailableError `not_applied` */
  read<T>(work: (session: Session) => T): Promise<T> {
    return this.#patiently(() => this.#attempt(BEGIN_READ, work));
  }

  /**
   * Runs `work` in one transaction that holds the write lock from its start. `work` is synchronous: nothing of this
   * connection comes in between.
   *
   * @throws StoreUnavailableError `not_applied`; `unknown` when the commit failed and could not be rolled back
   */
  write<T>(work: (session: Session) => T): Promise<T> {
    return this.#patiently(() => this.#attempt(BEGIN_WRITE, work));
  }

  /** A number that changes when another connection has committed; reads nothing of the file's tables. */
  dataVersion(): number {
    return Number(this.#session.all("pragma data_version")[0]?.["data_version"]);
  }

  /** Whether there is no file, so that what is stored is gone with the connection. Reads nothing of a file. */
  isInMemory(): boolean {
    const main = this.#session.all("pragma database_list").find((row) => row["name"] === "main");
    return main?.["file"] === "" || main?.["file"] === null;
  }

  /**
   * Lets go of the connection, which belongs to the caller and may be closed from here on. What waits for a lock is ended:
   * it has written nothing, and libsql ends the whole process when a closed connection is used.
   */
  release(): void {
    this.#released = true;
    this.#statements.clear();
  }

  #attempt<T>(begin: string, work: (session: Session) => T): T {
    this.#begin(begin);
    let result: T;
    try {
      result = work(this.#session);
    } catch (error) {
      this.#rolledBack();
      throw error;
    }
    try {
      this.#db.exec(COMMIT);
    } catch (error) {
      if (this.#rolledBack() || begin === BEGIN_READ) throw error;
      throw new StoreUnavailableError("SQLite failed while it committed.", {
        outcome: "unknown",
        cause: error,
      });
    }
    return result;
  }

  /**
   * By `exec`, as commit and rollback are: libsql leaves a prepared `begin` that met a lock half run, and every later
   * commit of the connection then fails.
   */
  #begin(begin: string): void {
    try {
      this.#db.exec(begin);
    } catch (error) {
      if (isBusy(error) || (this.#db.inTransaction ?? this.#db.isTransaction) !== true) throw error;
      throw new StoreUnavailableError(
        "The SQLite store met a transaction that was open on its connection; it needs a connection of its own.",
        { outcome: "not_applied", cause: error },
      );
    }
  }

  /** Whether there was a transaction to roll back: only then is it certain that nothing was committed. */
  #rolledBack(): boolean {
    try {
      this.#db.exec(ROLLBACK);
      return true;
    } catch {
      // SQLite ends a transaction by itself on some errors (disk full, I/O).
      return false;
    }
  }

  async #patiently<T>(attempt: () => T): Promise<T> {
    const giveUpAt = performance.now() + this.#busyTimeoutMs;
    for (let tries = 1; ; tries += 1) {
      if (this.#released) throw new WaybillError("waybill.closed", "The SQLite store was closed.");
      try {
        return attempt();
      } catch (error) {
        if (!isBusy(error)) throw explained(error);
        if (performance.now() >= giveUpAt) {
          throw new StoreUnavailableError("The SQLite file was locked by another connection for too long.", {
            outcome: "not_applied",
            cause: error,
          });
        }
      }
      await pause(tries);
    }
  }

  #prepared(sql: string): PreparedStatement {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#db.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}

/** Full jitter: processes that met at the lock do not meet again. */
function pause(tries: number): Promise<void> {
  const ms = Math.random() * Math.min(LONGEST_PAUSE_MS, 2 ** tries);
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

const SENTENCES: Readonly<Partial<Record<string, string>>> = {
  READONLY: "The SQLite file cannot be written.",
  IOERR: "The disk under the SQLite file failed.",
  CORRUPT: "The SQLite file is damaged.",
  FULL: "The disk under the SQLite file is full.",
  CANTOPEN: "The SQLite file cannot be opened.",
  NOTADB: "The file is not a SQLite database.",
};

/** What a statement carried is refused at any time. */
const UNSTORABLE: Readonly<Partial<Record<string, string>>> = {
  TOOBIG: "A text is too long for SQLite.",
  CONSTRAINT: "SQLite does not take a value of the store.",
  MISMATCH: "SQLite does not take a value of the store.",
};

/** What was thrown before anything was committed. The driver's own words stay in `cause`: they may quote SQL. */
function explained(error: unknown): unknown {
  if (isWaybillError(error)) return error;
  const unstorable = UNSTORABLE[sqliteCode(error) ?? ""];
  if (unstorable !== undefined) return new WaybillError("store.unstorable", unstorable, { cause: error });
  const sentence = SENTENCES[sqliteCode(error) ?? ""] ?? "SQLite refused a statement of the store.";
  return new StoreUnavailableError(sentence, { outcome: "not_applied", cause: error });
}
