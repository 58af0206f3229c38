import { StoreUnavailableError } from "../../src/core/errors/errors.js";
import type { Store } from "../../src/core/ports/store.js";
import { interceptStore } from "../../src/testing/faults/intercept-store.js";
import { BROKEN, type Variant } from "../simulate/variants.js";

function known(name: string): Variant {
  const variant = BROKEN.find((each) => each.name === name);
  if (variant === undefined) throw new Error(`There is no variant "${name}".`);
  return variant;
}

/** Hands every call through. */
const through = (store: Store): Store => interceptStore(store, (_method, _items, call) => call());

const doubtful = (error: unknown): boolean =>
  error instanceof StoreUnavailableError && error.outcome !== "not_applied";

/** Each breaks one rule, and the cut that makes it matter is among all the cuts of its scenario. */
export const NAIVE: readonly {
  readonly variant: Variant;
  readonly scenario: string;
  /** The rules one of which must be seen broken. */
  readonly caughtBy: readonly string[];
}[] = [
  {
    variant: known("acknowledges before the outcome is written"),
    scenario: "completes, through a queue",
    caughtBy: ["S10"],
  },
  {
    variant: known("nobody reconciles"),
    scenario: "completes, through a queue",
    caughtBy: ["L1"],
  },
  {
    variant: known("an unknown outcome is called not applied"),
    scenario: "completes, the store as queue",
    caughtBy: ["S9"],
  },
  {
    variant: known("a failed publish counts as delivered"),
    scenario: "completes, the store as queue",
    caughtBy: ["S14"],
  },
  {
    variant: {
      name: "a create in doubt is made again under a new id",
      store: (store) => ({
        ...through(store),
        create: async (request) => {
          try {
            return await store.create(request);
          } catch (error) {
            if (!doubtful(error)) throw error;
            const items = request.items.map(({ record, ...item }) => ({
              ...item,
              record: { ...record, id: `${record.id}-again` },
            }));
            return store.create({ ...request, items });
          }
        },
      }),
    },
    scenario: "completes, the store as queue",
    caughtBy: ["N1", "S11"],
  },
  {
    variant: {
      name: "nobody recognises a write of his own by its transition id",
      store: (store) => ({
        ...through(store),
        write: async (request) => {
          const reply = await store.write(request);
          const results = reply.results.map((result) =>
            result.status === "refused"
              ? { ...result, job: { ...result.job, record: { ...result.job.record, history: "" } } }
              : result,
          );
          return { ...reply, results };
        },
      }),
    },
    scenario: "is cancelled before anybody claims it",
    caughtBy: ["S9"],
  },
];
