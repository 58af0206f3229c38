import assert from "node:assert/strict";
import fc from "fast-check";
import { type EdgeId, isFinal, type JobStatus } from "../../../src/core/job/lifecycle.js";
import type { AdvanceItem, ClaimNext, WriteGuard, WriteItem } from "../../../src/core/ports/store.js";
import { isBehind, type JobRecord, type RecordPatch, START } from "../../../src/core/job/record.js";
import {
  sampleHistory,
  sampleJob,
  sampleQueuedJob,
  sampleReadyJob,
  sampleWrite,
} from "../../../src/testing/sample-jobs.js";
import { age, aJob, anOffsetMs, KINDS, NOTIFIERS, OWNERS, perhaps, REF_KEYS, seldom } from "./args.js";
import type { Ask } from "./commands.js";
import { inAnyOrderIfHeld, sampleNextOf } from "./taking.js";
import type { ModelWorld } from "./world.js";

/** What can be written from each status; more than one entry where the core writes more. */
const EDGES_FROM: Readonly<Record<JobStatus, readonly (readonly EdgeId[])[]>> = {
  PENDING: [[], ["T2"], ["T2"], ["T8"]],
  QUEUED: [[], [], ["T3"], ["T9"]],
  PROCESSING: [[], ["phase"], ["waiting"], ["cancel"], ["warning"], ["T5"], ["T6"], ["T7"], ["T7", "T2"]],
  // No guard names a final status: what is written on such a record is refused.
  COMPLETED: [["T6"]],
  FAILED: [["T5"]],
};

interface Create {
  readonly job: number;
  readonly kind: string;
  readonly status: "PENDING" | "QUEUED" | "ready";
  readonly owner: string | null;
  readonly scope: string | null;
  readonly offsetMs: number;
  readonly deadlineMs: number | null;
  readonly notifiers: readonly string[];
  readonly newer: boolean;
  readonly second: number | null;
}

function recordOf({ nowMs }: ModelWorld, id: string, given: Create): JobRecord {
  const { kind, status, owner, scope, offsetMs, deadlineMs, notifiers, newer } = given;
  const fields = {
    id,
    kind,
    owner,
    scope,
    subject: `subject of ${id}`,
    inputHash: scope === null ? null : "hash",
    metadata: { note: 'é "\u0001' },
    notifiers,
    deadlineAt: deadlineMs === null ? null : nowMs + deadlineMs,
    recordVersion: newer ? 2 : 1,
    wakeAt: nowMs + offsetMs,
  };
  if (status === "PENDING") return sampleJob({ ...fields, sendAt: nowMs + offsetMs }, nowMs);
  if (status === "QUEUED") return sampleQueuedJob(fields, nowMs);
  return sampleReadyJob({ ...fields, readyAt: nowMs + offsetMs, wakeAt: null }, nowMs);
}

const create: Ask<Create> = {
  args: fc.record({
    job: aJob,
    kind: fc.constantFrom(...KINDS),
    status: fc.constantFrom("PENDING", "QUEUED", "ready", "ready"),
    owner: fc.constantFrom(...OWNERS),
    scope: perhaps(fc.constantFrom("scope-1", "scope-2")),
    offsetMs: anOffsetMs,
    deadlineMs: perhaps(anOffsetMs),
    notifiers: fc.subarray([...NOTIFIERS]),
    newer: seldom,
    second: perhaps(aJob),
  }),
  async run(world, given) {
    const id = world.newId(given.job);
    const items = [{ record: recordOf(world, id, given), input: `"input of ${id}"` }];
    const second = given.second === null ? id : world.idOf(given.second);
    if (second !== id) items.push({ record: recordOf(world, second, given), input: "{}" });
    await world.both((store) => store.create({ ...world.at, items }));
  },
};

/** What of a guard is not as it was seen. */
type Off = "token" | "no token" | "status" | "dispatch" | "lease";

interface Write {
  readonly job: number;
  readonly age: number;
  readonly pick: number;
  readonly off: Off | null;
  /** What the guard names besides. */
  readonly also: "dispatch" | "lease" | null;
  readonly leaseMs: number | null;
  readonly offsetMs: number;
  readonly replace: boolean;
  readonly thenClaim: number | null;
}

const write: Ask<Write> = {
  args: fc.record({
    job: aJob,
    age,
    pick: fc.nat(71),
    off: fc.oneof(
      { weight: 4, arbitrary: fc.constant(null) },
      {
        weight: 1,
        arbitrary: fc.constantFrom<Off>("token", "no token", "status", "dispatch", "lease"),
      },
    ),
    also: fc.constantFrom(null, null, null, "dispatch", "lease"),
    leaseMs: perhaps(fc.constantFrom(1, 1_000, 60_000)),
    offsetMs: anOffsetMs,
    replace: seldom,
    thenClaim: fc.constantFrom(null, null, null, 0, 1, 2, 3),
  }),
  async run(world, given) {
    const id = world.idOf(given.job);
    const seen = world.record(id, given.age) ?? sampleJob({ id }, world.nowMs);
    const items = [writeOf(world, seen, given)];
    const next = thenClaimOf(world, given.thenClaim);
    await world.both(
      (store) => store.write({ ...world.at, items, ...(next === null ? {} : { thenClaim: next }) }),
      ({ claimed, ...rest }) => ({
        ...rest,
        claimed: next === null ? claimed : inAnyOrderIfHeld(world, next, claimed ?? []),
      }),
    );
  },
};

function thenClaimOf(world: ModelWorld, token: number | null): ClaimNext | null {
  if (token === null || !world.store.capabilities.writeThenClaim) return null;
  return sampleNextOf(token, KINDS);
}

function writeOf(world: ModelWorld, seen: JobRecord, given: Write): WriteItem {
  const choices = EDGES_FROM[seen.status];
  const edges = choices[given.pick % choices.length] ?? [];
  const { leaseMs } = given;
  const patch = patchOf(world, seen, edges, given.offsetMs);
  const isHeld = seen.status === "PROCESSING" && seen.token !== null && patch.token === undefined;
  return sampleWrite(seen, {
    edges,
    patch,
    guard: guardOf(seen, given),
    ...(given.replace ? { replace: sampleHistory(["T1"], { nowMs: 5, version: 1 }) } : {}),
    ...(leaseMs !== null && isHeld ? { leaseMs } : {}),
    ...(edges.includes("T5") ? { output: '{"done":"\\u0000"}' } : {}),
  });
}

function guardOf(seen: JobRecord, { off, also }: Write): Partial<WriteGuard> {
  const { leaseUntil, status } = seen;
  return {
    ...(also === "dispatch" || off === "dispatch"
      ? { dispatch: seen.dispatch + (off === "dispatch" ? 1 : 0) }
      : {}),
    ...(leaseUntil !== null && (also === "lease" || off === "lease")
      ? { expiredLease: leaseUntil - (off === "lease" ? 1 : 0) }
      : {}),
    ...(off === "token" ? { token: "forged" } : {}),
    ...(off === "no token" ? { token: null } : {}),
    ...(off === "status" ? { status: status === "PENDING" ? "QUEUED" : "PENDING" } : {}),
  };
}

const NO_CLAIM: RecordPatch = { token: null, leaseUntil: null, awaiting: null, cancel: null };

/** What goes with each edge, as far as indexes and guards of a store look at it. */
function patchOf(
  { nowMs }: ModelWorld,
  seen: JobRecord,
  edges: readonly EdgeId[],
  offsetMs: number,
): RecordPatch {
  const at = nowMs + offsetMs;
  const wakeAt = { wakeAt: at, updatedAt: nowMs };
  const last = edges.at(-1);
  switch (last) {
    case undefined:
      return { progress: { done: offsetMs }, percent: 0.5, etaAt: at, send: seen.send + 1 };
    case "T2":
      // Back into its line, or out of the process that is to send it.
      return seen.queue === null
        ? { ...NO_CLAIM, dispatch: seen.dispatch + 1, readyAt: at, sendAt: null, wakeAt: null }
        : { ...NO_CLAIM, queuedAt: nowMs, sendAt: at, ...wakeAt };
    case "T3":
    case "T7":
      return { ...NO_CLAIM, dispatch: seen.dispatch + 1, sendAt: at, readyAt: null, phase: null, ...wakeAt };
    case "T5":
    case "T6":
    case "T8":
    case "T9":
      return { ...NO_CLAIM, readyAt: null, sendAt: null, finishedAt: nowMs, wakeAt: null, purgeAt: at };
    case "waiting":
      return { token: null, leaseUntil: null, awaiting: awaitingOf(nowMs, offsetMs), ...wakeAt };
    case "cancel":
      return { cancel: { at: nowMs, actor: "ann", reason: null }, ...wakeAt };
    case "phase":
    case "warning":
    case "T1":
    case "T4":
      return { phase: `phase ${String(offsetMs)}`, checkpoint: [offsetMs], ...wakeAt };
  }
}

function awaitingOf(nowMs: number, offsetMs: number): NonNullable<JobRecord["awaiting"]> {
  return {
    ref: { launch: 1 },
    refKeys: offsetMs > 0 ? REF_KEYS : REF_KEYS.slice(1),
    since: nowMs,
    deadlineAt: nowMs + 60_000,
    nextPollAt: nowMs + offsetMs,
    fence: 1,
    pollErrors: 0,
    cancellable: true,
    cancelSent: false,
  };
}

const beat: Ask<{ readonly job: number; readonly age: number; readonly leaseMs: number }> = {
  args: fc.record({ job: aJob, age, leaseMs: fc.constantFrom(1, 1_000, 60_000) }),
  async run(world, { job, age: back, leaseMs }) {
    const id = world.idOf(job);
    const items = [{ id, token: world.record(id, back)?.token ?? "nobody", leaseMs }];
    await world.both((store) => store.beat({ ...world.at, items }));
  },
};

interface Advance {
  readonly job: number;
  readonly age: number;
  readonly forged: boolean;
  readonly wakeMs: number | null;
  readonly latestMs: number;
  readonly purgeMs: number | null;
  readonly cursors: readonly (readonly [
    name: string,
    cursor: { readonly behind: number; readonly attempts: number; readonly retryMs: number | null },
  ])[];
  readonly exhausted: boolean;
}

const advance: Ask<Advance> = {
  args: fc.record({
    job: aJob,
    age,
    forged: seldom,
    wakeMs: perhaps(anOffsetMs),
    latestMs: anOffsetMs,
    purgeMs: perhaps(anOffsetMs),
    cursors: fc.uniqueArray(
      fc.tuple(
        fc.constantFrom(...NOTIFIERS),
        fc.record({ behind: fc.nat(2), attempts: fc.nat(2), retryMs: perhaps(anOffsetMs) }),
      ),
      { selector: ([name]) => name, maxLength: 2 },
    ),
    exhausted: seldom,
  }),
  async run(world, given) {
    const item = advanceOf(world, given);
    const { results } = await world.store.advance({ ...world.at, items: [item] });
    if (results[0]?.status === "refused") {
      assertMayRefuse(world, item);
      assert.deepEqual(results[0].cursors, world.stored(item.id)?.cursors);
      return;
    }
    const expected = await world.model.advance({ ...world.at, items: [item] });
    assert.deepEqual(results, expected.results);
  },
};

function advanceOf(world: ModelWorld, given: Advance): AdvanceItem {
  const { forged, wakeMs, latestMs, purgeMs } = given;
  const id = world.idOf(given.job);
  const { nowMs } = world;
  const seen = world.record(id, given.age) ?? sampleJob({ id }, nowMs);
  const cursors = given.cursors.map(([name, { behind, attempts, retryMs }]) => {
    const retryAt = retryMs === null ? null : nowMs + retryMs;
    const exhausted = given.exhausted ? [1] : [];
    const upTo = Math.max(0, seen.version - behind);
    const failed = attempts === 0 ? {} : { since: nowMs, reason: "busy" };
    return [name, { ...START, ...failed, upTo, attempts, retryAt, exhausted }] as const;
  });
  return {
    id,
    plannedOn: { status: seen.status, version: seen.version, token: forged ? "forged" : seen.token },
    wakeAt: wakeMs === null ? null : nowMs + wakeMs,
    // Nothing but a final record is ever removed.
    purgeAt: purgeMs !== null && isFinal(seen.status) ? nowMs + purgeMs : null,
    latestWakeAt: nowMs + latestMs,
    cursors: Object.fromEntries(cursors),
  };
}

/** An engine that cannot write a part of an advance may refuse it whole, but only where a part is all there is to write. */
function assertMayRefuse(world: ModelWorld, { id, plannedOn, cursors }: AdvanceItem): void {
  const stored = world.stored(id);
  assert.ok(stored !== null);
  const { status, version, token } = stored.record;
  const isPlanned = status === plannedOn.status && version === plannedOn.version && token === plannedOn.token;
  const isOld = Object.entries(cursors).some(([name, cursor]) => {
    const known = Object.hasOwn(stored.cursors, name) ? stored.cursors[name] : START;
    return isBehind(cursor, known ?? START);
  });
  assert.ok(!isPlanned || isOld, "an advance that could be written was refused");
}

/** What changes one job that is named. */
export const changing = { create, write, beat, advance } as const;
