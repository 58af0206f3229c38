import { memoryStore } from "../../src/adapters/memory/store.js";
import { decodeHistory, encodeHistory } from "../../src/core/job/history.js";
import { isFinal } from "../../src/core/job/lifecycle.js";
import type { Notifier } from "../../src/core/ports/notifier.js";
import type { Delivery, Queue } from "../../src/core/ports/queue.js";
import type { AdvanceItem, Store, StoredJob, WriteItem } from "../../src/core/ports/store.js";
import type { Cursor } from "../../src/core/job/record.js";
import { NO_FAULTS, type Profile } from "./profile.js";

/** A library, or a store, that breaks one rule on purpose: the monitors must see it. */
export interface Variant {
  readonly name: string;
  /** Below the monitors: a store that breaks its contract. */
  readonly make?: () => Store;
  /** Above them: what a library that breaks the protocol would send. */
  readonly store?: (store: Store) => Store;
  readonly queue?: (queue: Queue) => Queue;
  readonly notifier?: (notifier: Notifier) => Notifier;
  readonly reconcile?: false;
  /** Faults that bring the breach about, instead of those that the seed draws. */
  readonly profile?: Profile;
  /** The rules one of which must be seen broken. */
  readonly caughtBy?: readonly string[];
}

export const REFERENCE: Variant = { name: "as it is" };

/** A store that looks at less than the whole guard: what is stored is filled in for the rest. */
function looserStore(loosen: (item: WriteItem, stored: Stored) => WriteItem): Store {
  const store = memoryStore();
  return {
    ...bound(store),
    async write(request) {
      const ids = request.items.map(({ id }) => id);
      const { jobs } = await store.read({ nowMs: request.nowMs, ids });
      const items = request.items.map((item, index) => {
        const record = jobs[index]?.record;
        return record === undefined ? item : loosen(item, record);
      });
      return store.write({ ...request, items });
    },
  };
}

type Stored = Pick<
  Parameters<Store["create"]>[0]["items"][number]["record"],
  "status" | "version" | "token" | "leaseUntil" | "dispatch"
>;

/** Methods of a store as functions of their own, so that a spread keeps them. */
function bound(store: Store): Store {
  return {
    capabilities: store.capabilities,
    create: (request) => store.create(request),
    read: (request) => store.read(request),
    write: (request) => store.write(request),
    beat: (request) => store.beat(request),
    claim: (request) => store.claim(request),
    takeDue: (request) => store.takeDue(request),
    advance: (request) => store.advance(request),
    list: (request) => store.list(request),
    byRef: (request) => store.byRef(request),
    park: (request) => store.park(request),
    parked: (request) => store.parked(request),
    unpark: (request) => store.unpark(request),
    pulse: (request) => store.pulse(request),
    health: (request) => store.health(request),
    purge: (request) => store.purge(request),
    ready: () => store.ready(),
    close: () => store.close(),
  };
}

/** A library whose writes are changed before they are sent. */
function writing(change: (item: WriteItem) => WriteItem): NonNullable<Variant["store"]> {
  return (store) => ({
    ...bound(store),
    write: (request) => store.write({ ...request, items: request.items.map(change) }),
  });
}

function advancing(change: (item: AdvanceItem) => AdvanceItem): NonNullable<Variant["store"]> {
  return (store) => ({
    ...bound(store),
    advance: (request) => store.advance({ ...request, items: request.items.map(change) }),
  });
}

function patched(item: WriteItem, patch: Partial<WriteItem["patch"]>): WriteItem {
  return { ...item, patch: { ...item.patch, ...patch } };
}

/** Every delivery of a queue, changed. */
function delivering(change: (delivery: Delivery) => Delivery): NonNullable<Variant["queue"]> {
  return (queue) => ({
    ...queue,
    receive: async (request) => (await queue.receive(request)).map(change),
  });
}

const FAR_MS = 7 * 24 * 3_600_000;

/** Versions of entries in the history that an item appends. */
function lastEntryOf(item: WriteItem): number {
  const entries = "append" in item.history ? decodeHistory(item.history.append) : [];
  return entries[entries.length - 1]?.version ?? 0;
}

const toTheEnd = (cursor: Cursor, version: number): Cursor => ({
  ...cursor,
  upTo: version,
  attempts: 0,
  retryAt: null,
});

/** Each read shows what was shown of the job before, every few times: a replica that lags. */
function laggingStore(): Store {
  const store = memoryStore();
  const shown = new Map<string, StoredJob>();
  let reads = 0;
  return {
    ...bound(store),
    async read(request) {
      const reply = await store.read(request);
      // What asks for the output is the simulation itself.
      if (request.output === true) return reply;
      reads += 1;
      const jobs = reply.jobs.map((job) => {
        if (job === null) return job;
        const before = shown.get(job.record.id);
        shown.set(job.record.id, job);
        return reads % 5 === 0 && before !== undefined ? { ...before, ...inputOf(job) } : job;
      });
      return { ...reply, jobs };
    },
  };
}

function inputOf({ input }: StoredJob): Pick<StoredJob, "input"> {
  return input === undefined ? {} : { input };
}

/** Writes, and says that it did not, every few times. */
function denyingStore(): Store {
  const store = memoryStore();
  let writes = 0;
  return {
    ...bound(store),
    async write(request) {
      const { jobs } = await store.read({ nowMs: request.nowMs, ids: request.items.map(({ id }) => id) });
      const reply = await store.write(request);
      writes += 1;
      if (writes % 20 !== 0) return reply;
      const results = reply.results.map((result, index) => {
        const job = jobs[index] ?? null;
        return job === null ? result : ({ status: "refused", job } as const);
      });
      return { ...reply, results };
    },
  };
}

/** Each breaks one rule of the protocol, and must be caught by the monitors of that rule. */
export const BROKEN: readonly Variant[] = [
  {
    name: "acknowledges before the outcome is written",
    queue: delivering((delivery) => {
      void delivery.ack().catch(() => undefined);
      return delivery;
    }),
    caughtBy: ["S10"],
  },
  {
    name: "acknowledges although the store could not be reached",
    queue: delivering((delivery) => ({ ...delivery, release: () => delivery.ack() })),
    caughtBy: ["S10"],
  },
  {
    name: "a store that guards writes by status only",
    make: () =>
      looserStore((item, { status, version, token }) =>
        item.guard.status === status ? { ...item, guard: { ...item.guard, version, token } } : item,
      ),
    caughtBy: ["S6", "S4"],
  },
  {
    name: "a store that guards nothing",
    make: () =>
      looserStore((item, { status, version, token }) =>
        isFinal(status) ? item : { ...item, guard: { status, version, token } },
      ),
    caughtBy: ["S1", "S4", "S6"],
  },
  {
    name: "a store that sweeps without a look at the lease",
    make: () =>
      looserStore((item, { leaseUntil }) => {
        const { expiredLease, ...guard } = item.guard;
        return expiredLease === undefined || leaseUntil === null ? item : { ...item, guard };
      }),
    // A sweep that is under way while a beat arrives.
    profile: {
      ...NO_FAULTS,
      calls: { ...NO_FAULTS.calls, slow: 0.7 },
      chaos: ["pause"],
      chaosEveryMs: 1_200,
    },
    caughtBy: ["S16"],
  },
  {
    name: "nobody reconciles",
    reconcile: false,
    // Calls for a reconcile end with the faults, so what is left stays left.
    caughtBy: ["L1"],
  },
  {
    name: "sweeps are never written",
    store: (store) => ({
      ...bound(store),
      async write(request) {
        const swept = request.items.filter(({ guard }) => guard.expiredLease !== undefined);
        if (swept.length === 0) return store.write(request);
        throw new Error("a sweep that is never written");
      },
    }),
    caughtBy: ["L1"],
  },
  {
    name: "a wake-up is lost when a job is claimed back",
    store: writing((item) => (item.patch.status === "PENDING" ? patched(item, { wakeAt: null }) : item)),
    caughtBy: ["W1"],
  },
  {
    name: "a wake-up for the last reason only: the notification is dropped",
    store: writing((item) =>
      lastEntryOf(item) > 0 && typeof item.patch.wakeAt === "number"
        ? patched(item, { wakeAt: item.patch.wakeAt + FAR_MS })
        : item,
    ),
    caughtBy: ["W1"],
  },
  {
    name: "takeDue clears the wake-up",
    make: () => {
      const store = memoryStore();
      return {
        ...bound(store),
        async takeDue(request) {
          const reply = await store.takeDue(request);
          const items = reply.jobs.map(({ record }) => ({
            id: record.id,
            plannedOn: record,
            wakeAt: null,
            purgeAt: null,
            latestWakeAt: Number.MAX_SAFE_INTEGER,
            cursors: {},
          }));
          if (items.length > 0) await store.advance({ nowMs: request.nowMs, items });
          return reply;
        },
      };
    },
    caughtBy: ["W1"],
  },
  {
    name: "the cursor jumps to the version of the record",
    store: advancing((item) => ({
      ...item,
      cursors: Object.fromEntries(
        Object.entries(item.cursors).map(([name, cursor]) => [
          name,
          toTheEnd(cursor, item.plannedOn.version),
        ]),
      ),
    })),
    caughtBy: ["S14"],
  },
  {
    name: "a final entry is written twice",
    make: () =>
      looserStore((item) => {
        if (!("append" in item.history)) return item;
        const [entry] = decodeHistory(item.history.append).filter(({ edge }) => edge === "T5");
        if (entry === undefined) return item;
        const second = encodeHistory([{ ...entry, version: entry.version + 1 }]);
        return {
          ...item,
          patch: { ...item.patch, version: item.patch.version + 1 },
          history: { append: `${item.history.append},${second}` },
        };
      }),
    caughtBy: ["S1", "S3"],
  },
  {
    name: "a retry keeps its dispatch",
    store: writing((item) =>
      item.guard.status === "PROCESSING" && item.patch.dispatch !== undefined
        ? patched(item, { dispatch: item.patch.dispatch - 1 })
        : item,
    ),
    caughtBy: ["S10"],
  },
  {
    name: "a notifier is offered the newest entry first",
    notifier: (notifier) => ({
      ...notifier,
      publish: async (events, context) =>
        [...(await notifier.publish([...events].reverse(), context))].reverse(),
    }),
    caughtBy: ["S15"],
  },
  {
    name: "a failed publish counts as delivered",
    notifier: (notifier) => ({
      ...notifier,
      publish: async (events, context) => {
        await notifier.publish(events, context).catch(() => undefined);
        return events.map(() => ({ status: "delivered" }) as const);
      },
    }),
    caughtBy: ["S14"],
  },
  {
    name: "COMPLETED is written without the output",
    store: writing(({ output: _, ...item }) => item),
    caughtBy: ["S13"],
  },
  {
    name: "an unknown outcome is called not applied",
    store: (store) => ({
      ...bound(store),
      create: (request) =>
        store.create(request).catch((error: unknown) => {
          throw Object.assign(error as Error, { outcome: "not_applied" });
        }),
    }),
    caughtBy: ["S9"],
  },
  {
    name: "a request to cancel is forgotten at a retry",
    make: () =>
      looserStore((item) =>
        item.patch.cancel === undefined && item.guard.token !== null && item.patch.progress !== undefined
          ? patched(item, { cancel: null })
          : item,
      ),
    caughtBy: ["X3"],
  },
  {
    name: "reads are answered by a replica that lags",
    make: laggingStore,
    caughtBy: ["S7"],
  },
  {
    name: "a write that took effect is answered with a refusal",
    make: denyingStore,
    caughtBy: ["S7"],
  },
];
