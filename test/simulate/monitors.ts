import type { StoredRow } from "../../src/adapters/memory/store-semantics.js";
import type { Policy } from "../../src/core/defaults.js";
import { decodeHistory, type HistoryEntry } from "../../src/core/job/history.js";
import { EDGES, isFinal } from "../../src/core/job/lifecycle.js";
import { fallBack, type JobLog, newLog } from "./job-log.js";
import { isSettledRow, latestLook } from "./needs.js";
import type { StoreChange } from "./shared-store.js";
import type { World } from "./world.js";

export interface MonitorOptions {
  readonly world: World;
  readonly policy: Policy;
  /** Whether a tracked job's outside work has ended, so that somebody could have proved it. */
  readonly isProven: (ref: unknown) => boolean;
  /** Hears of each entry that was stored. */
  readonly onEntry: (id: string, entry: HistoryEntry) => void;
  /** Whether a notifier was given this entry, or says that it does not want it. */
  readonly isDelivered: (notifier: string, id: string, entry: HistoryEntry) => boolean;
}

const BESIDE: ReadonlySet<string> = new Set(["wakeAt", "purgeAt"]);

/** Judges each accepted change of the store by what was stored before and after it. */
export class Monitors {
  readonly logs = new Map<string, JobLog>();
  /** Which job an idempotency key belongs to. */
  readonly #scopes = new Map<string, string>();
  readonly #options: MonitorOptions;

  constructor(options: MonitorOptions) {
    this.#options = options;
  }

  readonly onChange = (change: StoreChange): void => {
    const { id, op, before, after } = change;
    const log = this.logs.get(id) ?? newLog(id);
    this.logs.set(id, log);
    this.#options.world.trace(
      `${op} ${id} ${before === null ? "-" : at(before)} > ${after === null ? "-" : at(after)}`,
    );
    if (op === "purge") this.#purged(log, before);
    else if (after === null) this.#fail("S11", log, `${op} left no record`);
    else if (before === null) this.#created(log, after, op);
    else if (op === "write" || op === "claim") this.#changed(log, change, before, after);
    else this.#beside(log, change, before, after);
    if (after !== null && op !== "purge") this.#wakeUp(log, change, after);
  };

  /** The store lost what it had answered. */
  rolledBack(ids: readonly string[], rows: ReadonlyMap<string, StoredRow>): void {
    for (const id of ids) {
      const log = this.logs.get(id);
      if (log === undefined) continue;
      const row = rows.get(id);
      fallBack(log, row?.record.version ?? 0);
      if (row === undefined)
        for (const [scope, of] of this.#scopes) if (of === id) this.#scopes.delete(scope);
    }
  }

  lastEntry(id: string): number {
    const entries = this.logs.get(id)?.entries ?? [];
    return entries[entries.length - 1]?.version ?? 0;
  }

  #fail(rule: string, log: JobLog, text: string): void {
    this.#options.world.fail(rule, `${log.id}: ${text}`);
  }

  #purged(log: JobLog, before: StoredRow | null): void {
    if (before === null) return;
    if (!isSettledRow(before, this.lastEntry(log.id))) this.#fail("S14", log, "purged before it was settled");
    log.purged = true;
    if (before.record.scope !== null) this.#scopes.delete(before.record.scope);
  }

  #created(log: JobLog, after: StoredRow, op: string): void {
    const { record } = after;
    if (op !== "create") this.#fail("S11", log, `${op} made a record`);
    if (log.entries.length > 0 && !log.purged && !log.lostWrites) this.#fail("S17", log, "created twice");
    // A create that was held up beyond the retention makes the job anew: why retention is days.
    if (log.purged) {
      this.#options.world.count("seen.createdAfterPurge");
      log.earlier.push(...log.entries);
      log.life += 1;
    }
    log.purged = false;
    log.entries = [];
    log.tids.clear();
    log.claims = [];
    if (record.scope !== null) {
      const other = this.#scopes.get(record.scope);
      if (other !== undefined && other !== log.id) this.#fail("S17", log, `the key belongs to ${other}`);
      this.#scopes.set(record.scope, log.id);
    }
    this.#entries(log, null, after, 0);
  }

  /** A main write or a claim. */
  #changed(log: JobLog, change: StoreChange, before: StoredRow, after: StoredRow): void {
    const was = before.record;
    const is = after.record;
    if (isFinal(was.status)) this.#fail("S2", log, `${change.op} changed a ${was.status} record`);
    const again = change.op === "claim" && log.claims.some(({ token }) => token === change.token);
    const added = this.#entries(log, was.status, after, was.version, again && change.how === "next");
    const grown = is.version - was.version;
    if (grown !== Math.max(1, added.length)) {
      this.#fail("S4", log, `${String(added.length)} entries, but the version grew by ${String(grown)}`);
    }
    if (change.op === "claim") this.#claimed(log, change, before, after);
    else if (is.fence < was.fence) this.#fail("S5", log, "the fence fell");
    if (change.op === "write") this.#written(log, change.item, before, after, added);
  }

  #claimed(
    log: JobLog,
    { token, how }: Extract<StoreChange, { op: "claim" }>,
    { record: was }: StoredRow,
    { record: is }: StoredRow,
  ): void {
    const again = log.claims.some((claim) => claim.token === token);
    if (is.fence <= was.fence) this.#fail("S5", log, "a claim did not raise the fence");
    if (again) {
      // A call for the next jobs that the network held up can find a job that its repetition took before and that came
      // back since. Nobody runs it under that token any more: an attempt is burnt, as after every claim in doubt.
      if (how === "next") this.#options.world.count("seen.tokenAgain");
      else this.#fail("S5", log, "one token claimed twice");
    }
    if (is.attempt > is.maxAttempts)
      this.#fail("S12", log, `attempt ${String(is.attempt)} of ${String(is.maxAttempts)}`);
    if (was.token !== null) this.#fail("S6", log, "claimed while another claim was held");
    log.claims.push({ token, version: is.version });
  }

  #written(
    log: JobLog,
    { guard }: Extract<StoreChange, { op: "write" }>["item"],
    { record: was }: StoredRow,
    after: StoredRow,
    added: readonly HistoryEntry[],
  ): void {
    const is = after.record;
    const latest = log.claims[log.claims.length - 1]?.token ?? null;
    if (guard.token !== null && guard.token !== latest)
      this.#fail("S6", log, "a write of an older claim was accepted");
    if (guard.token !== was.token) this.#fail("S6", log, "a write under another token was accepted");
    if (guard.version !== was.version) this.#fail("S6", log, "a write at another version was accepted");
    const swept = guard.expiredLease !== undefined;
    if (swept && guard.expiredLease !== was.leaseUntil)
      this.#fail("S16", log, "a lease that was renewed was swept");
    const kept = was.token !== null && is.token === was.token;
    if (kept && was.percent !== null && (is.percent ?? 0) < was.percent)
      this.#fail("S18", log, "the percent fell");
    if (added.some(({ edge }) => edge === "T7") && is.dispatch <= was.dispatch) {
      this.#fail("S10", log, "returned without a new dispatch: its own message would be acknowledged");
    }
    const returned = is.status === "PENDING" || is.status === "QUEUED";
    const forgets = was.cancel !== null && (returned || (is.cancel === null && !isFinal(is.status)));
    // Versions repeat after a loss, also under one claim: its worker, whose last write was lost, writes at the version that the
    // request has taken. No guard of the port tells the two apart, and the guarantees say so.
    if (forgets && !log.lostWrites) this.#fail("X3", log, "a request to cancel was forgotten");
    if (is.dispatch < was.dispatch) this.#fail("S10", log, "the dispatch fell");
    if (is.status !== "COMPLETED") return;
    if (after.output === null) this.#fail("S13", log, "COMPLETED without an output");
    if (was.awaiting !== null && !this.#options.isProven(was.awaiting.ref)) {
      this.#fail("S13", log, "COMPLETED while the outside work is open");
    }
  }

  /** Edges, versions and transition ids of what was appended. */
  #entries(
    log: JobLog,
    from: string | null,
    after: StoredRow,
    behind: number,
    again = false,
  ): readonly HistoryEntry[] {
    const { record } = after;
    const added = decodeHistory(record.history).filter((entry) => entry.version > behind);
    let status = from;
    for (const [index, entry] of added.entries()) {
      const edge = EDGES[entry.edge];
      if (edge.from !== status) this.#fail("S1", log, `${entry.edge} from ${String(status)}`);
      if (entry.version !== behind + index + 1)
        this.#fail("S4", log, `version ${String(entry.version)} twice, or a hole`);
      status = edge.to;
    }
    if (status !== record.status)
      this.#fail("S1", log, `${String(from)} became ${record.status} without an edge`);
    const ends = [...log.entries, ...added].filter(({ edge }) => isFinal(EDGES[edge].to));
    if (ends.length > 1) this.#fail("S3", log, "two final entries");
    for (const tid of new Set(added.map(({ transitionId }) => transitionId))) {
      if (log.tids.has(tid) && !again) this.#fail("S8", log, "a transition id took effect twice");
      if (again) log.claimedAgain.add(tid);
      log.tids.set(tid, behind + 1);
    }
    log.entries.push(...added);
    for (const entry of added) this.#options.onEntry(log.id, entry);
    log.statuses.set(record.version, record.status);
    return added;
  }

  /** Beat, advance and hold: they touch nothing that anybody may see. */
  #beside(log: JobLog, change: StoreChange, before: StoredRow, after: StoredRow): void {
    const allowed = change.op === "beat" ? "leaseUntil" : null;
    const was = before.record;
    const is = after.record;
    for (const key of Object.keys(is) as (keyof typeof is)[]) {
      if (is[key] === was[key] || key === allowed) continue;
      if (BESIDE.has(key) && change.op !== "beat") continue;
      this.#fail("S2", log, `${change.op} changed ${key}`);
    }
    if (change.op === "beat") {
      const latest = log.claims[log.claims.length - 1]?.token;
      if (change.token !== latest) this.#fail("S6", log, "a beat of an older claim was accepted");
    }
    if (change.op === "advance" && !log.lostWrites) this.#advanced(log, before, after);
  }

  /** A cursor passes over an entry only when it was delivered, or is listed as given up. */
  #advanced(log: JobLog, before: StoredRow, after: StoredRow): void {
    // Made anew by a create that was held up beyond the retention: a relay may still know the cursors of the job before.
    if (log.life > 0) return;
    for (const [name, cursor] of Object.entries(after.cursors)) {
      const { upTo = 0 } = before.cursors[name] ?? {};
      if (cursor.upTo < upTo) this.#fail("S14", log, `the cursor of ${name} fell`);
      for (const entry of log.entries) {
        if (entry.version <= upTo || entry.version > cursor.upTo) continue;
        if (cursor.exhausted.includes(entry.version)) continue;
        if (this.#options.isDelivered(name, log.id, entry)) continue;
        this.#fail("S14", log, `the cursor of ${name} passed over version ${String(entry.version)}`);
      }
    }
  }

  #wakeUp(log: JobLog, change: StoreChange, after: StoredRow): void {
    const { record } = after;
    if (change.op === "takeDue") log.lateUntil = Math.max(log.lateUntil, change.nowMs + change.holdMs);
    else if (change.op === "advance") log.lateUntil = Math.max(log.lateUntil, change.item.latestWakeAt);
    else if (change.op !== "beat") log.lateUntil = 0;
    const lease = longestLease(log, after);
    const look = latestLook(after, this.lastEntry(log.id), lease, this.#options.policy);
    if (look === Infinity) return;
    if (record.wakeAt === null) {
      this.#fail("W1", log, "nobody will look at it");
      return;
    }
    // Versions repeat after a loss: an `advance` of the lost timeline may put the wake-up off, as far as that one needed.
    if (log.lostWrites) return;
    if (record.wakeAt > Math.max(look, log.lateUntil)) {
      const late = String(record.wakeAt - look);
      this.#fail("W1", log, `looked at ${late} ms after it needs it (${change.op})`);
    }
  }
}

/**
 * The longest lease under the current token. Where the callers' clocks decide, a beat that was overtaken, or one after its
 * process has set its clock back, shortens the stored one; whoever looks then looks too late by as much, and no more.
 */
function longestLease(log: JobLog, { record }: StoredRow): number {
  const { token, leaseUntil } = record;
  if (token === null || leaseUntil === null) return 0;
  const until = log.lease?.token === token ? Math.max(log.lease.until, leaseUntil) : leaseUntil;
  log.lease = { token, until };
  return until;
}

function at({ record }: StoredRow): string {
  return `${record.status}${String(record.version)}`;
}
