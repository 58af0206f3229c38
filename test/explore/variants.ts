import type { StoredRow } from "../../src/adapters/memory/store-semantics.js";
import type { Change, Decision } from "../../src/core/decide/change.js";
import { decodeHistory, encodeHistory } from "../../src/core/history.js";
import type { JobRecord, Snapshot } from "../../src/core/record.js";
import { FAMILIES, type FamilyName } from "./families.js";
import { REAL, type Rules } from "./model/rules.js";
import type { Setup } from "./model/world.js";
import type { Monitor } from "./monitors.js";

/** The protocol with one rule taken away: a search that does not find the harm would see nothing. */
export interface Variant {
  readonly name: string;
  readonly family: FamilyName;
  readonly rules: Rules;
  readonly setup?: Partial<Setup>;
  /** Switched off where the rule is guarded twice, to see the harm behind the first alarm. */
  readonly off?: readonly Monitor[];
  /** How the finding begins. */
  readonly found: string;
}

const W1 = "W1 the wake-up covers every need";

type Names<F> = { [K in keyof Rules]: Rules[K] extends F ? K : never }[keyof Rules];
type Decides = Names<(...given: never[]) => Decision>;

/** The same decisions with what they write changed. */
function rewriting(names: readonly Decides[], rewrite: (change: Change) => Change): Rules {
  const changed = names.map((name) => {
    const real = REAL[name] as (...given: unknown[]) => Decision;
    return [
      name,
      (...given: unknown[]) => {
        const decision = real(...given);
        return decision.do === "write" ? rewrite(decision) : decision;
      },
    ];
  });
  return { ...REAL, ...(Object.fromEntries(changed) as Partial<Rules>) };
}

function patching(names: readonly Decides[], patch: Partial<JobRecord>): Rules {
  return rewriting(names, (change) => ({
    ...change,
    item: { ...change.item, patch: { ...change.item.patch, ...patch } },
  }));
}

function without<T extends { readonly record: JobRecord }>(held: T, patch: Partial<JobRecord>): T {
  return { ...held, record: { ...held.record, ...patch } };
}

function blindToCancel(name: "retry" | "sweep"): Rules {
  const real = REAL[name] as (seen: Snapshot, ...rest: unknown[]) => Decision;
  return {
    ...REAL,
    [name]: (seen: Snapshot, ...rest: unknown[]) => real(without(seen, { cancel: null }), ...rest),
  };
}

/** Wake-ups are not set where a change ends at this edge. */
function sleepingAfter(edge: "T1" | "T2" | "T4" | "T7"): Rules {
  const asleep = { wakeAt: null };
  switch (edge) {
    case "T1":
      return { ...REAL, createRecord: (...given) => ({ ...REAL.createRecord(...given), ...asleep }) };
    case "T4":
      return {
        ...REAL,
        applyClaimByMessage: (before, ...given) => {
          const applied = REAL.applyClaimByMessage(before, ...given);
          return applied.row === before ? applied : { ...applied, row: without(applied.row, asleep) };
        },
      };
    case "T2":
      return patching(["markSent"], asleep);
    case "T7":
      return patching(["retry", "sweep"], asleep);
  }
}

/** Two entries of one change under one version, as if a version counted changes. */
function sharing(before: JobRecord | null, after: JobRecord): JobRecord {
  const entries = decodeHistory(after.history);
  const first = (before?.version ?? 0) + 1;
  if (after.version <= first) return after;
  const merged = entries.map((entry) => (entry.version > first ? { ...entry, version: first } : entry));
  return { ...after, version: first, history: encodeHistory(merged) };
}

/** The entry before the last has taken its version: a relay that stops between the two loses the second. */
const SHARED: Rules = {
  ...REAL,
  createRecord: (...given) => sharing(null, REAL.createRecord(...given)),
};

function unguardedSweep({ guard, ...item }: Change["item"], row: StoredRow): Change["item"] {
  const { version, token } = row.record;
  return {
    ...item,
    guard: { status: guard.status, version, token },
    patch: { ...item.patch, version: version + 1 },
  };
}

/** A search for what is stuck has to be complete: as few states as the harm needs. */
const QUEUE_ONLY = {
  deadLetters: false,
  outcomes: ["complete", "retry"],
  faults: new Set(["crash", "loss"]),
} satisfies Partial<Setup>;

export const VARIANTS: readonly Variant[] = [
  {
    name: "worker writes guarded by status only",
    family: "A2",
    rules: { ...REAL, workerGuard: "status" },
    found: "S5",
  },
  {
    name: "a refused worker writes again, token nowhere",
    family: "A2",
    rules: {
      ...REAL,
      afterRefusal: "write_again",
      workerGuard: "full",
      applyWrite: (row, item, now) =>
        REAL.applyWrite(row, { ...item, guard: { ...item.guard, token: row.record.token } }, now),
    },
    found: "S5",
  },
  { name: "blind mark", family: "A", rules: { ...REAL, mark: "blind" }, found: "S1 " },
  {
    name: "no wake-up after T1",
    family: "A",
    rules: sleepingAfter("T1"),
    off: [W1],
    found: "stuck",
    setup: QUEUE_ONLY,
  },
  {
    name: "no wake-up after T2",
    family: "A",
    rules: sleepingAfter("T2"),
    off: [W1],
    found: "stuck",
    setup: QUEUE_ONLY,
  },
  {
    name: "no wake-up after T4",
    family: "A",
    rules: sleepingAfter("T4"),
    off: [W1],
    found: "stuck",
    setup: QUEUE_ONLY,
  },
  {
    name: "no wake-up after T7",
    family: "A",
    rules: sleepingAfter("T7"),
    off: [W1],
    found: "stuck",
    setup: QUEUE_ONLY,
  },
  { name: "no transition id", family: "A", rules: { ...REAL, recognise: () => "not_applied" }, found: "S9" },
  {
    name: "sweep does not look at the lease again",
    family: "H",
    rules: rewriting(["sweep"], (change) => ({ ...change, item: withoutLease(change.item) })),
    found: "S16",
  },
  {
    name: "sweep by status only",
    family: "H",
    rules: {
      ...REAL,
      applyWrite: (row, item, now) =>
        REAL.applyWrite(row, item.guard.expiredLease === undefined ? item : unguardedSweep(item, row), now),
    },
    found: "S16",
  },
  { name: "store down: acknowledge", family: "A", rules: { ...REAL, onOutage: "ack" }, found: "S10" },
  {
    name: "no new dispatch at retry",
    family: "A",
    rules: rewriting(["retry"], (change) => ({
      ...change,
      item: { ...change.item, patch: withoutDispatch(change.item.patch) },
    })),
    found: "S10",
  },
  {
    name: "takeDue clears the wake-up",
    family: "A",
    rules: {
      ...REAL,
      applyTakeDue: (row, ...given) => {
        const applied = REAL.applyTakeDue(row, ...given);
        return applied.row === row ? applied : { ...applied, row: without(applied.row, { wakeAt: null }) };
      },
    },
    off: [W1],
    found: "stuck",
    setup: QUEUE_ONLY,
  },
  {
    name: "advance writes the wake-up at any version",
    family: "N",
    rules: {
      ...REAL,
      applyAdvance: (row, item) => REAL.applyAdvance(row, { ...item, plannedOn: row.record }),
    },
    found: "W1",
  },
  {
    name: "advance trusts cursors that another relay has moved",
    family: "F",
    setup: { budget: { ...FAMILIES.F.budget, notifierFails: 2 } },
    rules: {
      ...REAL,
      applyAdvance: (row, item) => {
        const applied = REAL.applyAdvance(row, item);
        if (row.record.version !== item.plannedOn.version) return applied;
        const { wakeAt, purgeAt } = item;
        return { ...applied, row: { ...applied.row, record: { ...applied.row.record, wakeAt, purgeAt } } };
      },
    },
    found: "W1",
  },
  {
    name: "advance moves to the current version",
    family: "N",
    rules: {
      ...REAL,
      applyAdvance: (row, item) =>
        REAL.applyAdvance(row, {
          ...item,
          cursors: Object.fromEntries(
            Object.entries(item.cursors).map(([name, cursor]) => [
              name,
              { ...cursor, upTo: row.record.version },
            ]),
          ),
        }),
    },
    off: [W1],
    found: "S14",
  },
  { name: "two entries share a version", family: "N", rules: SHARED, found: "S4" },
  {
    name: "cursor moved though the notifier failed",
    family: "N",
    rules: {
      ...REAL,
      afterPublish: (cursor, entries, results, ...rest) =>
        REAL.afterPublish(
          cursor,
          entries,
          results.map(() => ({ status: "delivered" })),
          ...rest,
        ),
    },
    found: "S14",
  },
  { name: "retry ignores a request to cancel", family: "B", rules: blindToCancel("retry"), found: "X3" },
  { name: "sweep ignores a request to cancel", family: "B", rules: blindToCancel("sweep"), found: "X3" },
  {
    name: "a lapsed poll is swept like a lease",
    family: "C1",
    rules: { ...REAL, lapsedPoll: "sweep" },
    found: "X2",
  },
  {
    name: "no reconciler",
    family: "A",
    rules: REAL,
    setup: { ...QUEUE_ONLY, reconcilers: 0 },
    off: [W1],
    found: "stuck",
  },
];

function withoutLease(item: Change["item"]): Change["item"] {
  const { expiredLease: _, ...guard } = item.guard;
  return { ...item, guard };
}

function withoutDispatch(patch: Change["item"]["patch"]): Change["item"]["patch"] {
  const { dispatch: _, ...rest } = patch;
  return rest;
}
