import pg from "pg";
import { fromPg, postgresStore } from "../../src/postgres.js";
import type { Contestant, Place } from "../lib/contestant.js";
import { waybillOn } from "./waybill.js";

/** As its page recommends for throughput: statements prepared by name. */
export async function open(place: Place): Promise<Contestant> {
  const pool = new pg.Pool({ connectionString: place["url"], max: 10 });
  const schema = place["schema"] ?? "waybill";
  const store = postgresStore({ client: fromPg(pool), schema });
  return waybillOn({
    store,
    prepare: async () => {
      await pool.query(`drop schema if exists ${schema} cascade`);
      await store.migrate();
    },
    done: async () => {
      const { rows } = await pool.query<{ n: number }>(
        `select count(*)::int as n from ${schema}.job where status = 'COMPLETED'`,
      );
      return rows[0]?.n ?? 0;
    },
    close: () => pool.end(),
  });
}
