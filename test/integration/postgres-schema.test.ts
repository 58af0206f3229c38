import { describe, expect, it } from "vitest";
import { postgresMigrationSql, postgresStore } from "../../src/postgres.js";
import { sampleJob, sampleQueuedJob, sampleReadyJob, sampleWrite } from "../../src/testing/sample-jobs.js";
import { StoreProbe } from "../../src/testing/store-suite/store-probe.js";
import { postgresMissing, postgresServer } from "../support/postgres-server.js";

const NOT_MIGRATED = { name: "StoreNotMigratedError", code: "store.not_migrated" };

describe.skipIf(postgresMissing() !== null)("the schema of the Postgres store", () => {
  it("is never made by itself, and every call says that it is missing", async () => {
    const server = await postgresServer();
    const pool = server.pool();
    const schema = server.schema();
    const store = postgresStore({ client: pool, schema });
    await expect(store.ready()).rejects.toMatchObject(NOT_MIGRATED);
    await expect(store.read({ nowMs: 0, ids: ["job-1"] })).rejects.toMatchObject(NOT_MIGRATED);
    const record = sampleJob({ id: "job-1" }, 0);
    await expect(store.create({ nowMs: 0, items: [{ record, input: "{}" }] })).rejects.toMatchObject(
      NOT_MIGRATED,
    );
    const { rows } = await pool.query("select from pg_namespace where nspname = $1", [schema]);
    expect(rows).toEqual([]);
  });

  it.each([
    ["", ""],
    [", whose sessions read of one moment", "-c default_transaction_isolation=repeatable\\ read"],
    [", whose sessions are serializable", "-c default_transaction_isolation=serializable"],
  ])("is made once by many that migrate at the same time%s", async (_, options) => {
    const server = await postgresServer();
    const schema = server.schema();
    const pools = Array.from({ length: 6 }, () => server.pool({ max: 1, options }));
    const stores = pools.map((client) => postgresStore({ client, schema }));
    await Promise.all(pools.map((pool) => pool.query("select 1")));
    await Promise.all(stores.map((store) => store.migrate()));
    await Promise.all(stores.map((store) => store.ready()));
    const { rows } = await server.pool().query(`select version from ${schema}.migration`);
    expect(rows).toEqual([{ version: 1 }]);
  });

  it("may be made by hand from what is printed, again and again", async () => {
    const server = await postgresServer();
    const pool = server.pool();
    const schema = server.schema();
    const sql = postgresMigrationSql(schema);
    await pool.query(sql);
    await pool.query(sql);
    await postgresStore({ client: pool, schema }).ready();
    expect(postgresMigrationSql()).toContain('create schema "waybill"');
  });

  it("is refused when it is older or newer, and a newer one is left as it is", async () => {
    const server = await postgresServer();
    const pool = server.pool();
    const schema = server.schema();
    const store = postgresStore({ client: pool, schema });
    await store.migrate();
    await pool.query(`insert into ${schema}.migration values (99, now())`);
    await expect(store.ready()).rejects.toMatchObject({
      ...NOT_MIGRATED,
      message: expect.stringContaining("newer"),
    });
    await expect(store.migrate()).rejects.toMatchObject(NOT_MIGRATED);
    await pool.query(`delete from ${schema}.migration`);
    await expect(store.ready()).rejects.toMatchObject({
      ...NOT_MIGRATED,
      message: expect.stringContaining("older"),
    });
  });

  it("leaves nothing behind when its making is interrupted", async () => {
    const server = await postgresServer();
    const pool = server.pool();
    const schema = server.schema();
    const broken = postgresMigrationSql(schema).replace(
      'create table "' + schema + '".pulse',
      "create tabel",
    );
    await expect(pool.query(broken)).rejects.toThrow();
    await postgresStore({ client: pool, schema }).migrate();
    await postgresStore({ client: pool, schema }).ready();
  });

  it("takes no name that would have to be quoted, or that is Postgres's own", () => {
    const client = { query: async () => ({ rows: [] }) };
    for (const schema of [
      "",
      "Jobs",
      'a"b',
      "a b",
      "1a",
      "a-b",
      "pg_jobs",
      "a".repeat(51),
      "jobs; drop table x",
      "ä",
    ]) {
      expect(() => postgresStore({ client, schema })).toThrow(
        expect.objectContaining({ code: "config.invalid" }),
      );
      expect(() => postgresMigrationSql(schema)).toThrow(expect.objectContaining({ code: "config.invalid" }));
    }
    expect(() => postgresStore({ client, schema: "a".repeat(50) })).not.toThrow();
    expect(() => postgresStore({ client, schema: "select" })).not.toThrow();
  });

  it("keeps two stores of one database apart", async () => {
    const server = await postgresServer();
    const pool = server.pool();
    const [one, other] = [server.schema(), server.schema()].map((schema) =>
      postgresStore({ client: pool, schema }),
    );
    await one!.migrate();
    await other!.migrate();
    await one!.create({ nowMs: 0, items: [{ record: sampleJob({ id: "job-1" }, 0), input: "{}" }] });
    expect((await other!.read({ nowMs: 0, ids: ["job-1"] })).jobs).toEqual([null]);
  });

  it("takes no status that does not exist, whoever writes it", async () => {
    const server = await postgresServer();
    const pool = server.pool();
    const schema = server.schema();
    const store = postgresStore({ client: pool, schema });
    await store.migrate();
    await store.create({ nowMs: 0, items: [{ record: sampleJob({ id: "job-1" }, 0), input: "{}" }] });
    for (const status of ["DONE", "pending", ""]) {
      await expect(pool.query(`update ${schema}.job set status = $1`, [status])).rejects.toMatchObject({
        code: "23514",
      });
    }
  });

  it("tells of the job whose row holds what is never written, and lets later passes go on", async () => {
    const server = await postgresServer();
    const pool = server.pool();
    const schema = server.schema();
    const store = postgresStore({ client: pool, schema });
    await store.migrate();
    const probe = new StoreProbe({ store, close: async () => undefined });
    await probe.given(sampleJob({ id: "bad", wakeAt: 1 }, 0));
    await probe.given(sampleJob({ id: "good", wakeAt: 2 }, 0));
    await pool.query(`update ${schema}.job set last_error = 'secret{' where id = 'bad'`);
    expect((await probe.takeDue()).map((job) => job.record.id)).toEqual(["good"]);
    expect(await probe.takeDue()).toEqual([]);
    await pool.query(`update ${schema}.job set wake_at = 3 where id = 'bad'`);
    const alone = await store.takeDue({ ...probe.at, limit: 10, holdMs: 30_000 });
    expect(alone).toMatchObject({ jobs: [], unreadable: ["bad"] });
    const refusal = await store.read({ ...probe.at, ids: ["bad"] }).catch((error: unknown) => error as Error);
    expect(refusal).toMatchObject({ code: "store.corrupt", jobId: "bad" });
    expect((refusal as Error).message).not.toContain("secret");
    await pool.query(`update ${schema}.job set wake_at = 3 where id = 'good'`);
    expect((await probe.takeDue()).map((job) => job.record.id)).toEqual(["good"]);
  });

  it("needs no more than select, insert, update and delete on its tables", async () => {
    const server = await postgresServer();
    const owner = server.pool();
    const schema = server.schema();
    await owner.query(postgresMigrationSql(schema));
    const role = `worker_of_${schema}`;
    await owner.query(`create role ${role} login`);
    await owner.query(`grant usage on schema ${schema} to ${role}`);
    await owner.query(`grant select, insert, update, delete on all tables in schema ${schema} to ${role}`);
    const store = postgresStore({ client: server.pool({ user: role }), schema });
    const probe = new StoreProbe({ store, close: async () => undefined });
    await store.ready();
    // Nothing is missing, so to migrate is to look.
    await expect(store.migrate()).resolves.toBeUndefined();
    const now = await probe.now();
    await probe.given(sampleReadyJob({ id: "ready", scope: "s" }, now));
    const [ready] = await probe.claimNext();
    expect(await probe.beat({ id: "ready", token: "next-token", leaseMs: 1_000 })).toMatchObject({
      status: "ok",
    });
    await probe.write(sampleWrite(ready!.record, { edges: ["phase"], output: "1" }));
    await probe.given(sampleQueuedJob({ id: "queued", wakeAt: now - 1 }, now));
    expect(await probe.claim({ id: "queued" })).toMatchObject({ status: "ok" });
    await probe.takeDue();
    await probe.advance({ id: "queued", ifVersion: 3, purgeAt: 1 });
    await probe.list({ statuses: ["PROCESSING"] });
    await store.byRef({ nowMs: 0, kind: "k", refKey: "r" });
    await store.park({ nowMs: 0, messages: [{ id: "p", queue: "q", body: "b", reason: "r", at: 1 }] });
    await store.parked({ nowMs: 0, limit: 1 });
    await store.unpark({ nowMs: 0, ids: ["p"] });
    await store.pulse({ nowMs: 0, unserved: 0 });
    await probe.health();
    expect((await store.purge({ nowMs: 0, limit: 10, parkedBefore: 9 })).jobs).toBe(1);
  });
});
