import { WaybillError } from "../../core/errors/errors.js";
import { ID_PATTERN } from "../../core/environment/ids.js";
import {
  type AdvanceReply,
  type AdvanceRequest,
  type BeatReply,
  type BeatRequest,
  type ByRefRequest,
  type ClaimReply,
  type ClaimRequest,
  type CreateItem,
  type CreateReply,
  type CreateRequest,
  type CreateResult,
  defineStore,
  type ListReply,
  type ListRequest,
  type ParkedMessage,
  type ParkedReply,
  type ParkedRequest,
  type ParkRequest,
  type PulseRequest,
  type PurgeReply,
  type PurgeRequest,
  type ReadReply,
  type ReadRequest,
  type Store,
  type StoreCapabilities,
  type StoredJob,
  type StoreHealth,
  type StoreReply,
  type StoreRequest,
  type TakeDueReply,
  type TakeDueRequest,
  type WriteReply,
  type WriteRequest,
} from "../../core/ports/store.js";
import { ownCopy } from "./store-isolation.js";
import { claimNext, jobsByRef, listJobs, takeDueRows } from "./store-queries.js";
import {
  type Applied,
  applyAdvance,
  applyBeat,
  applyClaimByMessage,
  applyTakeDue,
  applyWrite,
  hotPart,
  type StoredRow,
} from "./store-semantics.js";
import { JobTable } from "./store-table.js";

const CAPABILITIES: StoreCapabilities = {
  clock: "caller",
  durability: "memory",
  queue: true,
  writeThenClaim: true,
  transactions: false,
  refusalReturnsRecord: true,
  listIsConsistent: true,
  shared: false,
  maxBatch: 1_000,
  maxPayloadBytes: 16 * 1024 * 1024,
};

/**
 * Keeps jobs in this process, for tests, demos and tools: all is gone when it ends. The same contract as every other
 * store, in the shortest form. Each call takes effect at once, before it returns its promise: no two can interleave.
 */
export function memoryStore(): Store {
  return defineStore(new MemoryStore());
}

class MemoryStore implements Store {
  readonly capabilities = CAPABILITIES;
  readonly #table = new JobTable();
  readonly #parked = new Map<string, ParkedMessage>();
  #pulse: { readonly at: number; readonly unserved: number } | null = null;
  #closed = false;

  async create({ nowMs, items }: CreateRequest<never>): Promise<CreateReply> {
    this.#admit(items.map((item) => item.record.id));
    return { nowMs, results: items.map((item) => this.#createOne(item)) };
  }

  #createOne({ record, input }: CreateItem): CreateResult {
    const byScope = record.scope === null ? undefined : this.#table.byScope(record.scope);
    const existing = this.#table.get(record.id) ?? byScope;
    if (existing !== undefined) return { status: "existing", job: hotPart(existing) };
    this.#table.insert({ record: ownCopy(record), cursors: {}, input, output: null });
    return { status: "created" };
  }

  async read({ nowMs, ids, input, output }: ReadRequest): Promise<ReadReply> {
    this.#admit(ids);
    const jobs = ids.map((id) => {
      const row = this.#table.get(id);
      return row === undefined ? null : view(row, { input, output });
    });
    return { nowMs, jobs };
  }

  async write({ nowMs, items, thenClaim }: WriteRequest): Promise<WriteReply> {
    this.#admit(items.map((item) => item.id));
    const results = items.map((item) =>
      this.#apply(item.id, (row) => applyWrite(row, { ...item, patch: ownCopy(item.patch) }, nowMs)),
    );
    if (thenClaim === undefined) return { nowMs, results };
    return { nowMs, results, claimed: claimNext(this.#table, thenClaim, nowMs).jobs };
  }

  async beat({ nowMs, items }: BeatRequest): Promise<BeatReply> {
    this.#admit(items.map((item) => item.id));
    return {
      nowMs,
      results: items.map((item) => this.#apply(item.id, (row) => applyBeat(row, item, nowMs))),
    };
  }

  async claim({ nowMs, next, byMessage }: ClaimRequest): Promise<ClaimReply> {
    const items = byMessage?.items ?? [];
    this.#admit(items.map((item) => item.id));
    if (next !== undefined) return { nowMs, ...claimNext(this.#table, next, nowMs), results: [] };
    const { terms } = byMessage;
    const results = items.map((item) =>
      this.#apply(item.id, (row) => applyClaimByMessage(row, item, terms, nowMs)),
    );
    return { nowMs, jobs: [], results };
  }

  async takeDue({ nowMs, limit, holdMs, after }: TakeDueRequest): Promise<TakeDueReply> {
    this.#admit([]);
    const jobs = takeDueRows(this.#table, limit, nowMs, after).flatMap((row) => {
      const { row: postponed, result: dueAt } = applyTakeDue(row, holdMs, nowMs);
      this.#table.replace(row, postponed);
      return dueAt === null ? [] : { ...hotPart(postponed), dueAt };
    });
    const nextDueAt = this.#table.wakeUps.first()?.at ?? null;
    // Behind what is still due, as in the middle of a pass, the first of the rest is not looked for.
    return nextDueAt !== null && nextDueAt <= nowMs ? { nowMs, jobs } : { nowMs, jobs, nextDueAt };
  }

  async advance({ nowMs, items }: AdvanceRequest): Promise<AdvanceReply> {
    this.#admit(items.map((item) => item.id));
    const results = items.map((item) =>
      this.#apply(item.id, (row) => applyAdvance(row, { ...item, cursors: ownCopy(item.cursors) })),
    );
    return { nowMs, results };
  }

  async list(request: ListRequest): Promise<ListReply> {
    this.#admit([]);
    const { rows, next } = listJobs(this.#table, request);
    return { nowMs: request.nowMs, jobs: rows.map((row) => view(row, request)), next };
  }

  async byRef(request: ByRefRequest): Promise<{ nowMs: number; jobs: readonly StoredJob[] }> {
    this.#admit([]);
    return { nowMs: request.nowMs, jobs: jobsByRef(this.#table, request).map(hotPart) };
  }

  async park({ nowMs, messages }: ParkRequest): Promise<StoreReply> {
    this.#admit([]);
    for (const message of messages) {
      if (!this.#parked.has(message.id)) this.#parked.set(message.id, ownCopy(message));
    }
    return { nowMs };
  }

  async parked({ nowMs, limit, after }: ParkedRequest): Promise<ParkedReply> {
    this.#admit([]);
    const messages = [...this.#parked.values()]
      .filter((message) => after === undefined || message.id > after)
      .sort((a, b) => (a.id < b.id ? -1 : 1))
      .slice(0, limit);
    return { nowMs, messages };
  }

  async unpark({ nowMs, ids }: StoreRequest & { readonly ids: readonly string[] }): Promise<StoreReply> {
    this.#admit(ids);
    for (const id of ids) this.#parked.delete(id);
    return { nowMs };
  }

  async pulse({ nowMs, unserved }: PulseRequest): Promise<StoreReply> {
    this.#admit([]);
    this.#pulse = { at: nowMs, unserved };
    return { nowMs };
  }

  async health({ nowMs }: StoreRequest): Promise<StoreHealth> {
    this.#admit([]);
    const past = (at: number | undefined): number | null => (at === undefined || at > nowMs ? null : at);
    return {
      nowMs,
      lastPulseAt: this.#pulse?.at ?? null,
      unserved: this.#pulse?.unserved ?? 0,
      oldestDueAt: past(this.#table.wakeUps.first()?.at),
      oldestReadyAt: past(this.#table.firstReady()?.at),
      oldestExpiredAt: past(this.#table.purges.first()?.at),
      parked: this.#parked.size,
      undeliverable: this.#table.undeliverable.count("all"),
    };
  }

  async purge({ nowMs, limit, parkedBefore }: PurgeRequest): Promise<PurgeReply> {
    this.#admit([]);
    let jobs = 0;
    for (let first = this.#table.purges.first(); jobs < limit; first = this.#table.purges.first()) {
      if (first === null || first.at > nowMs) break;
      const row = this.#table.get(first.id);
      if (row !== undefined) this.#table.remove(row);
      jobs += 1;
    }
    const old = [...this.#parked.values()].filter((message) => message.at < parkedBefore);
    for (const { id } of old) this.#parked.delete(id);
    return { nowMs, jobs, parked: old.length };
  }

  async ready(): Promise<void> {
    this.#admit([]);
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  /** Every call comes through here, before any effect. */
  #admit(ids: readonly string[]): void {
    if (this.#closed) throw new WaybillError("waybill.closed", "The memory store was closed.");
    if (!ids.every((id) => ID_PATTERN.test(id))) {
      throw new WaybillError("id.invalid", "An id given to the store is not of the form of an id.");
    }
  }

  #apply<R>(id: string, change: (row: StoredRow) => Applied<R>): R | { readonly status: "gone" } {
    const before = this.#table.get(id);
    if (before === undefined) return { status: "gone" };
    const { row, result } = change(before);
    this.#table.replace(before, row);
    return result;
  }
}

function view(
  row: StoredRow,
  asked: { readonly input?: boolean | undefined; readonly output?: boolean | undefined },
): StoredJob {
  return {
    ...hotPart(row),
    ...(asked.input === true ? { input: row.input } : {}),
    ...(asked.output === true ? { output: row.output } : {}),
  };
}
