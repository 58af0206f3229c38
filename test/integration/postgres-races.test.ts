import type pg from "pg";
import { describe, expect, it } from "vitest";
import { type PostgresStore, postgresStore } from "../../src/postgres.js";
import {
  SAMPLE_END,
  sampleJob,
  sampleQueuedJob,
  sampleReadyJob,
  sampleTerms,
  sampleWrite,
} from "../../src/testing/sample-jobs.js";
import { StoreProbe } from "../../src/testing/store-suite/store-probe.js";
import { postgresMissing, postgresServer } from "../support/postgres-server.js";
import { START } from "../../src/core/job/record.js";

interface Bench {
  readonly store: PostgresStore;
  readonly probe: StoreProbe;
  readonly pool: pg.Pool;
  readonly job: string;
  /** How many statements the store has sent. */
  sent(): number;
}

async function bench(): Promise<Bench> {
  const server = await postgresServer();
  const pool = server.pool({ max: 12 });
  const schema = server.schema();
  let sent = 0;
  const client = {
    query: (text: string, params: string[] = []) => {
      sent += 1;
      return pool.query<Record<string, unknown>>(text, params);
    },
  };
  const store = postgresStore({ client, schema });
  await store.migrate();
  const probe = new StoreProbe({ store, close: async () => undefined });
  return { store, probe, pool, job: `${schema}.job`, sent: () => sent };
}

/** Waits until a statement of the store stands behind a lock. */
async function blocked(pool: pg.Pool): Promise<void> {
  for (let tries = 0; tries < 1_000; tries += 1) {
    const { rows } = await pool.query<{ waiting: string }>(
      "select count(*) as waiting from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
    );
    if (Number(rows[0]?.waiting) > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error("nothing waits for a lock");
}

/** Runs a call that meets a row which another transaction is changing, and commits that one while the call waits. */
async function during<T>({ pool }: Bench, change: string, call: () => Promise<T>): Promise<T> {
  const other = await pool.connect();
  try {
    await other.query("begin");
    await other.query(change);
    const answer = call();
    await blocked(pool);
    await other.query("commit");
    return await answer;
  } finally {
    other.release();
  }
}

describe.skipIf(postgresMissing() !== null)(
  "a statement of the Postgres store that waited for another's commit",
  () => {
    it("never shows a writer the very record that its guard asked for", async () => {
      const on = await bench();
      const { record } = await on.probe.processing({ id: "job-1" });
      const write = sampleWrite(record, { edges: ["T5"], patch: SAMPLE_END, output: "1" });
      const change = `update ${on.job} set version = version + 1, phase = 'theirs' where id = 'job-1'`;
      const answer = await during(on, change, () => on.probe.write(write));
      expect(answer).toEqual({
        status: "refused",
        job: { record: { ...record, version: record.version + 1, phase: "theirs" }, cursors: {} },
      });
      expect((await on.probe.read("job-1", { output: true })).output).toBeNull();
    });

    it("asks again for the refused item only, and answers the others as they were judged", async () => {
      const on = await bench();
      const jobs = [];
      for (const id of ["a", "b", "c"])
        jobs.push((await on.probe.processing({ id }, { token: `of-${id}` })).record);
      const items = [...jobs].reverse().map((record) => sampleWrite(record, { edges: ["phase"] }));
      const change = `update ${on.job} set version = version + 1 where id = 'b'`;
      const before = on.sent();
      const { results } = await during(on, change, () => on.store.write({ nowMs: Date.now(), items }));
      expect(results.map((result) => result.status)).toEqual(["ok", "refused", "ok"]);
      expect(on.sent() - before).toBe(2);
      for (const id of ["a", "c"]) expect((await on.probe.read(id)).record.version).toBe(4);
    });

    it("tells a writer that the job has gone", async () => {
      const on = await bench();
      const { record } = await on.probe.processing({ id: "job-1" });
      const change = `delete from ${on.job} where id = 'job-1'`;
      expect(await during(on, change, () => on.probe.write(sampleWrite(record)))).toEqual({ status: "gone" });
    });

    it("takes a write when the other changed nothing that is guarded", async () => {
      const on = await bench();
      const { record } = await on.probe.processing({ id: "job-1" });
      const change = `update ${on.job} set wake_at = 77, cursors = '{"ui": {"upTo": 1, "attempts": 0, "since": null, "retryAt": null, "reason": null, "exhausted": []}}' where id = 'job-1'`;
      expect(
        await during(on, change, () => on.probe.write(sampleWrite(record, { edges: ["phase"] }))),
      ).toEqual({
        status: "ok",
      });
      const stored = await on.probe.read("job-1");
      expect([stored.record.wakeAt, stored.cursors["ui"]?.upTo]).toEqual([77, 1]);
    });

    it("shows a sweeper the beat that came before it", async () => {
      const on = await bench();
      const { record } = await on.probe.processing({ id: "job-1" }, { leaseMs: 1 });
      await on.probe.after(20);
      const later = Date.now() + 600_000;
      const sweep = sampleWrite(record, {
        edges: ["T7"],
        guard: { expiredLease: record.leaseUntil ?? 0 },
        patch: SAMPLE_END,
      });
      const change = `update ${on.job} set lease_until = ${later} where id = 'job-1'`;
      const answer = await during(on, change, () => on.probe.write(sweep));
      expect(answer).toMatchObject({
        status: "refused",
        job: { record: { leaseUntil: later, status: "PROCESSING" } },
      });
    });

    it("shows a beat what ended the job", async () => {
      const on = await bench();
      await on.probe.processing({ id: "job-1" });
      const change = `update ${on.job} set version = version + 1, status = 'COMPLETED', token = null where id = 'job-1'`;
      const answer = await during(on, change, () =>
        on.probe.beat({ id: "job-1", token: "token-1", leaseMs: 1 }),
      );
      expect(answer).toMatchObject({
        status: "refused",
        job: { record: { status: "COMPLETED", version: 4 } },
      });
    });

    it("shows a claim by message who was first", async () => {
      const on = await bench();
      await on.probe.given(sampleQueuedJob({ id: "job-1" }, await on.probe.now()));
      const change = `update ${on.job} set version = 3, status = 'PROCESSING', token = 'theirs' where id = 'job-1'`;
      const answer = await during(on, change, () => on.probe.claim({ id: "job-1" }));
      expect(answer).toMatchObject({ status: "refused", job: { record: { token: "theirs", version: 3 } } });
    });

    it("merges a cursor into those that were committed meanwhile", async () => {
      const on = await bench();
      await on.probe.given(sampleQueuedJob({ id: "job-1", notifiers: ["a", "b"] }, await on.probe.now()));
      const theirs =
        '{"a": {"upTo": 2, "attempts": 0, "since": null, "retryAt": null, "reason": null, "exhausted": []}}';
      const given = { ...START, upTo: 1, attempts: 1, retryAt: 5 };
      const change = `update ${on.job} set cursors = '${theirs}', version = 3, wake_at = 50 where id = 'job-1'`;
      const cursors = { a: given, b: given };
      const answer = await during(on, change, () =>
        on.probe.advance({ id: "job-1", ifVersion: 2, wakeAt: 99, latestWakeAt: 60, cursors }),
      );
      const merged = { a: { ...START, upTo: 2 }, b: given };
      expect(answer).toEqual({ status: "ok", wake: "kept", cursors: merged });
      const { record } = await on.probe.read("job-1");
      expect([record.version, record.wakeAt]).toEqual([3, 50]);
    });

    it("shows a creator the job that was committed meanwhile, by id and by scope", async () => {
      const on = await bench();
      const first = sampleJob({ id: "first", scope: "scope-1", subject: "theirs" }, Date.now());
      for (const record of [
        { ...first, subject: "mine" },
        { ...first, id: "second" },
      ]) {
        await on.pool.query(`delete from ${on.job}`);
        const other = await on.pool.connect();
        await other.query("begin");
        await on.store.create({ nowMs: 0, items: [{ record: first, input: "{}" }], tx: other });
        const answer = on.probe.create({ record, input: "{}" });
        await blocked(on.pool);
        await other.query("commit");
        other.release();
        expect(await answer).toEqual([{ status: "existing", job: { record: first, cursors: {} } }]);
      }
    });

    it("gives a creator the place when the one before it rolls back", async () => {
      const on = await bench();
      const record = sampleJob({ id: "job-1", scope: "scope-1" }, Date.now());
      const other = await on.pool.connect();
      await other.query("begin");
      await on.store.create({
        nowMs: 0,
        items: [{ record: { ...record, id: "theirs" }, input: "{}" }],
        tx: other,
      });
      const answer = on.probe.create({ record, input: "{}" });
      await blocked(on.pool);
      await other.query("rollback");
      other.release();
      expect(await answer).toEqual([{ status: "created" }]);
    });
  },
);

describe.skipIf(postgresMissing() !== null)("statements of the Postgres store beside each other", () => {
  it("claim past what another claim has locked, without waiting", async () => {
    const on = await bench();
    const now = await on.probe.now();
    for (const [index, id] of ["a", "b", "c"].entries()) {
      await on.probe.given(sampleReadyJob({ id, readyAt: now - 10 + index }, now));
    }
    const other = await on.pool.connect();
    await other.query("begin");
    await other.query(`select from ${on.job} where id = 'a' for update`);
    const jobs = await on.probe.claimNext({ limit: 2, token: "mine" });
    await other.query("rollback");
    other.release();
    expect(jobs.map(({ record }) => record.id)).toEqual(["b", "c"]);
  });

  it("take due jobs and purge past what another one has locked, without waiting", async () => {
    const on = await bench();
    const now = await on.probe.now();
    for (const id of ["a", "b"]) {
      await on.probe.given(sampleJob({ id: `due-${id}`, wakeAt: now - 5 }, now));
      await on.probe.given(sampleJob({ id: `old-${id}`, wakeAt: null, purgeAt: now - 5 }, now));
    }
    const other = await on.pool.connect();
    await other.query("begin");
    await other.query(`select from ${on.job} where id in ('due-a', 'old-a') for update`);
    const due = await on.probe.takeDue();
    const { jobs } = await on.store.purge({ nowMs: 0, limit: 10, parkedBefore: 0 });
    await other.query("rollback");
    other.release();
    expect([due.map(({ record }) => record.id), jobs]).toEqual([["due-b"], 1]);
    expect(await on.probe.find("old-a")).not.toBeNull();
  });

  it("answer a token with what it runs, and not with what it has ended", async () => {
    const on = await bench();
    await on.probe.given(sampleReadyJob({ id: "a" }, await on.probe.now()));
    await on.probe.claimNext();
    // No command leaves a token behind; a record that was put right by hand may.
    await on.pool.query(`update ${on.job} set status = 'FAILED' where id = 'a'`);
    expect(await on.probe.claimNext()).toEqual([]);
  });

  it("lock no more ready jobs of several kinds than they take", async () => {
    const on = await bench();
    const now = await on.probe.now();
    const kinds = ["kind.a", "kind.b", "kind.c"].map((kind) => ({ kind, leaseMs: 1_000 }));
    const items = kinds.flatMap(({ kind }, index) =>
      Array.from({ length: 10 }, (_, place) => ({
        record: sampleReadyJob(
          { id: `${kind.slice(-1)}-${place}`, kind, readyAt: now - 100 * (index + 1) + place },
          now,
        ),
        input: "{}",
      })),
    );
    await on.probe.create(...items);
    const client = await on.pool.connect();
    await client.query("begin");
    const inside = postgresStore({ client, schema: on.job.split(".")[0]! });
    const { jobs } = await inside.claim({
      nowMs: 0,
      next: { terms: sampleTerms(), token: "first", kinds, limit: 12 },
    });
    expect(jobs.map(({ record }) => record.id).slice(8)).toEqual(["c-8", "c-9", "b-0", "b-1"]);
    // What the open transaction has not taken is free for others.
    const rest = await on.probe.claimNext({ kinds, limit: 30, token: "second" });
    await client.query("commit");
    client.release();
    expect(rest.length).toBe(18);
  });

  it("are tried again where Postgres ends a deadlock between them", async () => {
    const on = await bench();
    const records = [];
    for (const id of ["a", "b"]) records.push(await on.probe.given(sampleJob({ id }, await on.probe.now())));
    const other = await on.pool.connect();
    await other.query("begin");
    // The other gives up later than the store's statement, so that this is the one which Postgres ends.
    await other.query("set local deadlock_timeout = '60s'");
    await other.query(`update ${on.job} set wake_at = 1 where id = 'b'`);
    const items = records.map((record) => sampleWrite(record, { edges: ["T2"] }));
    const answer = on.store.write({ nowMs: 0, items });
    await blocked(on.pool);
    await other.query(`update ${on.job} set wake_at = 1 where id = 'a'`);
    await other.query("commit");
    other.release();
    expect((await answer).results).toEqual([{ status: "ok" }, { status: "ok" }]);
    for (const id of ["a", "b"]) expect((await on.probe.read(id)).record.version).toBe(2);
  });

  it("are tried again in databases that are serializable by default", async () => {
    const server = await postgresServer();
    const schema = server.schema();
    await postgresStore({ client: server.pool(), schema }).migrate();
    const pool = server.pool({ max: 8, options: "-c default_transaction_isolation=serializable" });
    const store = postgresStore({ client: pool, schema });
    const probe = new StoreProbe({ store, close: async () => undefined });
    const now = await probe.now();
    const ids = Array.from({ length: 40 }, (_, index) => `job-${index}`);
    await probe.create(...ids.map((id) => ({ record: sampleReadyJob({ id }, now), input: "{}" })));
    const rounds = await Promise.all(
      [0, 1].map(async (racer) => {
        const mine: string[] = [];
        for (let round = 0; round < 30; round += 1) {
          const jobs = await probe.claimNext({ limit: 2, token: `t-${racer}-${round}` });
          mine.push(...jobs.map(({ record }) => record.id));
        }
        return mine;
      }),
    );
    expect(rounds.flat().sort()).toEqual([...ids].sort());
  });
});

describe.skipIf(postgresMissing() !== null)("the Postgres store", () => {
  it("claims the oldest, whatever their ids, where there are more than it may", async () => {
    const on = await bench();
    const now = await on.probe.now();
    for (const [index, id] of ["d", "c", "b", "a"].entries()) {
      await on.probe.given(sampleReadyJob({ id, readyAt: now - 10 + index }, now));
    }
    const jobs = await on.probe.claimNext({ limit: 2 });
    expect(jobs.map(({ record }) => record.id)).toEqual(["d", "c"]);
  });

  it("answers a create with the job of its id, where another one has its scope", async () => {
    const on = await bench();
    const now = await on.probe.now();
    await on.probe.given(sampleJob({ id: "a", scope: "of-a" }, now));
    await on.probe.given(sampleJob({ id: "b", scope: "of-b" }, now));
    for (const [id, scope] of [
      ["a", "of-b"],
      ["b", "of-a"],
    ] as const) {
      const answers = await on.probe.create({ record: sampleJob({ id, scope }, now), input: "{}" });
      expect(answers).toMatchObject([{ status: "existing", job: { record: { id } } }]);
    }
  });

  it("finds a job by its keys that was created with work open", async () => {
    const on = await bench();
    const { record } = await on.probe.awaiting({ id: "a" }, ["i-1"]);
    await on.probe.given({ ...record, id: "b" });
    const { jobs } = await on.store.byRef({ nowMs: 0, kind: record.kind, refKey: "i-1" });
    expect(jobs.map((job) => job.record.id).sort()).toEqual(["a", "b"]);
  });
});

describe.skipIf(postgresMissing() !== null)("completions that carry a claim", () => {
  it("go in one statement", async () => {
    const on = await bench();
    const now = await on.probe.now();
    for (const id of ["a", "b"]) await on.probe.given(sampleReadyJob({ id }, now));
    const [a] = await on.probe.claimNext({ limit: 1, token: "first" });
    const items = [sampleWrite(a!.record, { edges: ["T5"], patch: SAMPLE_END, output: "1" })];
    const kinds = [{ kind: "sample.work", leaseMs: 1_000 }];
    const before = on.sent();
    const reply = await on.store.write({
      nowMs: 0,
      items,
      thenClaim: { terms: sampleTerms(), token: "second", kinds, limit: 5 },
    });
    expect(on.sent() - before).toBe(1);
    expect(reply.results).toEqual([{ status: "ok" }]);
    expect(reply.claimed?.map(({ record, input }) => [record.id, record.token, input])).toEqual([
      ["b", "second", "{}"],
    ]);
  });
});
