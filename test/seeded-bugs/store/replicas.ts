// What a store does wrong with replicas, with what its process remembers, and with what it leaves of a job that was removed.
import { WaybillError } from "../../../src/core/errors/errors.js";
import type { Store, CreateResult, StoredJob } from "../../../src/core/ports/store.js";
import { hasGivenUp, hotPart, type StoredRow } from "../../../src/store-kit.js";
import type { Place } from "./plain-store.js";
import { answers, asks, edit, holds, type StoreBug, type World } from "./store-bug.js";

/** What belongs to a place, whichever handle asks. */
const remembered = new WeakMap<Place, Map<string, unknown>>();

function ofPlace<T>(place: Place, name: string, make: () => T): T {
  const all = remembered.get(place) ?? new Map<string, unknown>();
  remembered.set(place, all);
  if (!all.has(name)) all.set(name, make());
  return all.get(name) as T;
}

const CHANGES = ["write", "beat", "claim", "takeDue", "advance"] as const;

/** Keeps of each job the row before its last change. */
function noting(world: World, note: (id: string, before: StoredRow) => void): Partial<Store> {
  const { inner, place } = world;
  return Object.fromEntries(
    CHANGES.map((method) => {
      const call = inner[method] as (request: unknown) => Promise<unknown>;
      return [
        method,
        async (request: unknown) => {
          const before = new Map(place.rows);
          const reply = await call(request);
          for (const [id, row] of before) if (place.row(id) !== row) note(id, row);
          return reply;
        },
      ];
    }),
  );
}

/** What a purge removes, for whoever cannot let go of it. */
function removing(
  name: string,
  after: (removed: Map<string, StoredRow>, world: World) => Partial<Store>,
): StoreBug["make"] {
  return (world) => {
    const { inner, place } = world;
    const removed = ofPlace(place, name, () => new Map<string, StoredRow>());
    return {
      async purge(request) {
        const before = new Map(place.rows);
        const reply = await inner.purge(request);
        for (const [id, row] of before) if (!place.rows.has(id)) removed.set(id, row);
        return reply;
      },
      ...after(removed, world),
    };
  };
}

/** Undoes a change of a call, lets others in, and makes it again without looking. */
function withoutLooking(
  method: "beat" | "takeDue" | "advance",
  field: "leaseUntil" | "wakeAt",
  looksAgain = false,
): StoreBug["make"] {
  return ({ inner, place, pause }) => {
    const call = inner[method] as (request: unknown) => Promise<unknown>;
    return {
      [method]: async (request: unknown) => {
        const before = new Map(place.rows);
        const reply = await call(request);
        const changed = [...place.rows].filter(([id, row]) => before.get(id) !== row);
        for (const [id] of changed)
          edit(place, id, () => ({ [field]: before.get(id)?.record[field] ?? null }));
        await pause();
        for (const [id, { record }] of changed)
          if (!looksAgain || place.row(id)?.record[field] === before.get(id)?.record[field])
            edit(place, id, () => ({ [field]: record[field] }));
        return reply;
      },
    };
  };
}

const STRONG = "Strong: sees every write answered before the call.";
const SHARED = "Several processes may share what is stored.";
const PURGE = "Removes settled records past `purgeAt`, input, output, cursors and scope with them.";
const LAST_SECOND = 2 ** 31 - 1;

export const REPLICA_BUGS: readonly StoreBug[] = [
  {
    name: "a handle reads what others changed from a replica that lags",
    breaks: STRONG,
    caughtBy: "another handle",
    make: (world) => {
      const me = Symbol("handle");
      const late = ofPlace(world.place, "late", () => new Map<string, readonly [symbol, StoredRow]>());
      return {
        ...noting(world, (id, before) => late.set(id, [me, before])),
        async read(request) {
          const reply = await world.inner.read(request);
          const seen = (job: StoredJob | null): StoredJob | null => {
            const [by, before] = late.get(job?.record.id ?? "") ?? [me];
            return job === null || by === me || before === undefined ? job : { ...job, ...hotPart(before) };
          };
          return { ...reply, jobs: reply.jobs.map(seen) };
        },
      };
    },
  },
  {
    name: "a refusal tells what a replica knows",
    breaks: "`refused`: the guard did not hold and nothing was written; `job` is what is stored.",
    caughtBy: "write guard",
    make: (world) => {
      const late = ofPlace(world.place, "late", () => new Map<string, StoredRow>());
      const noted = noting(world, (id, before) => late.set(id, before));
      return {
        ...noted,
        async write(request) {
          const reply = await world.inner.write(request);
          const results = reply.results.map((result) => {
            const before = result.status === "refused" ? late.get(result.job.record.id) : undefined;
            return result.status === "refused" && before !== undefined
              ? { ...result, job: structuredClone(hotPart(before)) }
              : result;
          });
          return { ...reply, results };
        },
      };
    },
  },
  {
    name: "takeDue hands one job to two at once",
    breaks: "each postponed (never cleared) to now + `holdMs` in one atomic step",
    caughtBy: "calls at once",
    make: withoutLooking("takeDue", "wakeAt", true),
  },
  {
    name: "takeDue postpones without looking again",
    breaks: "each postponed (never cleared) to now + `holdMs` in one atomic step",
    caughtBy: "calls at once",
    make: withoutLooking("takeDue", "wakeAt"),
  },
  {
    name: "beat moves the lease of the next claim",
    breaks: "guard: PROCESSING, token, not awaiting",
    caughtBy: "calls at once",
    make: withoutLooking("beat", "leaseUntil"),
  },
  {
    name: "advance checks its plan, and writes the wake-up later",
    breaks: "Written with `purgeAt` if the stored record is that one",
    caughtBy: "calls at once",
    make: withoutLooking("advance", "wakeAt"),
  },
  {
    name: "what a token holds is kept in the process",
    breaks: SHARED,
    caughtBy: "rows of calls",
    make: ({ inner, place }) => {
      const own = new Set<string>();
      return {
        async claim(request) {
          if (request.next === undefined || own.has(request.next.token)) return inner.claim(request);
          const { token } = request.next;
          own.add(token);
          const held = [...place.rows.values()].filter(
            ({ record }) => record.token === token && record.status === "PROCESSING",
          );
          for (const { record } of held) place.rows.delete(record.id);
          const reply = await inner.claim(request);
          for (const row of held) place.put(row);
          return reply;
        },
      };
    },
  },
  {
    name: "inputs are kept in the process",
    breaks: SHARED,
    caughtBy: "another handle",
    make: ({ inner }) => {
      const own = new Map<string, string>();
      const known = (job: StoredJob): StoredJob =>
        job.input === undefined ? job : { ...job, input: own.get(job.record.id) ?? "null" };
      return {
        async create(request) {
          for (const { record, input } of request.items) if (!own.has(record.id)) own.set(record.id, input);
          return inner.create(request);
        },
        async claim(request) {
          const reply = await inner.claim(request);
          const results = reply.results.map((result) =>
            result.status === "gone" ? result : { ...result, job: known(result.job) },
          );
          return { ...reply, jobs: reply.jobs.map(known), results };
        },
      };
    },
  },
  {
    name: "what was once given up is undeliverable for ever",
    breaks: "Only jobs with an entry that a notifier gave up.",
    caughtBy: "advance",
    make: ({ inner, place }) => {
      const marked = ofPlace(place, "marked", () => new Set<string>());
      return {
        async advance(request) {
          const reply = await inner.advance(request);
          for (const [id, { cursors }] of place.rows) if (hasGivenUp(cursors)) marked.add(id);
          return reply;
        },
        async health(request) {
          const undeliverable = [...marked].filter((id) => place.rows.has(id)).length;
          return { ...(await inner.health(request)), undeliverable };
        },
      };
    },
  },
  {
    name: "purge leaves the output to a later job of the id",
    breaks: PURGE,
    caughtBy: "purge",
    make: removing("outputs", (removed, { inner }) => ({
      read: async (request) => {
        const reply = await inner.read(request);
        const jobs = reply.jobs.map((job) =>
          job?.output === null ? { ...job, output: removed.get(job.record.id)?.output ?? null } : job,
        );
        return { ...reply, jobs };
      },
    })),
  },
  {
    name: "purge leaves the cursors to a later job of the id",
    breaks: PURGE,
    caughtBy: "purge",
    make: removing("cursors", (removed, { inner, place }) => ({
      create: async (request) => {
        const reply = await inner.create(request);
        for (const [index, { record }] of request.items.entries()) {
          const [row, was] = [place.row(record.id), removed.get(record.id)];
          if (reply.results[index]?.status === "created" && row !== undefined && was !== undefined)
            place.put({ ...row, cursors: was.cursors });
        }
        return reply;
      },
    })),
  },
  {
    name: "purge never frees the id",
    breaks: PURGE,
    caughtBy: "purge",
    make: removing("dead", (removed, { inner, place }) => ({
      create: async (request) => {
        const reply = await inner.create(request);
        const results = reply.results.map((result, index): CreateResult => {
          const id = request.items[index]?.record.id ?? "";
          const was = removed.get(id);
          if (result.status !== "created" || was === undefined) return result;
          place.rows.delete(id);
          return { status: "existing", job: structuredClone(hotPart(was)) };
        });
        return { ...reply, results };
      },
    })),
  },
  {
    name: "a job that is read past its retention is gone",
    breaks: "Nothing is removed but by `purge` and `unpark`.",
    caughtBy: "what is left alone",
    make: asks("read", (request, { place }) => {
      for (const id of request.ids) {
        const { finishedAt = null, retainMs = 0 } = place.row(id)?.record ?? {};
        if (finishedAt !== null && finishedAt + retainMs <= request.nowMs) place.rows.delete(id);
      }
      return request;
    }),
  },
  {
    name: "instants end in 2038",
    breaks: "Instants are whole milliseconds.",
    caughtBy: "hostile text",
    make: holds((row) => {
      const { purgeAt, wakeAt, etaAt } = row.record;
      const most = (at: number | null): number | null =>
        at === null ? null : Math.min(at, LAST_SECOND * 1_000);
      return {
        ...row,
        record: { ...row.record, purgeAt: most(purgeAt), wakeAt: most(wakeAt), etaAt: most(etaAt) },
      };
    }),
  },
  {
    name: "closing one handle closes the others",
    breaks: "Frees what the store made itself; never closes a client that was passed in.",
    caughtBy: "contention",
    make: ({ inner, place }) => {
      const shared = ofPlace(place, "closed", () => ({ isClosed: false }));
      return {
        async read(request) {
          if (shared.isClosed) throw new WaybillError("waybill.closed", "The client was closed.");
          return inner.read(request);
        },
        async close() {
          shared.isClosed = true;
          await inner.close();
        },
      };
    },
  },
  {
    name: "advance answers the cursors of another item",
    breaks: "Batches answer item by item, in order.",
    caughtBy: "rows of calls",
    make: answers("advance", (reply) => {
      const written = reply.results.filter(({ status }) => status === "ok").reverse();
      return {
        ...reply,
        results: reply.results.map((result) =>
          result.status === "ok" ? (written.shift() ?? result) : result,
        ),
      };
    }),
  },
];
