import type { StoredRow } from "../../src/adapters/memory/store-semantics.js";
import { type Change, type Decision, planWake } from "../../src/core/decide/change/change.js";
import { recall } from "../../src/core/decide/dispatch.js";
import { failed } from "../../src/core/decide/failed.js";
import { isFinal } from "../../src/core/job/lifecycle.js";
import { decodeHistory, encodeHistory } from "../../src/core/job/history.js";
import type { JobRecord, Snapshot } from "../../src/core/job/record.js";
import { NOW, POLICY, REAL, type Rules } from "./model/rules.js";

// Rules with something taken away, for the variants.

type Names<F> = { [K in keyof Rules]: Rules[K] extends F ? K : never }[keyof Rules];
type Decides = Names<(...given: never[]) => Decision>;

/** The same decisions with what they write changed. */
function rewriting(names: readonly Decides[], rewrite: (change: Change, seen: Snapshot) => Change): Rules {
  const changed = names.map((name) => {
    const real = REAL[name] as (seen: Snapshot, ...rest: unknown[]) => Decision;
    return [
      name,
      (seen: Snapshot, ...rest: unknown[]) => {
        const decision = real(seen, ...rest);
        return decision.do === "write" ? rewrite(decision, seen) : decision;
      },
    ];
  });
  return { ...REAL, ...(Object.fromEntries(changed) as Partial<Rules>) };
}

export function patching(names: readonly Decides[], patch: Partial<JobRecord>): Rules {
  return rewriting(names, (change) => ({
    ...change,
    item: { ...change.item, patch: { ...change.item.patch, ...patch } },
  }));
}

/** What holds a record, with some of the record changed. */
function altered<T extends { readonly record: JobRecord }>(held: T, patch: Partial<JobRecord>): T {
  return { ...held, record: { ...held.record, ...patch } };
}

export function blindToCancel(name: "retry" | "sweep"): Rules {
  const real = REAL[name] as (seen: Snapshot, ...rest: unknown[]) => Decision;
  return {
    ...REAL,
    [name]: (seen: Snapshot, ...rest: unknown[]) => real(altered(seen, { cancel: null }), ...rest),
  };
}

/** Wake-ups are not set where a change ends at this edge. */
export function sleepingAfter(edge: "T1" | "T2" | "T4" | "T7"): Rules {
  const asleep = { wakeAt: null };
  switch (edge) {
    case "T1":
      return { ...REAL, createRecord: (...given) => ({ ...REAL.createRecord(...given), ...asleep }) };
    case "T4":
      return {
        ...REAL,
        applyClaimByMessage: (before, ...given) => {
          const applied = REAL.applyClaimByMessage(before, ...given);
          return applied.row === before ? applied : { ...applied, row: altered(applied.row, asleep) };
        },
      };
    case "T2":
      return patching(["markSent"], asleep);
    case "T7":
      return patching(["retry", "sweep"], asleep);
  }
}

/** The store compares the version and not the token. Whoever is refused still looks whose claim it is. */
export const VERSION_ONLY: Rules = {
  ...REAL,
  applyWrite: (row, item, now) =>
    REAL.applyWrite(row, { ...item, guard: { ...item.guard, token: row.record.token } }, now),
};

/** The fence of the record that each write was decided on. */
const fences = new WeakMap<Change["item"], number>();

const WRITES = [
  ...["markSent", "sendAgain", "rejectSend", "deadLetter", "cancel", "deadline", "complete", "fail", "retry"],
  ...["release", "sweep", "awaitExternal", "claimPoll", "seen", "awaitTimeout"],
] as readonly Decides[];

/** The store compares version and fence: the number of the claim in place of its secret. */
export const FENCE_FOR_TOKEN: Rules = {
  ...rewriting(WRITES, (change, { record }) => {
    fences.set(change.item, record.fence);
    return change;
  }),
  applyWrite: (row, item, now) => {
    const other = fences.get(item) !== row.record.fence;
    const token = other ? "another claim's" : row.record.token;
    return REAL.applyWrite(row, { ...item, guard: { ...item.guard, token } }, now);
  },
};

/** Only a worker's own writes compare the token. */
export const TOKEN_OF_WORKERS_ONLY: Rules = {
  ...FENCE_FOR_TOKEN,
  ...{ complete: REAL.complete, fail: REAL.fail, retry: REAL.retry, release: REAL.release },
  awaitExternal: REAL.awaitExternal,
  applyWrite: (row, item, now) => {
    if (!fences.has(item)) return REAL.applyWrite(row, item, now);
    return REAL.applyWrite(row, { ...item, guard: { ...item.guard, token: row.record.token } }, now);
  },
};

/** Two entries of one change under one version, as if a version counted changes. */
function sharing(after: JobRecord): JobRecord {
  const merged = decodeHistory(after.history).map((entry) => ({ ...entry, version: 1 }));
  return { ...after, version: 1, history: encodeHistory(merged) };
}

/** The entry before the last has taken its version: a relay that stops between the two loses the second. */
export const SHARED_VERSION: Rules = {
  ...REAL,
  createRecord: (...given) => sharing(REAL.createRecord(...given)),
};

/** A sweep that any record of the same status passes. */
export const SWEEP_BY_STATUS: Rules = {
  ...REAL,
  applyWrite: (row, item, now) =>
    REAL.applyWrite(row, item.guard.expiredLease === undefined ? item : unguardedSweep(item, row), now),
};

function unguardedSweep({ guard, ...item }: Change["item"], row: StoredRow): Change["item"] {
  const { version, token } = row.record;
  return {
    ...item,
    guard: { status: guard.status, version, token },
    patch: { ...item.patch, version: version + 1 },
  };
}

/** A sweep decided on a lease that may have been extended since. */
export const SWEEP_WITHOUT_LEASE: Rules = rewriting(["sweep"], (change) => {
  const { expiredLease: _, ...guard } = change.item.guard;
  return { ...change, item: { ...change.item, guard } };
});

export const NO_NEW_DISPATCH: Rules = rewriting(["retry"], (change) => {
  const { dispatch: _, ...patch } = change.item.patch;
  return { ...change, item: { ...change.item, patch } };
});

export const DEAD_LETTER_FAILS_ALL: Rules = {
  ...REAL,
  deadLetter: (seen, _dispatch, context) =>
    isFinal(seen.record.status)
      ? { do: "nothing" }
      : failed(seen, { reason: "dead_lettered", message: "given up" }, context),
};

/** Only what is marked as sent can be claimed; any other message counts as spent. */
export const CLAIM_FROM_QUEUED_ONLY: Rules = {
  ...REAL,
  applyClaimByMessage: (row, ...given) =>
    row.record.status === "PENDING"
      ? { row, result: { status: "refused", job: { record: row.record, cursors: row.cursors } } }
      : REAL.applyClaimByMessage(row, ...given),
  acknowledge: () => ({ do: "ack", why: "busy" }),
};

export const RECOVERED_CLAIM_BLIND_TO_CANCEL: Rules = {
  ...REAL,
  applyClaimByMessage: (row, ...given) => {
    const applied = REAL.applyClaimByMessage(row, ...given);
    const { result } = applied;
    if (applied.row !== row || result.status !== "ok") return applied;
    return { row, result: { status: "ok", job: altered(result.job, { cancel: null }) } };
  },
};

/** A request to cancel external work is left to the next look, which comes at its own pace. */
export const CANCEL_WAITS_FOR_POLL: Rules = rewriting(["cancel"], (change, seen) => {
  const { awaiting } = seen.record;
  if (awaiting === null) return change;
  const after = altered(change.after, { awaiting });
  const plan = planWake(after, POLICY, NOW);
  return { ...change, item: { ...change.item, patch: { ...change.item.patch, awaiting, ...plan } } };
});

export const CLEARED_WHEN_TAKEN: Rules = {
  ...REAL,
  applyTakeDue: (row, ...given) => {
    const applied = REAL.applyTakeDue(row, ...given);
    return applied.row === row ? applied : { ...applied, row: altered(applied.row, { wakeAt: null }) };
  },
};

/** A claim thinks of its lease and of nothing else. */
export const CLAIM_WAKES_FOR_LEASE_ONLY: Rules = {
  ...REAL,
  applyClaimNext: (before, ...given) => {
    const applied = REAL.applyClaimNext(before, ...given);
    if (applied.row === before) return applied;
    return { ...applied, row: altered(applied.row, { wakeAt: applied.row.record.leaseUntil }) };
  },
};

export const ADVANCE_AT_ANY_VERSION: Rules = {
  ...REAL,
  applyAdvance: (row, item) => REAL.applyAdvance(row, { ...item, plannedOn: row.record }),
};

export const ADVANCE_ON_OLD_CURSORS: Rules = {
  ...REAL,
  applyAdvance: (row, item) => {
    const applied = REAL.applyAdvance(row, item);
    const { status, version, token } = item.plannedOn;
    const { record } = row;
    if (record.version !== version || record.status !== status || record.token !== token) return applied;
    const { wakeAt, purgeAt } = item;
    return { ...applied, row: altered(applied.row, { wakeAt, purgeAt }) };
  },
};

/** What was read under one record is planned on any other that has come to the same version. */
export const ADVANCE_AT_THE_VERSION: Rules = {
  ...REAL,
  applyAdvance: (row, item) => {
    const { version } = item.plannedOn;
    return REAL.applyAdvance(row, { ...item, plannedOn: { ...row.record, version } });
  },
};

export const ADVANCE_TO_CURRENT_VERSION: Rules = {
  ...REAL,
  applyAdvance: (row, item) =>
    REAL.applyAdvance(row, {
      ...item,
      cursors: Object.fromEntries(
        Object.entries(item.cursors).map(([name, cursor]) => [name, { ...cursor, upTo: row.record.version }]),
      ),
    }),
};

export const CURSOR_MOVES_ANYWAY: Rules = {
  ...REAL,
  afterPublish: (cursor, entries, results, ...rest) =>
    REAL.afterPublish(
      cursor,
      entries,
      results.map(() => ({ status: "delivered" })),
      ...rest,
    ),
};

/** Every main write trims what was delivered, but for the newest entries. */
export function trimming(keep: number): Rules {
  return {
    ...REAL,
    trims: true,
    // Told by its key: its first entry may be gone.
    judgeExisting: () => "mine",
    applyWrite: (before, ...given) => {
      const applied = REAL.applyWrite(before, ...given);
      return applied.row === before ? applied : { ...applied, row: trimmed(applied.row, keep) };
    },
  };
}

function trimmed(row: StoredRow, keep: number): StoredRow {
  const entries = decodeHistory(row.record.history);
  const upTo = row.cursors["ui"]?.upTo ?? 0;
  const spared = entries.findIndex((entry, place) => entry.version > upTo || place >= entries.length - keep);
  const count = spared < 0 ? entries.length : spared;
  const { historyTrimmed } = row.record;
  return altered(row, {
    history: encodeHistory(entries.slice(count)),
    historyTrimmed: historyTrimmed + count,
  });
}

/** A job that was not heard of for a while is handed over under a new dispatch, as if its message were known to be lost. */
export const NEW_DISPATCH_BY_AGE: Rules = {
  ...REAL,
  sendAgain: (seen, context) => {
    const { status, sendAt } = seen.record;
    if (status !== "QUEUED" || sendAt === null || sendAt > context.now) return { do: "nothing" };
    return recall(seen, "operator", context);
  },
};
