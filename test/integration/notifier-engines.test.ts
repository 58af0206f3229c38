// What is kept for a notifier, on every store: entries that it gave up and is offered again, and the bounds of what waits.
import { createWaybill, defineJob, memoryNotifier, memoryStore, type Store } from "waybill";
import { dynamodbStore } from "waybill/dynamodb";
import { postgresStore } from "waybill/postgres";
import { redisStore } from "waybill/redis";
import { sqliteStore } from "waybill/sqlite";
import { decodeHistory } from "waybill/store-kit";
import { z } from "zod";
import { describe, expect, it, vi } from "vitest";
import { postgresMissing, postgresServer } from "../support/postgres-server.js";
import { dynamoDb } from "./dynamodb-server.js";
import { redisMissing, redisServer } from "./redis-server.js";
import { openDatabase, temporaryFile } from "./sqlite-driver.js";

const dynamodb = dynamoDb();

const STORES: Readonly<Record<string, { readonly open: () => Promise<Store>; readonly missing?: boolean }>> =
  {
    memory: { open: async () => memoryStore() },
    sqlite: { open: async () => sqliteStore({ db: openDatabase(temporaryFile().path) }) },
    postgres: {
      missing: postgresMissing() !== null,
      async open() {
        const server = await postgresServer();
        const store = postgresStore({ client: server.pool(), schema: server.schema() });
        await store.migrate();
        return store;
      },
    },
    redis: {
      missing: redisMissing() !== null,
      async open() {
        const server = await redisServer();
        return redisStore({ client: server.client(), prefix: server.prefix() });
      },
    },
    dynamodb: {
      async open() {
        const engine = await dynamodb();
        return dynamodbStore({ client: engine.client(), table: await engine.table() });
      },
    },
  };

const TIMEOUT_MS = 60_000;
/** Few, so that a job goes past them in a moment. */
const BOUND = 20;

const work = defineJob({
  kind: "work",
  input: z.object({ warnings: z.number() }),
  handOver: "own",
  deadlineMs: 3_600_000,
});

async function bench(store: Store) {
  const ui = memoryNotifier({ maxBatch: 1 });
  const waybill = createWaybill({
    jobs: [work],
    store,
    notifiers: { ui },
    policy: { maxHistoryEntries: BOUND, maxWarnings: 10 * BOUND, progressEveryMs: 1 },
  });
  const end = async (): Promise<void> => {
    await waybill.close();
    await store.close();
  };
  /** Created, queued and started are three before the first warning. */
  const saidUntil = (id: string, warnings: number): Promise<void> =>
    vi.waitFor(
      async () => {
        expect((await waybill.get(id))?.version).toBeGreaterThanOrEqual(3 + warnings);
      },
      { timeout: TIMEOUT_MS / 2, interval: 5 },
    );
  /** A job that is run to its end here, and warns so often on the way. */
  const run = async (warnings: number): Promise<string> => {
    const { id } = await waybill.submit(work, { warnings }).unwrap();
    const claim = await waybill.claim(work, id).unwrap();
    for (let count = 1; count <= warnings; count += 1) {
      claim.warn("again", `This is warning ${String(count)}.`);
      // What was said so far is stored before more is said.
      if (count % 5 === 0) await saidUntil(id, count);
    }
    await claim.complete(null);
    return id;
  };
  const stored = async (id: string) => {
    const { jobs } = await store.read({ nowMs: Date.now(), ids: [id] });
    return jobs[0]!;
  };
  return { ui, waybill, run, stored, end };
}

describe.each(Object.entries(STORES))("on %s", (_, { open, missing = false }) => {
  it.skipIf(missing)(
    "what was given up is listed with its reason, published again in order, and off the list then",
    { timeout: TIMEOUT_MS },
    async () => {
      const { ui, waybill, run, stored, end } = await bench(await open());
      ui.failNext("rejected", { where: ({ version }) => version < 3, count: 2 });
      const id = await run(0);
      await waybill.flush();
      const { items } = await waybill.undelivered();
      expect(items).toMatchObject([
        { jobId: id, notifier: "ui", versions: [1, 2], reason: "a fault was injected" },
      ]);
      expect(await waybill.redeliver(items[0]!)).toEqual({ ok: true, value: { versions: [1, 2] } });
      expect(ui.eventsOf(id).map(({ version }) => version)).toEqual([3, 4, 1, 2]);
      expect((await waybill.undelivered()).items).toEqual([]);
      const { record, cursors } = await stored(id);
      expect(cursors["ui"]).toMatchObject({ upTo: 4, exhausted: [] });
      expect([record.wakeAt, record.purgeAt !== null]).toEqual([null, true]);
      await end();
    },
  );

  it.skipIf(missing)(
    "a receiver that is away neither stops a job nor makes its record grow without bound, and learns of what it missed",
    { timeout: TIMEOUT_MS },
    async () => {
      const { ui, waybill, run, stored, end } = await bench(await open());
      ui.failNext("held", { count: 1_000_000, afterMs: 1_000 });
      const id = await run(5 * BOUND);
      const { record } = await stored(id);
      const entries = decodeHistory(record.history);
      expect(record.status).toBe("COMPLETED");
      // Those of the last ten seconds are kept up to twice the bound, for a writer that looks for its own; one more
      // says how many are gone.
      expect(entries.length).toBeLessThanOrEqual(2 * BOUND + 1);
      expect(entries.at(-1)?.edge).toBe("T5");
      const omitted = entries.filter(({ reason }) => reason === "events_omitted");
      expect(omitted).toHaveLength(1);
      ui.heal();
      await vi.waitFor(
        async () => {
          await waybill.reconcile();
          expect((await stored(id)).record.wakeAt).toBeNull();
        },
        { timeout: TIMEOUT_MS / 2, interval: 200 },
      );
      expect(ui.eventsOf(id).map(({ version }) => version)).toEqual(entries.map(({ version }) => version));
      await end();
    },
  );
});
