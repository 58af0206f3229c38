// `tx` as docs/adapters/postgres.md says for each: after a commit both rows are there, after a rollback neither.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { drizzle } from "drizzle-orm/node-postgres";
import { pgTable, text } from "drizzle-orm/pg-core";
import makeKnex from "knex";
import { CompiledQuery, Kysely, PostgresDialect } from "kysely";
import { DataSource, EntitySchema } from "typeorm";
import { createWaybill, defineJob } from "waybill";
import { postgresStore } from "waybill/postgres";
import { startPostgres } from "./postgres.mjs";

const anything = { "~standard": { version: 1, vendor: "interop", validate: (value) => ({ value }) } };
const recover = defineJob({ kind: "recover", input: anything });
const plans = pgTable("plans", { id: text("id").primaryKey() });
const Plan = new EntitySchema({
  name: "plan",
  tableName: "plans",
  columns: { id: { type: "text", primary: true } },
});

let server;
let pool;
let waybill;
const undo = new Error("undo");

before(async () => {
  server = await startPostgres({ durable: false });
  pool = server.pool({ max: 4 });
  await pool.query("create table plans (id text primary key)");
  const store = postgresStore({ client: pool });
  await store.migrate();
  waybill = createWaybill({ jobs: [recover], store });
});
after(async () => {
  await waybill?.close();
  await server?.stop();
});

/** Each gets what to do on the connection between its begin and its end. */
const WAYS = {
  async drizzle(planId, work) {
    const client = await pool.connect();
    try {
      await drizzle({ client }).transaction(async (tx) => {
        await tx.insert(plans).values({ id: planId });
        await work(client);
      });
    } finally {
      client.release();
    }
  },
  async knex(planId, work) {
    const knex = makeKnex({ client: "pg" });
    const client = await pool.connect();
    try {
      await client.query("begin");
      await knex("plans").insert({ id: planId }).connection(client);
      await work(client);
      await client.query("commit");
    } catch (error) {
      await client.query("rollback");
      throw error;
    } finally {
      client.release();
      await knex.destroy();
    }
  },
  async kysely(planId, work) {
    const db = new Kysely({ dialect: new PostgresDialect({ pool }) });
    await db.transaction().execute(async (trx) => {
      await trx.insertInto("plans").values({ id: planId }).execute();
      await work({
        query: (text, params) => trx.withoutPlugins().executeQuery(CompiledQuery.raw(text, params)),
      });
    });
  },
  async typeorm(planId, work) {
    const dataSource = new DataSource({
      ...{ type: "postgres", entities: [Plan], host: server.connection.host, port: server.connection.port },
      ...{
        username: server.connection.user,
        password: server.connection.password,
        database: server.connection.database,
      },
    });
    await dataSource.initialize();
    const runner = dataSource.createQueryRunner();
    const client = await runner.connect();
    await runner.startTransaction();
    try {
      await runner.manager.insert(Plan, { id: planId });
      await work(client);
      await runner.commitTransaction();
    } catch (error) {
      await runner.rollbackTransaction();
      throw error;
    } finally {
      await runner.release();
      await dataSource.destroy();
    }
  },
};

async function counts(planId) {
  const { rows } = await pool.query("select id from plans where id = $1", [planId]);
  const { items } = await waybill.list({ kind: "recover", subject: planId });
  return [rows.length, items.length];
}

describe("orms", () => {
  for (const [name, inTransaction] of Object.entries(WAYS)) {
    it(`${name}: the job exists when the transaction commits, and never if it rolls back`, async () => {
      const submit = (planId) => (tx) =>
        waybill.submit(recover, { planId }, { tx, subject: planId }).unwrap();
      await inTransaction(`${name}-kept`, submit(`${name}-kept`));
      assert.deepEqual(await counts(`${name}-kept`), [1, 1]);
      const lost = inTransaction(`${name}-lost`, async (tx) => {
        await submit(`${name}-lost`)(tx);
        throw undo;
      });
      await assert.rejects(lost, undo);
      assert.deepEqual(await counts(`${name}-lost`), [0, 0]);
    });
  }
});
