import assert from "node:assert/strict";
import { decodeHistory } from "../../../core/job/history.js";
import type { StoredJob } from "../../../core/ports/store.js";
import { type JobRecord, RECORD_VERSION } from "../../../core/job/record.js";
import {
  SAMPLE_END,
  sampleJob,
  sampleOwnJob,
  sampleQueuedJob,
  sampleReadyJob,
  sampleTerms,
  sampleWrite,
} from "../../sample-jobs.js";
import type { StoreBehaviour } from "../store-behaviour.js";
import { accepted, byId, only, present, sampleNext } from "../store-probe.js";

const KINDS = ["kind.a", "kind.b", "kind.c"].map((kind) => ({ kind, leaseMs: 60_000 }));

function ids(jobs: readonly StoredJob[]): readonly string[] {
  return jobs.map((job) => job.record.id);
}

export const claimNextBehaviour: StoreBehaviour = {
  group: "claim next",
  applies: "queue",
  tests: {
    "takes a ready job with one entry, and answers it with its input": async (probe) => {
      const given = await probe.given(
        sampleReadyJob({ id: "job-1", fence: 2 }, await probe.now()),
        '{"a":1}',
      );
      const from = await probe.now();
      const { record, cursors, input } = only(await probe.claimNext());
      const at = record.updatedAt;
      assert.ok(at >= from && at <= (await probe.now()), "by the store's clock");
      assert.deepEqual(record, {
        ...given,
        status: "PROCESSING",
        version: 3,
        fence: 3,
        attempt: 1,
        token: "next-token",
        worker: "worker-1",
        leaseUntil: at + 60_000,
        startedAt: at,
        readyAt: null,
        updatedAt: at,
        wakeAt: at + 60_000,
        history: record.history,
      });
      const entry = decodeHistory(record.history)[2];
      assert.deepEqual([entry?.version, entry?.edge, entry?.at, entry?.attempt], [3, "T4", at, 1]);
      assert.deepEqual([cursors, input], [{}, '{"a":1}']);
      assert.deepEqual((await probe.read("job-1")).record, record);
    },

    "keeps dispatch, first queueing and first start, and clears when it would be sent or tried again": async (
      probe,
    ) => {
      const now = await probe.now();
      const since = { queuedAt: now - 20, startedAt: now - 10, dispatch: 3 };
      const times = { readyAt: now - 1, retryAt: now - 1, sendAt: now + 600_000 };
      await probe.given(sampleReadyJob({ id: "job-1", attempt: 1, ...since, ...times }, now));
      const { record } = only(await probe.claimNext());
      const { queuedAt, startedAt, dispatch, readyAt, retryAt, sendAt } = record;
      assert.deepEqual({ queuedAt, startedAt, dispatch }, since);
      assert.deepEqual([readyAt, retryAt, sendAt], [null, null, null]);
      assert.equal(record.attempt, 2);
    },

    "begins the history of a job that has none": async (probe) => {
      await probe.given(sampleReadyJob({ id: "job-1", history: "" }, await probe.now()));
      const { record } = only(await probe.claimNext());
      assert.deepEqual(
        decodeHistory(record.history).map(({ edge, version }) => [edge, version]),
        [["T4", 3]],
      );
    },

    "tells which job is ready next where it brought less than was asked for, where it tells that at all":
      async (probe) => {
        const now = await probe.now();
        const kinds = KINDS.slice(0, 2);
        const ask = (limit: number, token: string, of = kinds) =>
          probe.store.claim({ ...probe.at, next: sampleNext({ kinds: of, limit, token }) });
        const none = await ask(1, "none");
        if (probe.doesNotApply(none.nextReady === undefined, "the store does not tell")) return;
        assert.equal(none.nextReady, null);
        const given = (id: string, kind: string, inMs: number, more: Partial<JobRecord> = {}) =>
          probe.given(sampleReadyJob({ id, kind, readyAt: now + inMs, ...more }, now));
        await given("a-later", "kind.a", 90_000);
        await given("b-latest", "kind.b", 120_000);
        await given("next", "kind.b", 60_000);
        await given("over", "kind.b", 30_000, { ...SAMPLE_END, status: "FAILED", finishedAt: now });
        await given("another-kind", "kind.c", 30_000);
        await given("newer-format", "kind.a", 30_000, { recordVersion: RECORD_VERSION + 1 });
        await given("named-queue", "kind.a", 30_000, { queue: "work" });
        await given("due", "kind.a", -5);
        const next = { id: "next", readyAt: now + 60_000 };
        const some = await ask(2, "some");
        assert.deepEqual([ids(some.jobs), some.nextReady], [["due"], next]);
        for (const order of [kinds, [...kinds].reverse()]) {
          const dry = await ask(2, "dry", order);
          assert.deepEqual([ids(dry.jobs), dry.nextReady], [[], next]);
        }
        await given("due-too", "kind.b", -5);
        assert.equal((await ask(1, "full")).nextReady, undefined);
      },

    "leaves what the application hands over itself": async (probe) => {
      const now = await probe.now();
      await probe.given(sampleOwnJob({ id: "own" }, now));
      await probe.given(sampleReadyJob({ id: "ready" }, now));
      assert.deepEqual(ids(await probe.claimNext()), ["ready"]);
      assert.equal((await probe.read("own")).record.status, "PENDING");
      assert.equal((await probe.health()).oldestReadyAt, null);
    },

    "takes the oldest first, ties by id": async (probe) => {
      const now = await probe.now();
      for (const [id, ago] of [
        ["c", 1],
        ["b", 1],
        ["z", 3],
        ["a", 1],
        ["d", 2],
      ] as const) {
        await probe.given(sampleReadyJob({ id, readyAt: now - ago }, now));
      }
      assert.deepEqual(ids(await probe.claimNext()), ["z", "d", "a", "b", "c"]);
    },

    "takes the oldest where fewer are asked for than are ready, whatever the order of their ids": async (
      probe,
    ) => {
      const now = await probe.now();
      for (const [id, kind, ago] of [
        ["a", "kind.a", 1],
        ["b", "kind.b", 5],
        ["c", "kind.a", 2],
        ["d", "kind.b", 4],
        ["e", "kind.a", 3],
      ] as const) {
        await probe.given(sampleReadyJob({ id, kind, readyAt: now - ago }, now));
      }
      const kinds = ["kind.a", "kind.b"].map((kind) => ({ kind, leaseMs: 10_000 }));
      const taken: string[] = [];
      for (const token of ["first", "second", "third"]) {
        taken.push(...ids(await probe.claimNext({ kinds, limit: 2, token })));
      }
      assert.deepEqual(taken, ["b", "d", "e", "c", "a"]);
    },

    "takes the oldest of all the kinds asked for, each with its own lease": async (probe) => {
      const now = await probe.now();
      for (const [id, kind, ago] of [
        ["a", "kind.a", 1],
        ["b", "kind.b", 2],
        ["c", "kind.c", 9],
        ["d", "kind.a", 3],
      ] as const) {
        await probe.given(sampleReadyJob({ id, kind, readyAt: now - ago }, now));
      }
      const kinds = [
        { kind: "kind.a", leaseMs: 10_000 },
        { kind: "kind.b", leaseMs: 20_000 },
      ];
      const jobs = await probe.claimNext({ kinds });
      assert.deepEqual(ids(jobs), ["d", "b", "a"]);
      const leases = jobs.map(({ record }) => (record.leaseUntil ?? 0) - record.updatedAt);
      assert.deepEqual(leases, [10_000, 20_000, 10_000]);
      assert.equal((await probe.read("c")).record.status, "QUEUED");
    },

    "takes the oldest of several kinds, ties by id, and no more than asked for": async (probe) => {
      const now = await probe.now();
      const given = async (kind: string, ages: Readonly<Record<string, number>>): Promise<void> => {
        for (const [id, ago] of Object.entries(ages))
          await probe.given(sampleReadyJob({ id, kind, readyAt: now - ago }, now));
      };
      const taken = async (limit: number, token: string): Promise<readonly string[]> =>
        ids(await probe.claimNext({ kinds: KINDS, limit, token }));
      await given("kind.a", { "a-1": 90, "a-2": 80, "a-3": 20, "a-4": 10 });
      await given("kind.b", { "b-1": 50, "b-2": 40, "b-3": 30 });
      assert.deepEqual(await taken(2, "first"), ["a-1", "a-2"]);
      assert.deepEqual(await taken(1, "second"), ["b-1"]);
      assert.deepEqual(await taken(4, "third"), ["b-2", "b-3", "a-3", "a-4"]);
      await given("kind.a", { "m-1": 5, "m-9": 5 });
      await given("kind.b", { "m-5": 5 });
      assert.deepEqual(await taken(1, "fourth"), ["m-1"]);
      assert.deepEqual(await taken(1, "fifth"), ["m-5"]);
    },

    "takes of several kinds what can be claimed, whatever of another kind cannot": async (probe) => {
      const now = await probe.now();
      const older = { kind: "kind.a", readyAt: now - 100 };
      await probe.given(sampleReadyJob({ id: "not-queued", ...older, status: "FAILED" }, now));
      await probe.given(sampleReadyJob({ id: "has-a-queue", ...older, queue: "work" }, now));
      await probe.given(
        sampleReadyJob({ id: "newer-format", ...older, recordVersion: RECORD_VERSION + 1 }, now),
      );
      await probe.given(sampleReadyJob({ id: "later", kind: "kind.a", readyAt: now + 600_000 }, now));
      await probe.given(sampleReadyJob({ id: "ready", kind: "kind.b", readyAt: now - 1 }, now));
      assert.deepEqual(ids(await probe.claimNext({ kinds: KINDS, limit: 1 })), ["ready"]);
    },

    "stores each claim as it is answered": async (probe) => {
      const now = await probe.now();
      for (const id of ["a", "b", "c"]) await probe.given(sampleReadyJob({ id }, now));
      const taken = await probe.claimNext();
      assert.equal(taken.length, 3);
      for (const { record } of taken) assert.deepEqual((await probe.read(record.id)).record, record);
    },

    "takes no more than the limit, and the rest at the next call": async (probe) => {
      const now = await probe.now();
      for (const id of ["a", "b", "c"]) await probe.given(sampleReadyJob({ id }, now));
      assert.deepEqual(ids(await probe.claimNext({ limit: 2, token: "first" })), ["a", "b"]);
      assert.deepEqual(ids(await probe.claimNext({ limit: 2, token: "second" })), ["c"]);
      assert.deepEqual(ids(await probe.claimNext({ limit: 2, token: "third" })), []);
    },

    "leaves a delayed job until it is ready": async (probe) => {
      const now = await probe.now();
      await probe.given(sampleReadyJob({ id: "far", readyAt: now + 600_000 }, now));
      const near = await probe.given(sampleReadyJob({ id: "near", readyAt: now + 600_000 }, now));
      assert.deepEqual(await probe.claimNext(), []);
      accepted(await probe.write(sampleWrite(near, { patch: { readyAt: now + 100 } })));
      await probe.after(200);
      assert.deepEqual(ids(await probe.claimNext()), ["near"]);
    },

    "takes a job at the very instant from which it is ready, and not before": async (probe) => {
      if (probe.doesNotApply(probe.hasServerClock, "a server's clock cannot be stopped at an instant"))
        return;
      await probe.given(sampleReadyJob({ id: "job-1", readyAt: (await probe.now()) + 1 }, await probe.now()));
      assert.deepEqual(await probe.claimNext(), []);
      assert.equal((await probe.health()).oldestReadyAt, null);
      await probe.after(1);
      assert.equal((await probe.health()).oldestReadyAt, await probe.now());
      assert.deepEqual(ids(await probe.claimNext()), ["job-1"]);
    },

    "leaves what is not in the store's own queue": async (probe) => {
      const now = await probe.now();
      await probe.given(sampleJob({ id: "pending" }, now));
      await probe.given(sampleQueuedJob({ id: "named-queue" }, now));
      await probe.processing({ id: "processing" });
      await probe.final("FAILED", { id: "failed" });
      assert.deepEqual(await probe.claimNext(), []);
    },

    "leaves a job that is not QUEUED, or has a named queue, even where readyAt is left": async (probe) => {
      const now = await probe.now();
      await probe.given(sampleJob({ id: "pending", queue: null, readyAt: now - 1 }, now));
      await probe.given(sampleQueuedJob({ id: "named-queue", readyAt: now - 1 }, now));
      await probe.given(sampleReadyJob({ id: "processing" }, now));
      const { record } = only(await probe.claimNext({ token: "first" }));
      accepted(await probe.write(sampleWrite(record, { patch: { readyAt: now - 1 } })));
      assert.deepEqual(await probe.claimNext({ token: "second" }), []);
      assert.equal((await probe.read("processing")).record.token, "first");
    },

    "leaves records of a newer format, and takes those behind them": async (probe) => {
      const now = await probe.now();
      const newer = await probe.given(
        sampleReadyJob({ id: "newer", readyAt: now - 10, recordVersion: RECORD_VERSION + 1 }, now),
      );
      await probe.given(sampleReadyJob({ id: "mine" }, now));
      assert.deepEqual(ids(await probe.claimNext({ limit: 1, token: "first" })), ["mine"]);
      assert.deepEqual(await probe.claimNext({ token: "second" }), []);
      assert.deepEqual((await probe.read("newer")).record, newer);
      const terms = sampleTerms({ recordVersion: RECORD_VERSION + 1 });
      assert.deepEqual(ids(await probe.claimNext({ terms, token: "third" })), ["newer"]);
    },

    "answers the same token with what it holds": async (probe) => {
      const now = await probe.now();
      for (const id of ["a", "b", "c"]) await probe.given(sampleReadyJob({ id }, now), `"${id}"`);
      const first = await probe.claimNext({ limit: 2 });
      await probe.after(20);
      const again = await probe.claimNext({ limit: 2 });
      assert.deepEqual(ids(first), ["a", "b"]);
      assert.deepEqual(byId(again), byId(first));
      assert.equal((await probe.read("c")).record.status, "QUEUED");
    },

    "answers the same token within the limit, and takes only what is left of it": async (probe) => {
      const now = await probe.now();
      for (const id of ["a", "b", "c", "d"]) await probe.given(sampleReadyJob({ id }, now));
      await probe.claimNext({ limit: 2 });
      assert.equal((await probe.claimNext({ limit: 1 })).length, 1);
      assert.deepEqual(
        byId(await probe.claimNext({ limit: 3 })).map(({ record }) => record.id),
        ["a", "b", "c"],
      );
      assert.equal((await probe.read("d")).record.status, "QUEUED");
    },

    "answers what the token holds before what it takes, however old that is": async (probe) => {
      const now = await probe.now();
      await probe.given(sampleReadyJob({ id: "held", readyAt: now - 1 }, now));
      await probe.claimNext({ limit: 1 });
      await probe.given(sampleReadyJob({ id: "a", readyAt: now - 9 }, now));
      assert.deepEqual(ids(await probe.claimNext({ limit: 2 })), ["held", "a"]);
    },

    "answers the same token without what has ended since": async (probe) => {
      const now = await probe.now();
      for (const id of ["a", "b"]) await probe.given(sampleReadyJob({ id }, now));
      const [a] = await probe.claimNext();
      assert.ok(a !== undefined);
      accepted(
        await probe.write(sampleWrite(a.record, { edges: ["T6"], patch: { token: null, leaseUntil: null } })),
      );
      assert.deepEqual(ids(await probe.claimNext()), ["b"]);
    },

    "answers a token with what is run under it, not with what it was left with": async (probe) => {
      const now = await probe.now();
      for (const id of ["running", "recalled", "queued", "completed", "failed"]) {
        await probe.given(sampleReadyJob({ id }, now));
      }
      const jobs = await probe.claimNext();
      const record = (id: string): JobRecord => present(jobs.find((job) => job.record.id === id)).record;
      const gone = { leaseUntil: null, sendAt: now + 600_000, readyAt: null };
      // The claim has ended and its token is still there.
      for (const [id, edges] of [
        ["recalled", ["T7"]],
        ["queued", ["T7", "T2"]],
        ["completed", ["T5"]],
        ["failed", ["T6"]],
      ] as const) {
        accepted(await probe.write(sampleWrite(record(id), { edges, patch: gone })));
        assert.equal((await probe.read(id)).record.token, "next-token");
      }
      for (const limit of [1, 10]) assert.deepEqual(ids(await probe.claimNext({ limit })), ["running"]);
    },

    "finds every job of a long backlog, in order, whatever is ready before it of other kinds": async (
      probe,
    ) => {
      const now = await probe.now();
      const name = (index: number): string => `job-${String(index + 100)}`;
      const record = (index: number) => {
        // What is older is of a kind that is not asked for; the instants of the other get longer on the way.
        const isWanted = index >= 130;
        const readyAt = isWanted ? 900 + 10 * (index - 130) : index + 1;
        return sampleReadyJob({ id: name(index), kind: isWanted ? "kind.b" : "kind.a", readyAt }, now);
      };
      const items = Array.from({ length: 160 }, (_, index) => ({ record: record(index), input: "{}" }));
      const size = Math.min(probe.store.capabilities.maxBatch, 100);
      for (let from = 0; from < items.length; from += size)
        await probe.create(...items.slice(from, from + size));
      const kinds = [{ kind: "kind.b", leaseMs: 60_000 }];
      const taken: string[] = [];
      for (let round = 0; round < 3; round += 1)
        taken.push(...ids(await probe.claimNext({ kinds, limit: 20, token: `token-${String(round)}` })));
      assert.deepEqual(
        taken,
        items.slice(130).map(({ record: { id } }) => id),
      );
    },

    "wakes at the least of lease, deadline and the grace of its notifiers": async (probe) => {
      const now = await probe.now();
      const deadlineAt = now + 30_000;
      await probe.given(sampleReadyJob({ id: "deadline", deadlineAt }, now));
      await probe.given(sampleReadyJob({ id: "lease", deadlineAt: now + 600_000 }, now));
      await probe.given(sampleReadyJob({ id: "notify", notifiers: ["ui"], deadlineAt }, now));
      const [deadline, lease, notify] = await probe.claimNext();
      assert.equal(deadline?.record.wakeAt, deadlineAt);
      assert.equal(lease?.record.wakeAt, lease?.record.leaseUntil);
      assert.equal(notify?.record.wakeAt, (notify?.record.updatedAt ?? 0) + 5_000);
    },

    "takes a job again when it is back in the queue, with a higher fence": async (probe) => {
      const now = await probe.now();
      await probe.given(sampleReadyJob({ id: "job-1" }, now));
      for (const round of [1, 2, 3]) {
        const { record } = only(await probe.claimNext({ token: `token-${String(round)}` }));
        assert.deepEqual([record.fence, record.attempt], [round, round]);
        const patch = { token: null, leaseUntil: null, wakeAt: null, readyAt: now };
        accepted(await probe.write(sampleWrite(record, { edges: ["T7", "T2"], patch })));
      }
    },
  },
};
