// PGlite is Postgres compiled to WebAssembly: one connection in the test's own process, without a server.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { FeedHint } from "../../src/core/ports/feed.js";
import { postgresStore } from "../../src/postgres.js";
import { sampleJob } from "../../src/testing/sample-jobs.js";
import { storeSuite } from "../../src/testing/store-suite/store-suite.js";

let pglite: PGlite;
let schemas = 0;

function nextSchema(): string {
  schemas += 1;
  return `test_${String(schemas)}`;
}

beforeAll(async () => {
  pglite = await PGlite.create();
});

afterAll(async () => {
  await pglite.close();
});

describe("the Postgres store on PGlite", () => {
  storeSuite(
    { describe, it },
    {
      async create() {
        const schema = nextSchema();
        const open = () => postgresStore({ client: pglite, schema });
        const store = open();
        await store.migrate();
        return {
          store,
          // Another handle shares the one connection: statements of the two take turns.
          second: async () => open(),
          // The database stays open: what survives its end has a test of its own below.
          reopen: async () => {
            await store.close();
            return open();
          },
          close: async () => {
            await store.close();
            // Thousands of tables in one database make each statement slower.
            await pglite.query(`drop schema "${schema}" cascade`);
          },
        };
      },
    },
  );
});

describe("what PGlite does beside the suite", () => {
  it("carries hints over its own notifications", async () => {
    const store = postgresStore({ client: pglite, schema: nextSchema(), listen: pglite });
    const heard: FeedHint[] = [];
    await store.feed!.subscribe((hint) => heard.push(hint));
    const hints: FeedHint[] = [
      { id: "job-a", kind: "sample.kind", version: 1, owner: null, subject: null },
      { id: "job-b", kind: "sample.kind", version: 2, owner: "tenant-7", subject: "plan:42" },
    ];
    await store.feed!.publish(hints);
    await expect.poll(() => heard, { timeout: 20_000 }).toEqual(hints);
    await store.close();
    await postgresStore({ client: pglite, schema: nextSchema(), listen: pglite }).feed!.publish(hints);
    expect(heard.length).toBe(2);
  });

  it("creates a job in the caller's transaction, and none where it is rolled back", async () => {
    const store = postgresStore({ client: pglite, schema: nextSchema() });
    await store.migrate();
    const { nowMs } = await store.read({ nowMs: 0, ids: [] });
    const create = (id: string) => ({ nowMs, items: [{ record: sampleJob({ id }, nowMs), input: "{}" }] });
    await pglite.transaction(async (tx) => {
      await store.create({ ...create("kept"), tx });
    });
    await pglite.transaction(async (tx) => {
      await store.create({ ...create("undone"), tx });
      await tx.rollback();
    });
    const { jobs } = await store.read({ nowMs, ids: ["kept", "undone"] });
    expect(jobs.map((job) => job?.record.id)).toEqual(["kept", undefined]);
    await store.close();
  });

  it("keeps jobs in a folder over its own end", async () => {
    const folder = mkdtempSync(join(tmpdir(), "waybill-pglite-"));
    try {
      const first = await PGlite.create(folder);
      const store = postgresStore({ client: first });
      await store.migrate();
      const { nowMs } = await store.read({ nowMs: 0, ids: [] });
      const record = sampleJob({ id: "job-1" }, nowMs);
      await store.create({ nowMs, items: [{ record, input: "{}" }] });
      await store.close();
      await first.close();
      const second = await PGlite.create(folder);
      const again = postgresStore({ client: second });
      await again.ready();
      expect((await again.read({ nowMs, ids: ["job-1"] })).jobs[0]?.record).toEqual(record);
      await again.close();
      await second.close();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
