import type { StoredRow } from "../../src/adapters/memory/store-semantics.js";
import type { AdvanceItem, Store, WriteItem } from "../../src/core/ports/store.js";

/** One accepted change of one job, with what was stored before and after: what the monitors judge by. */
export type StoreChange = {
  readonly id: string;
  /** The clock that the store decided by. */
  readonly nowMs: number;
  readonly before: StoredRow | null;
  readonly after: StoredRow | null;
} & (
  | { readonly op: "create" | "purge" }
  | { readonly op: "claim"; readonly token: string; readonly how: "next" | "message" }
  | { readonly op: "beat"; readonly token: string }
  | { readonly op: "takeDue"; readonly holdMs: number }
  | { readonly op: "write"; readonly item: WriteItem }
  | { readonly op: "advance"; readonly item: AdvanceItem }
);

type Detail =
  | { readonly op: "create" | "purge" }
  | { readonly op: "claim"; readonly token: string; readonly how: "next" | "message" }
  | { readonly op: "beat"; readonly token: string }
  | { readonly op: "takeDue"; readonly holdMs: number }
  | { readonly op: "write"; readonly item: WriteItem }
  | { readonly op: "advance"; readonly item: AdvanceItem };

export interface SharedStoreOptions {
  /** An empty store. */
  readonly make: () => Store;
  readonly now: () => number;
  readonly onChange: (change: StoreChange) => void;
  /** Hears of the body of each message that was parked. */
  readonly onPark: (body: string) => void;
}

/**
 * The one store of all processes, below every fault. It keeps its own copy of each row, so that accepted changes are
 * judged by what is stored and not by what the library says; the log of what rows were lets the store fall back to an
 * earlier instant, as a failover to a replica that lags does.
 */
export class SharedStore {
  readonly rows = new Map<string, StoredRow>();
  readonly store: Store;
  readonly #options: SharedStoreOptions;
  #inner: Store;
  #log: { readonly at: number; readonly id: string; readonly before: StoredRow | null }[] = [];

  constructor(options: SharedStoreOptions) {
    this.#options = options;
    this.#inner = options.make();
    this.store = this.#recording();
  }

  /** Loses every change of the last `ms`. @returns the jobs that it changed */
  async rollBack(ms: number): Promise<readonly string[]> {
    const since = this.#options.now() - ms;
    const changed = new Set<string>();
    for (let last = this.#log[this.#log.length - 1]; last !== undefined && last.at > since;) {
      if (last.before === null) this.rows.delete(last.id);
      else this.rows.set(last.id, last.before);
      changed.add(last.id);
      this.#log.pop();
      last = this.#log[this.#log.length - 1];
    }
    this.#inner = this.#options.make();
    for (const [id, row] of this.rows) {
      await load(this.#inner, row);
      const { jobs } = await this.#inner.read({ nowMs: 0, ids: [id] });
      // What is stored now is equal, but no longer the same objects.
      if (jobs[0]) this.rows.set(id, { ...row, ...jobs[0] });
    }
    return [...changed];
  }

  /** What happened to these ids: read in the same turn as the change, before anybody else can come between. */
  async #note(nowMs: number, touched: readonly (Detail & { readonly id: string })[]): Promise<void> {
    if (touched.length === 0) return;
    const ids = touched.map(({ id }) => id);
    const { jobs } = await this.#inner.read({ nowMs, ids, input: true, output: true });
    for (const [index, detail] of touched.entries()) {
      const stored = jobs[index] ?? null;
      const before = this.rows.get(detail.id) ?? null;
      const after: StoredRow | null =
        stored === null
          ? null
          : {
              record: stored.record,
              cursors: stored.cursors,
              input: stored.input ?? "null",
              output: stored.output ?? null,
            };
      if (after === null) this.rows.delete(detail.id);
      else this.rows.set(detail.id, after);
      this.#log.push({ at: this.#options.now(), id: detail.id, before });
      this.#options.onChange({ ...detail, nowMs, before, after });
    }
  }

  #recording(): Store {
    const inner = (): Store => this.#inner;
    const note = this.#note.bind(this);
    return {
      ...reading(inner),
      park: async (request) => {
        for (const { body } of request.messages) this.#options.onPark(body);
        return inner().park(request);
      },
      capabilities: this.#inner.capabilities,
      create: async (request) => {
        const reply = await inner().create(request);
        const made = request.items.filter((_, index) => reply.results[index]?.status === "created");
        await note(
          reply.nowMs,
          made.map(({ record }) => ({ op: "create", id: record.id })),
        );
        return reply;
      },
      write: async ({ thenClaim, ...request }) => {
        const reply = await inner().write(request);
        const done = request.items.filter((_, index) => reply.results[index]?.status === "ok");
        await note(
          reply.nowMs,
          done.map((item) => ({ op: "write", id: item.id, item })),
        );
        if (thenClaim === undefined) return reply;
        // Nobody can come between: one arrival is one turn.
        const claimed = await this.store.claim({ nowMs: request.nowMs, next: thenClaim });
        return { ...reply, claimed: claimed.jobs };
      },
      beat: async (request) => {
        const reply = await inner().beat(request);
        const done = request.items.filter((_, index) => reply.results[index]?.status === "ok");
        await note(
          reply.nowMs,
          done.map(({ id, token }) => ({ op: "beat", id, token })),
        );
        return reply;
      },
      claim: async (request) => {
        const reply = await inner().claim(request);
        const { byMessage, next } = request;
        const taken =
          byMessage === undefined
            ? reply.jobs.map(({ record }) => ({ id: record.id, token: next.token }))
            : byMessage.items.filter((_, index) => reply.results[index]?.status === "ok");
        // Asked again under the same token, a claim is answered again and changes nothing.
        const fresh = taken.filter(({ id, token }) => this.rows.get(id)?.record.token !== token);
        await note(
          reply.nowMs,
          fresh.map(({ id, token }) => ({
            op: "claim",
            id,
            token,
            how: next === undefined ? "message" : "next",
          })),
        );
        return reply;
      },
      takeDue: async (request) => {
        const reply = await inner().takeDue(request);
        const taken = reply.jobs.map(({ record }) => record.id);
        await note(
          reply.nowMs,
          taken.map((id) => ({ op: "takeDue", id, holdMs: request.holdMs })),
        );
        return reply;
      },
      advance: async (request) => {
        const reply = await inner().advance(request);
        const done = request.items.filter((_, index) => reply.results[index]?.status === "ok");
        await note(
          reply.nowMs,
          done.map((item) => ({ op: "advance", id: item.id, item })),
        );
        return reply;
      },
      purge: async (request) => {
        const reply = await inner().purge(request);
        const { jobs } = await inner().read({ nowMs: request.nowMs, ids: [...this.rows.keys()] });
        const left = new Set(jobs.flatMap((job) => (job === null ? [] : [job.record.id])));
        const gone = [...this.rows.keys()].filter((id) => !left.has(id));
        await note(
          reply.nowMs,
          gone.map((id) => ({ op: "purge", id })),
        );
        return reply;
      },
    };
  }
}

/** What changes no job. */
function reading(
  inner: () => Store,
): Omit<
  Store,
  "capabilities" | "create" | "write" | "beat" | "claim" | "takeDue" | "advance" | "purge" | "park"
> {
  return {
    read: (request) => inner().read(request),
    list: (request) => inner().list(request),
    byRef: (request) => inner().byRef(request),
    parked: (request) => inner().parked(request),
    unpark: (request) => inner().unpark(request),
    pulse: (request) => inner().pulse(request),
    health: (request) => inner().health(request),
    ready: () => inner().ready(),
    close: () => Promise.resolve(),
  };
}

/** Stores a row as it was, through the port alone: what is final is written as its last change, since that brings the output. */
async function load(store: Store, { record, cursors, input, output }: StoredRow): Promise<void> {
  const nowMs = record.updatedAt;
  const { wakeAt, purgeAt } = record;
  if (output === null) await store.create({ nowMs, items: [{ record, input }] });
  else {
    const open = { ...record, status: "PROCESSING" as const, version: 0, token: null, history: "" };
    await store.create({ nowMs, items: [{ record: open, input }] });
    const { history, ...patch } = record;
    const guard = { status: "PROCESSING" as const, version: 0, token: null };
    await store.write({
      nowMs,
      items: [{ id: record.id, guard, patch, history: { replace: history }, output }],
    });
  }
  const latestWakeAt = Number.MAX_SAFE_INTEGER;
  await store.advance({
    nowMs,
    items: [{ id: record.id, plannedOn: record, wakeAt, purgeAt, latestWakeAt, cursors }],
  });
}
