import assert from "node:assert/strict";
import type { AnyStore } from "../../src/core/ports/store.js";
import { postgresStore } from "../../src/postgres.js";
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

/** What only Postgres does: rows that another one holds are passed by at once. */
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
  ];
}
