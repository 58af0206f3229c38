// A record that something else has spoilt stands in front of good ones in the store's own queue.
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import type { AnyStore } from "../../src/core/ports/store.js";
import { createWaybill, defineJob } from "../../src/index.js";
import { postgresStore } from "../../src/postgres.js";
import { redisStore } from "../../src/redis.js";
import { sqliteStore } from "../../src/sqlite.js";
import { recordingLogger } from "../support/engine.js";
import { postgresMissing, postgresServer } from "../support/postgres-server.js";
import { redisMissing, redisServer } from "./redis-server.js";
import { openDatabase } from "./sqlite-driver.js";

const work = defineJob({ kind: "work.do", input: z.object({ n: z.number() }) });

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

interface Spoilable {
  readonly store: AnyStore;
  spoil(id: string): Promise<unknown>;
}

async function onSqlite(): Promise<Spoilable> {
  const db = openDatabase(":memory:");
  const store = sqliteStore({ db });
  return {
    store,
    spoil: async (id) => db.exec(`update waybill_job set metadata = '{' where id = '${id}'`),
  };
}

async function onPostgres(): Promise<Spoilable> {
  const server = await postgresServer();
  const schema = server.schema();
  const pool = server.pool();
  const store = postgresStore({ client: pool, schema });
  await store.migrate();
  return {
    store,
    spoil: (id) => pool.query(`update "${schema}".job set metadata = '{' where id = $1`, [id]),
  };
}

async function onRedis(): Promise<Spoilable> {
  const server = await redisServer();
  const prefix = server.prefix();
  const client = server.client();
  return {
    store: redisStore({ client, prefix, onWarning: () => undefined }),
    spoil: (id) => client.set(`{${prefix}:0}:j:${id}`, "not a document", "XX"),
  };
}

const ENGINES = [
  ["SQLite", false, onSqlite],
  ["Postgres", postgresMissing() !== null, onPostgres],
  ["Redis", redisMissing() !== null, onRedis],
] as const;

describe.each(ENGINES)("a record on %s that cannot be read", (_, isMissing, open) => {
  it.skipIf(isMissing)("holds up none of those behind it, and is listed and counted", async () => {
    const { store, spoil } = await open();
    const { logger, lines } = recordingLogger();
    const waybill = createWaybill({ jobs: [work], store, logger });
    closers.push(() => waybill.close());
    const bad = await waybill.submit(work, { n: 0 }, { id: "spoilt" }).unwrap();
    const good = await Promise.all([1, 2, 3, 4, 5].map((n) => waybill.submit(work, { n }).unwrap()));
    await spoil(bad.id);
    const worker = waybill.worker([work.handle(() => null)], { concurrency: 2 });
    const running = worker.run();
    for (const { id } of good) await waybill.result(work, id, { timeoutMs: 20_000 });
    expect((await waybill.list({ kind: "work.do" })).items.map(({ id }) => id)).not.toContain("spoilt");
    await expect(waybill.get(work, "spoilt")).rejects.toMatchObject({
      code: "store.corrupt",
      jobId: "spoilt",
    });
    let parked = await waybill.parked();
    while (parked.items.length === 0) parked = await waybill.parked();
    expect(parked.items).toMatchObject([{ body: "spoilt", reason: "its stored record cannot be read" }]);
    expect((await waybill.health()).parked).toBe(1);
    await worker.stop();
    await running;
    const said = lines.filter(({ message }) => message.includes("cannot be read; it was put aside"));
    expect(said.map(({ fields }) => fields)).toEqual([{ jobId: "spoilt" }]);
  });
});
