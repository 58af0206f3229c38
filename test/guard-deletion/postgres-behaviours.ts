import assert from "node:assert/strict";
import type { AnyStore } from "../../src/core/ports/store.js";
import { type PostgresClient, postgresStore } from "../../src/postgres.js";
import { sampleJob, sampleReadyJob } from "../../src/testing/sample-jobs.js";
import { StoreProbe } from "../../src/testing/store-suite/store-probe.js";
import type { MakeStore, PostgresPlace } from "./postgres-engine.js";
import type { SuiteTest } from "./suite-tests.js";

/** While `run` goes on, somebody else's transaction holds a row. */
async function holding<T>({ pool, schema }: PostgresPlace, id: string, run: () => Promise<T>): Promise<T> {
  const holder = await pool.connect();
  try {
    await holder.query("begin");
    await holder.query(`select from "${schema}".job where id = $1 for update`, [id]);
    return await run();
  } finally {
    await holder.query("rollback");
    holder.release();
  }
}

/** A notification queue that is half full, and refuses whatever is told then: in front of the functions that they hide. */
async function withFullQueue<T>(
  { pool, schema, withSettings }: PostgresPlace,
  use: (client: PostgresClient) => Promise<T>,
): Promise<T> {
  const shadow = `${schema}_full`;
  await pool.query(
    `create schema ${shadow}; ` +
      `create function ${shadow}.pg_notification_queue_usage() returns float8 language sql as 'select 0.5::float8'; ` +
      `create function ${shadow}.pg_notify(text, text) returns void language plpgsql as ` +
      "$$ begin raise exception 'too many notifications' using errcode = '54000'; end $$",
  );
  try {
    return await withSettings(`-c search_path=${shadow},pg_catalog`, use);
  } finally {
    await pool.query(`drop schema ${shadow} cascade`);
  }
}

/** What only Postgres does: rows that another one holds are passed by at once, and it tells what fits. */
export function postgresTests(inPlace: MakeStore): readonly SuiteTest[] {
  const test = (
    title: string,
    run: (probe: StoreProbe, place: PostgresPlace) => Promise<void>,
  ): SuiteTest => ({
    title: `on Postgres > ${title}`,
    run: () =>
      inPlace(async (place) => {
        const store: AnyStore = postgresStore({ client: place.client, schema: place.schema });
        await run(new StoreProbe({ store, close: () => store.close() }), place);
      }),
  });
  const idsOf = (jobs: readonly { readonly record: { readonly id: string } }[]): readonly string[] =>
    jobs.map(({ record }) => record.id);
  return [
    test("takes what is due beside rows that are held", async (probe, place) => {
      const now = await probe.now();
      for (const id of ["job-1", "job-2"]) await probe.given(sampleJob({ id, wakeAt: now - 1 }, now));
      const taken = await holding(place, "job-1", () => probe.takeDue({ limit: 1 }));
      assert.deepEqual(idsOf(taken), ["job-2"]);
    }),
    test("claims what is ready beside rows that are held", async (probe, place) => {
      const now = await probe.now();
      for (const id of ["job-1", "job-2"]) await probe.given(sampleReadyJob({ id, readyAt: now - 1 }, now));
      const taken = await holding(place, "job-1", () => probe.claimNext({ limit: 1 }));
      assert.deepEqual(idsOf(taken), ["job-2"]);
    }),
    test("purges beside rows that are held", async (probe, place) => {
      const now = await probe.now();
      for (const id of ["job-1", "job-2"]) {
        await probe.given(sampleJob({ id, status: "COMPLETED", wakeAt: null, purgeAt: now - 1 }, now));
      }
      const { jobs } = await holding(place, "job-1", () =>
        probe.store.purge({ ...probe.at, limit: 1, parkedBefore: 0 }),
      );
      assert.equal(jobs, 1);
      assert.equal(await probe.find("job-2"), null);
    }),
    test("stores a job that is too long to be told of", async (probe) => {
      const now = await probe.now();
      await probe.given(sampleJob({ id: "job-1", owner: "a".repeat(9_000) }, now));
      assert.equal((await probe.read("job-1")).record.status, "PENDING");
    }),
    test("stores a job while nothing more can be told", (_, place) =>
      withFullQueue(place, async (client) => {
        const store: AnyStore = postgresStore({ client, schema: place.schema });
        const probe = new StoreProbe({ store, close: () => store.close() });
        await probe.given(sampleJob({ id: "job-1" }, await probe.now()));
        await store.close();
      })),
  ];
}
