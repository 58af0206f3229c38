import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { memoryStore } from "../../../src/adapters/memory/store.js";
import { isFinal } from "../../../src/core/job/lifecycle.js";
import type { ClaimByMessage, Store, WriteGuard } from "../../../src/core/ports/store.js";
import type { JobRecord } from "../../../src/core/job/record.js";
import { interceptStore } from "../../../src/testing/faults/intercept-store.js";
import { modelProperty } from "./store-model.js";

const RUNS = 200;

/** A memory store that answers some calls in its own way. */
function store(own: (inner: Store) => Partial<Store>): Store {
  const inner = memoryStore();
  return { ...interceptStore(inner, (_method, _items, call) => call()), ...own(inner) };
}

/** A store that looks at less than the whole guard: what is stored is put in for the rest. */
function guarding(loosen: (guard: WriteGuard, stored: JobRecord) => WriteGuard): Store {
  return store((inner) => ({
    async write(request) {
      const { jobs } = await inner.read({ nowMs: request.nowMs, ids: request.items.map(({ id }) => id) });
      const items = request.items.map((item, index) => {
        const stored = jobs[index]?.record;
        return stored === undefined ? item : { ...item, guard: loosen(item.guard, stored) };
      });
      return inner.write({ ...request, items });
    },
  }));
}

function claiming(change: (item: ClaimByMessage, stored: JobRecord) => ClaimByMessage): Store {
  return store((inner) => ({
    async claim({ nowMs, next, byMessage }) {
      if (byMessage === undefined) return inner.claim({ nowMs, next });
      const { jobs } = await inner.read({ nowMs, ids: byMessage.items.map(({ id }) => id) });
      const items = byMessage.items.map((item, index) => {
        const stored = jobs[index]?.record;
        return stored === undefined ? item : change(item, stored);
      });
      return inner.claim({ nowMs, byMessage: { ...byMessage, items } });
    },
  }));
}

const FAR_MS = 3_600_000;

const BROKEN: Readonly<Record<string, () => Store>> = {
  "does not look at the token of a guard": () => guarding((guard, { token }) => ({ ...guard, token })),
  "does not look at the version of a guard": () => guarding((guard, { version }) => ({ ...guard, version })),
  "does not look at the status of a guard": () =>
    guarding((guard, { status }) => (isFinal(status) ? guard : { ...guard, status })),
  "does not look at the dispatch of a guard": () => guarding(({ dispatch: _, ...guard }) => guard),
  "does not look at the lease of a guard": () => guarding(({ expiredLease: _, ...guard }) => guard),
  "claims by an older message": () =>
    claiming((item, { dispatch }) => ({ ...item, dispatch: Math.max(item.dispatch, dispatch) })),
  "claims before its time": () =>
    store((inner) => ({
      claim: (request) =>
        inner.claim(request.next === undefined ? request : { ...request, nowMs: request.nowMs + FAR_MS }),
    })),
  "gives what is due to nobody a second time": () =>
    store((inner) => ({ takeDue: (request) => inner.takeDue({ ...request, holdMs: FAR_MS }) })),
  "takes what is due in no order": () =>
    store((inner) => ({
      async takeDue(request) {
        const reply = await inner.takeDue(request);
        return { ...reply, jobs: [...reply.jobs].reverse() };
      },
    })),
  "writes a wake-up that was planned on another claim": () =>
    store((inner) => ({
      async advance({ nowMs, items }) {
        const { jobs } = await inner.read({ nowMs, ids: items.map(({ id }) => id) });
        const planned = items.map((item, index) => {
          const token = jobs[index]?.record.token ?? null;
          return { ...item, plannedOn: { ...item.plannedOn, token } };
        });
        return inner.advance({ nowMs, items: planned });
      },
    })),
  "never brings a wake-up forward": () =>
    store((inner) => ({
      advance: ({ nowMs, items }) =>
        inner.advance({
          nowMs,
          items: items.map((item) => ({ ...item, latestWakeAt: Number.MAX_SAFE_INTEGER })),
        }),
    })),
  "forgets what an advance would have to merge": () =>
    store((inner) => ({
      advance: ({ nowMs, items }) =>
        inner.advance({ nowMs, items: items.map((item) => ({ ...item, cursors: {} })) }),
    })),
  "looks past the status in a list": () =>
    store((inner) => ({ list: ({ statuses: _, ...request }) => inner.list(request) })),
  "purges nothing": () => store((inner) => ({ purge: (request) => inner.purge({ ...request, limit: 0 }) })),
  "keeps the second message that is parked": () =>
    store((inner) => ({
      async park(request) {
        await inner.unpark({ nowMs: request.nowMs, ids: request.messages.map(({ id }) => id) });
        return inner.park(request);
      },
    })),
  "loses the output": () =>
    store((inner) => ({
      write: (request) =>
        inner.write({ ...request, items: request.items.map(({ output: _, ...item }) => item) }),
    })),
};

describe("the model", () => {
  for (const [what, open] of Object.entries(BROKEN)) {
    it(`tells a store that ${what}`, { timeout: 120_000 }, async () => {
      const property = modelProperty(async () => {
        const opened = open();
        return { store: opened, close: () => opened.close() };
      });
      const { failed } = await fc.check(property, { numRuns: RUNS, seed: 1, endOnFailure: true });
      expect(failed).toBe(true);
    });
  }
});
