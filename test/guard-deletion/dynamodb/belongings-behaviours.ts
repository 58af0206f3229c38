import assert from "node:assert/strict";
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { place, refPartition, scopeKey, shardOf } from "../../../src/adapters/dynamodb/names.js";
import type { StoredJob } from "../../../src/core/ports/store.js";
import { SAMPLE_END, sampleJob, sampleWrite } from "../../../src/testing/sample-jobs.js";
import { accepted, claimed, type StoreProbe } from "../../../src/testing/store-suite/store-probe.js";
import type { DynamoDbTest, Table } from "./place.js";
import { START } from "../../../src/core/job/record.js";

const HOUR_MS = 3_600_000;
/** Too long for the item of the job itself, which as an input has its tail. */
const LONG = JSON.stringify("long ".repeat(616));
/** The jobs that are looked at for one page. */
const JOBS_PER_PAGE = 1_000;

const purged = (probe: StoreProbe, limit = 10) => probe.store.purge({ ...probe.at, limit, parkedBefore: 0 });

const idsOf = (jobs: readonly StoredJob[]): readonly string[] => jobs.map(({ record }) => record.id);

function idsOfOneShard(): readonly string[] {
  const ids = Array.from({ length: 20 }, (_, index) => `job-${String(index)}`);
  return ids.filter((id) => shardOf(id) === shardOf("job-0"));
}

/** Gives a job an end, with a payload of its own. */
async function settle(probe: StoreProbe, id: string): Promise<void> {
  const { record } = claimed(await probe.claim({ id }));
  const patch = { ...SAMPLE_END, purgeAt: (await probe.now()) + HOUR_MS };
  accepted(await probe.write(sampleWrite(record, { edges: ["T5"], patch, output: LONG })));
}

async function given(probe: StoreProbe, id: string, scope: string): Promise<void> {
  await probe.given(sampleJob({ id, scope }, await probe.now()), LONG);
}

async function refItem(table: Table, { record }: StoredJob): Promise<Record<string, AttributeValue> | null> {
  return table.item(refPartition(record.kind, "ref-1"), place(record.createdAt, record.id));
}

/** What belongs to a job and lies in items of its own. */
export const BELONGINGS: Readonly<Record<string, DynamoDbTest>> = {
  "stores a job under a key as any other": async (probe, table) => {
    const now = await probe.now();
    await probe.given(sampleJob({ id: "job-1" }, now));
    await probe.given(sampleJob({ id: "job-2", scope: "scope" }, now));
    const [one, two] = [await table.item("job-1"), await table.item("job-2")];
    assert.deepEqual(
      Object.keys(two ?? {})
        .filter((name) => name !== "scope")
        .sort(),
      Object.keys(one ?? {}).sort(),
    );
  },

  "keeps nothing of a job that was purged": async (probe, table) => {
    await given(probe, "job-1", "scope");
    await settle(probe, "job-1");
    await table.put({ pk: { S: "job-1" }, sk: { S: "output#nobody-heard" }, output: { S: "{}" } });
    const awaiting = await probe.awaiting({ id: "job-2", purgeAt: (await probe.now()) + HOUR_MS });
    assert.ok(await refItem(table, awaiting));
    await probe.after(HOUR_MS);
    assert.equal((await purged(probe)).jobs, 2);
    assert.deepEqual(await table.items(), []);
  },

  "leaves the key that another job has": async (probe, table) => {
    await given(probe, "job-1", "scope");
    await settle(probe, "job-1");
    const { pk, sk } = scopeKey("scope");
    await table.set(pk, "job", { S: "another" }, sk);
    await probe.after(HOUR_MS);
    assert.equal((await purged(probe)).jobs, 1);
    assert.deepEqual((await table.items()).length, 1);
  },

  "removes first what has been over for longest": async (probe) => {
    const now = await probe.now();
    const [one = "", two = ""] = idsOfOneShard();
    for (const [id, ago] of [
      [one, 1],
      [two, 9],
    ] as const)
      await probe.given(sampleJob({ id, status: "COMPLETED", purgeAt: now - ago }, now));
    assert.equal((await purged(probe, 1)).jobs, 1);
    assert.deepEqual([await probe.find(two), (await probe.find(one))?.record.id], [null, one]);
  },

  "gives what belongs to a settled job the end of the job": async (probe, table, { open }) => {
    const living = probe.through(open({ timeToLive: true }));
    await given(living, "job-1", "scope");
    await settle(living, "job-1");
    const ends = (await table.items()).map((item) => item["ttl"]?.N);
    assert.equal(ends.length, 4);
    assert.equal(new Set(ends).size, 1);
    assert.ok(ends[0] !== undefined);
  },

  "gives no end to what is another job's, or is not there": async (probe, table, { open }) => {
    const living = probe.through(open({ timeToLive: true }));
    await given(living, "job-1", "scope");
    const { pk, sk } = scopeKey("scope");
    await table.set(pk, "job", { S: "another" }, sk);
    const input = (await table.items()).find((item) => item["sk"]?.S?.startsWith("input#"));
    const { record } = claimed(await living.claim({ id: "job-1" }));
    await table.remove("job-1", input?.["sk"]?.S ?? "");
    const patch = { ...SAMPLE_END, purgeAt: (await probe.now()) + HOUR_MS };
    accepted(await living.write(sampleWrite(record, { edges: ["T5"], patch })));
    const items = await table.items();
    assert.deepEqual(items.map((item) => item["sk"]?.S).sort(), ["job", "scope"]);
    assert.equal(items.find((item) => item["sk"]?.S === "scope")?.["ttl"], undefined);
  },

  "keeps of a reference key the latest change that named it": async (probe, table) => {
    const { record } = await probe.processing({ id: "job-1" });
    const { kind, createdAt, id } = record;
    const [pk, sk] = [refPartition(kind, "ref-1"), place(createdAt, id)];
    const named = async (version: string): Promise<string | undefined> => {
      await table.put({ pk: { S: pk }, sk: { S: sk }, version: { N: version } });
      const now = await probe.now();
      const { record: stored } = await probe.read("job-1");
      const awaiting = { ref: null, refKeys: ["ref-1"], since: now, deadlineAt: now + HOUR_MS };
      const polls = { nextPollAt: now, fence: 1, pollErrors: 0, cancellable: true, cancelSent: false };
      const patch = { awaiting: { ...awaiting, ...polls } };
      accepted(await probe.write(sampleWrite(stored, { edges: ["waiting"], patch })));
      return (await table.item(pk, sk))?.["version"]?.N;
    };
    assert.equal(await named("1"), String(record.version + 1));
    assert.equal(await named("99"), "99");
    const { record: stored } = await probe.read("job-1");
    accepted(await probe.write(sampleWrite(stored, { edges: ["phase"], patch: { awaiting: null } })));
    assert.ok(await table.item(pk, sk), "a later change has named it");
  },

  "forgets a reference key with the change that ends it": async (probe, table) => {
    const job = await probe.awaiting({ id: "job-1" });
    const patch = { awaiting: null };
    accepted(await probe.write(sampleWrite(job.record, { edges: ["phase"], patch })));
    assert.equal(await refItem(table, job), null);
  },
};

/** Lists that go on. */
export const LISTS: Readonly<Record<string, DynamoDbTest>> = {
  "looks at so many jobs for a page, and tells where it stopped": async (probe, table) => {
    const now = await probe.now();
    await probe.given(sampleJob({ id: "job-0", createdAt: now }, now));
    const first = (await table.item("job-0")) ?? {};
    const copies = Array.from({ length: JOBS_PER_PAGE + 4 }, (_, index) => {
      const [id, createdAt] = [`job-${String(index + 1)}`, now - 1 - index];
      const listed = { listShard: { S: shardOf(id) }, listKey: { S: place(createdAt, id) } };
      // COMPLETED has no index of its own: it is looked for among all.
      const status = { S: index === JOBS_PER_PAGE + 3 ? "COMPLETED" : "PENDING" };
      return { ...first, ...listed, pk: { S: id }, createdAt: { N: String(createdAt) }, status };
    });
    await table.putAll(copies);
    const page = await probe.list({ statuses: ["COMPLETED"], limit: 5 });
    const end = { createdAt: now - JOBS_PER_PAGE + 1, id: `job-${String(JOBS_PER_PAGE - 1)}` };
    assert.deepEqual([idsOf(page.jobs), page.next], [[], end]);
    // Of these the index alone tells that they are of another kind.
    const ofNone = await probe.list({ kinds: ["other"], limit: 5 });
    assert.deepEqual([idsOf(ofNone.jobs), ofNone.next], [[], end]);
    const rest = await probe.list({ statuses: ["COMPLETED"], limit: 5, after: end });
    assert.deepEqual([idsOf(rest.jobs), rest.next], [[`job-${String(JOBS_PER_PAGE + 4)}`], null]);
  },

  "finds nothing that is due behind an instant that is yet to come": async (probe) => {
    const now = await probe.now();
    for (let index = 0; index < 9; index += 1)
      await probe.given(sampleJob({ id: `job-${String(index)}`, wakeAt: now - 1 }, now));
    assert.deepEqual(await probe.takeDue({ after: { wakeAt: now + HOUR_MS, id: "job-1" } }), []);
    assert.equal((await probe.takeDue({ after: { wakeAt: now - 1, id: "job-4" } })).length, 4);
  },

  "reads what FAILED newest first": async (probe) => {
    const now = await probe.now();
    const [one = "", two = ""] = idsOfOneShard();
    for (const [id, createdAt] of [
      [one, now - 9],
      [two, now - 1],
    ] as const)
      await probe.given(sampleJob({ id, status: "FAILED", createdAt }, now));
    assert.deepEqual(idsOf((await probe.list({ statuses: ["FAILED"], limit: 1 })).jobs), [two]);
  },

  "keeps a job by its status while it is open, and where it FAILED": async (probe, table) => {
    for (const [id, edge, kept] of [
      ["job-1", "T5", [undefined, undefined]],
      ["job-2", "T6", [undefined, { S: shardOf("job-2") }]],
    ] as const) {
      const { record } = await probe.processing({ id });
      const shards = async () => {
        const item = await table.item(id);
        return [item?.["unfinishedShard"], item?.["failedShard"]];
      };
      assert.deepEqual(await shards(), [{ S: shardOf(id) }, undefined]);
      accepted(await probe.write(sampleWrite(record, { edges: [edge], patch: SAMPLE_END })));
      assert.deepEqual(await shards(), kept);
    }
  },

  "reads an index of what is asked for, and ends with it": async (probe) => {
    const now = await probe.now();
    for (const number of [6, 5, 4, 3, 2, 1]) {
      const fields = number === 5 || number === 3 ? { owner: "ann", subject: "plan" } : {};
      await probe.given(sampleJob({ id: `job-${String(number)}`, createdAt: now + number, ...fields }, now));
    }
    const cursor = { ...START, upTo: 1, attempts: 1, exhausted: [1] };
    for (const id of ["job-5", "job-3"]) await probe.advance({ id, cursors: { ui: cursor } });
    for (const path of [{ owner: "ann" }, { subject: "plan" }, { undeliverable: true }]) {
      const first = await probe.list({ ...path, limit: 1 });
      assert.deepEqual(idsOf(first.jobs), ["job-5"]);
      const second = await probe.list({ ...path, limit: 1, after: first.next! });
      assert.deepEqual([idsOf(second.jobs), second.next], [["job-3"], null]);
    }
  },
};
