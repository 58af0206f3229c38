import type { Store, StoredJob } from "../../src/core/ports/store.js";
import type { JobRecord } from "../../src/core/job/record.js";
import { interceptStore } from "../../src/testing/faults/intercept-store.js";

/** The monitors tell what changed by identity: what is decoded anew at each read must be the same object while it is equal. */
export function sameForEqual(store: Store): Store {
  const known = new Map<string, unknown>();
  const same = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null) return value;
    const text = JSON.stringify(value);
    if (!known.has(text)) known.set(text, value);
    return known.get(text);
  };
  const withSame = (job: StoredJob): StoredJob => {
    const fields = Object.entries(job.record).map(([key, value]) => [key, same(value)]);
    return { ...job, record: Object.fromEntries(fields) as JobRecord };
  };
  return {
    ...interceptStore(store, (_method, _items, call) => call()),
    read: async (request) => {
      const reply = await store.read(request);
      return { ...reply, jobs: reply.jobs.map((job) => (job === null ? null : withSame(job))) };
    },
  };
}
