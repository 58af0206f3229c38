import { StoreCorruptError, WaybillError } from "../../../src/core/errors/errors.js";
import type {
  ClaimNext,
  ListRequest,
  ParkedMessage,
  Store,
  StoreCapabilities,
  StoredJob,
} from "../../../src/core/ports/store.js";
import {
  type Applied,
  applyAdvance,
  applyBeat,
  applyClaimByMessage,
  applyClaimNext,
  applyTakeDue,
  applyWrite,
  hasGivenUp,
  hotPart,
  ID_PATTERN,
  isHeldBy,
  isListed,
  readyInstant,
  type StoredRow,
  withInput,
} from "../../../src/store-kit.js";

/** What is stored, open to whoever wants to break it. */
export class Place {
  readonly rows = new Map<string, StoredRow>();
  readonly parked = new Map<string, ParkedMessage>();
  pulse: { readonly at: number; readonly unserved: number } | null = null;
  /** Ids of rows that cannot be read. */
  readonly spoilt = new Set<string>();
  /** The engine's own clock, with `clock: "server"`. */
  serverNowMs = 1_750_000_000_456;

  /** What a crash brings back, of a store that answers before it has flushed. */
  readonly unflushed = new Map<string, StoredRow | null>();
  /** What becomes of the next call. */
  failing: "before" | "after" | "unmigrated" | null = null;

  crash(): void {
    for (const [id, row] of this.unflushed) {
      if (row === null) this.rows.delete(id);
      else this.put(row);
    }
  }

  row(id: string): StoredRow | undefined {
    return this.rows.get(id);
  }

  put(row: StoredRow): void {
    this.rows.set(row.record.id, row);
  }

  /** Rows whose key is at or before `upTo`, lowest first, ties by id. */
  due(keyOf: (row: StoredRow) => number | null, upTo: number): readonly StoredRow[] {
    const keyed = [...this.rows.values()].flatMap((row) => {
      const key = keyOf(row);
      return key === null || key > upTo ? [] : [{ key, row }];
    });
    keyed.sort((a, b) => a.key - b.key || (a.row.record.id < b.row.record.id ? -1 : 1));
    return keyed.map(({ row }) => row);
  }

  /** Newest first by (createdAt, id). */
  newestFirst(): readonly StoredRow[] {
    const rows = [...this.rows.values()];
    return rows.sort((a, b) => (isBehind(a, b.record) ? 1 : -1));
  }
}

function isBehind(
  { record }: StoredRow,
  place: { readonly createdAt: number; readonly id: string },
): boolean {
  if (record.createdAt !== place.createdAt) return record.createdAt < place.createdAt;
  return record.id < place.id;
}

const CAPABILITIES: StoreCapabilities = {
  clock: "caller",
  durability: "local",
  queue: true,
  writeThenClaim: true,
  transactions: false,
  refusalReturnsRecord: true,
  listIsConsistent: true,
  shared: true,
  maxBatch: 100,
  maxPayloadBytes: 512 * 1024,
};

const MOST_BY_REF = 10;

/** Rows that can be read, and the ids of those that cannot. */
function apart(
  place: Place,
  rows: readonly StoredRow[],
): { readonly good: readonly StoredRow[]; readonly told: { readonly unreadable?: readonly string[] } } {
  const unreadable = rows.map(({ record }) => record.id).filter((id) => place.spoilt.has(id));
  const good = rows.filter(({ record }) => !place.spoilt.has(record.id));
  return { good, told: unreadable.length === 0 ? {} : { unreadable } };
}

/** What a call about one job says where that cannot be read. */
function requireReadable(place: Place, ids: readonly string[]): void {
  const id = ids.find((each) => place.spoilt.has(each));
  if (id !== undefined) throw new StoreCorruptError(id, "a row that cannot be read");
}

/** The shortest correct store: no index, every call at once. */
export function plainStore(place: Place, clock: "caller" | "server" = "caller"): Store {
  let closed = false;
  const at = (nowMs: number): number => (clock === "server" ? place.serverNowMs : nowMs);
  function admit(ids: readonly string[] = []): void {
    if (closed) throw new WaybillError("waybill.closed", "The plain store was closed.");
    if (!ids.every((id) => ID_PATTERN.test(id))) throw new WaybillError("id.invalid", "That is no id.");
  }
  function change<I extends { readonly id: string }, R>(
    items: readonly I[],
    apply: (row: StoredRow, item: I) => Applied<R>,
  ): readonly (R | { readonly status: "gone" })[] {
    admit(items.map(({ id }) => id));
    requireReadable(
      place,
      items.map(({ id }) => id),
    );
    return items.map((item) => {
      const before = place.row(item.id);
      if (before === undefined) return { status: "gone" };
      const { row, result } = apply(before, structuredClone(item));
      if (row !== before) place.put(row);
      return structuredClone(result);
    });
  }
  function claimNext(
    next: ClaimNext,
    nowMs: number,
  ): { readonly jobs: readonly StoredJob[]; readonly told: { readonly unreadable?: readonly string[] } } {
    const held = [...place.rows.values()].filter(({ record }) => isHeldBy(record, next.token));
    const { good } = apart(place, held);
    const jobs: StoredJob[] = good.slice(0, next.limit).map(withInput);
    const met: StoredRow[] = [];
    for (const row of place.due(({ record }) => readyInstant(record), nowMs)) {
      if (jobs.length >= next.limit) break;
      const { row: claimed, result } = applyClaimNext(row, next, nowMs);
      if (result === null) continue;
      place.put(claimed);
      met.push(claimed);
      if (!place.spoilt.has(row.record.id)) jobs.push(result);
    }
    return { jobs: structuredClone(jobs), told: apart(place, met).told };
  }
  return {
    capabilities: { ...CAPABILITIES, clock },
    async create({ nowMs, items }) {
      admit(items.map(({ record }) => record.id));
      const results = items.map(({ record, input }) => {
        const { id, scope } = record;
        const byScope = [...place.rows.values()].find((row) => scope !== null && row.record.scope === scope);
        const existing = place.row(id) ?? byScope;
        if (existing !== undefined) requireReadable(place, [existing.record.id]);
        if (existing !== undefined)
          return { status: "existing" as const, job: structuredClone(hotPart(existing)) };
        place.put({ record: structuredClone(record), cursors: {}, input, output: null });
        return { status: "created" as const };
      });
      return { nowMs: at(nowMs), results };
    },
    async read({ nowMs, ids, input, output }) {
      admit(ids);
      requireReadable(place, ids);
      const jobs = ids.map((id) => view(place.row(id), { input, output }));
      return { nowMs: at(nowMs), jobs };
    },
    async write({ nowMs, items, thenClaim }) {
      const results = change(items, (row, item) => applyWrite(row, item, at(nowMs)));
      if (thenClaim === undefined) return { nowMs: at(nowMs), results };
      const { jobs: claimed, told } = claimNext(thenClaim, at(nowMs));
      return { nowMs: at(nowMs), results, claimed, ...told };
    },
    async beat({ nowMs, items }) {
      return { nowMs: at(nowMs), results: change(items, (row, item) => applyBeat(row, item, at(nowMs))) };
    },
    async claim({ nowMs, next, byMessage }) {
      admit();
      const { items = [], terms } = byMessage ?? {};
      const results =
        terms === undefined
          ? []
          : change(items, (row, item) => applyClaimByMessage(row, item, terms, at(nowMs)));
      if (next === undefined) return { nowMs: at(nowMs), jobs: [], results };
      const { jobs, told } = claimNext(next, at(nowMs));
      return { nowMs: at(nowMs), jobs, results, ...told };
    },
    async takeDue({ nowMs, limit, holdMs, after }) {
      admit();
      const rows = place
        .due(({ record }) => record.wakeAt, at(nowMs))
        .filter((row) => {
          if (after === undefined || row.record.wakeAt === null) return true;
          const { wakeAt, id } = row.record;
          return wakeAt > after.wakeAt || (wakeAt === after.wakeAt && id > after.id);
        });
      const taken = rows.slice(0, limit);
      const jobs = taken.flatMap((row) => {
        const { row: postponed, result: dueAt } = applyTakeDue(row, holdMs, at(nowMs));
        place.put(postponed);
        return dueAt === null || place.spoilt.has(row.record.id)
          ? []
          : [{ ...structuredClone(hotPart(postponed)), dueAt }];
      });
      return { nowMs: at(nowMs), jobs, ...apart(place, taken).told };
    },
    async advance({ nowMs, items }) {
      return { nowMs: at(nowMs), results: change(items, applyAdvance) };
    },
    async list(request) {
      admit();
      const { limit, after } = request;
      const rows = place.newestFirst().filter((row) => after === undefined || isBehind(row, after));
      const found = rows.filter((row) => isListed(row, request));
      const page = found.slice(0, limit);
      const last = page[page.length - 1];
      const { good, told } = apart(place, page);
      return {
        nowMs: at(request.nowMs),
        ...told,
        jobs: good.map((row) => view(row, request)),
        next: last === undefined || found.length <= limit ? null : placeOf(last),
      };
    },
    async byRef({ nowMs, kind, refKey, owner }) {
      admit();
      const rows = place.newestFirst().filter(({ record }) => record.kind === kind);
      const found = rows.filter(
        ({ record }) =>
          record.awaiting?.refKeys.includes(refKey) === true &&
          (owner === undefined || record.owner === owner),
      );
      const { good, told } = apart(place, found.slice(0, MOST_BY_REF));
      return { nowMs: at(nowMs), jobs: structuredClone(good.map(hotPart)), ...told };
    },
    async park({ nowMs, messages }) {
      admit();
      for (const message of messages)
        if (!place.parked.has(message.id)) place.parked.set(message.id, structuredClone(message));
      return { nowMs: at(nowMs) };
    },
    async parked({ nowMs, limit, after = "" }) {
      admit();
      const messages = [...place.parked.values()].filter(({ id }) => id > after);
      messages.sort((a, b) => (a.id < b.id ? -1 : 1));
      return { nowMs: at(nowMs), messages: structuredClone(messages.slice(0, limit)) };
    },
    async unpark({ nowMs, ids }) {
      admit(ids);
      for (const id of ids) place.parked.delete(id);
      return { nowMs: at(nowMs) };
    },
    async pulse({ nowMs, unserved }) {
      admit();
      place.pulse = { at: at(nowMs), unserved };
      return { nowMs: at(nowMs) };
    },
    async health({ nowMs }) {
      admit();
      const first = (keyOf: (row: StoredRow) => number | null): number | null => {
        const [row] = place.due(keyOf, at(nowMs));
        return row === undefined ? null : keyOf(row);
      };
      return {
        nowMs: at(nowMs),
        lastPulseAt: place.pulse?.at ?? null,
        unserved: place.pulse?.unserved ?? 0,
        oldestDueAt: first(({ record }) => record.wakeAt),
        oldestReadyAt: first(({ record }) => readyInstant(record)),
        oldestExpiredAt: first(({ record }) => record.purgeAt),
        parked: place.parked.size,
        undeliverable: [...place.rows.values()].filter(({ cursors }) => hasGivenUp(cursors)).length,
      };
    },
    async purge({ nowMs, limit, parkedBefore }) {
      admit();
      const rows = place.due(({ record }) => record.purgeAt, at(nowMs)).slice(0, limit);
      for (const { record } of rows) {
        place.rows.delete(record.id);
        place.spoilt.delete(record.id);
      }
      const old = [...place.parked.values()].filter((message) => message.at < parkedBefore);
      for (const { id } of old) place.parked.delete(id);
      return { nowMs: at(nowMs), jobs: rows.length, parked: old.length };
    },
    async ready() {
      admit();
    },
    async close() {
      closed = true;
    },
  };
}

function placeOf({ record: { createdAt, id } }: StoredRow): {
  readonly createdAt: number;
  readonly id: string;
} {
  return { createdAt, id };
}

function view<R extends StoredRow | undefined>(
  row: R,
  asked:
    Pick<ListRequest, "input" | "output"> | { input?: boolean | undefined; output?: boolean | undefined },
): R extends StoredRow ? StoredJob : StoredJob | null {
  const job: StoredJob | null =
    row === undefined
      ? null
      : {
          ...structuredClone(hotPart(row)),
          ...(asked.input === true ? { input: row.input } : {}),
          ...(asked.output === true ? { output: row.output } : {}),
        };
  return job as R extends StoredRow ? StoredJob : StoredJob | null;
}
