import assert from "node:assert/strict";
import { isWaybillError } from "../../../core/errors/errors.js";
import type { AnyStore } from "../../../core/ports/store.js";
import { sampleJob, sampleTerms, sampleWrite } from "../../sample-jobs.js";
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

    "knows no job by a name that every object has": async (probe) => {
      for (const id of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
        assert.equal(await probe.find(id), null);
        assert.deepEqual(await probe.claim({ id }), { status: "gone" });
      }
    },
  },
};
