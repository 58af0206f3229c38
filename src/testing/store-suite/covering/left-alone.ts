import assert from "node:assert/strict";
import { type JobRecord, type RecordPatch, START } from "../../../core/job/record.js";
import type { StoreRequest } from "../../../core/ports/store.js";
import {
  SAMPLE_END,
  sampleJob,
  sampleQueuedJob,
  sampleReadyJob,
  sampleTerms,
  sampleWrite,
} from "../../sample-jobs.js";
import type { StoreBehaviour } from "../store-behaviour.js";
import {
  accepted,
  claimed,
  NEVER,
  only,
  present,
  refused,
  sampleNext,
  SCOPE,
  underScope,
} from "../store-probe.js";

const DAY_MS = 86_400_000;

/** What a job brings with it from an earlier attempt, and no claim names. */
function ofEarlierAttempts(now: number): Partial<JobRecord> {
  return {
    owner: "o",
    metadata: { a: 1 },
    send: 2,
    releases: 3,
    redrives: 1,
    attempt: 5,
    maxAttempts: 3,
    phase: "converting",
    progress: { done: 3 },
    percent: 12.5,
    etaAt: now + 9_000,
    lastError: { message: "no", code: null, expose: true, at: now - 9, attempt: 5 },
    cancel: { at: now - 8, actor: "ops", reason: "why" },
    checkpoint: { page: 7 },
    failure: {
      ...{ reason: "error", message: "no", code: null, expose: true, retryable: true },
      details: null,
    },
    historyTrimmed: 4,
    purgeAt: now + DAY_MS,
  };
}

/** The fields that a claim names: "Effect of both, one atomic step: …". */
const OF_A_CLAIM = [
  ...["status", "version", "history", "dispatch", "fence", "attempt", "token", "worker", "leaseUntil"],
  ...["startedAt", "queuedAt", "readyAt", "sendAt", "retryAt", "updatedAt", "wakeAt"],
];

function besideAClaim(record: JobRecord): Partial<JobRecord> {
  return Object.fromEntries(Object.entries(record).filter(([field]) => !OF_A_CLAIM.includes(field)));
}

/** Insists that a call leaves what it was given as it was. */
async function isKept<T extends StoreRequest>(
  name: string,
  request: T,
  call: (request: T) => Promise<unknown>,
): Promise<void> {
  const before = structuredClone(request);
  await call(request);
  assert.deepEqual(request, before, `${name} changes nothing of what is passed in`);
}

/** What calls leave as it was: other fields, other items, what is passed in, and what only gets old. */
export const leftAloneBehaviour: StoreBehaviour = {
  group: "what is left alone",
  tests: {
    "by a claim is every field that it does not name: what earlier attempts left": async (probe) => {
      const now = await probe.now();
      const given = ofEarlierAttempts(now);
      const queued = await probe.given(sampleQueuedJob({ id: "queued", ...given }, now));
      const { record } = claimed(await probe.claim({ id: "queued" }));
      assert.deepEqual(
        besideAClaim(record),
        besideAClaim(queued),
        "a claim by message answers the rest as it was",
      );
      assert.deepEqual((await probe.read("queued")).record, record, "and stores it so");
      if (probe.isNoQueue) return;
      const ready = await probe.given(sampleReadyJob({ id: "ready", ...given }, now));
      const next = only(await probe.claimNext()).record;
      assert.deepEqual(
        besideAClaim(next),
        besideAClaim(ready),
        "a claim of the next answers the rest as it was",
      );
      assert.deepEqual((await probe.read("ready")).record, next, "and stores it so");
    },

    "by a claim of the next is no job but for its status, its queue, its kind and its instant": async (
      probe,
    ) => {
      if (probe.isNoQueue) return;
      const now = await probe.now();
      const odd: Readonly<Record<string, Partial<JobRecord>>> = {
        "attempts-used-up": { attempt: 9, maxAttempts: 3 },
        "asked-to-cancel": { cancel: { at: now, actor: null, reason: null } },
        "past-its-deadline": { deadlineAt: now - 1 },
        "past-its-wake-up": { wakeAt: now - 1 },
        "with-a-failure": ofEarlierAttempts(now),
      };
      for (const [id, fields] of Object.entries(odd))
        await probe.given(sampleReadyJob({ id, ...fields }, now));
      assert.deepEqual(
        (await probe.claimNext()).map(({ record }) => record.id),
        Object.keys(odd).sort(),
        '"status QUEUED, `queue` null, `readyAt` ≤ now, kind among `kinds`": every one of them is ready',
      );
    },

    "by a patch is nothing inside a field that it sets: the whole value is replaced": async (probe) => {
      const { record } = await probe.awaiting({ id: "job-1" }, ["ref-1"]);
      const awaiting = { ...present(record.awaiting), ref: { old: 1, both: { old: 1 } } };
      const full: RecordPatch = {
        awaiting,
        progress: { old: 1, both: { old: 1 }, list: [1, 2, 3] },
        checkpoint: { old: 1, both: { old: 1 } },
        lastError: { message: "old", code: "E_OLD", expose: true, at: 1, attempt: 1 },
        failure: {
          ...{ reason: "error", message: "old", code: "E_OLD", expose: true, retryable: true },
          details: { old: 1 },
        },
        cancel: { at: 1, actor: "old", reason: "old" },
      };
      const bare: RecordPatch = {
        awaiting: { ...awaiting, ref: { both: {} } },
        progress: { both: { fresh: 2 }, list: [4] },
        checkpoint: { both: {} },
        lastError: { message: "fresh", code: null, expose: false, at: 2, attempt: 2 },
        failure: {
          ...{ reason: "cancelled", message: "fresh", code: null, expose: false, retryable: false },
          details: {},
        },
        cancel: { at: 2, actor: null, reason: null },
      };
      let before = record;
      for (const patch of [full, bare, { progress: {}, checkpoint: [], failure: null }]) {
        accepted(await probe.write(sampleWrite(before, { patch })));
        const after = (await probe.read("job-1")).record;
        assert.deepEqual(
          after,
          { ...before, ...patch, version: before.version + 1 },
          "a field of a patch is replaced",
        );
        before = after;
      }
    },

    "by an item is what another of its call says: tokens, guards and leases": async (probe) => {
      for (const id of ["a", "b", "c"]) await probe.processing({ id }, { token: `token of ${id}` });
      const crossed = ["a", "b"].map((id) => ({
        id,
        token: `token of ${id === "a" ? "b" : "a"}`,
        leaseMs: 600_000,
      }));
      for (const result of (await probe.store.beat({ ...probe.at, items: crossed })).results)
        assert.equal(
          result.status,
          "refused",
          "an item of beat is judged by its own token, not by another's",
        );
      const now = await probe.now();
      const leases = { a: 200_000, b: 300_000, c: 400_000 };
      const items = [];
      for (const [id, leaseMs] of Object.entries(leases))
        items.push(sampleWrite((await probe.read(id)).record, { leaseMs }));
      const { results } = await probe.store.write({ ...probe.at, items });
      for (const [index, [id, leaseMs]] of Object.entries(leases).entries()) {
        const { leaseUntil } = (await probe.read(id)).record;
        const result = results[index];
        assert.ok(
          result?.status === "ok" && result.leaseUntil === leaseUntil,
          "the lease is answered as it is stored",
        );
        assert.ok(
          Math.abs(leaseUntil - now - leaseMs) < 50_000,
          `"Sets \`leaseUntil\` to the store's now + this": the lease of ${id} is its own`,
        );
      }
      const later = ["b", "a"].map((id) => ({
        id,
        token: `token of ${id}`,
        leaseMs: id === "a" ? 700_000 : 900_000,
      }));
      const beaten = (await probe.store.beat({ ...probe.at, items: later })).results;
      for (const [index, { id, leaseMs }] of later.entries()) {
        const result = beaten[index];
        assert.ok(
          result?.status === "ok" && Math.abs(result.leaseUntil - now - leaseMs) < 50_000,
          `beat answers the lease of ${id} at its place`,
        );
      }
    },

    "by a refusal is whose it is: each tells the job of its own item": async (probe) => {
      const ids = ["d", "b", "c", "a"];
      for (const id of ids) await probe.processing({ id, metadata: `of ${id}` }, { token: `token of ${id}` });
      const { store, at } = probe;
      const stale = [];
      for (const id of ids) stale.push(sampleWrite((await probe.read(id)).record, { guard: { version: 9 } }));
      const told = (results: readonly Parameters<typeof refused>[0][]) =>
        results.map((result) => [refused(result).record.id, refused(result).record.metadata]);
      const own = ids.map((id) => [id, `of ${id}`]);
      assert.deepEqual(
        told((await store.write({ ...at, items: stale })).results),
        own,
        "write: `job` is what is stored",
      );
      const beats = ids.map((id) => ({ id, token: "theirs", leaseMs: 1_000 }));
      assert.deepEqual(
        told((await store.beat({ ...at, items: beats })).results),
        own,
        "beat: `job` is what is stored",
      );
      const items = ids.map((id) => ({ id, dispatch: 1, token: `theirs of ${id}`, leaseMs: 1_000 }));
      const { results } = await store.claim({ ...at, byMessage: { terms: sampleTerms(), items } });
      assert.deepEqual(told(results), own, "claim: `job` is what is stored");
    },

    "by any call is what is passed in": async (probe) => {
      const { store, at } = probe;
      const now = await probe.now();
      const job = sampleQueuedJob(
        { id: underScope("job"), scope: SCOPE, metadata: { a: [1] }, notifiers: ["ui"] },
        now,
      );
      const other = sampleReadyJob({ id: "a-job" }, now);
      const items = [job, other].map((record) => ({ record, input: "{}" }));
      await isKept("create", { ...at, items }, (request) => store.create(request));
      await isKept("create, of what is there", { ...at, items }, (request) => store.create(request));
      await isKept("read", { ...at, ids: [job.id, "nobody", other.id] }, (request) => store.read(request));
      const message = { id: job.id, dispatch: 1, token: "token-1", leaseMs: 60_000 };
      const byMessage = { terms: sampleTerms(), items: [message, { ...message, id: "another" }] };
      await isKept("claim", { ...at, byMessage }, (request) => store.claim(request));
      const beat = { id: job.id, token: "token-1", leaseMs: 60_000 };
      await isKept("beat", { ...at, items: [beat, { ...beat, id: "another" }] }, (request) =>
        store.beat(request),
      );
      const { record } = await probe.read(job.id);
      const change = sampleWrite(record, { patch: { progress: { done: [1] } }, leaseMs: 60_000 });
      const changes = { ...at, items: [change, { ...change, id: "another" }] };
      await isKept("write", changes, (request) => store.write(request));
      await isKept("a write that is refused", changes, (request) => store.write(request));
      const { status, version, token } = (await probe.read(job.id)).record;
      const cursors = { ui: { ...START, upTo: 1, exhausted: [1] } };
      const plan = {
        plannedOn: { status, version, token },
        wakeAt: now - 1,
        purgeAt: null,
        latestWakeAt: NEVER,
        cursors,
      };
      const plans = { ...at, items: ["another", job.id].map((id) => ({ id, ...plan })) };
      await isKept("advance", plans, (request) => store.advance(request));
      await isKept("takeDue", { ...at, limit: 5, holdMs: 1_000 }, (request) => store.takeDue(request));
      await isKept("list", { ...at, kinds: ["z", "a"], limit: 5 }, (request) => store.list(request));
      const parked = ["p-2", "p-1"].map((id) => ({ id, queue: "work", body: "b", reason: "r", at: now }));
      await isKept("park", { ...at, messages: parked }, (request) => store.park(request));
      await isKept("unpark", { ...at, ids: ["p-2", "p-1"] }, (request) => store.unpark(request));
      if (probe.isNoQueue) return;
      await isKept("claim of the next", { ...at, next: sampleNext() }, (request) => store.claim(request));
    },

    "by time is all that is stored: only purge removes": async (probe) => {
      const cannotWait = probe.hasServerClock && probe.fixture.advance === undefined;
      if (probe.doesNotApply(cannotWait, "the engine's clock cannot be moved on by years")) return;
      const now = await probe.now();
      const ids = ["ended", "running", "waiting"].map((name) => underScope(name));
      const [ended = "", running = "", waiting = ""] = ids;
      const { record } = await probe.processing({ id: ended, scope: `${SCOPE} of ended`, retainMs: 1 });
      const patch = { ...SAMPLE_END, finishedAt: now, purgeAt: null };
      accepted(await probe.write(sampleWrite(record, { edges: ["T5"], patch, output: '"done"' })));
      await probe.processing(
        { id: running, scope: `${SCOPE} of running` },
        { token: "token-2", leaseMs: 1_000 },
      );
      await probe.given(sampleJob({ id: waiting, scope: `${SCOPE} of waiting`, deadlineAt: now + 1 }, now));
      const message = { id: "p-1", queue: "work", body: "b", reason: "r", at: now };
      await probe.store.park({ ...probe.at, messages: [message] });
      const read = async () => (await probe.store.read({ ...probe.at, ids, input: true, output: true })).jobs;
      const before = await read();
      await probe.after(3 * 365 * DAY_MS);
      assert.deepEqual(await read(), before, "a record stays until `purge` removes it");
      for (const name of ["ended", "running", "waiting"]) {
        const again = sampleJob({ id: underScope("another"), scope: `${SCOPE} of ${name}` }, now);
        const [answer] = await probe.create({ record: again, input: "{}" });
        assert.equal(
          answer?.status === "existing" ? answer.job.record.id : answer?.status,
          underScope(name),
          '"Same id or same scope: `existing`", however long ago',
        );
      }
      assert.deepEqual(
        (await probe.store.parked({ ...probe.at, limit: 5 })).messages,
        [message],
        "a parked message stays until it is taken out or purged",
      );
    },
  },
};
