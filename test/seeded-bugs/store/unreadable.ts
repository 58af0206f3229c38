// What a store makes of a record that cannot be read.
import { isWaybillError, StoreUnavailableError } from "../../../src/core/errors/errors.js";
import { answers, asks, leaves, type StoreBug } from "./store-bug.js";

type Among = "claim" | "takeDue" | "list" | "byRef" | "write";
type Named = "read" | "write" | "beat" | "advance" | "create";

/** One that cannot be read, and the whole call is lost. */
function losesAll(method: Among): StoreBug["make"] {
  return answers(method, (reply) => {
    if (reply.unreadable === undefined) return reply;
    throw new StoreUnavailableError("A row could not be read.", { outcome: "unknown" });
  });
}

function doesNotTell(method: Among): StoreBug["make"] {
  return answers(
    method,
    ({ unreadable: _, ...reply }) => reply as typeof reply & { readonly unreadable?: never },
  );
}

/** Takes one that cannot be read for none. */
function takesForNone(method: Named, none: (items: number) => object): StoreBug["make"] {
  return ({ inner }) => {
    const call = inner[method] as (request: unknown) => Promise<unknown>;
    return {
      [method]: async (request: {
        readonly nowMs: number;
        readonly items?: readonly unknown[];
        readonly ids?: readonly unknown[];
      }) => {
        try {
          return await call(request);
        } catch (error) {
          if (!isWaybillError(error, "store.corrupt")) throw error;
          return { nowMs: request.nowMs, ...none((request.items ?? request.ids ?? []).length) };
        }
      },
    };
  };
}

function each<T>(items: number, answer: T): readonly T[] {
  return Array.from({ length: items }, () => answer);
}

const AMONG = "They are left out of the answer and never in the way of the others.";
const ALONE = "A call that asks for one job by its id rejects with `StoreCorruptError`.";
const MOVED = "claimed like the others, so that they are not met again before the lease is over";

export const UNREADABLE_BUGS: readonly StoreBug[] = [
  ...(["claim", "takeDue", "list", "byRef"] as const).map((method): StoreBug => ({
    name: `${method}: one that cannot be read costs all`,
    breaks: AMONG,
    caughtBy: "a record that cannot be read",
    make: losesAll(method),
  })),
  ...(["claim", "takeDue", "list", "byRef", "write"] as const).map((method): StoreBug => ({
    name: `${method} does not tell what cannot be read`,
    breaks: "names its id in `unreadable`",
    caughtBy: "a record that cannot be read",
    make: doesNotTell(method),
  })),
  ...(["write", "beat", "advance"] as const).map((method): StoreBug => ({
    name: `${method} takes what cannot be read for gone`,
    breaks: ALONE,
    caughtBy: "a record that cannot be read",
    make: takesForNone(method, (items) => ({ results: each(items, { status: "gone" }) })),
  })),
  {
    name: "create takes what cannot be read for created",
    breaks: ALONE,
    caughtBy: "a record that cannot be read",
    make: takesForNone("create", (items) => ({ results: each(items, { status: "created" }) })),
  },
  {
    name: "read takes what cannot be read for none",
    breaks: ALONE,
    caughtBy: "a record that cannot be read",
    make: takesForNone("read", (items) => ({ jobs: each(items, null) })),
  },
  {
    name: "claim leaves what cannot be read where it was",
    breaks: MOVED,
    caughtBy: "a record that cannot be read",
    make: leaves("claim", ({ reply, place, before }) => {
      for (const id of reply.unreadable ?? []) {
        const row = before.get(id);
        if (row !== undefined) place.put(row);
      }
    }),
  },
  {
    name: "takeDue leaves what cannot be read where it was",
    breaks: "One that cannot be read is postponed with the others and told in `unreadable`.",
    caughtBy: "a record that cannot be read",
    make: leaves("takeDue", ({ reply, place, before }) => {
      for (const id of reply.unreadable ?? []) {
        const row = before.get(id);
        if (row !== undefined) place.put(row);
      }
    }),
  },
  {
    name: "purge stops at what cannot be read",
    breaks:
      "One that cannot be read goes with them or stays; those behind it go, however few a call removes.",
    caughtBy: "a record that cannot be read",
    make: asks("purge", (request, { place }) => {
      const due = place.due(({ record }) => record.purgeAt, request.nowMs);
      const at = due.findIndex(({ record }) => place.spoilt.has(record.id));
      return at < 0 ? request : { ...request, limit: Math.min(at, request.limit) };
    }),
  },
];
