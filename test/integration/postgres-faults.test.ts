import type pg from "pg";
import { describe, expect, it } from "vitest";
import type { PostgresClient, PostgresStore } from "../../src/postgres.js";
import { postgresStore } from "../../src/postgres.js";
import {
  SAMPLE_END,
  sampleJob,
  sampleReadyJob,
  sampleTerms,
  sampleWrite,
} from "../../src/testing/sample-jobs.js";
import { StoreProbe } from "../../src/testing/store-suite/store-probe.js";
import {
  postgresMissing,
  type PostgresServer,
  postgresServer,
  startPostgres,
} from "../support/postgres-server.js";

interface Bench {
  readonly server: PostgresServer;
  readonly store: PostgresStore;
  readonly probe: StoreProbe;
  readonly pool: pg.Pool;
  readonly schema: string;
}

async function bench(): Promise<Bench> {
  const server = await postgresServer();
  const pool = server.pool();
  const schema = server.schema();
  const store = postgresStore({ client: pool, schema });
  await store.migrate();
  return { server, store, pool, schema, probe: new StoreProbe({ store, close: async () => undefined }) };
}

function create(store: PostgresStore, id: string, given: object = {}): Promise<unknown> {
  const record = sampleJob({ id, ...given }, 0);
  return store.create({ nowMs: 0, items: [{ record, input: '{"secret":"s3cr3t"}' }] });
}

/** The error of a call, which must be one of Waybill's, and must tell neither SQL nor values. */
async function faultOf(call: Promise<unknown>): Promise<{ readonly code: string; readonly outcome: string }> {
  const error = await call.then(
    () => null,
    (thrown: unknown) => thrown as Error & { code: string; outcome: string },
  );
  if (error === null) throw new Error("the call did not fail");
  expect(error.message).not.toMatch(/s3cr3t|select|insert|update |json|hostile-value/i);
  return { code: error.code, outcome: error.outcome };
}

const NOT_APPLIED = { code: "store.unavailable", outcome: "not_applied" };
const UNKNOWN = { code: "store.unavailable", outcome: "unknown" };

/** The store asks a client once how it answers, before it writes. */
function isJudging(text: string): boolean {
  return text.includes("waybill_number");
}

/** A client that does what it is asked and then fails, as a connection does whose answer is lost. */
function failingAfter(pool: pg.Pool, error: Error, from = 1): PostgresClient {
  let calls = 0;
  return {
    query: async (text, params) => {
      if (!isJudging(text)) calls += 1;
      const answer = await pool.query<Record<string, unknown>>(text, params);
      if (calls >= from) throw error;
      return answer;
    },
  };
}

function withCode(message: string, code: string): Error {
  return Object.assign(new Error(message), { code });
}

describe.skipIf(postgresMissing() !== null)("a fault of Postgres", () => {
  it("before anything was sent has changed nothing", async () => {
    const { server, schema } = await bench();
    const nobody = server.pool({ port: 1 });
    expect(await faultOf(create(postgresStore({ client: nobody, schema }), "job-1"))).toEqual(NOT_APPLIED);
    const ended = server.pool();
    await ended.end();
    expect(await faultOf(create(postgresStore({ client: ended, schema }), "job-1"))).toEqual(NOT_APPLIED);
    const busy = server.pool({ max: 1 });
    const held = await busy.connect();
    // Only now: the connection itself may take as long as a busy machine needs for it.
    busy.options.connectionTimeoutMillis = 50;
    expect(await faultOf(create(postgresStore({ client: busy, schema }), "job-1"))).toEqual(NOT_APPLIED);
    held.release();
    const nameless = server.pool({ database: "no_such_database" });
    expect(await faultOf(create(postgresStore({ client: nameless, schema }), "job-1"))).toEqual(NOT_APPLIED);
  });

  it("that ends the connection while a statement runs leaves it in doubt", async () => {
    const { server, pool, schema, probe } = await bench();
    await create(probe.store as PostgresStore, "job-1");
    const other = await pool.connect();
    await other.query("begin");
    await other.query(`select from ${schema}.job for update`);
    const name = `doomed_${schema}`;
    const doomed = postgresStore({ client: server.pool({ application_name: name }), schema });
    const { record } = await probe.read("job-1");
    const items = [sampleWrite(record, { edges: ["T2"] })];
    const fault = faultOf(doomed.write({ nowMs: 0, items }));
    for (let ended = 0; ended === 0;) {
      const sql = `select pg_terminate_backend(pid) from pg_stat_activity where application_name = '${name}' and wait_event_type = 'Lock'`;
      ended = (await pool.query(sql)).rows.length;
    }
    expect(await fault).toEqual(UNKNOWN);
    await other.query("rollback");
    other.release();
    expect((await probe.read("job-1")).record.version).toBe(1);
  });

  it("after the statement was done leaves it in doubt, for a reader nothing", async () => {
    const { pool, schema, probe } = await bench();
    const errors = [
      new Error("Connection terminated unexpectedly"),
      withCode("read ECONNRESET", "ECONNRESET"),
      withCode("write EPIPE", "EPIPE"),
      withCode("terminating connection due to administrator command", "57P01"),
      withCode("connection failure", "08006"),
      withCode("query_wait_timeout", "08P01"),
    ];
    for (const [index, error] of errors.entries()) {
      const store = postgresStore({ client: failingAfter(pool, error), schema });
      expect(await faultOf(create(store, `job-${index}`)), error.message).toEqual(UNKNOWN);
      expect(await probe.find(`job-${index}`), "it was applied").not.toBeNull();
      expect(await faultOf(store.read({ nowMs: 0, ids: ["job-0"] }))).toEqual(NOT_APPLIED);
    }
  });

  it("in the second statement of a create leaves the first in doubt", async () => {
    const { pool, schema, probe, store } = await bench();
    await create(store, "there");
    const failing = postgresStore({ client: failingAfter(pool, withCode("no", "57014"), 2), schema });
    const items = ["there", "new"].map((id) => ({ record: sampleJob({ id }, 0), input: "{}" }));
    expect(await faultOf(failing.create({ nowMs: 0, items }))).toEqual(UNKNOWN);
    expect(await probe.find("new")).not.toBeNull();
    const onlyThere = postgresStore({ client: failingAfter(pool, withCode("no", "57014"), 2), schema });
    expect(await faultOf(create(onlyThere, "there"))).toEqual(NOT_APPLIED);
  });

  it("that the server says itself has changed nothing", async () => {
    const { server, pool, schema, probe, store } = await bench();
    const reader = postgresStore({
      client: server.pool({ options: "-c default_transaction_read_only=on" }),
      schema,
    });
    expect(await faultOf(create(reader, "job-1"))).toEqual(NOT_APPLIED);
    await pool.query(
      `create role nobody_of_${schema} login; grant usage on schema ${schema} to nobody_of_${schema}`,
    );
    const nobody = postgresStore({ client: server.pool({ user: `nobody_of_${schema}` }), schema });
    expect(await faultOf(create(nobody, "job-1"))).toEqual(NOT_APPLIED);
    const noise = Array.from({ length: 9_000 }, () => Math.random().toString(36).slice(2, 6)).join("");
    expect(await faultOf(create(store, "job-1", { subject: `hostile-value${noise}` }))).toEqual({
      code: "store.unstorable",
      outcome: "not_applied",
    });
    const other = await pool.connect();
    await other.query("begin");
    await create(postgresStore({ client: other, schema }), "job-1");
    const hasty = postgresStore({ client: server.pool({ statement_timeout: 50 }), schema });
    expect(await faultOf(create(hasty, "job-1"))).toEqual(NOT_APPLIED);
    await other.query("rollback");
    other.release();
    expect(await probe.find("job-1")).toBeNull();
  });

  it("that says roll back is answered by trying again, and not for ever", async () => {
    const { pool, schema } = await bench();
    for (const code of ["40001", "40P01"]) {
      let calls = 0;
      const client: PostgresClient = {
        query: async (text, params) => {
          if (!isJudging(text)) calls += 1;
          if (calls <= 2 && !isJudging(text)) throw withCode("rolled back", code);
          return pool.query<Record<string, unknown>>(text, params);
        },
      };
      await create(postgresStore({ client, schema }), `job-${code}`);
      expect(calls).toBe(3);
    }
    let tries = 0;
    const never: PostgresClient = {
      query: async () => {
        tries += 1;
        throw withCode("rolled back", "40001");
      },
    };
    expect(await faultOf(create(postgresStore({ client: never, schema }), "job-1"))).toEqual(NOT_APPLIED);
    expect(tries).toBeLessThan(10);
  });
});

describe.skipIf(postgresMissing() !== null)("the caller's transaction", () => {
  it("takes a job with it, committed or rolled back", async () => {
    const { store, pool, probe } = await bench();
    const tx = await pool.connect();
    for (const [end, found] of [
      ["rollback", false],
      ["commit", true],
    ] as const) {
      await tx.query("begin");
      await store.create({ nowMs: 0, items: [{ record: sampleJob({ id: end }, 0), input: "{}" }], tx });
      expect(await probe.find(end)).toBeNull();
      await tx.query(end);
      expect((await probe.find(end)) !== null).toBe(found);
    }
    tx.release();
  });

  it("shows a job that it stored itself, and the one that has the scope", async () => {
    const { store, pool } = await bench();
    const tx = await pool.connect();
    await tx.query("begin");
    const record = sampleJob({ id: "mine", scope: "s" }, 0);
    await store.create({ nowMs: 0, items: [{ record, input: "{}" }], tx });
    const again = await store.create({
      nowMs: 0,
      items: [{ record: { ...record, id: "other" }, input: "{}" }],
      tx,
    });
    expect(again.results).toEqual([{ status: "existing", job: { record, cursors: {} } }]);
    await tx.query("rollback");
    tx.release();
  });

  it("that is spoilt has changed nothing, and is not tried again", async () => {
    const { store, pool } = await bench();
    const tx = await pool.connect();
    await tx.query("begin");
    await tx.query("select 1/0").catch(() => undefined);
    const items = [{ record: sampleJob({ id: "job-1" }, 0), input: "{}" }];
    expect(await faultOf(store.create({ nowMs: 0, items, tx }))).toEqual(NOT_APPLIED);
    await tx.query("rollback");
    tx.release();
    let tries = 0;
    const conflicting: PostgresClient = {
      query: async () => {
        tries += 1;
        throw withCode("rolled back", "40001");
      },
    };
    expect(await faultOf(store.create({ nowMs: 0, items, tx: conflicting }))).toEqual(NOT_APPLIED);
    expect(tries).toBe(1);
  });

  it("reads the server's clock, not the beginning of the transaction", async () => {
    const { store, pool } = await bench();
    const tx = await pool.connect();
    await tx.query("begin");
    const first = await store.create({ nowMs: 0, items: [], tx });
    await new Promise((resolve) => setTimeout(resolve, 20));
    const second = await store.create({ nowMs: 0, items: [], tx });
    expect(second.nowMs).toBeGreaterThan(first.nowMs);
    await tx.query("rollback");
    tx.release();
  });
});

describe.skipIf(postgresMissing() !== null)("a server that is killed", () => {
  it("loses nothing that was acknowledged", { timeout: 120_000 }, async () => {
    const server = await startPostgres({ durable: true });
    try {
      const pool = server.pool({ max: 4 });
      const store = postgresStore({ client: pool });
      await store.migrate();
      const created = new Set<string>();
      const completed = new Set<string>();
      let inDoubt = 0;
      let round = 0;
      let running = true;
      const work = async (lane: number): Promise<void> => {
        for (let turn = 0; running; turn += 1) {
          const id = `job-${round}-${lane}-${turn}`;
          try {
            await store.create({ nowMs: 0, items: [{ record: sampleReadyJob({ id }, 0), input: "{}" }] });
            created.add(id);
            const kinds = [{ kind: "sample.work", leaseMs: 60_000 }];
            const next = { terms: sampleTerms(), token: `t-${id}`, kinds, limit: 1 };
            const { jobs } = await store.claim({ nowMs: 0, next });
            for (const { record } of jobs) {
              const item = sampleWrite(record, {
                edges: ["T5"],
                patch: SAMPLE_END,
                output: `"${record.id}"`,
              });
              const { results } = await store.write({ nowMs: 0, items: [item] });
              if (results[0]?.status === "ok") completed.add(record.id);
            }
          } catch (error) {
            expect(error).toMatchObject({ code: "store.unavailable" });
            inDoubt += 1;
            await new Promise((resolve) => setTimeout(resolve, 10));
          }
        }
      };
      for (round = 0; round < 3; round += 1) {
        running = true;
        const before = completed.size;
        const lanes = [0, 1, 2, 3].map(work);
        while (completed.size < before + 20) await new Promise((resolve) => setTimeout(resolve, 5));
        await server.kill();
        await new Promise((resolve) => setTimeout(resolve, 50));
        running = false;
        await Promise.all(lanes);
        await server.start();
        const ids = [...created];
        const { jobs } = await store.read({ nowMs: 0, ids, output: true });
        expect(jobs.filter((job) => job === null)).toEqual([]);
        for (const [index, id] of ids.entries()) {
          if (!completed.has(id)) continue;
          expect(jobs[index]).toMatchObject({ record: { status: "COMPLETED", fence: 1 }, output: `"${id}"` });
        }
      }
      expect(inDoubt).toBeGreaterThan(0);
    } finally {
      await server.stop();
    }
  });
});
