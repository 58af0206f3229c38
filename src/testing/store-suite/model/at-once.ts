import { memoryStore } from "../../../adapters/memory/store.js";
import type { AnyStore } from "../../../core/ports/store.js";
import { type JobRecord, START } from "../../../core/job/record.js";
import { differs } from "../../failure.js";
import { Interleaving } from "../../interleaving.js";
import {
  SAMPLE_END,
  sampleJob,
  sampleQueuedJob,
  sampleReadyJob,
  sampleTerms,
  sampleWrite,
} from "../../sample-jobs.js";
import type { StoreBehaviour } from "../store-behaviour.js";
import { NEVER, type StoreProbe, underScope } from "../store-probe.js";
import { type Call, perform } from "./call.js";
import { Chance } from "./chance.js";
import { isSomeOrder, type Look, type Made, made, saidAtOnce } from "./orders.js";

/** How often each pair of calls meets, unless the time is over. */
const ROUNDS = 3;
/** An engine that is slow is tried less often, and the suite says how often. */
const MOST_MS = 3_000;
const LEASE_MS = 60_000;
const FAR_MS = 600_000;

/** A job that calls meet at: how it comes to be, and what is asked of it. */
interface Meeting {
  readonly given: readonly ((job: Named) => Call)[];
  readonly calls: Readonly<Record<string, (job: Named) => Call>>;
}

interface Named {
  readonly id: string;
  /** Of its own, so that what takes the next takes this one. */
  readonly kind: string;
  readonly now: number;
  /** As it is when the calls meet. */
  readonly record: JobRecord;
  readonly scope: string;
}

const create = (record: JobRecord): Call => ({
  method: "create",
  request: { items: [{ record, input: '"in"' }] },
});
const writes = (record: JobRecord, change: Parameters<typeof sampleWrite>[1]): Call => ({
  method: "write",
  request: { items: [sampleWrite(record, change)] },
});
const claims = ({ id }: Named, name: string, token = `${name} of ${id}`): Call => ({
  method: "claim",
  request: {
    byMessage: {
      terms: sampleTerms({ transitionId: token }),
      items: [{ id, dispatch: 9, token, leaseMs: LEASE_MS }],
    },
  },
});
const claimsNext = ({ kind, id }: Named, name: string, token = `${name} of ${id}`): Call => ({
  method: "claim",
  request: {
    next: {
      terms: sampleTerms({ transitionId: token }),
      token,
      kinds: [{ kind, leaseMs: LEASE_MS }],
      limit: 1,
    },
  },
});
const beats = ({ id }: Named): Call => ({
  method: "beat",
  request: { items: [{ id, token: `token-1 of ${id}`, leaseMs: 2 * LEASE_MS }] },
});
const takesDue = (): Call => ({ method: "takeDue", request: { limit: 1, holdMs: 30_000 } });
const purges = (): Call => ({ method: "purge", request: { limit: 1, parkedBefore: 0 } });
const reads = ({ id }: Named): Call => ({
  method: "read",
  request: { ids: [id], input: true, output: true },
});

/** A plan on the job as it is when the calls meet. */
const plans = (
  { id, record }: Named,
  plan: { readonly wakeAt?: number | null; readonly purgeAt?: number | null; readonly upTo: number },
): Call => ({
  method: "advance",
  request: {
    items: [
      {
        id,
        plannedOn: { status: record.status, version: record.version, token: record.token },
        wakeAt: plan.wakeAt ?? null,
        purgeAt: plan.purgeAt ?? null,
        latestWakeAt: NEVER,
        cursors: { ui: { ...START, upTo: plan.upTo } },
      },
    ],
  },
});

const MEETINGS: Readonly<Record<string, Meeting>> = {
  "a job that waits in the store": {
    given: [
      ({ id, kind, now, scope }) =>
        create(
          sampleReadyJob(
            { id, kind, scope, readyAt: now - FAR_MS, wakeAt: now - FAR_MS, notifiers: ["ui"] },
            now,
          ),
        ),
    ],
    calls: {
      "claim next": (job) => claimsNext(job, "token-a"),
      "claim next under the same token": (job) => claimsNext(job, "token-a"),
      "claim next under another token": (job) => claimsNext(job, "token-b"),
      "claim by message": (job) => claims(job, "token-c"),
      recall: ({ record }) =>
        writes(record, { edges: ["T3"], patch: { readyAt: null, sendAt: record.createdAt, dispatch: 2 } }),
      cancel: ({ record }) => writes(record, { edges: ["T9"], patch: { ...SAMPLE_END, readyAt: null } }),
      "take due": takesDue,
      advance: (job) => plans(job, { wakeAt: job.now + FAR_MS, upTo: 2 }),
      "create under its scope": ({ id, scope, now }) => create(sampleJob({ id: `other-${id}`, scope }, now)),
      read: reads,
    },
  },
  "a job that is run": {
    given: [
      ({ id, kind, now }) => create(sampleQueuedJob({ id, kind, notifiers: ["ui"] }, now)),
      (job) => claims(job, "token-1"),
      ({ record, now }) => writes(record, { patch: { wakeAt: now - FAR_MS } }),
    ],
    calls: {
      beat: beats,
      "beat again": beats,
      phase: ({ record }) =>
        writes(record, { edges: ["phase"], patch: { phase: "half", progress: { done: 1 } } }),
      complete: ({ record }) => writes(record, { edges: ["T5"], patch: SAMPLE_END, output: '"out"' }),
      fail: ({ record }) => writes(record, { edges: ["T6"], patch: SAMPLE_END }),
      "ask to cancel": ({ record, now }) =>
        writes(record, { edges: ["cancel"], patch: { cancel: { at: now, actor: null, reason: null } } }),
      wait: ({ record, now }) =>
        writes(record, {
          edges: ["waiting"],
          patch: { token: null, leaseUntil: null, wakeAt: now + FAR_MS, awaiting: awaitingSince(now) },
        }),
      return: ({ record, now }) =>
        writes(record, {
          edges: ["T7"],
          patch: { ...SAMPLE_END, dispatch: 10, sendAt: now - FAR_MS, wakeAt: now - FAR_MS },
        }),
      "claim again": (job) => claims(job, "token-1"),
      "claim under another token": (job) => claims(job, "token-2"),
      "take due": takesDue,
      advance: (job) => plans(job, { wakeAt: job.now + FAR_MS, upTo: 3 }),
      "advance of another": (job) => plans(job, { wakeAt: job.now - FAR_MS, upTo: 2 }),
      read: reads,
    },
  },
  "a job whose message is on its way": {
    given: [
      ({ id, kind, now }) =>
        create(sampleJob({ id, kind, sendAt: now - FAR_MS, wakeAt: now - FAR_MS, notifiers: ["ui"] }, now)),
    ],
    calls: {
      "claim by message": (job) => claims(job, "token-1"),
      "claim by another message": (job) => claims(job, "token-2"),
      "mark as sent": ({ record }) =>
        writes(record, {
          edges: ["T2"],
          guard: { dispatch: record.dispatch },
          patch: { sendAt: record.createdAt + FAR_MS },
        }),
      "mark as sent again": ({ record }) => writes(record, { patch: { send: record.send + 1 } }),
      beat: beats,
      "take due": takesDue,
      advance: (job) => plans(job, { wakeAt: job.now + FAR_MS, upTo: 1 }),
      read: reads,
    },
  },
  "a job that has ended": {
    given: [
      ({ id, kind, now, scope }) => create(sampleQueuedJob({ id, kind, scope, notifiers: ["ui"] }, now)),
      (job) => claims(job, "token-1"),
      ({ record, now }) =>
        writes(record, { edges: ["T5"], patch: { ...SAMPLE_END, purgeAt: now - FAR_MS }, output: '"out"' }),
    ],
    calls: {
      purge: purges,
      "purge again": purges,
      "put off": (job) => plans(job, { purgeAt: job.now + FAR_MS, upTo: 4 }),
      advance: (job) => plans(job, { purgeAt: job.now - FAR_MS, upTo: 3 }),
      beat: beats,
      "claim again": (job) => claims(job, "token-1"),
      "create anew": ({ id, scope, now }) => create(sampleJob({ id, scope, subject: "anew" }, now)),
      "create under its scope": ({ id, scope, now }) => create(sampleJob({ id: `other-${id}`, scope }, now)),
      read: reads,
    },
  },
};

function awaitingSince(now: number): NonNullable<JobRecord["awaiting"]> {
  const times = { since: now, deadlineAt: now + FAR_MS, nextPollAt: now + FAR_MS };
  return {
    ref: { launch: 1 },
    refKeys: ["ref-1"],
    ...times,
    fence: 1,
    pollErrors: 0,
    cancellable: true,
    cancelSent: false,
  };
}

/** Two calls, or three, that meet at one job. */
class Meetings {
  readonly #probe: StoreProbe;
  readonly #handles: readonly AnyStore[];
  readonly #chance: Chance;
  #round = 0;

  constructor(probe: StoreProbe, handles: readonly AnyStore[], seed: number) {
    this.#probe = probe;
    this.#handles = handles;
    this.#chance = new Chance(seed);
  }

  async meet(given: Meeting["given"], calls: readonly ((job: Named) => Call)[]): Promise<void> {
    this.#round += 1;
    const { job, before } = await this.#prepare(given);
    const waits = new Interleaving(this.#chance.below(2 ** 31));
    this.#probe.fixture.interleave?.(() => waits.pause());
    const racing = await Promise.all(
      calls.map(async (call, index) => {
        await waits.pause();
        return made(
          this.#handles[index % this.#handles.length] ?? this.#probe.store,
          call(job),
          this.#probe.at.nowMs,
        );
      }),
    );
    this.#probe.fixture.interleave?.(() => Promise.resolve());
    await this.#judge(job, before, racing);
  }

  async #prepare(
    given: Meeting["given"],
  ): Promise<{ readonly job: Named; readonly before: readonly Made[] }> {
    const now = await this.#probe.now();
    const scope = `sc-${String(this.#round)}`;
    const id = underScope(`job-${String(this.#round)}`, scope);
    const before: Made[] = [];
    let job: Named = { id, kind: `kind-${String(this.#round)}`, now, scope, record: sampleJob({ id }, now) };
    for (const make of given) {
      before.push(await made(this.#probe.store, make(job), this.#probe.at.nowMs));
      job = { ...job, record: (await this.#probe.read(id)).record };
    }
    return { job, before };
  }

  async #judge(job: Named, before: readonly Made[], racing: readonly Made[]): Promise<void> {
    const look: Look = async (store, nowMs) => {
      const ids = [job.id, `other-${job.id}`];
      const { nowMs: _, ...all } = await perform(
        store,
        { method: "read", request: { ids, input: true, output: true } },
        nowMs,
      );
      return all;
    };
    const { nowMs } = this.#probe.at;
    const found = await look(this.#probe.store, nowMs);
    if (!(await isSomeOrder(before, racing, look, found, nowMs))) {
      const model = memoryStore();
      for (const { call, nowMs: at } of before) await perform(model, call, at);
      for (const { call, nowMs: at } of racing) await perform(model, call, at);
      differs(
        `"Evaluated inside the store, atomically": these calls met at one job, and no order of them explains what they answered and what is stored.\n${saidAtOnce(racing)}\nBeside what is stored stands what the order above would have left:`,
        found,
        await look(model, nowMs),
      );
    }
    await this.#clear(job);
  }

  /** Nothing that is left is due, or past its time, when the next meet. */
  async #clear(job: Named): Promise<void> {
    for (const id of [job.id, `other-${job.id}`]) {
      const stored = await this.#probe.find(id);
      if (stored === null) continue;
      const { record, cursors } = stored;
      const plannedOn = { status: record.status, version: record.version, token: record.token };
      const plan = { id, plannedOn, wakeAt: null, purgeAt: null, latestWakeAt: NEVER, cursors };
      await this.#probe.store.advance({ ...this.#probe.at, items: [plan] });
    }
  }
}

async function meetAll(probe: StoreProbe, { given, calls }: Meeting): Promise<void> {
  const second = await probe.fixture.second?.();
  const { queue, listIsConsistent } = probe.store.capabilities;
  const usable = Object.entries(calls).filter(([name]) => {
    if (name.startsWith("claim next")) return queue;
    // What is found by an index that lags behind is found later.
    return listIsConsistent || (!name.startsWith("take due") && !name.startsWith("purge"));
  });
  const pairs = usable.flatMap(([, one], index) => usable.slice(index + 1).map(([, other]) => [one, other]));
  const chance = new Chance(pairs.length);
  const triples = pairs.map((pair) => [
    ...pair,
    chance.of(...(usable as [(typeof usable)[0], ...typeof usable]))[1],
  ]);
  const meetings = new Meetings(probe, second === undefined ? [probe.store] : [probe.store, second], 7);
  const began = performance.now();
  let met = 0;
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const group of chance.shuffled(round === ROUNDS - 1 ? triples : pairs)) {
        if (performance.now() - began > MOST_MS) return;
        await meetings.meet(given, group);
        met += 1;
      }
    }
  } finally {
    const isInside = probe.fixture.interleave !== undefined;
    console.info(
      `interleaving: ${String(met)} meetings of ${String(pairs.length)} pairs, ${isInside ? "delayed by seed within the store" : "begun by seed"}`,
    );
    await second?.close();
  }
}

/** Different calls on one job at the same time: what they leave is what they would leave one after the other. */
export const atOnceBehaviour: StoreBehaviour = {
  group: "calls at once",
  tests: {
    ...Object.fromEntries(
      Object.entries(MEETINGS).map(([name, meeting]) => [
        `leave ${name} as if they had come one after the other`,
        (probe: StoreProbe) => meetAll(probe, meeting),
      ]),
    ),
  },
};
