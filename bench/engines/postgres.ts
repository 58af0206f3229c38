import type { Engine, Measure } from "../lib/engine.js";
import { startPostgres } from "../servers/postgres.js";
import { meterOf } from "../servers/postgres-meter.js";

const ahead = { concurrency: 50, ahead: 450, alert: false };
const all: readonly Measure[] = ["submit", "process", "strict", "open", "alone", "single", "steady"];

export const postgres: Engine = {
  name: "postgres",
  embedded: false,
  shared: true,
  steadyPerSecond: 500,
  share: 1,
  entries: [
    {
      name: "waybill",
      contestant: "waybill-postgres",
      role: "waybill",
      measures: [...all, "growth"],
      slowIn: [],
      ahead,
    },
    {
      name: "pg-boss",
      contestant: "pg-boss",
      role: "peer",
      measures: ["submit", "process", "open", "alone", "single", "steady"],
      slowIn: ["submit", "open"],
      ahead,
    },
    {
      name: "graphile-worker",
      contestant: "graphile-worker",
      role: "peer",
      measures: all,
      slowIn: ["submit", "open", "strict"],
      ahead,
    },
    { name: "raw floor", contestant: "postgres-floor", role: "floor", measures: all, slowIn: [], ahead },
  ],
  start: async () => {
    const server = await startPostgres();
    const [row] = await server.query("show server_version");
    return {
      place: { url: server.url },
      about: `Postgres ${String(row?.["server_version"])}, stock settings: fsync and synchronous_commit on`,
      meter: () => meterOf(server),
      calm: async () => {
        await server.query("vacuum analyze");
        await server.query("checkpoint");
      },
      settle: async (schema, count) => {
        await server.query(settleSql(schema, count));
      },
      stop: () => server.stop(),
    };
  },
};

/** Copies of a job that is done, under ids of their own: what a real one leaves, without working off so many. */
function settleSql(schema: string, count: number): string {
  return `do $$
declare
  columns text;
begin
select string_agg(quote_ident(attname), ', ') into columns from pg_attribute
  where attrelid = '${schema}.job'::regclass and attnum > 0 and not attisdropped and attgenerated = '' and attname <> 'id';
execute format('insert into ${schema}.job (id, %1$s) select gen_random_uuid()::text, %1$s
  from (select * from ${schema}.job where status = ''COMPLETED'' limit 1) j, generate_series(1, ${count})', columns);
end $$`;
}
