import pg from "pg";
import { fromPg, postgresStore } from "waybill/postgres";
import { END_MARK, ignoreErrors, type Peer } from "../peer.js";
import { waybillSide } from "./waybill.js";

export const waybillPostgres: Peer = {
  name: "Waybill on Postgres",
  engine: "postgres",
  package: null,
  settings: [
    "defaults: leaseMs 30 s, heartbeats, every worker reconciles; the store hands jobs over; a pool of 10",
  ],
  keeps: "outcome",
  completion: END_MARK,
  open: async ({ port }) => {
    const pool = new pg.Pool({ connectionString: `postgres://postgres@127.0.0.1:${port}/postgres`, max: 10 });
    ignoreErrors(pool);
    const store = postgresStore({ client: fromPg(pool), schema: "faults" });
    return waybillSide({
      store,
      prepare: () => store.migrate(),
      within: async (ends, use) => {
        const client = await pool.connect();
        try {
          await client.query("begin");
          await use(client);
          await client.query(ends);
        } finally {
          client.release();
        }
      },
      close: () => pool.end(),
    });
  },
};
