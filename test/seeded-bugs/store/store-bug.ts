import type { Store } from "../../../src/core/ports/store.js";
import type { JobRecord } from "../../../src/core/job/record.js";
import type { StoredRow } from "../../../src/store-kit.js";
import type { Place } from "./plain-store.js";

/** What a bug is made of: what is stored, and a correct handle on it. */
export interface World {
  readonly place: Place;
  readonly inner: Store;
  /** A request to an engine: others may come in between. */
  readonly pause: () => Promise<void>;
}

/** A mistake in a store, around a correct one. */
export interface StoreBug {
  /** What it does wrong. */
  readonly name: string;
  /** The sentence of the port that it breaks. */
  readonly breaks: string;
  /** The group of the published suite that is asked first; another may catch it. */
  readonly caughtBy: string;
  /** @default "caller" */
  readonly clock?: "caller" | "server";
  /** What the handle does otherwise; made once for each handle. */
  readonly make: (world: World) => Partial<Store>;
}

type Call = Exclude<
  keyof Store,
  "capabilities" | "feed" | "tellsChanges" | "onLostWrites" | "migrate" | "ready" | "close"
>;
type Asked<M extends Call> = Parameters<Store[M]>[0];
type Answer<M extends Call> = Awaited<ReturnType<Store[M]>>;
type Make = StoreBug["make"];

/** Asks the correct store something else than it was asked. */
export function asks<M extends Call>(method: M, change: (request: Asked<M>, world: World) => Asked<M>): Make {
  return (world) => {
    const call = world.inner[method] as (request: Asked<M>) => Promise<Answer<M>>;
    return { [method]: (request: Asked<M>) => call(change(request, world)) };
  };
}

/** Answers something else than the correct store does. */
export function answers<M extends Call>(
  method: M,
  change: (reply: Answer<M>, request: Asked<M>, world: World) => Answer<M>,
): Make {
  return (world) => {
    const call = world.inner[method] as (request: Asked<M>) => Promise<Answer<M>>;
    return {
      [method]: async (request: Asked<M>) => change(await call(request), request, world),
    };
  };
}

/** Leaves something else behind than the correct store does. `before`: what was stored when the call came. */
export function leaves<M extends Call>(
  method: M,
  change: (given: {
    readonly reply: Answer<M>;
    readonly request: Asked<M>;
    readonly place: Place;
    readonly before: ReadonlyMap<string, StoredRow>;
  }) => void,
): Make {
  return (world) => {
    const call = world.inner[method] as (request: Asked<M>) => Promise<Answer<M>>;
    return {
      [method]: async (request: Asked<M>) => {
        const before = new Map(world.place.rows);
        const reply = await call(request);
        change({ reply, request, place: world.place, before });
        return reply;
      },
    };
  };
}

/** Changes the stored record of a job. */
export function edit(place: Place, id: string, change: (record: JobRecord) => Partial<JobRecord>): void {
  const row = place.row(id);
  if (row !== undefined) place.put({ ...row, record: { ...row.record, ...change(row.record) } });
}

const CHANGING = ["create", "write", "beat", "claim", "takeDue", "advance"] as const;

/** An engine whose columns hold something else than they are given: every row that changes is stored so. */
export function holds(change: (row: StoredRow) => StoredRow): Make {
  return ({ inner, place }) =>
    Object.fromEntries(
      CHANGING.map((method) => {
        const call = inner[method] as (request: unknown) => Promise<unknown>;
        return [
          method,
          async (request: unknown) => {
            const before = new Map(place.rows);
            const reply = await call(request);
            for (const [id, row] of place.rows) if (before.get(id) !== row) place.put(change(row));
            return reply;
          },
        ];
      }),
    );
}
