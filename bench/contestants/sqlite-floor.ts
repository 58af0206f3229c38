import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import Database from "libsql";
import { batched } from "../lib/batches.js";
import { createNap } from "../lib/nap.js";
import { type Contestant, handle, type Payload, type Place } from "../lib/contestant.js";

const IDLE_MS = 5;

interface Row {
  readonly id: string;
  readonly input: string;
}

/** As on Postgres: a key, a status, the same bytes, one small index; every commit is synced. */
export async function open(place: Place): Promise<Contestant> {
  const file = `${place["folder"] ?? "."}/floor.db`;
  if (place["fresh"] === "true") for (const end of ["", "-wal", "-shm"]) rmSync(file + end, { force: true });
  const db = new Database(file);
  db.exec("pragma journal_mode = wal");
  db.exec("pragma synchronous = full");
  db.exec("pragma busy_timeout = 5000");
  db.exec(
    "create table if not exists job (id text primary key, status integer not null default 0, input text not null, output text)",
  );
  db.exec("create index if not exists job_ready on job (status) where status = 0");
  const insert = db.prepare("insert into job (id, input) values (?, ?)");
  const next = db.prepare("select id, input from job where status = 0 limit ?");
  const claim = db.prepare("update job set status = 1 where id = ? and status = 0");
  const finish = db.prepare("update job set status = 2, output = ? where id = ? and status = 1");

  const idle = createNap(IDLE_MS);
  const together = (work: () => void): void => {
    db.exec("begin immediate");
    work();
    db.exec("commit");
  };
  const store = async (payloads: readonly Payload[]): Promise<void> => {
    together(() => {
      for (const payload of payloads) insert.run(randomUUID(), JSON.stringify(payload));
    });
    idle.end();
  };

  return {
    prepare: async () => undefined,
    submit: batched(50, 1, store),
    load: async (payloads) => {
      for (let from = 0; from < payloads.length; from += 500) await store(payloads.slice(from, from + 500));
    },
    work: async ({ concurrency, ahead }, recorded) => {
      let stopped = false;
      const run = async (): Promise<void> => {
        let rows: readonly Row[] = [];
        while (!stopped) {
          const done = await Promise.all(
            rows.map(async ({ id, input }) => ({
              id,
              output: JSON.stringify(await handle(JSON.parse(input) as Payload)),
            })),
          );
          let taken: readonly Row[] = [];
          together(() => {
            for (const { id, output } of done) finish.run(output, id);
            taken = next.all([concurrency + ahead]) as readonly Row[];
            for (const { id } of taken) claim.run(id);
          });
          if (done.length > 0) recorded(done.length);
          rows = taken;
          if (rows.length > 0) await new Promise((resolve) => setImmediate(resolve));
          else await idle.take();
        }
      };
      const running = run();
      return {
        stop: async () => {
          stopped = true;
          await running;
        },
      };
    },
    done: async () =>
      (db.prepare("select count(*) as n from job where status = 2").get([]) as { readonly n: number }).n,
    close: async () => {
      db.close();
    },
  };
}
