import assert from "node:assert/strict";
import fc from "fast-check";
import { type JobStatus, STATUSES } from "../../../src/core/job/lifecycle.js";
import type { AnyStore, ListRequest, StoredJob } from "../../../src/core/ports/store.js";
import { anId, KINDS, OWNERS, perhaps, REF_KEYS, seldom, someKinds } from "./args.js";
import type { Ask } from "./commands.js";

const read: Ask<{ readonly ids: readonly string[]; readonly input: boolean; readonly output: boolean }> = {
  args: fc.record({
    ids: fc.uniqueArray(fc.oneof(anId, fc.constantFrom("none", "__proto__"))),
    input: fc.boolean(),
    output: fc.boolean(),
  }),
  async run(world, { ids, input, output }) {
    await world.both((store) => store.read({ ...world.at, ids, input, output }));
  },
};

interface List {
  readonly owner: string | null;
  readonly byOwner: boolean;
  readonly subject: string | null;
  readonly kinds: readonly string[] | null;
  readonly statuses: readonly JobStatus[] | null;
  readonly undeliverable: boolean;
  readonly limit: number;
}

const list: Ask<List> = {
  args: fc.record({
    owner: fc.constantFrom(...OWNERS),
    byOwner: seldom,
    subject: fc.option(
      anId.map((id) => `subject of ${id}`),
      { nil: null, freq: 2 },
    ),
    kinds: perhaps(someKinds),
    statuses: perhaps(fc.subarray([...STATUSES], { minLength: 2 })),
    undeliverable: seldom,
    limit: fc.integer({ min: 1, max: 4 }),
  }),
  async run(world, { owner, byOwner, subject, kinds, statuses, undeliverable, limit }) {
    if (!world.store.capabilities.listIsConsistent) return;
    const request: ListRequest = {
      ...world.at,
      limit,
      ...(byOwner ? { owner } : {}),
      ...(subject === null ? {} : { subject }),
      ...(kinds === null ? {} : { kinds }),
      ...(statuses === null ? {} : { statuses }),
      ...(undeliverable ? { undeliverable } : {}),
    };
    await world.both((store) => allPages(store, request));
  },
};

/** Where a page ends is the store's own business. */
async function allPages(store: AnyStore, request: ListRequest): Promise<readonly StoredJob[]> {
  const jobs: StoredJob[] = [];
  let after: ListRequest["after"];
  for (let pages = 0; pages < 100; pages += 1) {
    const page = await store.list({ ...request, ...(after === undefined ? {} : { after }) });
    jobs.push(...page.jobs);
    if (page.next === null) return jobs;
    after = page.next;
  }
  return assert.fail("the pages do not end");
}

const byRef: Ask<{ readonly kind: string; readonly refKey: string }> = {
  args: fc.record({ kind: fc.constantFrom(...KINDS), refKey: fc.constantFrom(...REF_KEYS) }),
  async run(world, { kind, refKey }) {
    if (!world.store.capabilities.listIsConsistent) return;
    await world.both((store) => store.byRef({ ...world.at, kind, refKey }));
  },
};

interface Park {
  readonly id: number;
  readonly unpark: number | null;
  readonly after: number | null;
}

const park: Ask<Park> = {
  args: fc.record({ id: fc.nat(4), unpark: perhaps(fc.nat(4)), after: perhaps(fc.nat(4)) }),
  async run(world, { id, unpark, after }) {
    const message = {
      id: `message-${String(id)}`,
      queue: "work",
      body: `{"at":${String(world.nowMs)}}`,
      reason: "unparsable",
      at: world.nowMs,
    };
    await world.both((store) => store.park({ ...world.at, messages: [message] }));
    if (unpark !== null) {
      const ids = [`message-${String(unpark)}`];
      await world.both((store) => store.unpark({ ...world.at, ids }));
    }
    const place = after === null ? {} : { after: `message-${String(after)}` };
    await world.both((store) => store.parked({ ...world.at, limit: 3, ...place }));
  },
};

const health: Ask<{ readonly unserved: number | null }> = {
  args: fc.record({ unserved: perhaps(fc.nat(3)) }),
  async run(world, { unserved }) {
    if (!world.store.capabilities.listIsConsistent) return;
    if (unserved !== null) await world.both((store) => store.pulse({ ...world.at, unserved }));
    const { queue } = world.store.capabilities;
    await world.both(
      (store) => store.health(world.at),
      // A store that is no queue does not look for what could be claimed from it.
      ({ oldestReadyAt, ...rest }) => (queue ? { oldestReadyAt, ...rest } : rest),
    );
  },
};

/** What changes no job. */
export const looking = { read, list, byRef, park, health } as const;
