import pg from "pg";
import postgres from "postgres";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createWaybill, defineJob, memoryQueue } from "../../src/index.js";
import { fromPg, fromPostgresJs, postgresStore, type PostgresTransaction } from "../../src/postgres.js";
import { postgresMissing, postgresServer } from "../support/postgres-server.js";

const ingest = defineJob({
  kind: "doc.ingest",
  input: z.object({ docId: z.string() }),
  output: z.object({ chunks: z.number() }),
});

const handler = ingest.handle(({ input }) => ({ chunks: input.docId.length }));

describe.skipIf(postgresMissing() !== null)("a job on Postgres", () => {
  it("is submitted in the caller's transaction, handed over after the commit, and run", async () => {
    const server = await postgresServer();
    const pool = server.pool();
    const store = postgresStore({ client: pool, schema: server.schema() });
    await store.migrate();
    const waybill = createWaybill({ jobs: [ingest], store, queue: memoryQueue() });
    const worker = waybill.worker([handler]);
    const running = worker.run();
    const tx = await pool.connect();
    await tx.query("begin");
    const gone = await waybill.submit(ingest, { docId: "gone" }, { tx }).unwrap();
    await tx.query("rollback");
    await tx.query("begin");
    const job = await waybill.submit(ingest, { docId: "kept" }, { tx }).unwrap();
    expect(job.status).toBe("PENDING");
    expect(await waybill.get(ingest, job.id)).toBeNull();
    await tx.query("commit");
    tx.release();
    await waybill.dispatch(job.id).unwrap();
    expect(await waybill.result(ingest, job.id, { timeoutMs: 15_000 })).toEqual({ chunks: 4 });
    expect(await waybill.get(ingest, gone.id)).toBeNull();
    await worker.stop();
    await running;
    await waybill.close();
  });

  it("is refused with a pool for a transaction, and written nowhere", async () => {
    const server = await postgresServer();
    const pool = server.pool();
    const store = postgresStore({ client: pool, schema: server.schema() });
    await store.migrate();
    const waybill = createWaybill({ jobs: [ingest], store });
    // @ts-expect-error -- each statement of a pool runs on another connection
    const submitted = waybill.submit(ingest, { docId: "x" }, { tx: pool }).unwrap();
    await expect(submitted).rejects.toThrow(
      "tx is a pool, which runs each statement outside of your transaction",
    );
    expect((await waybill.list({ kind: "doc.ingest" })).items).toEqual([]);
    await waybill.close();
  });

  it("is refused with what was made of a pool for a transaction, and written nowhere", async () => {
    const server = await postgresServer();
    const pool = server.pool();
    const store = postgresStore({ client: pool, schema: server.schema() });
    await store.migrate();
    const waybill = createWaybill({ jobs: [ingest], store });
    const sql = postgres({ host: "127.0.0.1", port: server.port, username: "postgres", max: 2 });
    const submit = (tx: PostgresTransaction) =>
      waybill
        .submit(ingest, { docId: "x" }, { tx })
        .unwrap()
        .then(({ status }) => status);
    for (const tx of [fromPg(pool), fromPostgresJs(sql)]) {
      await expect(submit(tx)).rejects.toThrow("tx is a pool");
    }
    expect((await waybill.list({ kind: "doc.ingest" })).items).toEqual([]);
    const client = await pool.connect();
    await client.query("begin");
    expect(await submit(fromPg(client))).toBe("QUEUED");
    await client.query("rollback");
    client.release();
    await sql.begin(async (inside) => {
      expect(await submit(fromPostgresJs(inside))).toBe("QUEUED");
    });
    expect((await waybill.list({ kind: "doc.ingest" })).items).toHaveLength(1);
    await sql.end();
    await waybill.close();
  });

  it("goes through named statements, of which a connection keeps a limited number", async () => {
    const server = await postgresServer();
    const pool = server.pool({ max: 1 });
    const schema = server.schema();
    const store = postgresStore({ client: fromPg(pool), schema });
    await store.migrate();
    const waybill = createWaybill({ jobs: [ingest], store });
    const worker = waybill.worker([handler]);
    const running = worker.run();
    const job = await waybill.submit(ingest, { docId: "abc" }).unwrap();
    expect(await waybill.result(ingest, job.id, { timeoutMs: 15_000 })).toEqual({ chunks: 3 });
    await worker.stop();
    await running;
    await waybill.close();
    const named = "select count(*)::integer as named from pg_prepared_statements";
    const other = postgresStore({ client: fromPg(pool), schema });
    await other.read({ nowMs: 0, ids: [job.id] });
    const { rows } = await pool.query<{ named: number }>(named);
    expect(rows[0]?.named).toBeGreaterThan(3);
    const texts = fromPg(pool);
    for (let index = 0; index < 130; index += 1) await texts.query(`select ${index} as value`);
    const after = await pool.query<{ named: number }>(named);
    expect(after.rows[0]!.named - rows[0]!.named).toBe(100);
  });

  it("is run by a worker of another process that hears of it, with the store as the queue", async () => {
    const server = await postgresServer();
    const schema = server.schema();
    await postgresStore({ client: server.pool(), schema }).migrate();
    const listener = async (): Promise<pg.Client> => {
      const client = new pg.Client(server.connection);
      client.on("error", () => undefined);
      await client.connect();
      return client;
    };
    const [here, there] = [await listener(), await listener()];
    const submitter = createWaybill({
      jobs: [ingest],
      store: postgresStore({ client: server.pool(), schema, listen: here }),
    });
    const runner = createWaybill({
      jobs: [ingest],
      store: postgresStore({ client: server.pool(), schema, listen: there }),
    });
    const worker = runner.worker([handler]);
    const running = worker.run();
    const jobs = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        submitter.submit(ingest, { docId: "x".repeat(index) }).unwrap(),
      ),
    );
    const outputs = await Promise.all(
      jobs.map((job) => submitter.result(ingest, job.id, { timeoutMs: 15_000 })),
    );
    expect(outputs.map(({ chunks }) => chunks)).toEqual(Array.from({ length: 40 }, (_, index) => index));
    await worker.stop();
    await running;
    await submitter.close();
    await runner.close();
    await here.end();
    await there.end();
  });
});
