import assert from "node:assert/strict";
import type { ListRequest } from "../../core/ports/store.js";
import { sampleJob, sampleQueuedJob, sampleWrite } from "../sample-jobs.js";
import type { StoreBehaviour } from "./store-behaviour.js";
import { accepted, type StoreProbe } from "./store-probe.js";

type Filter = Partial<Omit<ListRequest, "nowMs" | "after">>;

/** The ids of all pages. A page may be short; only `next: null` ends the list. */
async function listed(probe: StoreProbe, filter: Filter = {}): Promise<readonly string[]> {
  const ids: string[] = [];
  let page = await probe.list(filter);
  for (let pages = 0; pages < 50; pages += 1) {
    assert.ok(page.jobs.length <= (filter.limit ?? 100));
    ids.push(...page.jobs.map((job) => job.record.id));
    if (page.next === null) return ids;
    page = await probe.list({ ...filter, after: page.next });
  }
  throw new Error("The pages do not end.");
}

export const listBehaviour: StoreBehaviour = {
  group: "list",
  tests: {
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
  },
};
