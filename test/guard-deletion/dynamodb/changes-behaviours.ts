import assert from "node:assert/strict";
import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { place as nameOf, refPartition, scopeKey } from "../../../src/adapters/dynamodb/names.js";
import { type Awaiting, type JobRecord, START } from "../../../src/core/job/record.js";
import { SAMPLE_END, sampleJob, sampleQueuedJob, sampleWrite } from "../../../src/testing/sample-jobs.js";
import { accepted, claimed, NEVER, type StoreProbe } from "../../../src/testing/store-suite/store-probe.js";
import type { DynamoDbPlace } from "../dynamodb-engine.js";
import { changes, type DynamoDbTest, interrupted, type Table, watched } from "./place.js";

const HOUR_MS = 3_600_000;
/** Too long for the item of the job itself, which as an input has its tail. */
const LONG = JSON.stringify("long ".repeat(616));
/** Too long for an item. */
const TOO_LONG = "x".repeat(500_000);

/** Sends every query for one item at a time: a page ends where the engine likes. */
function inShortPages(place: DynamoDbPlace): DynamoDBClient {
  return place.client((command, input) => {
    if (command === "Query") Object.assign(input, { Limit: 1 });
    return undefined;
  });
}

function awaitingOf(refKeys: readonly string[], now: number): Awaiting {
  return {
    ...{ ref: null, refKeys, since: now, deadlineAt: now + HOUR_MS, nextPollAt: now + HOUR_MS },
    ...{ fence: 1, pollErrors: 0, cancellable: true, cancelSent: false },
  };
}

async function refsOf(table: Table, record: JobRecord): Promise<readonly string[]> {
  const items = await table.items();
  const named = ["ref-1", "ref-2"].map((refKey) => [refPartition(record.kind, refKey), refKey] as const);
  return named.flatMap(([pk, refKey]) => (items.some((item) => item["pk"]?.S === pk) ? [refKey] : []));
}

const endsOf = async (table: Table): Promise<readonly string[]> =>
  (await table.items()).flatMap((item) => (item["ttl"] === undefined ? [] : [item["sk"]?.S ?? ""])).sort();

const write = (probe: StoreProbe, record: JobRecord, patch: Partial<JobRecord>) =>
  probe.write(sampleWrite(record, { edges: ["phase"], patch }));

/** What a change does beside the record itself. */
export const CHANGES: Readonly<Record<string, DynamoDbTest>> = {
  "finds a job that had no wake-up by the one that it is given": async (probe) => {
    const now = await probe.now();
    const ids = ["claimed", "written", "planned"];
    for (const id of ids) await probe.given(sampleQueuedJob({ id, wakeAt: null }, now));
    claimed(await probe.claim({ id: "claimed", leaseMs: 1_000 }));
    accepted(await write(probe, (await probe.read("written")).record, { wakeAt: now + 1_000 }));
    await probe.advance({ id: "planned", wakeAt: now + 1_000 });
    await probe.after(2_000);
    assert.deepEqual((await probe.takeDue()).map(({ record }) => record.id).sort(), [...ids].sort());
  },

  "purges a job whose instant came with a plan": async (probe, table) => {
    const now = await probe.now();
    await probe.given(sampleJob({ id: "job-1", status: "COMPLETED" }, now));
    await probe.advance({ id: "job-1", purgeAt: now - 1 });
    assert.equal((await probe.store.purge({ ...probe.at, limit: 1, parkedBefore: 0 })).jobs, 1);
    assert.deepEqual(await table.items(), []);
  },

  "clears what a claim, a plan and a change clear": async (probe) => {
    const now = await probe.now();
    await probe.given(sampleJob({ id: "job-2" }, now));
    await probe.advance({ id: "job-2", wakeAt: null });
    assert.equal((await probe.read("job-2")).record.wakeAt, null);
    await probe.given(sampleQueuedJob({ id: "job-1", readyAt: now, retryAt: now, send: 7 }, now));
    const { record } = claimed(await probe.claim({ id: "job-1" }));
    assert.deepEqual([record.readyAt, record.sendAt, record.retryAt], [null, null, null]);
    accepted(await write(probe, record, { send: 0, token: "another" }));
    const { send, token } = (await probe.read("job-1")).record;
    assert.deepEqual([send, token], [0, "another"]);
  },

  "keeps no empty piece of a history": async (probe, table) => {
    await probe.given(sampleJob({ id: "job-1", history: "" }, await probe.now()));
    const { record } = await probe.read("job-1");
    accepted(await probe.write(sampleWrite(record, { patch: { phase: "p" } })));
    assert.deepEqual((await table.item("job-1"))?.["history"]?.L, []);
  },

  "refuses what fits into no item before anything is sent": async (probe, _, place) => {
    const { record } = await probe.processing({ id: "job-1" });
    const { client, sent } = watched(place);
    const one = probe.through(place.open({ client }));
    const tooLarge = { code: "input.too_large" };
    await assert.rejects(one.write(sampleWrite(record, { edges: ["T5"], output: TOO_LONG })), tooLarge);
    await assert.rejects(one.write(sampleWrite(record, { edges: ["phase"], text: TOO_LONG })), tooLarge);
    assert.deepEqual(sent, []);
  },

  "claims with as many requests as it needs, and tells that an input is not there": async (
    probe,
    table,
    place,
  ) => {
    const now = await probe.now();
    for (const id of ["job-1", "job-2", "job-3"]) await probe.given(sampleQueuedJob({ id }, now), LONG);
    const { client, sent } = watched(place);
    const { input } = claimed(await probe.through(place.open({ client })).claim({ id: "job-1" }));
    assert.deepEqual([input, sent.sort()], [LONG, ["BatchGetItem", "BatchGetItem", "UpdateItem"]]);
    for (const { pk, sk } of await table.items())
      if (sk?.S?.startsWith("input#") === true) await table.remove(pk?.S ?? "", sk.S);
    await assert.rejects(probe.claim({ id: "job-2" }), { code: "store.corrupt" });
    // One that is being removed has no input any more.
    for (const id of ["job-1", "job-3"]) {
      await table.set(id, "purgeAt", { N: String(now) });
      assert.deepEqual(await probe.claim({ id }), { status: "gone" });
    }
  },

  "does not know what became of a claim whose input it could not read": async (probe, _, place) => {
    await probe.given(sampleQueuedJob({ id: "job-1" }, await probe.now()), LONG);
    let reads = 0;
    const client = place.client(async (command) => {
      if (command !== "BatchGetItem") return;
      reads += 1;
      if (reads === 2) throw new Error("The connection is lost.");
    });
    const claiming = probe.through(place.open({ client })).claim({ id: "job-1" });
    await assert.rejects(claiming, { code: "store.unavailable", outcome: "unknown" });
  },

  "takes what is due beside a job that cannot be read, and tells of one that is alone": async (
    probe,
    table,
  ) => {
    const now = await probe.now();
    for (const id of ["job-1", "job-2"]) await probe.given(sampleJob({ id, wakeAt: now - 1 }, now));
    await table.set("job-1", "status", { S: "NONSENSE" });
    assert.deepEqual(
      (await probe.takeDue({ holdMs: 0 })).map(({ record }) => record.id),
      ["job-2"],
    );
    await probe.advance({ id: "job-2", wakeAt: null });
    const { jobs, unreadable = [] } = await probe.store.takeDue({ ...probe.at, limit: 10, holdMs: 30_000 });
    assert.deepEqual([jobs, unreadable.length], [[], 1]);
  },

  "sends no plan that is stored already": async (probe, _, place) => {
    const now = await probe.now();
    await probe.given(sampleJob({ id: "job-1" }, now));
    const ui = { ...START, upTo: 1 };
    const plan = { wakeAt: now + 1, purgeAt: null, latestWakeAt: NEVER, cursors: { ui } };
    const items = [
      { id: "job-1", plannedOn: { status: "PENDING", version: 1, token: null }, ...plan },
    ] as const;
    const { client, sent } = watched(place);
    const { store } = probe.through(place.open({ client }));
    for (let round = 0; round < 2; round += 1) await store.advance({ ...probe.at, items });
    assert.deepEqual(sent, ["BatchGetItem", "UpdateItem", "BatchGetItem"]);
  },

  "leaves nothing of a write that was refused": async (probe, table) => {
    const { record } = await probe.processing({ id: "job-1" });
    const guard = { version: 99 };
    const output = sampleWrite(record, { edges: ["T5"], guard, output: LONG });
    assert.equal((await probe.write(output)).status, "refused");
    const patch = { awaiting: awaitingOf(["ref-1"], await probe.now()) };
    assert.equal((await probe.write(sampleWrite(record, { guard, patch }))).status, "refused");
    assert.deepEqual(
      (await table.items()).map((item) => item["sk"]?.S),
      ["job"],
    );
  },

  "says that a write may have been its own where it was sent twice": async (probe, _, place) => {
    const { record } = await probe.processing({ id: "job-1" });
    let isFirst = true;
    const failing = new Proxy(place.client(), {
      get: (target, property) => {
        if (property !== "send") return Reflect.get(target, property) as unknown;
        return async (command: Parameters<DynamoDBClient["send"]>[0]): Promise<unknown> => {
          const answer = await target.send(command);
          if (!isFirst) return answer;
          isFirst = false;
          throw Object.assign(new Error("lost"), { name: "InternalServerError" });
        };
      },
    });
    const one = probe.through(place.open({ client: failing }));
    const item = sampleWrite(record, { edges: ["phase"], patch: { phase: "p" } });
    await assert.rejects(one.write(item), { code: "store.unavailable", outcome: "unknown" });
  },
};

/** Keys of outside work, and instants by which the service removes what is over. */
export const ENDS: Readonly<Record<string, DynamoDbTest>> = {
  "follows the keys that a change names, and none of one that was refused": async (probe, table, place) => {
    const { record } = await probe.awaiting({ id: "job-1" });
    const moved = { awaiting: awaitingOf(["ref-2"], await probe.now()) };
    const { client } = interrupted(place, changes("UpdateItem", "job-1"), () =>
      table.set("job-1", "version", { N: "77" }),
    );
    const racer = probe.through(place.open({ client }));
    assert.equal((await write(racer, record, moved)).status, "refused");
    assert.ok((await refsOf(table, record)).includes("ref-1"));
    accepted(await write(probe, { ...record, version: 77 }, moved));
    assert.deepEqual(await refsOf(table, record), ["ref-2"]);
  },

  "gives what belongs to a job the end that a plan brings, and none otherwise": async (
    probe,
    table,
    { open },
  ) => {
    const now = await probe.now();
    const living = probe.through(open({ timeToLive: true }));
    await probe.given(sampleJob({ id: "job-1", scope: "scope" }, now));
    const purgeAt = now + HOUR_MS;
    const ui = { ...START, upTo: 1 };
    const kept = await living.advance({ id: "job-1", ifVersion: 99, purgeAt, cursors: { ui } });
    assert.deepEqual(kept, { status: "ok", wake: "kept", cursors: { ui } });
    await living.advance({ id: "job-1", wakeAt: now + 1, purgeAt: null });
    assert.deepEqual(await endsOf(table), []);
    await probe.advance({ id: "job-1", purgeAt });
    const { record } = await probe.read("job-1");
    accepted(await write(probe, record, { awaiting: null, purgeAt }));
    assert.deepEqual(await endsOf(table), []);
    await living.advance({ id: "job-1", wakeAt: now + 2, purgeAt: purgeAt + 1 });
    await probe.given(sampleJob({ id: "job-2" }, now));
    accepted(await living.advance({ id: "job-2", purgeAt }));
    assert.deepEqual(await endsOf(table), ["job", "job", "scope"]);
  },

  "gives an end to what a job belongs to that awaits nothing, and keeps the keys of one that does": async (
    probe,
    table,
    { open },
  ) => {
    const living = probe.through(open({ timeToLive: true }));
    const now = await probe.now();
    await probe.given(sampleJob({ id: "job-1", scope: "scope" }, now));
    const { record } = claimed(await living.claim({ id: "job-1" }));
    const end = { ...SAMPLE_END, awaiting: null, purgeAt: now + HOUR_MS };
    accepted(await write(living, record, end));
    assert.deepEqual(await endsOf(table), ["job", "scope"]);
    const { record: open2 } = await living.awaiting({ id: "job-2" });
    accepted(await write(living, open2, { purgeAt: now + HOUR_MS }));
    assert.deepEqual(await refsOf(table, open2), ["ref-1"]);
    const ref = (await table.items()).find((item) => item["pk"]?.S === refPartition(open2.kind, "ref-1"));
    assert.ok(ref?.["ttl"]);
  },

  "gives a reference key no end without time to live": async (probe, table) => {
    await probe.awaiting({ id: "job-1" });
    assert.deepEqual(await endsOf(table), []);
  },
};

/** Keys that name what is not as it was. */
export const SCOPES: Readonly<Record<string, DynamoDbTest>> = {
  "finds nothing by what an index or a key of outside work names and is not so": async (probe, table) => {
    const now = await probe.now();
    const { id, createdAt } = await probe.given(sampleJob({ id: "job-1" }, now));
    await table.set("job-1", "undeliverable", { S: "yes" });
    assert.deepEqual((await probe.list({ undeliverable: true })).jobs, []);
    const { record } = await probe.awaiting({ id: "job-2" });
    for (const [kind, sk] of [
      ["sample.work", nameOf(createdAt, id)],
      ["other", nameOf(record.createdAt, record.id)],
    ] as const) {
      await table.put({ pk: { S: refPartition(kind, "ref-1") }, sk: { S: sk }, version: { N: "1" } });
    }
    const byRef = async (kind: string) =>
      (await probe.store.byRef({ ...probe.at, kind, refKey: "ref-1" })).jobs.map((job) => job.record.id);
    assert.deepEqual([await byRef("sample.work"), await byRef("other")], [["job-2"], []]);
  },

  "takes over a key that names an provisional job of another key": async (probe, table) => {
    const now = await probe.now();
    await probe.given(sampleJob({ id: "job-9", scope: "another" }, now));
    await table.set("job-9", "bornAs", { S: "PENDING" });
    await table.set("job-9", "status", { S: "PROVISIONAL" });
    const { pk, sk } = scopeKey("scope");
    await table.put({ pk: { S: pk }, sk: { S: sk }, job: { S: "job-9" } });
    const record = sampleJob({ id: "job-1", scope: "scope" }, now);
    assert.deepEqual(await probe.create({ record, input: "{}" }), [{ status: "created" }]);
  },

  "takes over a key that names a job of another key": async (probe, table) => {
    const now = await probe.now();
    await probe.given(sampleJob({ id: "job-9" }, now));
    const { pk, sk } = scopeKey("scope");
    await table.put({ pk: { S: pk }, sk: { S: sk }, job: { S: "job-9" } });
    const record = sampleJob({ id: "job-1", scope: "scope" }, now);
    assert.deepEqual(await probe.create({ record, input: "{}" }), [{ status: "created" }]);
  },

  "has created a job whose key it made by a request that it thought refused": async (probe, table, place) => {
    const record = sampleJob({ id: "job-1", scope: "scope" }, await probe.now());
    const { pk, sk } = scopeKey("scope");
    const isKey = (name: string, { Item }: Readonly<Record<string, unknown>>): boolean =>
      name === "PutItem" && (Item as { readonly pk?: { readonly S?: string } }).pk?.S === pk;
    const { client } = interrupted(place, isKey, () =>
      table.put({ pk: { S: pk }, sk: { S: sk }, job: { S: "job-1" } }),
    );
    const one = probe.through(place.open({ client }));
    assert.deepEqual(await one.create({ record, input: "{}" }), [{ status: "created" }]);
  },

  "does not know what becomes of a job whose birth was refused": async (probe, _, place) => {
    const cases = [
      ["AccessDeniedException", { code: "store.unavailable", outcome: "unknown" }],
      ["ResourceNotFoundException", { code: "store.not_migrated" }],
    ] as const;
    for (const [name, expected] of cases) {
      const client = place.client(async (command) => {
        if (command !== "UpdateItem") return;
        throw Object.assign(new Error(name), { name, $metadata: { httpStatusCode: 400 } });
      });
      const record = sampleJob({ id: name, scope: name }, await probe.now());
      const creating = probe.through(place.open({ client })).create({ record, input: "{}" });
      await assert.rejects(creating, expected);
    }
  },

  "goes on behind each page, however short it is": async (probe, table, place) => {
    const now = await probe.now();
    const short = probe.through(place.open({ client: inShortPages(place) }));
    const messages = ["a", "b", "c"].map((id) => ({
      ...{ id, queue: "work", body: "{}", reason: "unreadable", at: now - 1 },
    }));
    await probe.store.park({ ...probe.at, messages });
    assert.equal((await short.health()).parked, 3);
    const parked = await short.store.parked({ ...probe.at, limit: 10 });
    assert.deepEqual(parked.messages, messages);
    for (const id of ["job-1", "job-2", "job-3"]) await probe.awaiting({ id });
    const found = await short.store.byRef({ ...probe.at, kind: "sample.work", refKey: "ref-1" });
    assert.equal(found.jobs.length, 3);
    assert.equal((await short.list({ limit: 10 })).jobs.length, 3);
    for (const name of ["1", "2", "3"])
      await table.put({ pk: { S: "job-1" }, sk: { S: `output#${name}` }, output: { S: "{}" } });
    await table.set("job-1", "purgeAt", { N: String(now) });
    await probe.advance({ id: "job-1", purgeAt: now - 1 });
    assert.equal((await short.store.purge({ ...probe.at, limit: 10, parkedBefore: 0 })).jobs, 1);
    assert.equal((await table.items()).filter((item) => item["pk"]?.S === "job-1").length, 0);
  },
};
