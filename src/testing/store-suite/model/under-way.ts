import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { START } from "../../../core/job/record.js";
import type { AnyStore, StoreReply } from "../../../core/ports/store.js";
import { differs } from "../../failure.js";
import { Interleaving, nextTurn } from "../../interleaving.js";
import {
  SAMPLE_END,
  sampleJob,
  sampleQueuedJob,
  sampleReadyJob,
  sampleTerms,
  sampleWrite,
} from "../../sample-jobs.js";
import type { StoreBehaviour } from "../store-behaviour.js";
import { accepted, NEVER, sampleNext, type StoreProbe, underScope } from "../store-probe.js";

/** Enough looks to meet any step of a call that is made of several. */
const ROUNDS = 6;

type Change = (id: string, scope: string, kind: string) => Promise<StoreReply>;

/**
 * Reads a job over and over while a call changes it. Each look finds it as it was before or as it is after, whole: record,
 * cursors, input and output.
 */
async function isWhole(
  probe: StoreProbe,
  prepare: (id: string, scope: string, kind: string) => Promise<Change>,
): Promise<void> {
  const second = await probe.fixture.second?.();
  const reader = second ?? probe.store;
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      const scope = `sc-${String(round)}`;
      const id = underScope(`job-${String(round)}`, scope);
      const change = await prepare(id, scope, `kind-${String(round)}`);
      await watchChange(probe, reader, id, () => change(id, scope, `kind-${String(round)}`), round);
    }
  } finally {
    await second?.close();
  }
}

async function watchChange(
  probe: StoreProbe,
  reader: AnyStore,
  id: string,
  change: () => Promise<unknown>,
  round: number,
): Promise<void> {
  const look = async (): Promise<unknown> =>
    (await reader.read({ ...probe.at, ids: [id], input: true, output: true })).jobs[0];
  const before = await look();
  const waits = new Interleaving(round + 1);
  probe.fixture.interleave?.(() => waits.pause());
  const state = { isOver: false };
  const changing = change().finally(() => {
    state.isOver = true;
  });
  // It is awaited below. Where a look fails first, that is what the test tells of.
  changing.catch(() => undefined);
  const seen: unknown[] = [];
  while (!state.isOver) {
    seen.push(await look());
    // A store that needs no turn of the event loop must not keep the change from getting one.
    if (round % 2 === 0 || seen.length % 4 === 0) await nextTurn();
  }
  await changing;
  probe.fixture.interleave?.(() => Promise.resolve());
  const after = await look();
  for (const one of seen) {
    if (isDeepStrictEqual(one, before) || isDeepStrictEqual(one, after)) continue;
    differs(
      "A change is one atomic step: who read the job meanwhile found a half of it. Beside what was found stands what the change leaves:",
      one,
      after,
    );
  }
}

const INPUT = '"the input"';

/** A look while a call runs, for every call that changes a job. */
export const underWayBehaviour: StoreBehaviour = {
  group: "while a call is under way",
  tests: {
    "shows a job that is created whole or not at all": (probe) =>
      isWhole(probe, async () => async (id, scope, kind) => {
        const record = sampleReadyJob({ id, scope, kind }, await probe.now());
        return probe.store.create({ ...probe.at, items: [{ record, input: INPUT }] });
      }),

    "shows an end with its output, its history and without its claim": (probe) =>
      isWhole(probe, async (id) => {
        const { record } = await probe.processing({ id }, { token: `token of ${id}` });
        const item = sampleWrite(record, { edges: ["T5"], patch: SAMPLE_END, output: '"done"' });
        return () => probe.store.write({ ...probe.at, items: [item] });
      }),

    "shows a write with its history": (probe) =>
      isWhole(probe, async (id) => {
        const { record } = await probe.processing({ id }, { token: `token of ${id}` });
        const patch = { phase: "half", progress: { done: 1 }, wakeAt: 7 };
        const item = sampleWrite(record, { edges: ["phase"], patch, leaseMs: 90_000 });
        return () => probe.store.write({ ...probe.at, items: [item] });
      }),

    "shows a claim by message whole": (probe) =>
      isWhole(probe, async (id) => {
        await probe.given(sampleJob({ id, notifiers: ["ui"] }, await probe.now()), INPUT);
        const items = [{ id, dispatch: 1, token: `token of ${id}`, leaseMs: 60_000 }];
        return () => probe.store.claim({ ...probe.at, byMessage: { terms: sampleTerms(), items } });
      }),

    "shows a claim of the next whole": async (probe) => {
      if (probe.isNoQueue) return;
      await isWhole(probe, async (id, _scope, kind) => {
        await probe.given(sampleReadyJob({ id, kind }, await probe.now()), INPUT);
        const next = sampleNext({ kinds: [{ kind, leaseMs: 60_000 }], token: `token of ${id}` });
        return () => probe.store.claim({ ...probe.at, next });
      });
    },

    "shows a wake-up that is taken postponed, and never cleared": async (probe) => {
      if (probe.doesNotApply(!probe.store.capabilities.listIsConsistent, "what is due is found later"))
        return;
      await isWhole(probe, async (id) => {
        const now = await probe.now();
        await probe.given(sampleJob({ id, wakeAt: now - 5 }, now));
        return () => probe.store.takeDue({ ...probe.at, limit: 1, holdMs: 30_000 });
      });
    },

    "shows a plan whole: cursors, wake-up and purge instant": (probe) =>
      isWhole(probe, async (id) => {
        const now = await probe.now();
        const { status, version, token } = await probe.given(sampleQueuedJob({ id, notifiers: ["ui"] }, now));
        const plan = {
          ...{
            id,
            plannedOn: { status, version, token },
            wakeAt: now + 7,
            purgeAt: now + 9,
            latestWakeAt: NEVER,
          },
          cursors: { ui: { ...START, upTo: 2 } },
        };
        return () => probe.store.advance({ ...probe.at, items: [plan] });
      }),

    "shows a job that is removed whole or not at all": async (probe) => {
      if (
        probe.doesNotApply(!probe.store.capabilities.listIsConsistent, "what is past its time is found later")
      )
        return;
      await isWhole(probe, async (id, scope) => {
        const now = await probe.now();
        const { record } = await probe.processing({ id, scope }, { token: `token of ${id}` });
        const patch = { ...SAMPLE_END, purgeAt: now - 5 };
        accepted(await probe.write(sampleWrite(record, { edges: ["T5"], patch, output: '"done"' })));
        return () => probe.store.purge({ ...probe.at, limit: 1, parkedBefore: 0 });
      });
    },

    "gives a scope to the job that is created under it, whoever asks meanwhile": async (probe) => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const scope = `sc-${String(round)}`;
        const [id, other] = [
          underScope(`job-${String(round)}`, scope),
          underScope(`other-${String(round)}`, scope),
        ];
        const now = await probe.now();
        const waits = new Interleaving(round + 1);
        probe.fixture.interleave?.(() => waits.pause());
        const creating = probe.create({ record: sampleJob({ id, scope }, now), input: INPUT });
        await waits.pause();
        const late = await probe.create({ record: sampleJob({ id: other, scope }, now), input: INPUT });
        const answers = [...(await creating), ...late].map(({ status }) => status).sort();
        probe.fixture.interleave?.(() => Promise.resolve());
        assert.deepEqual(
          answers,
          ["created", "existing"],
          `"Same id or same scope: existing": two creates under the scope ${scope} at once`,
        );
      }
    },
  },
};
