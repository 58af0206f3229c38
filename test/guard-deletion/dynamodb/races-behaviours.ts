import assert from "node:assert/strict";
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { scopeKey } from "../../../src/adapters/dynamodb/names.js";
import { type JobRecord, START } from "../../../src/core/job/record.js";
import { sampleJob, sampleQueuedJob, sampleWrite } from "../../../src/testing/sample-jobs.js";
import { accepted, claimed, type StoreProbe } from "../../../src/testing/store-suite/store-probe.js";
import type { DynamoDbPlace } from "../dynamodb-engine.js";
import { changes, type DynamoDbTest, interrupted, watched } from "./place.js";

const HOUR_MS = 3_600_000;
/** Too long for the item of the job itself. */
const LONG = JSON.stringify("long ".repeat(500));

/** The same table through a client that is interrupted. */
function racing(
  probe: StoreProbe,
  place: DynamoDbPlace,
  isMoment: Parameters<typeof interrupted>[1],
  interrupt: () => Promise<unknown>,
): { readonly racer: StoreProbe; readonly sent: readonly string[] } {
  const { client, sent } = interrupted(place, isMoment, interrupt);
  return { racer: probe.through(place.open({ client })), sent };
}

type Change = readonly [given: Partial<JobRecord>, attribute: string, value: AttributeValue];

const cursors = (upTo: number): string => JSON.stringify({ other: { ...START, upTo } });

/** A create under a key that is cut off before the key is made: its job is there, and nobody sees it. */
async function cutOff(probe: StoreProbe, place: DynamoDbPlace): Promise<JobRecord> {
  const record = sampleJob({ id: "job-1", scope: "scope" }, await probe.now());
  const isKey = (name: string, { Item }: Readonly<Record<string, unknown>>): boolean =>
    name === "PutItem" && (Item as Record<string, AttributeValue>)["sk"]?.S === "scope";
  const { racer } = racing(probe, place, isKey, async () => {
    throw new Error("It is cut off here.");
  });
  await assert.rejects(racer.create({ record, input: LONG }));
  assert.equal(await probe.find("job-1"), null);
  return record;
}

/** Another process changes something between a request and the one before it. */
export const RACES: Readonly<Record<string, DynamoDbTest>> = {
  "gives a plan up for a job that never holds still, and ends it for one that goes": async (
    probe,
    table,
    place,
  ) => {
    const ROUNDS = 20;
    const ui = { ...START, upTo: 1 };
    for (const isRemoved of [false, true]) {
      const { id } = await probe.given(sampleJob({ id: `job-${String(isRemoved)}` }, await probe.now()));
      let rounds = 0;
      const client = place.client(async (command) => {
        if (command !== "UpdateItem") return;
        rounds += 1;
        if (isRemoved && rounds === ROUNDS) await table.remove(id, "job");
        else await table.set(id, "version", { N: String(100 + rounds) });
      });
      const answer = await probe.through(place.open({ client })).advance({ id, cursors: { ui } });
      assert.deepEqual(answer, isRemoved ? { status: "gone" } : { status: "refused", cursors: {} });
      assert.equal(rounds, ROUNDS);
    }
  },

  "claims by what a job is, not by what it was when it was read": async (probe, table, place) => {
    const cases: readonly (readonly [...Change, expected: string])[] = [
      [{}, "status", { S: "FAILED" }, "refused"],
      [{}, "version", { N: "7" }, "ok"],
      [{}, "token", { S: "another" }, "ok"],
      [{ token: "left" }, "token", { S: "another" }, "ok"],
    ];
    for (const [index, [given, attribute, value, expected]] of cases.entries()) {
      const id = `job-${String(index)}`;
      await probe.given(sampleQueuedJob({ id, ...given }, await probe.now()));
      const interrupt = () => table.set(id, attribute, value);
      const { racer, sent } = racing(probe, place, changes("UpdateItem", id), interrupt);
      const answer = await racer.claim({ id });
      assert.equal(answer.status, expected, attribute);
      // What it met is told with the refusal: nothing is read once more.
      const claims = expected === "ok" ? ["UpdateItem", "UpdateItem"] : ["UpdateItem"];
      assert.deepEqual(sent, ["BatchGetItem", ...claims]);
      if (attribute === "version") assert.equal(claimed(answer).record.version, 8);
    }
  },

  "plans on what a job is, not on what it was when it was read": async (probe, table, place) => {
    const cases: readonly Change[] = [
      [{}, "status", { S: "FAILED" }],
      [{}, "version", { N: "7" }],
      [{}, "token", { S: "another" }],
      [{ token: "left" }, "token", { S: "another" }],
      [{}, "cursors", { S: cursors(1) }],
      [{}, "wakeAt", { N: "77" }],
      [{ wakeAt: null }, "wakeAt", { N: "77" }],
    ];
    for (const [index, [given, attribute, value]] of cases.entries()) {
      const id = `job-${String(index)}`;
      const now = await probe.now();
      const { status, version, token } = await probe.given(sampleJob({ id, ...given }, now));
      const interrupt = () => table.set(id, attribute, value);
      const { racer, sent } = racing(probe, place, changes("UpdateItem", id), interrupt);
      const ui = { ...START, upTo: 1 };
      const plan = { id, plannedOn: { status, version, token }, wakeAt: now + 1, purgeAt: null };
      const items = [{ ...plan, latestWakeAt: now, cursors: { ui } }];
      const { results } = await racer.store.advance({ ...probe.at, items });
      assert.deepEqual(sent, ["BatchGetItem", "UpdateItem", "UpdateItem"], attribute);
      const isPlan = ["cursors", "wakeAt"].includes(attribute);
      const all = attribute === "cursors" ? { other: { ...ui, upTo: 1 }, ui } : { ui };
      assert.deepEqual(results, [{ status: "ok", wake: isPlan ? "written" : "kept", cursors: all }]);
    }
  },

  "keeps cursors that another one moved meanwhile": async (probe, table, place) => {
    await probe.given(sampleJob({ id: "job-1" }, await probe.now()));
    const cursor = (upTo: number) => ({ ...START, upTo });
    await probe.advance({ id: "job-1", cursors: { other: cursor(1) } });
    const interrupt = () => table.set("job-1", "cursors", { S: cursors(2) });
    const { racer } = racing(probe, place, changes("UpdateItem", "job-1"), interrupt);
    await racer.advance({ id: "job-1", cursors: { ui: cursor(1) } });
    assert.deepEqual((await probe.read("job-1")).cursors, { other: cursor(2), ui: cursor(1) });
  },

  "lets a job be that another one brought into being and claimed": async (probe, table, place) => {
    const now = await probe.now();
    const record = sampleJob({ id: "job-1", scope: "scope", sendAt: now - 1 }, now);
    const { racer, sent } = racing(probe, place, changes("UpdateItem", "job-1"), async () => {
      const [answer] = await probe.create({ record: { ...record, id: "job-2" }, input: "{}" });
      assert.equal(answer?.status, "existing");
      claimed(await probe.claim({ id: "job-1" }));
    });
    assert.deepEqual(await racer.create({ record, input: "{}" }), [{ status: "created" }]);
    assert.equal((await probe.read("job-1")).record.status, "PROCESSING");
    assert.deepEqual(sent, ["BatchGetItem", "PutItem", "PutItem", "UpdateItem"]);
    assert.equal(await table.item("job-2"), null);
  },

  "gives a key that was left over to one of those that find it": async (probe, table, place) => {
    const now = await probe.now();
    const { pk, sk } = scopeKey("scope");
    await table.put({ pk: { S: pk }, sk: { S: sk }, job: { S: "gone" } });
    const create = async (one: StoreProbe, id: string) => {
      const [answer] = await one.create({ record: sampleJob({ id, scope: "scope" }, now), input: "{}" });
      return answer?.status === "existing" ? answer.job.record.id : answer?.status;
    };
    const { racer } = racing(probe, place, changes("UpdateItem", pk), async () => {
      assert.equal(await create(probe, "job-2"), "created");
    });
    assert.equal(await create(racer, "job-1"), "job-2");
    assert.equal(await create(probe, "job-3"), "job-2");
    assert.equal(await probe.find("job-1"), null);
  },

  "keeps a job that came into being while it was being cleared away": async (probe, _, place) => {
    const record = await cutOff(probe, place);
    await probe.after(2 * HOUR_MS);
    const { racer } = racing(probe, place, changes("DeleteItem", "job-1"), async () => {
      // It is there: what another one began is ended.
      assert.equal((await probe.create({ record, input: "{}" }))[0]?.status, "existing");
    });
    const { jobs } = await racer.store.purge({ ...probe.at, limit: 10, parkedBefore: 0 });
    assert.equal(jobs, 0);
    assert.equal((await probe.read("job-1", { input: true })).input, LONG);
  },

  "keeps nothing of a job that never came into being": async (probe, table, place) => {
    await cutOff(probe, place);
    assert.equal((await table.items()).length, 2);
    await probe.after(2 * HOUR_MS);
    await probe.store.purge({ ...probe.at, limit: 10, parkedBefore: 0 });
    assert.deepEqual(await table.items(), []);
  },

  "clears away a job that was never born where another one has its key": async (probe, table, place) => {
    const record = await cutOff(probe, place);
    const other = { record: { ...record, id: "job-2" }, input: "{}" };
    assert.deepEqual(await probe.create(other), [{ status: "created" }]);
    assert.equal((await probe.create({ record, input: "{}" }))[0]?.status, "existing");
    assert.equal(await table.item("job-1"), null);
  },

  "creates a job whose id was just cleared away": async (probe, table, place) => {
    const record = await cutOff(probe, place);
    const isRead = (name: string): boolean => name === "BatchGetItem";
    const { racer, sent } = racing(probe, place, isRead, () => table.remove("job-1", "job"));
    const [answer] = await racer.create({ record: { ...record, scope: null }, input: "{}" });
    assert.deepEqual([answer, sent], [{ status: "created" }, ["PutItem", "BatchGetItem", "PutItem"]]);
  },

  "creates a job anew that was cleared away before it was born": async (probe, table, place) => {
    const record = sampleJob({ id: "job-1", scope: "scope" }, await probe.now());
    const interrupt = () => table.remove("job-1", "job");
    const { racer } = racing(probe, place, changes("UpdateItem", "job-1"), interrupt);
    assert.deepEqual(await racer.create({ record, input: "{}" }), [{ status: "created" }]);
    assert.equal((await probe.read("job-1")).record.status, "PENDING");
  },

  "keeps a job whose purge was put off while it was being removed": async (probe, table, place) => {
    const now = await probe.now();
    await probe.given(sampleJob({ id: "job-1", status: "COMPLETED", purgeAt: now - 1 }, now));
    const interrupt = () => table.set("job-1", "purgeAt", { N: String(now + HOUR_MS) });
    const { racer } = racing(probe, place, changes("DeleteItem", "job-1"), interrupt);
    assert.equal((await racer.store.purge({ ...probe.at, limit: 10, parkedBefore: 0 })).jobs, 0);
    assert.ok(await probe.find("job-1"));
  },

  "keeps a job whose purge was put off before it was looked at": async (probe, table, place) => {
    const now = await probe.now();
    await probe.given(sampleJob({ id: "job-1", status: "COMPLETED", purgeAt: now - 1 }, now));
    const { racer } = racing(
      probe,
      place,
      (name) => name === "BatchGetItem",
      () => probe.advance({ id: "job-1", purgeAt: now + HOUR_MS }),
    );
    assert.equal((await racer.store.purge({ ...probe.at, limit: 10, parkedBefore: 0 })).jobs, 0);
    assert.ok(await probe.find("job-1"));
  },

  "takes no due job that another one took before": async (probe, _, place) => {
    const now = await probe.now();
    await probe.given(sampleJob({ id: "job-1", wakeAt: now - 1 }, now));
    const { racer } = racing(probe, place, changes("UpdateItem", "job-1"), async () => {
      assert.equal((await probe.takeDue()).length, 1);
    });
    assert.deepEqual(await racer.takeDue(), []);
  },

  "keeps a parked message that is another one than was to be removed": async (probe, table, place) => {
    const now = await probe.now();
    const message = { id: "message", queue: "work", body: "{}", reason: "unreadable", at: now - 1 };
    await probe.store.park({ ...probe.at, messages: [message] });
    const interrupt = () => table.set("parked#", "purgeKey", { S: "9" }, "message");
    const { racer } = racing(probe, place, changes("DeleteItem", "parked#"), interrupt);
    assert.equal((await racer.store.purge({ ...probe.at, limit: 10, parkedBefore: now })).parked, 0);
    assert.ok(await table.item("parked#", "message"));
  },

  "answers a change, and a refusal with what it met, in one request": async (probe, _, place) => {
    const { record } = await probe.processing({ id: "job-1" });
    const { client, sent } = watched(place);
    const one = probe.through(place.open({ client }));
    const write = sampleWrite(record, { edges: ["phase"], guard: { version: 99 } });
    assert.equal((await one.write(write)).status, "refused");
    assert.equal((await one.beat({ id: "job-1", token: "another", leaseMs: 1 })).status, "refused");
    const again = sampleJob({ id: "job-1" }, await probe.now());
    assert.equal((await one.create({ record: again, input: "{}" }))[0]?.status, "existing");
    assert.deepEqual(sent.splice(0), ["UpdateItem", "UpdateItem", "PutItem"]);
    accepted(await one.beat({ id: "job-1", token: "token-1", leaseMs: 1 }));
    const under = sampleJob({ id: "job-2", scope: "scope" }, await probe.now());
    assert.equal((await one.create({ record: under, input: "{}" }))[0]?.status, "created");
    assert.deepEqual(sent, ["UpdateItem", "BatchGetItem", "PutItem", "PutItem", "UpdateItem"]);
  },
};
