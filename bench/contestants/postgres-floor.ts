import { randomUUID } from "node:crypto";
import pg from "pg";
import { batched } from "../lib/batches.js";
import { createNap } from "../lib/nap.js";
import {
  type Contestant,
  handle,
  type Payload,
  type Place,
  type WorkMode,
  type Working,
} from "../lib/contestant.js";

const IDLE_MS = 5;

const INSERT =
  "insert into floor.job (id, input) select id, input from json_to_recordset($1::text::json) as w (id text, input text)";
const CLAIM =
  "update floor.job set status = 1 where ctid = any(array(select ctid from floor.job where status = 0 limit $1 " +
  "for update skip locked)) returning id, input";
const FINISH =
  "update floor.job j set status = 2, output = w.output from json_to_recordset($1::text::json) as w (id text, output text) " +
  "where j.id = w.id and j.status = 1";

interface Row {
  readonly id: string;
  readonly input: string;
}

/**
 * The least that keeps a job durable through a claim to its output: a key, a status, the same input and output bytes, and
 * one small index to find what is ready. No version, guard, lease, history, list or record of any other thing.
 */
export async function open(place: Place): Promise<Contestant> {
  const pool = new pg.Pool({ connectionString: place["url"], max: 10 });
  const idle = createNap(IDLE_MS);
  const insert = async (inputs: readonly Payload[]): Promise<void> => {
    const rows = inputs.map((input) => ({ id: randomUUID(), input: JSON.stringify(input) }));
    await pool.query({ name: "insert", text: INSERT, values: [JSON.stringify(rows)] });
    idle.end();
  };
  const claim = async (limit: number): Promise<readonly Row[]> =>
    (await pool.query<Row>({ name: "claim", text: CLAIM, values: [limit] })).rows;
  const finish = async (done: readonly object[]): Promise<void> => {
    await pool.query({ name: "finish", text: FINISH, values: [JSON.stringify(done)] });
  };

  return {
    prepare: async () => {
      await pool.query(
        "drop schema if exists floor cascade; create schema floor; " +
          'create table floor.job (id text collate "C" primary key, status smallint not null default 0, input text not null, output text); ' +
          "create index on floor.job (status) where status = 0",
      );
    },
    submit: batched(50, 2, insert),
    load: async (inputs) => {
      for (let from = 0; from < inputs.length; from += 500) await insert(inputs.slice(from, from + 500));
    },
    work: async ({ concurrency, ahead }: WorkMode, recorded): Promise<Working> => {
      const batch = concurrency + ahead;
      let stopped = false;
      const run = async (): Promise<void> => {
        let next = claim(batch);
        while (!stopped) {
          const rows = await next;
          // Ahead: the next claim is under way while the outcomes of this one are stored.
          if (ahead > 0) next = claim(batch);
          if (rows.length > 0) {
            const done = rows.map(async ({ id, input }) => ({
              id,
              output: JSON.stringify(await handle(JSON.parse(input) as Payload)),
            }));
            await finish(await Promise.all(done));
            recorded(rows.length);
          } else await idle.take();
          if (ahead === 0) next = claim(batch);
        }
        await next;
      };
      const running = run();
      return {
        stop: async () => {
          stopped = true;
          await running;
        },
      };
    },
    done: async () => {
      const { rows } = await pool.query<{ n: number }>(
        "select count(*)::int as n from floor.job where status = 2",
      );
      return rows[0]?.n ?? 0;
    },
    close: () => pool.end(),
  };
}
