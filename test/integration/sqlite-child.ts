// A process of its own on one SQLite file. It says "loaded", waits for a line, then claims ready jobs and completes them
// until it finds none; `endless` makes new ones, so that it never ends by itself. Each further line of its output is the ids
// of one claim, written when the claim was answered.
import { once } from "node:events";
import { systemIds } from "../../src/core/environment/ids.js";
import type { ClaimNext } from "../../src/core/ports/store.js";
import { sqliteStore } from "../../src/sqlite.js";
import { SAMPLE_END, sampleReadyJob, sampleTerms, sampleWrite } from "../../src/testing/sample-jobs.js";
import { openDatabase } from "./sqlite-driver.js";

const [path = "", limit = "5", endless] = process.argv.slice(2);
const worker = `worker-${process.pid}`;

process.stdout.write("loaded\n");
await once(process.stdin, "data");
process.stdin.destroy();

const db = openDatabase(path);
const store = sqliteStore({ db, busyTimeoutMs: 60_000 });

function next(): ClaimNext {
  const kinds = [{ kind: "sample.work", leaseMs: 600_000 }];
  return { terms: sampleTerms({ worker }), token: systemIds.token(), kinds, limit: Number(limit) };
}

async function createMore(): Promise<void> {
  if (endless === undefined) return;
  const nowMs = Date.now();
  const items = Array.from({ length: Number(limit) }, () => ({
    record: sampleReadyJob({ id: systemIds.job(nowMs) }, nowMs),
    input: "{}",
  }));
  await store.create({ nowMs, items });
}

await createMore();
let { jobs } = await store.claim({ nowMs: Date.now(), next: next() });
while (jobs.length > 0) {
  process.stdout.write(`${jobs.map((job) => job.record.id).join(" ")}\n`);
  await createMore();
  const items = jobs.map(({ record }) => {
    const patch = { ...SAMPLE_END, finishedAt: Date.now() };
    return sampleWrite(record, { edges: ["T5"], patch, output: JSON.stringify({ by: worker }) });
  });
  const { results, claimed = [] } = await store.write({ nowMs: Date.now(), items, thenClaim: next() });
  if (results.some((result) => result.status !== "ok")) throw new Error("a completion was refused");
  jobs = claimed;
}
await store.close();
db.close();
