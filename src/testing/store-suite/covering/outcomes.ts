import assert from "node:assert/strict";
import { isWaybillError, StoreNotMigratedError } from "../../../core/errors/errors.js";
import type { AnyStore, StoredJob } from "../../../core/ports/store.js";
import {
  SAMPLE_END,
  sampleJob,
  sampleQueuedJob,
  sampleReadyJob,
  sampleTerms,
  sampleWrite,
} from "../../sample-jobs.js";
import type { StoreBehaviour } from "../store-behaviour.js";
import { accepted, NEVER, present, sampleNext, StoreProbe } from "../store-probe.js";

const CHANGES = [
  ...["create", "beat", "claim", "advance", "write", "takeDue", "park", "unpark", "pulse", "purge"],
] as const;

/** In no message of an error. */
const [TOKEN, PAYLOAD] = ["s3cret-token-of-a-claim", "s3cret-of-the-owner"];

/** Each call that changes a job, with a token and a payload in it where there is one. */
function changes(
  probe: StoreProbe,
  job: StoredJob,
): Readonly<Record<string, (store: AnyStore) => Promise<unknown>>> {
  const { at } = probe;
  const { id, status, version } = job.record;
  const end = sampleWrite(job.record, { edges: ["T5"], patch: SAMPLE_END, output: JSON.stringify(PAYLOAD) });
  const plan = {
    id,
    plannedOn: { status, version, token: TOKEN },
    wakeAt: 7,
    purgeAt: null,
    latestWakeAt: NEVER,
    cursors: {},
  };
  const made = sampleJob({ id: `new-${id}`, metadata: PAYLOAD }, at.nowMs);
  const message = { id: `new-${id}`, dispatch: 1, token: TOKEN, leaseMs: 1_000 };
  const parked = { id: `new-${id}`, queue: "work", reason: "r", at: 2_000 };
  return {
    create: (store) => store.create({ ...at, items: [{ record: made, input: JSON.stringify(PAYLOAD) }] }),
    beat: (store) => store.beat({ ...at, items: [{ id, token: TOKEN, leaseMs: 600_000 }] }),
    claim: (store) => store.claim({ ...at, byMessage: { terms: sampleTerms(), items: [message] } }),
    advance: (store) => store.advance({ ...at, items: [plan] }),
    write: (store) => store.write({ ...at, items: [end] }),
    takeDue: (store) => store.takeDue({ ...at, limit: 9, holdMs: 30_000 }),
    park: (store) => store.park({ ...at, messages: [{ ...parked, body: PAYLOAD }] }),
    unpark: (store) => store.unpark({ ...at, ids: [`old-${id}`] }),
    pulse: (store) => store.pulse({ ...at, unserved: 7 }),
    purge: (store) => store.purge({ ...at, limit: 9, parkedBefore: parked.at }),
  };
}

function canFail({ fixture }: StoreProbe): boolean {
  return fixture.failNext !== undefined;
}

/** Fails every call once, and hands over what was said and what is stored before and after it. */
async function forEachFailure(
  probe: StoreProbe,
  how: "before" | "after",
  look: (name: string, error: unknown, before: unknown, after: unknown) => void,
): Promise<void> {
  if (
    probe.doesNotApply(!canFail(probe), "nothing makes the engine fail: what its errors say is not looked at")
  )
    return;
  for (const name of CHANGES) {
    const id = `job-${name}`;
    const job = await probe.processing({ id, metadata: PAYLOAD }, { token: TOKEN });
    const now = await probe.now();
    if (name === "claim") await probe.given(sampleQueuedJob({ id: `new-${id}` }, now));
    if (name === "takeDue") await probe.given(sampleJob({ id: `new-${id}`, wakeAt: now - 1 }, now));
    if (name === "purge")
      await probe.given(
        sampleJob({ id: `new-${id}`, status: "FAILED", wakeAt: null, purgeAt: now - 1 }, now),
      );
    if (name === "unpark" || name === "purge") {
      const message = { id: `old-${id}`, queue: "work", body: "b", reason: "r", at: 1_000 };
      await probe.store.park({ ...probe.at, messages: [message] });
    }
    await probe.indexed();
    const stored = async (): Promise<unknown> => {
      const { jobs } = await probe.store.read({
        ...probe.at,
        ids: [id, `new-${id}`],
        input: true,
        output: true,
      });
      const { messages } = await probe.store.parked({ ...probe.at, limit: 100 });
      const { unserved, lastPulseAt } = await probe.health();
      return { jobs, messages, unserved, lastPulseAt };
    };
    const before = await stored();
    const call = present(changes(probe, job)[name]);
    probe.fixture.failNext?.(how);
    const error = await call(probe.store).then(
      () => null,
      (reason: unknown) => reason,
    );
    look(name, error, before, await stored());
  }
}

function isHonest(name: string, error: unknown, before: unknown, after: unknown): void {
  assert.ok(
    isWaybillError(error, "store.unavailable"),
    `${name} rejects with a StoreUnavailableError when the engine fails, not with ${String(error)}`,
  );
  if (error.outcome === "not_applied")
    assert.deepEqual(after, before, `${name} said not_applied, and something was written`);
  else assert.equal(error.outcome, "unknown");
  const { message } = error;
  for (const secret of [TOKEN, PAYLOAD])
    assert.ok(!message.includes(secret), `the message of ${name} holds a payload or a token`);
}

export const outcomesBehaviour: StoreBehaviour = {
  group: "outcomes",
  tests: {
    "are honest where a request never arrives": async (probe) => {
      await forEachFailure(probe, "before", (name, error, before, after) => {
        isHonest(name, error, before, after);
        assert.deepEqual(
          after,
          before,
          `${name} was sent again after it had failed: a store never retries a change by itself`,
        );
      });
    },

    "are unknown where an answer is lost": async (probe) => {
      await forEachFailure(probe, "after", (name, error, before, after) => {
        // A beat that was taken and a plan that was written may look as before.
        isHonest(name, error, before, after);
        assert.ok(
          isWaybillError(error) && error.outcome === "unknown",
          `${name} lost an answer and said ${isWaybillError(error) ? error.outcome : "nothing"}`,
        );
      });
    },

    "of a question that fails are not that there is nothing": async (probe) => {
      if (probe.doesNotApply(!canFail(probe), "nothing makes the engine fail")) return;
      const { store, at } = probe;
      const now = await probe.now();
      await probe.awaiting({ id: "awaiting" });
      await probe.given(sampleReadyJob({ id: "ready", wakeAt: now - 1 }, now));
      await store.park({ ...at, messages: [{ id: "p-1", queue: "work", body: "b", reason: "r", at: now }] });
      await probe.indexed();
      const questions: Readonly<Record<string, () => Promise<unknown>>> = {
        list: () => store.list({ ...at, kinds: ["sample.work"], limit: 5 }),
        byRef: () => store.byRef({ ...at, kind: "sample.work", refKey: "ref-1" }),
        parked: () => store.parked({ ...at, limit: 5 }),
        health: () => store.health(at),
        takeDue: () => store.takeDue({ ...at, limit: 5, holdMs: 1_000 }),
        ...(store.capabilities.queue
          ? { "claim of the next": () => store.claim({ ...at, next: sampleNext() }) }
          : {}),
      };
      for (const [name, ask] of Object.entries(questions)) {
        probe.fixture.failNext?.("before");
        await assert.rejects(
          ask(),
          (error) => isWaybillError(error, "store.unavailable"),
          `${name} rejects with a StoreUnavailableError when the engine fails, and says not that there is nothing`,
        );
        await ask();
      }
    },

    "of a read that fails are not that there is no job": async (probe) => {
      if (probe.doesNotApply(!canFail(probe), "nothing makes the engine fail")) return;
      await probe.given(sampleJob({ id: "job-1" }, await probe.now()));
      probe.fixture.failNext?.("before");
      await assert.rejects(
        probe.find("job-1"),
        (error) => isWaybillError(error, "store.unavailable"),
        "read rejects when the engine fails",
      );
      assert.notEqual(await probe.find("job-1"), null, "the next call is served");
    },

    "outlive a crash, once they were answered": async (probe) => {
      const { fixture, store } = probe;
      if (probe.doesNotApply(fixture.crash === undefined, "the fixture has no crash")) return;
      if (
        probe.doesNotApply(
          ["memory", "weak"].includes(store.capabilities.durability),
          "what is answered may be lost in a crash",
        )
      )
        return;
      const { record } = await probe.processing({ id: "job-1" });
      accepted(
        await probe.write(sampleWrite(record, { edges: ["T5"], patch: SAMPLE_END, output: '"done"' })),
      );
      const before = await probe.read("job-1", { input: true, output: true });
      const again = present(await fixture.crash?.());
      const after = await new StoreProbe({ ...fixture, store: again }, again, probe.at.nowMs).read("job-1", {
        input: true,
        output: true,
      });
      assert.deepEqual(after, before, "it resolves when its effect is durable");
      await again.close();
    },

    "of a store without its schema say so": async (probe) => {
      if (
        probe.doesNotApply(
          probe.fixture.unmigrated === undefined,
          "the fixture has no place without a schema",
        )
      )
        return;
      const store = present(await probe.fixture.unmigrated?.());
      await assert.rejects(
        store.ready(),
        (error) => error instanceof StoreNotMigratedError || isWaybillError(error, "store.not_migrated"),
        "ready rejects with a StoreNotMigratedError",
      );
      await store.close();
    },
  },
};
