import type pg from "pg";
import { describe, expect, it } from "vitest";
import type { ClaimNext } from "../../src/core/ports/store.js";
import { type PostgresStore, postgresStore } from "../../src/postgres.js";
import { sampleReadyJob, sampleTerms, sampleWrite } from "../../src/testing/sample-jobs.js";
import { postgresMissing, postgresServer } from "../support/postgres-server.js";

interface Asked {
  readonly text: string;
  readonly params: readonly string[];
}

interface PlanNode {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Index Name"?: string;
  readonly "Index Cond"?: string;
  readonly "Actual Rows"?: number;
  readonly "Actual Loops"?: number;
  readonly Plans?: readonly PlanNode[];
}

interface Observed {
  readonly store: PostgresStore;
  readonly pool: pg.Pool;
  readonly schema: string;
  /** The statements of a call. */
  asked(call: () => Promise<unknown>): Promise<readonly Asked[]>;
}

async function observed(): Promise<Observed> {
  const server = await postgresServer();
  const pool = server.pool();
  const schema = server.schema();
  let seen: Asked[] = [];
  const client = {
    query: (text: string, params: string[] = []) => {
      seen.push({ text, params });
      return pool.query<Record<string, unknown>>(text, params);
    },
  };
  const store = postgresStore({ client, schema });
  await store.migrate();
  return {
    store,
    pool,
    schema,
    asked: async (call) => {
      seen = [];
      await call();
      return seen;
    },
  };
}

function nodesOf(plan: PlanNode): readonly PlanNode[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
}

function rootOf(rows: readonly Record<string, unknown>[]): PlanNode {
  const [explained] = rows[0]!["QUERY PLAN"] as [{ Plan: PlanNode }];
  return explained.Plan;
}

/** As a driver without named statements has it: planned with the values. */
async function planOf(pool: pg.Pool, { text, params }: Asked): Promise<readonly PlanNode[]> {
  const { rows } = await pool.query<Record<string, unknown>>(`explain (format json) ${text}`, [...params]);
  return nodesOf(rootOf(rows));
}

/** As a named statement keeps it that was prepared before there were any jobs: planned without values. */
async function keptPlanOf(client: pg.PoolClient, name: string): Promise<readonly PlanNode[]> {
  const { rows } = await client.query<Record<string, unknown>>(`explain (format json) execute ${name}`);
  return nodesOf(rootOf(rows));
}

/** Reads of the whole table. */
function scansOf(nodes: readonly PlanNode[]): readonly string[] {
  return nodes
    .filter((node) => node["Node Type"] === "Seq Scan" && node["Relation Name"] === "job")
    .map((node) => node["Node Type"]);
}

/** The same, and reads of a whole index of it. */
function walksOf(nodes: readonly PlanNode[]): readonly string[] {
  const walked = nodes.filter(
    (node) => node["Node Type"].startsWith("Index") && node["Index Cond"] === undefined,
  );
  return [...scansOf(nodes), ...walked.map((node) => node["Index Name"] ?? "an index")];
}

function next(given: Partial<ClaimNext> = {}): ClaimNext {
  const kinds = [{ kind: "sample.work", leaseMs: 60_000 }];
  return { terms: sampleTerms(), token: "nobody", kinds, limit: 50, ...given };
}

const nowMs = Date.now();
const record = sampleReadyJob({ id: "job-1" }, nowMs);
const twoKinds = [
  { kind: "sample.work", leaseMs: 1 },
  { kind: "other.work", leaseMs: 1 },
];
const completion = sampleWrite(
  { ...record, status: "PROCESSING", token: "t" },
  { edges: ["T5"], output: "1" },
);
const plannedOn = { status: "QUEUED" as const, version: 1, token: null };
const plan = { plannedOn, wakeAt: null, purgeAt: null, latestWakeAt: nowMs };

/** Every call on the way of a job. */
const CALLS: Readonly<Record<string, (store: PostgresStore) => Promise<unknown>>> = {
  read: (store) => store.read({ nowMs, ids: ["job-1", "job-2"], input: true }),
  write: (store) => store.write({ nowMs, items: [completion] }),
  "write and claim": (store) => store.write({ nowMs, items: [completion], thenClaim: next() }),
  beat: (store) => store.beat({ nowMs, items: [{ id: "job-1", token: "t", leaseMs: 1 }] }),
  "claim next": (store) => store.claim({ nowMs, next: next() }),
  "claim next of several kinds": (store) => store.claim({ nowMs, next: next({ kinds: twoKinds }) }),
  "claim by message": (store) =>
    store.claim({
      nowMs,
      byMessage: { terms: sampleTerms(), items: [{ id: "job-1", dispatch: 1, token: "t", leaseMs: 1 }] },
    }),
  "take due": (store) => store.takeDue({ nowMs, limit: 50, holdMs: 1 }),
  advance: (store) => store.advance({ nowMs, items: [{ id: "job-1", cursors: {}, ...plan }] }),
  purge: (store) => store.purge({ nowMs, limit: 50, parkedBefore: 0 }),
};

/** Jobs by the table's own means, which leaves no statistics behind. */
async function fill(pool: pg.Pool, schema: string, count: number): Promise<void> {
  const fixed =
    "id, kind, notifiers, created_at, max_attempts, record_version, retain_ms, status, version, dispatch, send, releases, " +
    "redrives, attempt, fence, updated_at, history_trimmed, ready_at, wake_at, history, input";
  await pool.query(
    `insert into ${schema}.job (${fixed}) select 'filled-' || lpad(n::text, 9, '0'), 'sample.work', '[]', n, 3, 1, 1, ` +
      `'QUEUED', 2, 1, 0, 0, 0, 0, 0, n, 0, n, null, repeat('[1,"T1"]', 20), '{}' from generate_series(1, ${count}) as n`,
  );
}

describe.skipIf(postgresMissing() !== null)("the plans of the Postgres store", () => {
  it("look jobs up by their keys in a table that was never analysed, whatever they were made on", async () => {
    const { store, pool, schema, asked } = await observed();
    await pool.query(`alter table ${schema}.job set (autovacuum_enabled = off)`);
    const client = await pool.connect();
    await client.query("set plan_cache_mode = force_generic_plan");
    try {
      const statements = new Map<string, Asked>();
      for (const [name, call] of Object.entries(CALLS)) {
        const [statement] = await asked(() => call(store));
        statements.set(name, statement!);
        const values = statement!.params.map((value) => client.escapeLiteral(value)).join(", ");
        const execute = statement!.params.length === 0 ? `"${name}"` : `"${name}" (${values})`;
        await client.query(`prepare "${name}" as ${statement!.text}`);
        expect(scansOf(await keptPlanOf(client, execute)), `${name}, kept on an empty table`).toEqual([]);
      }
      for (const count of [300, 3_000, 30_000]) {
        await pool.query(`delete from ${schema}.job`);
        await fill(pool, schema, count);
        for (const [name, statement] of statements) {
          expect(scansOf(await planOf(pool, statement)), `${name}, ${count} jobs`).toEqual([]);
        }
        // When nobody has held a claim, the index of tokens looks as if it were free to walk.
        await pool.query(`analyze ${schema}.job`);
        for (const name of ["write", "write and claim", "beat", "claim by message", "advance"]) {
          const nodes = await planOf(pool, statements.get(name)!);
          expect(walksOf(nodes), `${name}, ${count} analysed jobs`).toEqual([]);
        }
      }
    } finally {
      client.release(true);
    }
  });

  it("read no more ready jobs than are taken, and sort none of the others", async () => {
    const { store, pool, schema, asked } = await observed();
    await fill(pool, schema, 20_000);
    for (const analysed of [false, true]) {
      if (analysed) await pool.query(`analyze ${schema}.job`);
      for (const kinds of [next().kinds, twoKinds]) {
        const [statement] = await asked(() =>
          store.claim({ nowMs, next: next({ kinds, token: `t-${kinds.length}-${analysed}` }) }),
        );
        const client = await pool.connect();
        try {
          await client.query("begin");
          const { rows } = await client.query<Record<string, unknown>>(
            `explain (analyze, format json) ${statement!.text}`,
            [...statement!.params.map((value) => value.replace(/"token":"t-/, '"token":"again-'))],
          );
          const nodes = nodesOf(rootOf(rows));
          const ready = nodes.filter((node) => node["Index Name"] === "job_ready");
          expect(ready.length).toBeGreaterThan(0);
          for (const node of ready) {
            expect(node["Actual Rows"]! * node["Actual Loops"]!).toBeLessThanOrEqual(60);
          }
          for (const sort of nodes.filter((node) => node["Node Type"] === "Sort")) {
            expect(sort["Actual Rows"]).toBeLessThanOrEqual(100);
          }
        } finally {
          await client.query("rollback");
          client.release();
        }
      }
    }
  });

  it("carry in each row of a batch only what differs from the others", async () => {
    const { store, asked } = await observed();
    const jobs = ["a", "b"].map((id) => ({
      record: sampleReadyJob({ id, owner: null }, nowMs),
      input: "{}",
    }));
    const other = { record: { ...sampleReadyJob({ id: "c" }, nowMs), kind: "other.work" }, input: "{}" };
    const [alike] = await asked(() => store.create({ nowMs, items: jobs }));
    const rows = JSON.parse(alike!.params[0]!) as readonly object[];
    expect(rows.map((row) => "kind" in row || "status" in row || "owner" in row)).toEqual([false, false]);
    expect(JSON.parse(alike!.params[1]!)).toMatchObject({ kind: "sample.work", status: "QUEUED" });

    const [unlike] = await asked(() =>
      store.create({ nowMs, items: [other, { ...jobs[0]!, record: { ...jobs[0]!.record, id: "d" } }] }),
    );
    expect(JSON.parse(unlike!.params[0]!)).toMatchObject([{ kind: "other.work" }, { kind: "sample.work" }]);
    const stored = await store.read({ nowMs, ids: ["a", "c", "d"] });
    expect(stored.jobs.map((job) => job?.record.kind)).toEqual(["sample.work", "other.work", "sample.work"]);

    const [write] = await asked(() => store.write({ nowMs, items: [completion] }));
    const [row] = JSON.parse(write!.params[0]!) as readonly object[];
    expect(Object.entries(row!).filter(([, value]) => value === null)).toEqual([]);
    expect(Object.keys(row!)).not.toContain("status");
  });

  it("walk an index of its own for each way to list", async () => {
    const { store, pool, schema, asked } = await observed();
    await fill(pool, schema, 30_000);
    await pool.query(
      `update ${schema}.job set owner = 'o-' || (created_at % 50), subject = 's-' || (created_at % 50)`,
    );
    // Where all jobs are of one status, an index of it saves nothing and the planner may take any.
    await pool.query(
      `update ${schema}.job set finished_at = created_at, ready_at = null,
         status = case created_at % 20 when 0 then 'FAILED' else 'COMPLETED' end where created_at % 20 < 18`,
    );
    await pool.query(`analyze ${schema}.job`);
    const expected = [
      [{ owner: "o-1" }, "job_owner"],
      [{ subject: "s-1" }, "job_subject"],
      [{ kinds: ["sample.work"] }, "job_kind"],
      [{}, "job_created"],
      [{ statuses: ["FAILED"] }, "job_failed"],
      [{ statuses: ["PENDING"] }, "job_unfinished"],
      [{ undeliverable: true }, "job_undeliverable"],
    ] as const;
    for (const [filter, index] of expected) {
      for (const place of [{}, { after: { createdAt: 2_000, id: "m" } }]) {
        const [statement] = await asked(() => store.list({ nowMs, limit: 10, ...filter, ...place }));
        const nodes = await planOf(pool, statement!);
        const asking = JSON.stringify({ ...filter, ...place });
        expect(scansOf(nodes), asking).toEqual([]);
        expect(
          nodes.map((node) => node["Index Name"]),
          asking,
        ).toContain(index);
      }
    }
    const [byRef] = await asked(() => store.byRef({ nowMs, kind: "sample.work", refKey: "i-1" }));
    expect((await planOf(pool, byRef!)).map((node) => node["Index Name"])).toContain("job_ref");
  });
});
