import assert from "node:assert/strict";
import { isWaybillError } from "../../../core/errors/errors.js";
import type { JobRecord } from "../../../core/job/record.js";
import { SAMPLE_END, sampleJob, sampleReadyJob, sampleTerms, sampleWrite } from "../../sample-jobs.js";
import type { StoreBehaviour } from "../store-behaviour.js";
import { accepted, NEVER, only, sampleNext, SCOPE, type StoreProbe, underScope } from "../store-probe.js";

function doesNotSpoil(probe: StoreProbe): boolean {
  return probe.doesNotApply(probe.fixture.spoil === undefined, "the fixture cannot spoil what is stored");
}

/** Three good jobs behind one that cannot be read, all of them ready. */
async function readyBehindSpoilt(probe: StoreProbe): Promise<void> {
  const now = await probe.now();
  for (const [id, ago] of [
    ["spoilt", 50],
    ["a", 40],
    ["b", 30],
    ["c", 20],
  ] as const)
    await probe.given(sampleReadyJob({ id }, now - ago));
  await probe.fixture.spoil?.("spoilt");
}

const isCorrupt = (error: unknown): boolean => isWaybillError(error, "store.corrupt");

/** What every call of the port makes of a record that cannot be read, and of those that it is met with. */
export const unreadableBehaviour: StoreBehaviour = {
  group: "a record that cannot be read",
  tests: {
    "is claimed out of the way of those behind it, and told": async (probe) => {
      if (doesNotSpoil(probe) || probe.isNoQueue) return;
      await readyBehindSpoilt(probe);
      const taken: string[] = [];
      const told: string[] = [];
      for (const token of ["first", "second", "third", "fourth"]) {
        const { jobs, unreadable = [] } = await probe.store.claim({
          ...probe.at,
          next: sampleNext({ token, limit: 2 }),
        });
        taken.push(...jobs.map(({ record }) => record.id));
        told.push(...unreadable);
      }
      assert.deepEqual(taken, ["a", "b", "c"]);
      assert.deepEqual(
        told,
        ["spoilt"],
        "it is claimed like the others: not met again before the lease is over",
      );
    },

    "costs neither the writes nor the claims that it is met with": async (probe) => {
      if (doesNotSpoil(probe) || probe.isNoQueue) return;
      if (probe.doesNotApply(!probe.store.capabilities.writeThenClaim, "writes claim nothing")) return;
      const { record } = await probe.processing({ id: "done" });
      await readyBehindSpoilt(probe);
      const items = [sampleWrite(record, { edges: ["T5"], patch: SAMPLE_END, output: "1" })];
      const thenClaim = sampleNext({ token: "riding", limit: 4 });
      const {
        results,
        claimed = [],
        unreadable,
      } = await probe.store.write({ ...probe.at, items, thenClaim });
      accepted(only(results));
      assert.deepEqual(
        claimed.map((job) => job.record.id),
        ["a", "b", "c"],
      );
      assert.deepEqual(unreadable, ["spoilt"]);
    },

    "is postponed with what is due beside it, and told": async (probe) => {
      if (doesNotSpoil(probe)) return;
      const now = await probe.now();
      for (const [id, ago] of [
        ["first", 3],
        ["spoilt", 2],
        ["last", 1],
      ] as const)
        await probe.given(sampleJob({ id, wakeAt: now - ago }, now));
      await probe.fixture.spoil?.("spoilt");
      await probe.indexed();
      const taken: string[] = [];
      const told: string[] = [];
      // A store that reads record by record may end a page where it comes upon it.
      for (let pages = 0; pages < 3; pages += 1) {
        const page = await probe.store.takeDue({ ...probe.at, limit: 3, holdMs: 30_000 });
        taken.push(...page.jobs.map((job) => job.record.id));
        told.push(...(page.unreadable ?? []));
      }
      assert.deepEqual(taken, ["first", "last"]);
      assert.deepEqual(told, ["spoilt"]);
    },

    "is told where nothing else is due, and passed on from": async (probe) => {
      if (doesNotSpoil(probe)) return;
      const now = await probe.now();
      await probe.given(sampleJob({ id: "spoilt", wakeAt: now - 2 }, now));
      await probe.fixture.spoil?.("spoilt");
      await probe.indexed();
      const { jobs, unreadable } = await probe.store.takeDue({ ...probe.at, limit: 9, holdMs: 30_000 });
      assert.deepEqual([jobs, unreadable], [[], ["spoilt"]]);
      await probe.given(sampleJob({ id: "good", wakeAt: now - 1 }, now));
      assert.equal(only(await probe.takeDue()).record.id, "good");
    },

    "is left out of a list, and told": async (probe) => {
      if (doesNotSpoil(probe)) return;
      await readyBehindSpoilt(probe);
      const listed: string[] = [];
      const told: string[] = [];
      let after: { readonly createdAt: number; readonly id: string } | null = null;
      do {
        const page = await probe.list({
          kinds: ["sample.work"],
          limit: 2,
          ...(after === null ? {} : { after }),
        });
        listed.push(...page.jobs.map((job) => job.record.id));
        told.push(...(page.unreadable ?? []));
        after = page.next;
      } while (after !== null);
      assert.deepEqual(listed, ["c", "b", "a"]);
      // Met on several pages by a store that looks ahead.
      assert.deepEqual([...new Set(told)], ["spoilt"]);
    },

    "is left out of the jobs of a reference, and told": async (probe) => {
      if (doesNotSpoil(probe)) return;
      for (const id of ["spoilt", "good"]) await probe.awaiting({ id });
      await probe.fixture.spoil?.("spoilt");
      const request = { ...probe.at, kind: "sample.work", refKey: "ref-1" };
      const { jobs, unreadable } = await probe.store.byRef(request);
      assert.equal(only(jobs).record.id, "good");
      assert.deepEqual(unreadable, ["spoilt"]);
    },

    "rejects a call about it alone, and none about another": async (probe) => {
      if (doesNotSpoil(probe)) return;
      const { record: bad } = await probe.processing({ id: "spoilt" });
      const { record } = await probe.processing({ id: "good" }, { token: "token-2" });
      await probe.fixture.spoil?.("spoilt");
      await assert.rejects(probe.find("spoilt"), isCorrupt);
      assert.equal((await probe.read("good")).record.id, "good");
      const stale = { ...bad, version: bad.version + 7 };
      const item = sampleWrite(stale, { edges: ["phase"] });
      await assert.rejects(probe.write(item), isCorrupt);
      accepted(await probe.write(sampleWrite(record, { edges: ["phase"] })));
      accepted(await probe.beat({ id: "good", token: "token-2", leaseMs: 60_000 }));
    },

    "is never taken for none: not by a beat, a claim, a plan, nor by a create of its id or under its scope":
      async (probe) => {
        if (doesNotSpoil(probe)) return;
        const { store } = probe;
        const now = await probe.now();
        const id = underScope("spoilt");
        const { record } = await probe.processing({ id, scope: SCOPE });
        const { status, version, token } = record;
        await probe.fixture.spoil?.(id);
        const item = { dispatch: 1, token: "another", leaseMs: 1_000, id };
        const plan = {
          id,
          plannedOn: { status, version, token },
          wakeAt: now,
          purgeAt: null,
          latestWakeAt: NEVER,
        };
        const made = (record: JobRecord) => store.create({ ...probe.at, items: [{ record, input: "{}" }] });
        const calls: Readonly<
          Record<string, () => Promise<{ readonly results: readonly { status: string }[] }>>
        > = {
          beat: () => store.beat({ ...probe.at, items: [{ id, token: "token-1", leaseMs: 60_000 }] }),
          "a beat under another token": () =>
            store.beat({ ...probe.at, items: [{ id, token: "another", leaseMs: 60_000 }] }),
          claim: () => store.claim({ ...probe.at, byMessage: { terms: sampleTerms(), items: [item] } }),
          advance: () => store.advance({ ...probe.at, items: [{ ...plan, cursors: {} }] }),
          create: () => made(sampleJob({ id }, now)),
          "create under its scope": () => made(sampleJob({ id: underScope("another"), scope: SCOPE }, now)),
        };
        for (const [name, call] of Object.entries(calls)) {
          // What can be done without reading it may be done.
          const answers = await call().then(
            ({ results }) => results.map((result) => result.status),
            (error: unknown) => (isCorrupt(error) ? ["corrupt"] : Promise.reject(error as Error)),
          );
          assert.equal(answers.length, 1, name);
          assert.ok(
            !["gone", "created"].includes(answers[0] ?? ""),
            `${name} of a record that cannot be read rejects with store.corrupt: it is there, and was answered ${String(answers[0])}`,
          );
        }
      },

    "does not keep others from being removed, however few at once": async (probe) => {
      if (doesNotSpoil(probe)) return;
      const now = await probe.now();
      for (const [id, ago] of [
        ["spoilt", 3],
        ["good", 2],
        ["last", 1],
      ] as const)
        await probe.given(sampleJob({ id, wakeAt: null, purgeAt: now - ago }, now - 10));
      await probe.fixture.spoil?.("spoilt");
      await probe.indexed();
      for (let pass = 0; pass < 4; pass += 1)
        await probe.store.purge({ ...probe.at, limit: 1, parkedBefore: 0 });
      assert.equal(await probe.find("good"), null);
      assert.equal(await probe.find("last"), null);
    },
  },
};
