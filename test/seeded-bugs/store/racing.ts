// What a store does wrong only when others are at the same job, or look while a call is under way.
import type { StoredRow } from "../../../src/store-kit.js";
import type { Place } from "./plain-store.js";
import { edit, type StoreBug, type World } from "./store-bug.js";

type Changing = "create" | "write" | "beat" | "claim" | "takeDue" | "advance" | "purge";

/** Reads rows, lets others in, and writes back what it made of what it had read. */
function writesBack(method: Changing): StoreBug["make"] {
  return ({ place, inner, pause }) => {
    const call = inner[method] as (request: unknown) => Promise<unknown>;
    return {
      [method]: async (request: unknown) => {
        const before = new Map(place.rows);
        const reply = await call(request);
        const changed = [...place.rows].filter(([id, row]) => before.get(id) !== row);
        const undone = new Map(changed.map(([id]) => [id, before.get(id)] as const));
        restore(place, undone);
        await pause();
        for (const [id, row] of changed) if (place.rows.has(id)) place.put(row);
        return reply;
      },
    };
  };
}

function restore(place: Place, rows: ReadonlyMap<string, StoredRow | undefined>): void {
  for (const [id, row] of rows) {
    if (row === undefined) place.rows.delete(id);
    else place.put(row);
  }
}

/** Makes a part of a change in a second step, after others could look. */
function later(
  method: Changing,
  part: (before: StoredRow | undefined, after: StoredRow) => StoredRow,
): StoreBug["make"] {
  return ({ place, inner, pause }) => {
    const call = inner[method] as (request: unknown) => Promise<unknown>;
    return {
      [method]: async (request: unknown) => {
        const before = new Map(place.rows);
        const reply = await call(request);
        const changed = [...place.rows].filter(([id, row]) => before.get(id) !== row);
        for (const [id, row] of changed) place.put(part(before.get(id), row));
        await pause();
        await pause();
        for (const [id, row] of changed) {
          const now = place.row(id);
          if (now?.record.version === row.record.version) place.put(row);
        }
        return reply;
      },
    };
  };
}

/** Looks at what is stored, lets others in, and then does what it would have done before. */
function checksFirst(
  method: "write" | "claim",
  holds: (world: World, id: string, request: never) => boolean,
): StoreBug["make"] {
  return (world) => {
    const call = world.inner[method] as (request: unknown) => Promise<unknown>;
    return {
      [method]: async (request: { readonly items?: readonly { readonly id: string }[] }) => {
        const ids = (request.items ?? []).map(({ id }) => id);
        if (!ids.every((id) => holds(world, id, request as never))) return call(request);
        const seen = ids.map((id) => world.place.row(id));
        await world.pause();
        for (const row of seen)
          if (row !== undefined && world.place.rows.has(row.record.id)) world.place.put(row);
        return call(request);
      },
    };
  };
}

const ATOMIC = "evaluated inside the store, atomically with the patch";
const ONE_STEP = "written once, in the same atomic step";

export const RACING_BUGS: readonly StoreBug[] = [
  {
    name: "beat writes the whole record back",
    breaks: "Touches neither version nor wake-up.",
    caughtBy: "calls at once",
    make: writesBack("beat"),
  },
  {
    name: "claim writes the whole record back",
    breaks: "Takes jobs for a worker; no job goes to two claims.",
    caughtBy: "calls at once",
    make: writesBack("claim"),
  },
  {
    name: "takeDue writes the whole record back",
    breaks: "each postponed (never cleared) in one atomic step",
    caughtBy: "calls at once",
    make: writesBack("takeDue"),
  },
  {
    name: "advance writes the whole record back",
    breaks: "never disturbs a worker: version and document stay as they are",
    caughtBy: "calls at once",
    make: writesBack("advance"),
  },
  {
    name: "write writes the whole record back",
    breaks: ATOMIC,
    caughtBy: "calls at once",
    make: writesBack("write"),
  },
  {
    name: "write checks its guard, and writes later",
    breaks: ATOMIC,
    caughtBy: "calls at once",
    make: checksFirst("write", () => true),
  },
  {
    name: "advance merges cursors that it read before",
    breaks: "merged per name by `mergeCursor`",
    caughtBy: "calls at once",
    make: ({ place, inner, pause }) => ({
      async advance(request) {
        const before = request.items.map(({ id }) => place.row(id)?.cursors);
        await pause();
        const reply = await inner.advance(request);
        for (const [index, { id, cursors }] of request.items.entries()) {
          const row = place.row(id);
          if (row !== undefined) place.put({ ...row, cursors: { ...before[index], ...cursors } });
        }
        return reply;
      },
    }),
  },
  {
    name: "purge removes what an advance has just put off",
    breaks: "Removes settled records past `purgeAt`.",
    caughtBy: "calls at once",
    make: ({ place, inner, pause }) => ({
      async purge(request) {
        const due = place.due(({ record }) => record.purgeAt, request.nowMs).slice(0, request.limit);
        await pause();
        for (const { record } of due) place.rows.delete(record.id);
        const reply = await inner.purge({ ...request, limit: 0 });
        return { ...reply, jobs: due.length };
      },
    }),
  },
  {
    name: "create looks for the scope before it writes",
    breaks: "Same id or same scope: `existing`.",
    caughtBy: "contention",
    make: ({ place, inner, pause }) => ({
      async create(request) {
        const [item] = request.items;
        const taken = [...place.rows.values()].some(
          ({ record }) => record.scope !== null && record.scope === item?.record.scope,
        );
        if (taken || item === undefined || request.items.length > 1) return inner.create(request);
        await pause();
        const reply = await inner.create({
          ...request,
          items: [{ ...item, record: { ...item.record, scope: null } }],
        });
        if (reply.results[0]?.status === "created")
          edit(place, item.record.id, () => ({ scope: item.record.scope }));
        return reply;
      },
    }),
  },
  {
    name: "two claims under one token take more than the limit together",
    breaks: "what it holds already is answered first, and both together are no more than `limit`",
    caughtBy: "calls at once",
    make: ({ place, inner, pause }) => ({
      async claim(request) {
        if (request.next === undefined) return inner.claim(request);
        const { token, limit } = request.next;
        const held = [...place.rows.values()].filter(
          ({ record }) => record.token === token && record.status === "PROCESSING",
        );
        await pause();
        if (held.length > 0) return inner.claim(request);
        const own = `${token}-${String(place.rows.size)}-${String(Math.random())}`;
        const reply = await inner.claim({
          nowMs: request.nowMs,
          next: { ...request.next, token: own, limit },
        });
        for (const { record } of reply.jobs) edit(place, record.id, () => ({ token }));
        return { ...reply, jobs: reply.jobs.map((job) => ({ ...job, record: { ...job.record, token } })) };
      },
    }),
  },
  {
    name: "park looks before it writes",
    breaks: "parking twice is parking once, and the first stays",
    caughtBy: "messages at once",
    make: ({ place, pause }) => ({
      async park(request) {
        const missing = request.messages.filter(({ id }) => !place.parked.has(id));
        await pause();
        for (const message of missing) place.parked.set(message.id, message);
        return { nowMs: request.nowMs };
      },
    }),
  },
  {
    name: "unpark brings back what was parked meanwhile",
    breaks: "unpark",
    caughtBy: "messages at once",
    make: ({ place, pause }) => ({
      async unpark(request) {
        const left = [...place.parked].filter(([id]) => !request.ids.includes(id));
        await pause();
        place.parked.clear();
        for (const [id, message] of left) place.parked.set(id, message);
        return { nowMs: request.nowMs };
      },
    }),
  },
  {
    name: "purge removes a message that was parked anew meanwhile",
    breaks: "Parked messages older than this go too.",
    caughtBy: "messages at once",
    make: ({ place, inner, pause }) => ({
      async purge(request) {
        const old = [...place.parked.values()].filter((message) => message.at < request.parkedBefore);
        await pause();
        for (const { id } of old) place.parked.delete(id);
        const reply = await inner.purge({ ...request, parkedBefore: 0 });
        return { ...reply, parked: old.length };
      },
    }),
  },
  {
    name: "write stores the output in a second step",
    breaks: ONE_STEP,
    caughtBy: "while a call is under way",
    make: later("write", (before, after) => ({ ...after, output: before?.output ?? null })),
  },
  {
    name: "write stores the history in a second step",
    breaks: ATOMIC,
    caughtBy: "while a call is under way",
    make: later("write", (before, after) => ({
      ...after,
      record: { ...after.record, history: before?.record.history ?? "" },
    })),
  },
  {
    name: "write stores the wake-up in a second step",
    breaks: ATOMIC,
    caughtBy: "while a call is under way",
    make: later("write", (before, after) => ({
      ...after,
      record: { ...after.record, wakeAt: before?.record.wakeAt ?? null },
    })),
  },
  {
    name: "create stores the input in a second step",
    breaks: "Each item is stored whole (record, input and scope) or not at all.",
    caughtBy: "while a call is under way",
    make: later("create", (_, after) => ({ ...after, input: "null" })),
  },
  {
    name: "create stores the scope in a second step",
    breaks: "Each item is stored whole (record, input and scope) or not at all.",
    caughtBy: "while a call is under way",
    make: later("create", (_, after) => ({ ...after, record: { ...after.record, scope: null } })),
  },
  {
    name: "claim stores the lease in a second step",
    breaks: "Effect of both, one atomic step",
    caughtBy: "while a call is under way",
    make: later("claim", (before, after) => ({
      ...after,
      record: { ...after.record, leaseUntil: before?.record.leaseUntil ?? null },
    })),
  },
  {
    name: "claim stores its entries in a second step",
    breaks: "Effect of both, one atomic step",
    caughtBy: "while a call is under way",
    make: later("claim", (before, after) => ({
      ...after,
      record: { ...after.record, history: before?.record.history ?? "" },
    })),
  },
  {
    name: "advance stores the wake-up in a second step",
    breaks: "Written with `purgeAt`",
    caughtBy: "while a call is under way",
    make: later("advance", (before, after) => ({
      ...after,
      record: { ...after.record, wakeAt: before?.record.wakeAt ?? null },
    })),
  },
  {
    name: "takeDue clears the wake-up before it postpones it",
    breaks: "each postponed (never cleared) to now + `holdMs` in one atomic step",
    caughtBy: "while a call is under way",
    make: later("takeDue", (_, after) => ({ ...after, record: { ...after.record, wakeAt: null } })),
  },
  {
    name: "purge removes the payloads before the record",
    breaks: "Removes settled records past `purgeAt`, input, output, cursors and scope with them.",
    caughtBy: "while a call is under way",
    make: ({ place, inner, pause }) => ({
      async purge(request) {
        for (const row of place.due(({ record }) => record.purgeAt, request.nowMs))
          place.put({ ...row, input: "null", output: null });
        await pause();
        await pause();
        return inner.purge(request);
      },
    }),
  },
];
