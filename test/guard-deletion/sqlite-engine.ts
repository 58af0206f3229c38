import type { AnyStore } from "../../src/core/ports/store.js";
import { type SqliteDatabase, sqliteStore } from "../../src/sqlite.js";
import { openDatabase, temporaryFile } from "../integration/sqlite-driver.js";
import type { Engine } from "./engine.js";
import type { TextMutator } from "./mutator.js";
import { sqlMutator } from "./sql/mutator.js";
import { sqliteBehaviour } from "./sqlite-behaviours.js";
import { type CreateFixture, ownTests, suiteTests, testsOf } from "./suite-tests.js";

/** A connection whose statements pass through the mutator. */
function through(db: SqliteDatabase, mutator: TextMutator): SqliteDatabase {
  const sent = <T>(sql: string, send: (changed: string) => T): T => {
    const changed = mutator.changed(sql);
    try {
      return send(changed);
    } catch (error) {
      if (changed !== sql && isUnreadable(error)) mutator.unreadable.add(`${changed} (${String(error)})`);
      throw error;
    }
  };
  return {
    prepare: (sql) => sent(sql, (changed) => db.prepare(changed)),
    exec: (sql) => sent(sql, (changed) => db.exec(changed)),
    get inTransaction() {
      return db.inTransaction ?? db.isTransaction ?? false;
    },
  };
}

/** SQLITE_ERROR, as `prepare` throws it: syntax, a column that is not there. */
function isUnreadable(error: unknown): boolean {
  return error instanceof Error && /syntax error|no such|ambiguous|wrong number/.test(error.message);
}

/** The SQLite store on a file of its own for each test. */
export function sqliteEngine(): Engine {
  const mutator = sqlMutator();
  const create: CreateFixture = async () => {
    const file = temporaryFile();
    const opened: { readonly db: { close(): unknown }; readonly store: AnyStore }[] = [];
    const open = (): AnyStore => {
      const db = openDatabase(file.path);
      const store = sqliteStore({ db: through(db, mutator) });
      opened.push({ db, store });
      return store;
    };
    const closeAll = async (): Promise<void> => {
      for (const { db, store } of opened.splice(0)) {
        await store.close();
        db.close();
      }
    };
    return {
      store: open(),
      second: async () => open(),
      reopen: async () => {
        await closeAll();
        return open();
      },
      close: async () => {
        await closeAll();
        file.remove();
      },
    };
  };
  const tests = [...suiteTests(create), ...ownTests(create), ...testsOf(sqliteBehaviour, create)];
  return { mutator, tests, close: async () => undefined };
}
