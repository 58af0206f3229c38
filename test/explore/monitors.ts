import type { StoredRow } from "../../src/adapters/memory/store-semantics.js";
import { isSettled, type Need, needs } from "../../src/core/decide/change/wake.js";
import { decodeHistory, type HistoryEntry } from "../../src/core/job/history.js";
import { EDGES, isFinal } from "../../src/core/job/lifecycle.js";
import type { JobRecord } from "../../src/core/job/record.js";
import { NOW, POLICY, TICKS } from "./model/rules.js";
import type { State } from "./model/state.js";

/** The invariants of DESIGN §13 by the letters of the studies. */
export type Monitor =
  | "S1 edges are in the table"
  | "S2 final is absorbing"
  | "S4 versions rise, each entry its own"
  | "S5 only the current claim writes"
  | "S6 fence rises, no token twice"
  | "S8 a change takes effect once"
  | "S9 answers are true"
  | "S10 acknowledged only when spent"
  | "S12 attempts are bounded"
  | "S13 COMPLETED has its output"
  | "S14 settled means delivered"
  | "S15 first deliveries in order"
  | "S16 no sweep of a live lease"
  | "S17 one key, one job"
  | "W1 the wake-up covers every need"
  | "X2 external work is launched once"
  | "X3 a cancel request is not lost"
  | "X4 a dead letter ends no live claim";

export class Violation extends Error {
  constructor(monitor: Monitor, what: string) {
    super(`${monitor}: ${what}`);
  }
}

/** Monitors that a run leaves out: those of another invariant, or what a store that lost writes cannot keep. */
export type Off = ReadonlySet<Monitor>;

/** Which invariants a store breaks by itself when it loses acknowledged writes: what was said before was seen. */
const AFTER_ROLLBACK: Off = new Set<Monitor>([
  "S9 answers are true",
  "S10 acknowledged only when spent",
  "S12 attempts are bounded",
  "S14 settled means delivered",
]);

/** How a write came about. */
export interface Author {
  readonly by: "worker" | "sweep" | "dead letter" | "answer" | "other";
  /** A worker's: the token that it believes in. */
  readonly token?: string | null;
  /** An answer about external work: it failed, and the kind says to launch it anew. */
  readonly rerun?: boolean;
}

export class Watch {
  readonly #off: Off;

  constructor(off: Off) {
    this.#off = off;
  }

  /** Reports unless `holds`. */
  require(holds: boolean, monitor: Monitor, what: string, rolledBack = false): void {
    if (holds || this.#off.has(monitor)) return;
    if (rolledBack && AFTER_ROLLBACK.has(monitor)) return;
    throw new Violation(monitor, what);
  }

  /** A first record: its entries begin the path, each with its own version. */
  created(row: StoredRow): void {
    const [first, ...rest] = decodeHistory(row.record.history);
    const begins = first?.edge === "T1" && first.version === 1;
    this.require(begins, "S1 edges are in the table", "it does not begin with T1");
    let version = 1;
    for (const entry of rest) {
      this.require(entry.version > version, "S4 versions rise, each entry its own", `${entry.version} again`);
      version = entry.version;
    }
  }

  /** An accepted main write, of whatever command. */
  written(before: StoredRow, after: StoredRow, author: Author, rolledBack: boolean): void {
    const [old, now] = [before.record, after.record];
    this.require(!isFinal(old.status), "S2 final is absorbing", `${old.status} was written again`);
    this.#edges(before, after);
    this.require(now.attempt <= now.maxAttempts, "S12 attempts are bounded", `attempt ${now.attempt}`);
    const hasOutput = now.status !== "COMPLETED" || after.output !== null;
    this.require(hasOutput, "S13 COMPLETED has its output", "no output is stored");
    if (author.by === "worker") {
      this.require(
        old.token === author.token,
        "S5 only the current claim writes",
        "an older claim was accepted",
      );
    }
    if (author.by === "sweep") {
      const expired = old.leaseUntil !== null && old.leaseUntil <= NOW;
      this.require(expired || old.awaiting !== null, "S16 no sweep of a live lease", "its lease holds");
    }
    if (author.by === "dead letter") {
      this.require(
        old.status !== "PROCESSING",
        "X4 a dead letter ends no live claim",
        "the job was being run",
      );
    }
    const back = now.status === "PENDING" || now.status === "QUEUED";
    if (old.awaiting !== null && back) {
      this.require(
        author.rerun === true,
        "X2 external work is launched once",
        "it will run again",
        rolledBack,
      );
    }
    const kept = old.cancel === null || isFinal(now.status) || now.cancel !== null;
    this.require(kept, "X3 a cancel request is not lost", `${now.status} without it`, rolledBack);
  }

  claimed(before: StoredRow, after: StoredRow, rolledBack: boolean): void {
    this.require(!isFinal(before.record.status), "S2 final is absorbing", "a final job was claimed");
    this.#edges(before, after);
    const { fence, attempt, maxAttempts, token } = after.record;
    const rises = fence === before.record.fence + 1 && token !== before.record.token;
    this.require(rises, "S6 fence rises, no token twice", `fence ${fence}`, rolledBack);
    this.require(attempt <= maxAttempts, "S12 attempts are bounded", `attempt ${attempt}`);
  }

  /** The entries of one write: a path in the table, each with its own version above all before it. */
  #edges(before: StoredRow, after: StoredRow): void {
    const added = entriesAfter(before, after);
    let { status, version }: Pick<JobRecord, "status" | "version"> = before.record;
    for (const entry of added) {
      const { from, to } = EDGES[entry.edge];
      this.require(from === status, "S1 edges are in the table", `${status} → ${to} by ${entry.edge}`);
      this.require(entry.version > version, "S4 versions rise, each entry its own", `${entry.version} again`);
      status = to;
      version = entry.version;
    }
    const { record } = after;
    this.require(
      record.status === status,
      "S1 edges are in the table",
      `${status} → ${record.status} unsaid`,
    );
    const rises = record.version > before.record.version && record.version >= version;
    this.require(
      rises,
      "S4 versions rise, each entry its own",
      `${before.record.version} → ${record.version}`,
    );
  }

  /** What holds of every stored state, however it came about. */
  stored(state: State): void {
    const { row } = state;
    if (row === null) return;
    const { record } = row;
    const due = needs(row, POLICY);
    if (due.length > 0) this.#covers(record, due);
    else {
      const ready = record.status === "QUEUED" && record.readyAt !== null;
      const is = `${record.status} needs nothing`;
      this.require(ready || isSettled(row), "W1 the wake-up covers every need", is);
    }
    if (record.notifiers.length === 0 || !isFinal(record.status)) return;
    // Settled, or nobody will look again.
    if (record.wakeAt !== null && due.length > 0) return;
    const entries = record.historyTrimmed + decodeHistory(record.history).length;
    const what = `only ${state.delivered} of ${entries}`;
    this.require(state.delivered >= entries, "S14 settled means delivered", what, state.rolledBack);
  }

  #covers({ wakeAt }: JobRecord, due: readonly Need[]): void {
    // A pass holds a record for a while; a claim looks after notifications within their grace. No later than that.
    const latest = Math.max(Math.min(...due.map((need) => need.at)), NOW + TICKS.hold);
    if (wakeAt !== null && wakeAt <= latest) return;
    const late = wakeAt === null ? "nobody will look" : `looked at in ${wakeAt - NOW}`;
    const reasons = due.map(({ reason, at }) => `${reason} in ${at - NOW}`);
    this.require(false, "W1 the wake-up covers every need", `${late}; needs ${reasons.join(", ")}`);
  }

  /** An entry reaches the notifier: everything before it must have done so. */
  delivered(state: State, place: number): void {
    const inOrder = place <= state.delivered;
    this.require(inOrder, "S15 first deliveries in order", `${place + 1} first`, state.rolledBack);
  }

  /** A worker's message is removed. */
  acknowledged(state: State, dispatch: number): void {
    const record = state.row?.record;
    const spent =
      record === undefined
        ? // It was settled when it was purged.
          state.gone
        : // Recovery of a running or waiting job makes a new dispatch: its message is spent.
          isFinal(record.status) || dispatch < record.dispatch || record.status === "PROCESSING";
    const what = `${record?.status ?? "no record"}, dispatch ${dispatch}`;
    this.require(spent, "S10 acknowledged only when spent", what, state.rolledBack);
  }
}

/** The entries that a write appended. */
function entriesAfter({ record: before }: StoredRow, { record: after }: StoredRow): readonly HistoryEntry[] {
  if (before.historyTrimmed === after.historyTrimmed) {
    return decodeHistory(after.history.slice(before.history.length).replace(/^,/, ""));
  }
  const total = before.historyTrimmed + decodeHistory(before.history).length;
  return decodeHistory(after.history).slice(total - after.historyTrimmed);
}
