import fc from "fast-check";
import type { ClaimNext, StoredJob } from "../../../src/core/ports/store.js";
import { sampleTerms } from "../../../src/testing/sample-jobs.js";
import { aJob, perhaps, seldom, someKinds } from "./args.js";
import type { Ask } from "./commands.js";
import type { ModelWorld } from "./world.js";

const LEASES_MS: readonly number[] = [1, 1_000, 60_000];

interface Claim {
  readonly job: number;
  readonly ahead: number;
  readonly token: number;
  readonly leaseMs: number;
  readonly newer: boolean;
}

const claim: Ask<Claim> = {
  args: fc.record({
    job: aJob,
    ahead: fc.constantFrom(0, 0, 0, 0, 0, 0, 1, -1),
    token: fc.nat(3),
    leaseMs: fc.constantFrom(...LEASES_MS),
    newer: seldom,
  }),
  async run(world, { job, ahead, token, leaseMs, newer }) {
    const id = world.idOf(job);
    const dispatch = (world.record(id)?.dispatch ?? 1) + ahead;
    const items = [{ id, dispatch, token: `message ${String(token)} of ${id}`, leaseMs }];
    const terms = sampleTerms({ ...(newer ? { recordVersion: 2 } : {}), worker: 'worker "],[" é' });
    await world.both((store) => store.claim({ ...world.at, byMessage: { terms, items } }));
  },
};

/** Asks for as many under each token as ever: what a token holds is then never more than is asked for. */
export function sampleNextOf(token: number, kinds: readonly string[]): ClaimNext {
  return {
    terms: sampleTerms(),
    token: `next ${String(token)}`,
    kinds: kinds.map((kind, index) => ({ kind, leaseMs: LEASES_MS[index] ?? 1 })),
    limit: 1 + token,
  };
}

const claimNext: Ask<{ readonly token: number; readonly kinds: readonly string[] }> = {
  args: fc.record({ token: fc.nat(3), kinds: someKinds }),
  async run(world, { token, kinds }) {
    if (!world.store.capabilities.queue) return;
    const next = sampleNextOf(token, kinds);
    await world.both(
      (store) => store.claim({ ...world.at, next }),
      // Of two that are ready at one instant either is next.
      ({ jobs, nextReady, ...rest }) => ({
        ...rest,
        jobs: inAnyOrderIfHeld(world, next, jobs),
        nextReadyAt: nextReady?.readyAt ?? null,
      }),
    );
  },
};

/** What a token held before comes first, in whatever order; the rest by since when it could be claimed. */
export function inAnyOrderIfHeld(
  world: ModelWorld,
  { token }: Pick<ClaimNext, "token">,
  jobs: readonly StoredJob[],
): {
  readonly held: readonly StoredJob[];
  readonly fresh: readonly StoredJob[];
  readonly heldFirst: boolean;
} {
  const isHeld = ({ record }: StoredJob): boolean => world.record(record.id)?.token === token;
  const held = jobs.filter(isHeld);
  return {
    held: [...held].sort((a, b) => (a.record.id < b.record.id ? -1 : 1)),
    fresh: jobs.filter((job) => !isHeld(job)),
    heldFirst: jobs.slice(0, held.length).every(isHeld),
  };
}

const takeDue: Ask<{ readonly limit: number; readonly holdMs: number; readonly after: number | null }> = {
  args: fc.record({
    limit: fc.integer({ min: 1, max: 5 }),
    holdMs: fc.constantFrom(1, 5_000, 30_000),
    after: perhaps(aJob),
  }),
  async run(world, { limit, holdMs, after }) {
    const id = after === null ? "" : world.idOf(after);
    const wakeAt = world.record(id)?.wakeAt ?? null;
    const place = wakeAt === null ? {} : { after: { wakeAt, id } };
    // When the next is due an engine may say or not: the suite looks at that.
    await world.both(
      (store) => store.takeDue({ ...world.at, limit, holdMs, ...place }),
      (reply) => ({ ...reply, nextDueAt: null }),
    );
  },
};

const purge: Ask<{ readonly parkedBeforeMs: number }> = {
  args: fc.record({ parkedBeforeMs: fc.constantFrom(-1_000, 0, 1_000) }),
  async run(world, { parkedBeforeMs }) {
    const parkedBefore = world.nowMs + parkedBeforeMs;
    await world.both((store) => store.purge({ ...world.at, limit: 100, parkedBefore }));
  },
};

const pass: Ask<{ readonly ms: number }> = {
  args: fc.record({ ms: fc.constantFrom(1, 999, 1_000, 60_000) }),
  async run(world, { ms }) {
    world.pass(ms);
  },
};

/** What changes jobs that are not named, or by time. */
export const taking = { claim, claimNext, takeDue, purge, pass } as const;
