// A process of its own on one Postgres. It says "loaded", waits for a line, then claims ready jobs and completes them until
// it finds none three times over. Each further line of its output is the ids of one claim, written when it was answered.
import { once } from "node:events";
import pg from "pg";
import { systemIds } from "../../src/core/environment/ids.js";
import type { ClaimNext } from "../../src/core/ports/store.js";
import { postgresStore } from "../../src/postgres.js";
import { SAMPLE_END, sampleTerms, sampleWrite } from "../../src/testing/sample-jobs.js";

const [port = "", schema = "", limit = "5"] = process.argv.slice(2);
const worker = `worker-${process.pid}`;
const pool = new pg.Pool({
  host: "127.0.0.1",
  port: Number(port),
  user: "postgres",
  database: "postgres",
  max: 2,
});
const store = postgresStore({ client: pool, schema });
await store.ready();

process.stdout.write("loaded\n");
await once(process.stdin, "data");
process.stdin.destroy();

function next(): ClaimNext {
  const kinds = [{ kind: "sample.work", leaseMs: 600_000 }];
  return { terms: sampleTerms({ worker }), token: systemIds.token(), kinds, limit: Number(limit) };
}

// What another process has locked is skipped: an empty answer alone is not the end.
for (let empty = 0; empty < 3;) {
  let { jobs } = await store.claim({ nowMs: 0, next: next() });
  if (jobs.length === 0) {
    empty += 1;
    await new Promise((resolve) => setTimeout(resolve, 50));
    continue;
  }
  while (jobs.length > 0) {
    process.stdout.write(`${jobs.map((job) => job.record.id).join(" ")}\n`);
    const items = jobs.map(({ record }) =>
      sampleWrite(record, { edges: ["T5"], patch: SAMPLE_END, output: JSON.stringify({ by: worker }) }),
    );
    const { results, claimed = [] } = await store.write({ nowMs: 0, items, thenClaim: next() });
    if (results.some((result) => result.status !== "ok")) throw new Error("a completion was refused");
    jobs = claimed;
  }
}
await store.close();
await pool.end();
