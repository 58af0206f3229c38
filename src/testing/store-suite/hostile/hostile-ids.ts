import assert from "node:assert/strict";
import { isWaybillError } from "../../../core/errors/errors.js";
import type { AnyStore } from "../../../core/ports/store.js";
import { sampleJob, sampleReadyJob, sampleTerms, sampleWrite } from "../../sample-jobs.js";
import type { StoreBehaviour } from "../store-behaviour.js";
import type { StoreProbe } from "../store-probe.js";

const BAD_IDS = [
  ...[
    "",
    " ",
    "a b",
    "a:b",
    "a.b",
    "a/b",
    "../a",
    "a'b",
    'a"b',
    "a`b",
    "a;b",
    "a%b",
    "a*",
    "a#b",
    "{a}",
    "a\\b",
    "a,b",
    "$1",
  ],
  ...["a\n", "\na", "a\u0000", "\u0000", "é", "漢", "😀", "\ud800", "a\u200bb", "\uff41", "x".repeat(129)],
];

async function isInvalid(call: Promise<unknown>, id: string): Promise<void> {
  await assert.rejects(
    call,
    (error) => isWaybillError(error, "id.invalid") && (id.length < 3 || !error.message.includes(id)),
    `refuses ${JSON.stringify(id)} with id.invalid, and does not repeat it`,
  );
}

/** Every call that names a job, with a good item before the bad one. */
function calls(
  probe: StoreProbe,
  now: number,
  id: string,
): readonly ((store: AnyStore) => Promise<unknown>)[] {
  const { at } = probe;
  const good = sampleJob({ id: "good" }, now);
  const plannedOn = { status: "PENDING" as const, version: 1, token: null };
  const item = { plannedOn, wakeAt: null, purgeAt: null, latestWakeAt: 0, cursors: {} };
  const message = { dispatch: 1, token: "token-1", leaseMs: 1_000 };
  return [
    (store) =>
      store.create({
        ...at,
        items: [sampleJob({ id: "fresh" }, now), { ...good, id }].map((record) => ({ record, input: "{}" })),
      }),
    (store) => store.read({ ...at, ids: ["good", id] }),
    (store) => store.write({ ...at, items: [sampleWrite(good), { ...sampleWrite(good), id }] }),
    (store) => store.beat({ ...at, items: [{ id, token: "token-1", leaseMs: 1_000 }] }),
    (store) =>
      store.claim({
        ...at,
        byMessage: { terms: sampleTerms(), items: ["good", id].map((of) => ({ ...message, id: of })) },
      }),
    (store) => store.advance({ ...at, items: ["good", id].map((of) => ({ ...item, id: of })) }),
  ];
}

/** In the order of the codes of their characters, which is that of no language and of no case. */
const ORDERED_IDS = ["-a", "0", "10", "9", "A", "B-", "Ba", "_", "_a", "a", "a-b", "aB", "a_", "ab", "b"];

export const hostileIdsBehaviour: StoreBehaviour = {
  group: "hostile ids",
  tests: {
    "refuses every id that is not of the form, in every call, with nothing written": async (probe) => {
      const now = await probe.now();
      const before = await probe.given(sampleJob({ id: "good" }, now));
      for (const id of BAD_IDS) {
        for (const call of calls(probe, now, id)) await isInvalid(call(probe.store), id);
      }
      assert.deepEqual((await probe.read("good")).record, before);
      assert.equal(await probe.find("fresh"), null);
      assert.equal((await probe.list()).jobs.length, 1);
    },

    "takes every id that is": async (probe) => {
      const now = await probe.now();
      const ids = ["-", "_", "0", "a", "A", "__proto__", "constructor", "toString", "-".repeat(128), "Zz9_-"];
      for (const id of ids) await probe.given(sampleJob({ id }, now), JSON.stringify(id));
      for (const id of ids) {
        const { record, input } = await probe.read(id, { input: true });
        assert.deepEqual([record.id, input], [id, JSON.stringify(id)]);
      }
      assert.equal((await probe.list()).jobs.length, ids.length);
    },

    "tells ids apart by case": async (probe) => {
      const now = await probe.now();
      await probe.given(sampleJob({ id: "job-a" }, now), '"lower"');
      await probe.given(sampleJob({ id: "JOB-A" }, now), '"upper"');
      assert.equal((await probe.read("job-a", { input: true })).input, '"lower"');
    },

    "orders ids by the codes of their characters, wherever it orders by id": async (probe) => {
      const now = await probe.now();
      const mixed = [...ORDERED_IDS].sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? 1 : -1));
      for (const id of mixed)
        await probe.given(sampleReadyJob({ id, createdAt: now, wakeAt: now - 1, readyAt: now - 1 }, now));
      const paged: string[] = [];
      for (let after: { createdAt: number; id: string } | null | undefined = undefined; after !== null;) {
        const page = await probe.list({ kinds: ["sample.work"], limit: 2, ...(after ? { after } : {}) });
        paged.push(...page.jobs.map(({ record }) => record.id));
        after = page.next;
      }
      assert.deepEqual(paged, [...ORDERED_IDS].reverse(), '"Newest first by (createdAt, id)"');
      const due: string[] = [];
      for (let last = ""; due.length < ORDERED_IDS.length;) {
        const jobs = await probe.takeDue({
          limit: 4,
          ...(last === "" ? {} : { after: { wakeAt: now - 1, id: last } }),
        });
        assert.ok(jobs.length > 0, "a page without a job ends the pass");
        due.push(...jobs.map(({ record }) => record.id));
        last = due[due.length - 1] ?? "";
      }
      assert.deepEqual(due, ORDERED_IDS, '"only what lies behind this place of (wakeAt, id)"');
      const messages = mixed.map((id) => ({ id, queue: "work", body: id, reason: "r", at: now }));
      await probe.store.park({ ...probe.at, messages });
      const parked: string[] = [];
      for (let after = ""; parked.length < ORDERED_IDS.length;) {
        const page = await probe.store.parked({ ...probe.at, limit: 4, ...(after === "" ? {} : { after }) });
        assert.ok(page.messages.length > 0, "there is more behind this id");
        parked.push(...page.messages.map(({ id }) => id));
        after = parked[parked.length - 1] ?? "";
      }
      assert.deepEqual(parked, ORDERED_IDS, '"Behind this id"');
      if (probe.isNoQueue) return;
      const claimed = await probe.claimNext({ limit: ORDERED_IDS.length });
      assert.deepEqual(
        claimed.map(({ record }) => record.id),
        ORDERED_IDS,
        '"oldest `readyAt` first (ties by id)"',
      );
    },

    "knows no job by a name that every object has": async (probe) => {
      for (const id of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
        assert.equal(await probe.find(id), null);
        assert.deepEqual(await probe.claim({ id }), { status: "gone" });
      }
    },
  },
};
