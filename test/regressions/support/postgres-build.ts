import type { Clock } from "../../../src/core/environment/clock.js";
import { type PostgresClient, postgresStore } from "../../../src/postgres.js";
import type { PostgresServer } from "../../support/postgres-server.js";
import { MEANS } from "./means.js";
import type { Build } from "./system.js";
import { realTime, waitingTime } from "./time.js";
import { open, type Place } from "./waybill-build.js";

type Pool = ReturnType<PostgresServer["pool"]>;

/** Each process with a pool of its own, in real time: for stories in which the server itself is killed. */
export function waybillOnPostgres(server: PostgresServer): Build {
  return {
    name: "Waybill on Postgres",
    open: async (options) => {
      const schema = server.schema();
      const pools = new Set<Pool>();
      const place: Place = {
        time: realTime(),
        means: MEANS.real,
        connect: async () => {
          const pool = server.pool({ max: 3 });
          pools.add(pool);
          return postgresStore({ client: pool, schema });
        },
        close: async () => {
          await Promise.all([...pools].map((pool) => pool.end()));
        },
      };
      return open(place, options);
    },
  };
}

/**
 * Each process with a pool of its own, on a server that is told the time: it has no clock of its own, and no lease runs out
 * because the machine is busy.
 *
 * The statements are the store's, to the letter: only `clock_timestamp()`, by which each of them reads the server's clock,
 * is found in another schema first and answers what the story's clock says.
 */
export function waybillOnToldPostgres(server: () => Promise<PostgresServer>): Build {
  return {
    name: "Waybill on Postgres",
    open: async (options) => {
      const started = await server();
      const schema = started.schema();
      const time = waitingTime();
      const told = await toldTime(started.pool({ max: 1 }), `${schema}_time`, time.clock);
      const pools = new Set<Pool>([told.pool]);
      const place: Place = {
        time,
        means: MEANS.told,
        connect: async () => {
          const pool = started.pool({ max: 3, options: `-c search_path=${schema}_time,pg_catalog` });
          pools.add(pool);
          const query: PostgresClient["query"] = (text, params) =>
            time.awaited(
              told.tell().then(() => pool.query<Record<string, unknown>>(text, params && [...params])),
            );
          return postgresStore({ client: { query }, schema });
        },
        close: async () => {
          await Promise.all([...pools].map((pool) => pool.end()));
        },
      };
      return open(place, options);
    },
  };
}

/** A place on the server from which its statements read the time. `tell` writes it there when it has moved. */
async function toldTime(pool: Pool, schema: string, clock: Clock) {
  await pool.query(`
    create schema ${schema};
    create table ${schema}.now (ms bigint);
    insert into ${schema}.now values (0);
    create function ${schema}.clock_timestamp() returns timestamptz language sql volatile
      as $$ select to_timestamp(ms / 1000.0) from ${schema}.now $$;`);
  let toldMs = 0;
  let telling: Promise<unknown> = Promise.resolve();
  const tell = async (): Promise<void> => {
    const nowMs = Math.floor(clock.now());
    if (nowMs !== toldMs) {
      toldMs = nowMs;
      telling = pool.query(`update ${schema}.now set ms = $1`, [nowMs]);
    }
    await telling;
  };
  return { pool, tell };
}
