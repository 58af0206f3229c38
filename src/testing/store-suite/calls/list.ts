import assert from "node:assert/strict";
import type { ListRequest } from "../../../core/ports/store.js";
import { SAMPLE_END, sampleJob, sampleQueuedJob, sampleWrite } from "../../sample-jobs.js";
import type { StoreBehaviour } from "../store-behaviour.js";
import { accepted, present, type StoreProbe } from "../store-probe.js";
import type { JobStatus } from "../../../core/job/lifecycle.js";
import { type JobRecord, START } from "../../../core/job/record.js";

/** More than a store likes to look at for one page. */
const MANY = 1_005;

const UNFINISHED = ["PENDING", "QUEUED", "PROCESSING"] as const;

type Filter = Partial<Omit<ListRequest, "nowMs" | "after">>;

type Filtering = readonly [
  undeliverable: boolean,
  kinds: readonly string[][],
  statuses: readonly JobStatus[][],
];

/** What is undeliverable is found one way, whatever else is asked for; where else a store looks turns on kinds and statuses. */
const FILTERING: readonly Filtering[] = [
  [
    false,
    [["kind.a"], ["kind.a", "kind.b"]],
    [["QUEUED"], ["PENDING", "FAILED"], [...UNFINISHED], ["FAILED"]],
  ],
  [true, [["kind.a", "kind.b"]], [["PENDING", "FAILED"]]],
];

/** Each filter left out, and with others: of one, of several, of nobody. */
const FILTERS: readonly Filter[] = FILTERING.flatMap(([undeliverable, kinds, statuses]) =>
  [{}, { owner: "ann" }, { owner: null }].flatMap((owner) =>
    [{}, { subject: "s" }].flatMap((subject) =>
      [{}, ...kinds.map((some) => ({ kinds: some }))].flatMap((ofKinds) =>
        [{}, ...statuses.map((some) => ({ statuses: some }))].map((ofStatuses) => ({
          ...owner,
          ...subject,
          ...ofKinds,
          ...ofStatuses,
          ...(undeliverable ? { undeliverable } : {}),
        })),
      ),
    ),
  ),
);

/** FAILED at version 2. */
function sampleEndedJob(given: Partial<JobRecord> & Pick<JobRecord, "id">, nowMs: number): JobRecord {
  const ended = { ...SAMPLE_END, status: "FAILED", finishedAt: nowMs, version: 2 } as const;
  return sampleQueuedJob({ ...ended, purgeAt: nowMs + 60_000, sendAt: null, wakeAt: null, ...given }, nowMs);
}

/** The ids of all pages. A page may be short; only `next: null` ends the list. */
async function listed(probe: StoreProbe, filter: Filter = {}, most = 50): Promise<readonly string[]> {
  const ids: string[] = [];
  let page = await probe.list(filter);
  for (let pages = 0; pages < most; pages += 1) {
    assert.ok(page.jobs.length <= (filter.limit ?? 100));
    ids.push(...page.jobs.map((job) => job.record.id));
    if (page.next === null) return ids;
    page = await probe.list({ ...filter, after: page.next });
  }
  throw new Error("The pages do not end.");
}

/** A notifier gives the first entry up. */
async function giveUp(probe: StoreProbe, id: string): Promise<void> {
  const ui = { ...START, upTo: 1, attempts: 1, exhausted: [1] };
  accepted(await probe.advance({ id, cursors: { ui } }));
}

export const listBehaviour: StoreBehaviour = {
  group: "list",
  tests: {
    "finds nothing of no kind, and of no status": async (probe) => {
      const now = await probe.now();
      for (const id of ["a", "b"]) await probe.given(sampleJob({ id, owner: "ann", subject: "s" }, now));
      for (const whose of [{}, { owner: "ann" }, { subject: "s" }]) {
        assert.equal((await listed(probe, whose)).length, 2);
        for (const of of [{ kinds: [] }, { statuses: [] }, { kinds: [], statuses: [] }])
          assert.deepEqual(await listed(probe, { ...whose, ...of }), []);
      }
    },

    "keeps to all filters together": async (probe) => {
      const now = await probe.now();
      const jobs: JobRecord[] = [];
      const gaveUp = new Set<string>();
      for (const owner of ["ann", "bea", null])
        for (const subject of ["s", "t", null])
          for (const kind of ["kind.a", "kind.b", "kind.c"])
            for (const make of [sampleJob, sampleQueuedJob, sampleEndedJob])
              jobs.push(make({ id: `job-${String(jobs.length)}`, owner, subject, kind }, now));
      for (const [index, record] of jobs.entries()) {
        await probe.given(record);
        // Of any three that differ in one field alone, two.
        const turns = Array.from(index.toString(3), Number).reduce((sum, digit) => sum + digit, 0);
        if (turns % 3 === 0) continue;
        await giveUp(probe, record.id);
        gaveUp.add(record.id);
      }
      for (const filter of FILTERS) {
        const fits = ({ id, owner, subject, kind, status }: JobRecord): boolean =>
          (filter.owner === undefined || filter.owner === owner) &&
          (filter.subject === undefined || filter.subject === subject) &&
          (filter.kinds?.includes(kind) ?? true) &&
          (filter.statuses?.includes(status) ?? true) &&
          (filter.undeliverable === undefined || gaveUp.has(id));
        const expected = jobs.filter(fits).map(({ id }) => id);
        const found = await listed(probe, filter);
        assert.deepEqual([...found].sort(), expected.sort(), `list ${JSON.stringify(filter)}`);
      }
    },

    "orders instants as numbers, however long they are": async (probe) => {
      const now = await probe.now();
      for (const createdAt of [10, 9, 1_000, 100])
        await probe.given(sampleJob({ id: `at-${String(createdAt)}`, createdAt }, now));
      for (const limit of [1, 10])
        assert.deepEqual(await listed(probe, { limit }), ["at-1000", "at-100", "at-10", "at-9"]);
    },

    "lists the newest first, ties by id, page by page": async (probe) => {
      const now = await probe.now();
      for (const [id, ago] of [
        ["b", 5],
        ["a", 5],
        ["old", 9],
        ["c", 5],
        ["new", 1],
        ["d", 5],
      ] as const) {
        await probe.given(sampleJob({ id, owner: "o", createdAt: now - ago }, now));
      }
      const expected = ["new", "d", "c", "b", "a", "old"];
      for (const limit of [1, 2, 3, 6, 7, 100]) {
        assert.deepEqual(await listed(probe, { owner: "o", limit }), expected);
        assert.deepEqual(await listed(probe, { limit }), expected);
      }
    },

    "lists each job once while others are created and changed between the pages": async (probe) => {
      const now = await probe.now();
      for (const [index, id] of ["a", "b", "c", "d"].entries()) {
        await probe.given(sampleJob({ id, owner: "o", createdAt: now - 10 + index }, now));
      }
      const first = await probe.list({ owner: "o", limit: 2 });
      await probe.given(sampleJob({ id: "newer", owner: "o", createdAt: now }, now));
      const changed = (await probe.read("b")).record;
      accepted(await probe.write(sampleWrite(changed, { edges: ["T2"] })));
      assert.ok(first.next !== null);
      const second = await probe.list({ owner: "o", limit: 10, after: first.next });
      assert.deepEqual(
        [...first.jobs, ...second.jobs].map((job) => job.record.id),
        ["d", "c", "b", "a"],
      );
    },

    "goes on behind a job that was removed between the pages": async (probe) => {
      const now = await probe.now();
      for (const [index, id] of ["a", "b", "c", "d"].entries()) {
        const settled = id === "c" ? { status: "FAILED" as const, purgeAt: now - 1 } : {};
        await probe.given(
          sampleJob({ id, owner: "o", createdAt: now - 10 + index, wakeAt: null, ...settled }, now),
        );
      }
      for (const filter of [{ owner: "o" }, {}]) {
        const first = await probe.list({ ...filter, limit: 2 });
        const removed =
          first.jobs.length === 2
            ? await probe.store.purge({ ...probe.at, limit: 1, parkedBefore: 0 })
            : null;
        if (removed?.jobs !== 1) continue;
        const { next } = first;
        assert.ok(next !== null, "there is more behind it");
        await probe.indexed();
        const second = await probe.list({ ...filter, limit: 10, after: next });
        assert.deepEqual(
          second.jobs.map((job) => job.record.id),
          ["b", "a"],
          '"Behind this place of (createdAt, id)": whether a job is there or not',
        );
      }
    },

    "keeps owners apart": async (probe) => {
      const now = await probe.now();
      const owners = ["alice", "alice:admin", "ALICE", "alic", "alice%", "bob"];
      for (const [index, owner] of owners.entries())
        await probe.given(sampleJob({ id: `job-${String(index)}`, owner }, now));
      await probe.given(sampleJob({ id: "nobodys", owner: null }, now));
      for (const [index, owner] of owners.entries()) {
        assert.deepEqual(await listed(probe, { owner }), [`job-${String(index)}`]);
      }
      assert.deepEqual(await listed(probe, { owner: null }), ["nobodys"]);
      assert.deepEqual(await listed(probe, { owner: "nobody" }), []);
      assert.equal((await listed(probe)).length, owners.length + 1);
    },

    "keeps owners apart under one subject": async (probe) => {
      const now = await probe.now();
      for (const owner of ["alice", "bob", null]) {
        await probe.given(sampleJob({ id: `of-${owner ?? "nobody"}`, owner, subject: "plan:42" }, now));
      }
      assert.deepEqual(await listed(probe, { owner: "alice", subject: "plan:42" }), ["of-alice"]);
      assert.deepEqual(await listed(probe, { owner: null, subject: "plan:42" }), ["of-nobody"]);
      assert.equal((await listed(probe, { subject: "plan:42" })).length, 3);
      assert.deepEqual(await listed(probe, { owner: "alice", subject: "plan:4" }), []);
    },

    "filters by kind and by status": async (probe) => {
      const now = await probe.now();
      await probe.given(sampleJob({ id: "a-pending", owner: "o", kind: "kind.a", createdAt: now - 1 }, now));
      await probe.given(
        sampleQueuedJob({ id: "a-queued", owner: "o", kind: "kind.a", createdAt: now - 2 }, now),
      );
      await probe.given(
        sampleQueuedJob({ id: "b-queued", owner: "o", kind: "kind.b", createdAt: now - 3 }, now),
      );
      await probe.given(sampleJob({ id: "c-pending", owner: "o", kind: "kind.c", createdAt: now - 4 }, now));
      for (const owner of [{}, { owner: "o" }]) {
        const ids = (filter: Filter): Promise<readonly string[]> =>
          listed(probe, { ...owner, limit: 1, ...filter });
        assert.deepEqual(await ids({ kinds: ["kind.a"] }), ["a-pending", "a-queued"]);
        assert.deepEqual(await ids({ kinds: ["kind.a", "kind.b"] }), ["a-pending", "a-queued", "b-queued"]);
        assert.deepEqual(await ids({ statuses: ["QUEUED"] }), ["a-queued", "b-queued"]);
        assert.deepEqual(await ids({ statuses: ["PENDING", "QUEUED"], kinds: ["kind.a"] }), [
          "a-pending",
          "a-queued",
        ]);
        assert.deepEqual(await ids({ kinds: ["kind.b"], statuses: ["PENDING"] }), []);
        assert.deepEqual(await ids({ kinds: ["kind"] }), []);
      }
    },

    "follows the status, and leaves a job where it was created": async (probe) => {
      const now = await probe.now();
      const first = await probe.given(sampleJob({ id: "first", owner: "o", createdAt: now - 2 }, now));
      await probe.given(sampleJob({ id: "second", owner: "o", createdAt: now - 1 }, now));
      accepted(await probe.write(sampleWrite(first, { edges: ["T2"] })));
      assert.deepEqual(await listed(probe, { owner: "o" }), ["second", "first"]);
      assert.deepEqual(await listed(probe, { owner: "o", statuses: ["QUEUED"] }), ["first"]);
      assert.deepEqual(await listed(probe, { owner: "o", statuses: ["PENDING"] }), ["second"]);
    },

    "returns input and output only where they are asked for": async (probe) => {
      const job = await probe.final("COMPLETED", { id: "job-1", owner: "o" });
      assert.deepEqual((await probe.list({ owner: "o" })).jobs, [job]);
      const { jobs } = await probe.list({ owner: "o", input: true, output: true });
      assert.deepEqual(jobs, [{ ...job, input: "{}", output: '{"done":true}' }]);
    },

    "answers an empty place with an empty last page": async (probe) => {
      const { jobs, next } = await probe.list();
      assert.deepEqual([jobs, next], [[], null]);
    },

    "lists what is asked for to its end, whatever lies between and behind": async (probe) => {
      const now = await probe.now();
      const mine = { owner: "ann", subject: "plan-1", kind: "mine" };
      for (const number of [6, 5, 4, 3, 2, 1]) {
        const fields = number === 5 || number === 3 ? mine : {};
        const id = `job-${String(number)}`;
        await probe.given(sampleJob({ id, createdAt: now + number, ...fields }, now));
      }
      for (const id of ["job-5", "job-3"]) await giveUp(probe, id);
      const filters = [{ owner: "ann" }, { subject: "plan-1" }, { kinds: ["mine"] }, { undeliverable: true }];
      for (const filter of filters) {
        for (const limit of [1, 2, 3])
          assert.deepEqual(await listed(probe, { ...filter, limit }), ["job-5", "job-3"]);
        const { jobs, next } = await probe.list({ ...filter, limit: 1 });
        assert.deepEqual(
          jobs.map((job) => job.record.id),
          ["job-5"],
        );
        assert.ok(next !== null, "there is more behind it");
      }
    },

    "asks nobody who gave up where it is not asked": async (probe) => {
      const now = await probe.now();
      for (const id of ["a", "b"]) await probe.given(sampleJob({ id, owner: "o" }, now));
      await giveUp(probe, "a");
      for (const owner of [{}, { owner: "o" }])
        assert.deepEqual(
          await listed(probe, { ...owner, undeliverable: false }),
          ["b", "a"],
          "where `undeliverable` is not asked for, it leaves nobody out",
        );
    },

    "lists jobs of one instant by id, the last first, each once": async (probe) => {
      const now = await probe.now();
      const ids = Array.from({ length: 12 }, (_, index) => `job-${String(index + 10)}`);
      // Each has a subject of its own: no index has them in this order by chance.
      for (const id of [...ids].reverse())
        await probe.given(sampleJob({ id, createdAt: now, subject: id }, now));
      for (const limit of [5, 12]) {
        assert.deepEqual(await listed(probe, { statuses: ["PENDING"], limit }), [...ids].reverse());
      }
    },

    "finds the one that fits behind many that do not, however short its pages are": async (probe) => {
      const now = await probe.now();
      const records = Array.from({ length: MANY }, (_, index) => {
        const status = index === MANY - 1 ? "FAILED" : "PENDING";
        // Pairs of one instant; the one that is looked for is the oldest.
        const createdAt = now - Math.floor(index / 2);
        return sampleJob({ id: `job-${String(9_999 - index)}`, createdAt, status }, now);
      });
      // The oldest are stored first: what comes in the order of storing begins with the wrong one.
      const items = [...records].reverse().map((record) => ({ record, input: "{}" }));
      const size = Math.min(probe.store.capabilities.maxBatch, 200);
      for (let from = 0; from < MANY; from += size) await probe.create(...items.slice(from, from + size));
      const wanted = present(records[MANY - 1]).id;
      assert.deepEqual(await listed(probe, { statuses: ["FAILED"], limit: 5 }, MANY), [wanted]);
    },

    "finds what is unfinished, and what FAILED, on one page whatever is completed": async (probe) => {
      const now = await probe.now();
      const final = { finishedAt: now, sendAt: null, wakeAt: null };
      const kept = [
        sampleJob({ id: "pending", createdAt: now - 9 }, now),
        sampleQueuedJob({ id: "other-queued", kind: "other", createdAt: now - 8 }, now),
        sampleJob({ id: "failed", status: "FAILED", createdAt: now - 7, ...final }, now),
        sampleJob({ id: "other-failed", kind: "other", status: "FAILED", createdAt: now - 6, ...final }, now),
      ];
      for (const record of kept) await probe.given(record);
      const many = Array.from({ length: MANY }, (_, index) =>
        sampleJob({ id: `done-${String(index)}`, status: "COMPLETED", createdAt: now, ...final }, now),
      );
      for (let from = 0; from < MANY; from += 100) {
        await probe.create(...many.slice(from, from + 100).map((record) => ({ record, input: "{}" })));
      }
      const page = async (filter: Filter) => {
        const { jobs, next } = await probe.list(filter);
        assert.equal(next, null);
        return jobs.map(({ record }) => record.id);
      };
      assert.equal(
        (await listed(probe, { limit: MANY })).length,
        MANY + kept.length,
        "`next` is `null` at the end alone",
      );
      assert.deepEqual(await page({ statuses: UNFINISHED }), ["other-queued", "pending"]);
      assert.deepEqual(await page({ statuses: ["PENDING"] }), ["pending"]);
      assert.deepEqual(await page({ statuses: UNFINISHED, kinds: ["other"] }), ["other-queued"]);
      assert.deepEqual(await page({ statuses: ["FAILED"] }), ["other-failed", "failed"]);
      assert.deepEqual(await page({ statuses: ["FAILED"], kinds: ["other"] }), ["other-failed"]);
      assert.deepEqual(await page({ statuses: ["FAILED"], kinds: ["other", "none"] }), ["other-failed"]);
    },

    "moves a job from what is unfinished to what FAILED at its end, and not before": async (probe) => {
      for (const [id, edge] of [
        ["ends-failed", "T6"],
        ["ends-completed", "T5"],
      ] as const) {
        const { record } = await probe.processing({ id });
        assert.deepEqual(await listed(probe, { statuses: UNFINISHED }), [id]);
        const patch = { ...SAMPLE_END, finishedAt: record.updatedAt };
        accepted(await probe.write(sampleWrite(record, { edges: [edge], patch })));
        assert.deepEqual(await listed(probe, { statuses: UNFINISHED }), []);
        assert.deepEqual(await listed(probe, { statuses: ["FAILED"] }), ["ends-failed"]);
      }
    },

    "filters what is undeliverable by all that is asked for": async (probe) => {
      const now = await probe.now();
      const all = { owner: "ann", subject: "plan-1", kind: "mine" };
      const given = {
        all,
        "other-owner": { ...all, owner: "bob" },
        "other-subject": { ...all, subject: "plan-2" },
        "other-kind": { ...all, kind: "other" },
      };
      for (const [id, fields] of Object.entries(given)) {
        await probe.given(sampleJob({ id, ...fields }, now));
        await giveUp(probe, id);
      }
      await probe.given(sampleJob({ id: "delivered", ...all }, now));
      const found = async (filter: Filter): Promise<readonly string[]> =>
        [...(await listed(probe, { undeliverable: true, ...filter }))].sort();
      assert.deepEqual(await found({ owner: "ann" }), ["all", "other-kind", "other-subject"]);
      assert.deepEqual(await found({ subject: "plan-1" }), ["all", "other-kind", "other-owner"]);
      assert.deepEqual(await found({ kinds: ["mine"] }), ["all", "other-owner", "other-subject"]);
      assert.deepEqual(await found({ owner: "ann", subject: "plan-1", kinds: ["mine"] }), ["all"]);
      assert.deepEqual(await found({ statuses: ["FAILED"] }), []);
    },
  },
};
