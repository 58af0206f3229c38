// A program that stops its workers, ends its clients and forgets to close its Waybills and what watches jobs. It says what its
// jobs came to, and must end by itself.
import { Redis } from "ioredis";
import pg from "pg";
import { z } from "zod";
import { createWaybill, defineJob } from "../../src/index.js";
import type { AnyStore } from "../../src/core/ports/store.js";
import { postgresStore } from "../../src/postgres.js";
import { redisStore } from "../../src/redis.js";
import { sqliteStore } from "../../src/sqlite.js";
import { openDatabase } from "./sqlite-driver.js";

const [postgresPort, schema = "", redisPort, prefix = ""] = process.argv.slice(2);

const work = defineJob({ kind: "work.do", input: z.number(), output: z.number() });

async function use(store: AnyStore): Promise<void> {
  const waybill = createWaybill({ jobs: [work], store, policy: { watchEveryMs: 500 } });
  const worker = waybill.worker([work.handle(({ input }) => input * 2)]);
  const running = worker.run();
  const job = await waybill.submit(work, 21).unwrap();
  process.stdout.write(`${String(await waybill.result(work, job.id))}\n`);
  // A file that is read after its end makes this driver panic.
  if (store.capabilities.shared && store.capabilities.clock === "server") {
    const later = await waybill.submit(work, 1, { delayMs: 3_600_000 }).unwrap();
    // One that is begun and forgotten, which nobody asks for more.
    await waybill.watch(work, later.id)[Symbol.asyncIterator]().next();
    await new Promise<unknown>((resolve) => {
      void (async () => {
        try {
          for await (const { status } of waybill.watch(work, later.id)) resolve(status);
        } catch {
          // Its client has ended.
        }
      })();
    });
  }
  await worker.stop();
  await running;
}

async function onSqlite(): Promise<void> {
  const db = openDatabase(":memory:");
  await use(sqliteStore({ db }));
  db.close();
}

async function onPostgres(): Promise<void> {
  const server = { host: "127.0.0.1", port: Number(postgresPort), user: "postgres", database: "postgres" };
  const client = new pg.Pool(server);
  const store = postgresStore({ client, schema });
  await store.migrate();
  await use(store);
  await client.end();
}

async function onRedis(): Promise<void> {
  const client = new Redis(Number(redisPort), "127.0.0.1");
  await use(redisStore({ client, prefix, onWarning: () => undefined }));
  // Somebody still watches: what is read behind the goodbye may cost its answer.
  await client.quit().catch(() => undefined);
}

await Promise.all([onSqlite(), onPostgres(), onRedis()]);
