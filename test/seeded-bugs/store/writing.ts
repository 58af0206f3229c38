// What a store does wrong in `create`, `read` and `write`.
import { isFinal } from "../../../src/core/job/lifecycle.js";
import type { CreateResult, WriteGuard, WriteItem, WriteResult } from "../../../src/core/ports/store.js";
import type { JobRecord } from "../../../src/core/job/record.js";
import { answers, asks, edit, leaves, type StoreBug } from "./store-bug.js";

/** Looks at less than the whole guard: what is stored is put in for the rest. */
function guarding(
  loosen: (guard: WriteGuard, stored: JobRecord, item: WriteItem) => WriteGuard,
): StoreBug["make"] {
  return asks("write", (request, { place }) => ({
    ...request,
    items: request.items.map((item) => {
      const stored = place.row(item.id)?.record;
      return stored === undefined ? item : { ...item, guard: loosen(item.guard, stored, item) };
    }),
  }));
}

/** Writes something else than each item says. */
function writing(change: (item: WriteItem, stored: JobRecord | undefined) => WriteItem): StoreBug["make"] {
  return asks("write", (request, { place }) => ({
    ...request,
    items: request.items.map((item) => change(item, place.row(item.id)?.record)),
  }));
}

const GUARD = "What must hold of the stored record, evaluated inside the store, atomically with the patch.";
const WRITTEN = "`ok`: the patch is durable.";
const CREATED = "Same id or same scope: `existing`, nothing written for that item.";
const WHOLE = "Each item is stored whole (record, input and scope) or not at all.";
const READ = "In the order of the ids; `null`: no such job.";

export const WRITING_BUGS: readonly StoreBug[] = [
  {
    name: "write looks at no version",
    breaks: GUARD,
    caughtBy: "write guard",
    make: guarding((guard, { version }) => ({ ...guard, version })),
  },
  {
    name: "write takes a version that is ahead",
    breaks: GUARD,
    caughtBy: "write guard",
    make: guarding((guard, { version }) => ({
      ...guard,
      version: guard.version > version ? version : guard.version,
    })),
  },
  {
    name: "write looks at no token",
    breaks: GUARD,
    caughtBy: "write guard",
    make: guarding((guard, { token }) => ({ ...guard, token })),
  },
  {
    name: "write takes a null token for any",
    breaks: "`null` = nobody holds one.",
    caughtBy: "write guard",
    make: guarding((guard, { token }) => ({ ...guard, token: guard.token ?? token })),
  },
  {
    name: "write compares tokens without their case",
    breaks: "The claim's token as observed.",
    caughtBy: "write guard",
    make: guarding((guard, { token }) =>
      guard.token?.toLowerCase() === token?.toLowerCase() ? { ...guard, token } : guard,
    ),
  },
  {
    name: "write compares the first 16 characters of tokens",
    breaks: "The claim's token as observed.",
    caughtBy: "long names",
    make: guarding((guard, { token }) =>
      guard.token?.slice(0, 16) === token?.slice(0, 16) ? { ...guard, token } : guard,
    ),
  },
  {
    name: "write looks at no status",
    breaks: "The status as observed. Never a final one: final is absorbing.",
    caughtBy: "write guard",
    make: guarding((guard, { status }) => (isFinal(status) ? guard : { ...guard, status })),
  },
  {
    name: "write looks at no dispatch",
    breaks: "A mark: the dispatch that was sent.",
    caughtBy: "write guard",
    make: guarding(({ dispatch: _, ...guard }) => guard),
  },
  {
    name: "write lets a sweep pass whatever lease it observed",
    breaks: "A sweep: the lease instant as observed, and it must have passed.",
    caughtBy: "write guard",
    make: guarding(({ expiredLease: _, ...guard }) => guard),
  },
  {
    name: "write lets a sweep pass with a lease that is older than the stored one",
    breaks: "A sweep: the lease instant as observed, and it must have passed.",
    caughtBy: "write guard",
    make: guarding((guard, { leaseUntil }) =>
      guard.expiredLease !== undefined && leaseUntil !== null && guard.expiredLease < leaseUntil
        ? { ...guard, expiredLease: leaseUntil }
        : guard,
    ),
  },
  {
    name: "write takes an absent lease for one that has expired",
    breaks: '`null` when nobody holds a claim: absent is never "expired".',
    caughtBy: "write guard",
    make: guarding((guard, { leaseUntil }) => {
      const { expiredLease: _, ...rest } = guard;
      return leaseUntil === null ? rest : guard;
    }),
  },
  {
    name: "write answers a refusal with the record of before the last change",
    breaks: "`refused`: the guard did not hold and nothing was written; `job` is what is stored.",
    caughtBy: "write guard",
    make: answers("write", (reply) => ({
      ...reply,
      results: reply.results.map((result): WriteResult => {
        if (result.status !== "refused") return result;
        const { job } = result;
        return { ...result, job: { ...job, record: { ...job.record, version: job.record.version - 1 } } };
      }),
    })),
  },
  {
    name: "write answers gone as refused by nobody",
    breaks: "`gone`: no record of this id.",
    caughtBy: "write guard",
    make: answers("write", (reply) => ({
      ...reply,
      results: reply.results.map((result) => (result.status === "gone" ? { status: "ok" } : result)),
    })),
  },
  {
    name: "write leaves a field that the patch sets to null",
    breaks: WRITTEN,
    caughtBy: "write effect",
    make: writing((item) => {
      const kept = Object.entries(item.patch).filter(([, value]) => value !== null);
      return { ...item, patch: Object.fromEntries(kept) as unknown as WriteItem["patch"] };
    }),
  },
  {
    name: "write forgets the checkpoint",
    breaks: WRITTEN,
    caughtBy: "write effect",
    make: writing(({ patch: { checkpoint: _, ...patch }, ...item }) => ({ ...item, patch })),
  },
  {
    name: "write forgets the details of a failure",
    breaks: WRITTEN,
    caughtBy: "hostile text",
    make: writing((item) => {
      const { failure } = item.patch;
      return failure === null || failure === undefined
        ? item
        : { ...item, patch: { ...item.patch, failure: { ...failure, details: null } } };
    }),
  },
  {
    name: "write rounds the percentage",
    breaks: WRITTEN,
    caughtBy: "hostile text",
    make: writing((item) => {
      const { percent } = item.patch;
      return percent === null || percent === undefined
        ? item
        : { ...item, patch: { ...item.patch, percent: Math.round(percent) } };
    }),
  },
  {
    name: "write replaces the history that it should append to",
    breaks: '`append`: encoded entries behind the stored ones (may be "").',
    caughtBy: "write effect",
    make: writing((item) =>
      "append" in item.history ? { ...item, history: { replace: item.history.append } } : item,
    ),
  },
  {
    name: "write appends the history that it should replace",
    breaks: "`replace`: the whole history, to trim.",
    caughtBy: "write effect",
    make: writing((item) =>
      "replace" in item.history ? { ...item, history: { append: item.history.replace } } : item,
    ),
  },
  {
    name: "write clears the history where nothing is appended",
    breaks: '`append`: encoded entries behind the stored ones (may be "").',
    caughtBy: "write effect",
    make: writing((item) =>
      "append" in item.history && item.history.append === "" ? { ...item, history: { replace: "" } } : item,
    ),
  },
  {
    name: "write does not set the lease",
    breaks: "Sets `leaseUntil` to the store's now + this.",
    caughtBy: "lease",
    make: writing(({ leaseMs: _, ...item }) => item),
  },
  {
    name: "write counts the lease from the stored one",
    breaks: "Sets `leaseUntil` to the store's now + this.",
    caughtBy: "write effect",
    make: leaves("write", ({ reply, request, place, before }) => {
      for (const [index, { id, leaseMs }] of request.items.entries()) {
        const leaseUntil = before.get(id)?.record.leaseUntil ?? null;
        if (leaseMs === undefined || leaseUntil === null || reply.results[index]?.status !== "ok") continue;
        edit(place, id, () => ({ leaseUntil: leaseUntil + leaseMs }));
      }
    }),
  },
  {
    name: "write answers no lease",
    breaks: "`leaseUntil` where `leaseMs` was given.",
    caughtBy: "lease",
    make: answers("write", (reply) => ({
      ...reply,
      results: reply.results.map((result) => (result.status === "ok" ? { status: "ok" } : result)),
    })),
  },
  {
    name: "write loses the output",
    breaks: "JSON text; written once, in the same atomic step.",
    caughtBy: "write effect",
    make: writing(({ output: _, ...item }) => item),
  },
  {
    name: "write stores the output of a refused item",
    breaks: "`refused`: the guard did not hold and nothing was written.",
    caughtBy: "payload",
    make: leaves("write", ({ reply, request, place }) => {
      for (const [index, { id, output }] of request.items.entries()) {
        const row = place.row(id);
        if (output !== undefined && row !== undefined && reply.results[index]?.status === "refused")
          place.put({ ...row, output });
      }
    }),
  },
  {
    name: "write parses and prints the output",
    breaks: "JSON text; written once, in the same atomic step.",
    caughtBy: "payload",
    make: writing((item) =>
      item.output === undefined ? item : { ...item, output: JSON.stringify(JSON.parse(item.output)) },
    ),
  },
  {
    name: "write takes an output of null for none",
    breaks: "`null`: no output is stored.",
    caughtBy: "payload",
    make: writing(({ output, ...item }) =>
      output === undefined || output === "null" ? item : { ...item, output },
    ),
  },
  {
    name: "write leaves the others of a batch once one is refused",
    breaks: "Batches answer item by item, in order.",
    caughtBy: "write guard",
    make: ({ inner }) => ({
      async write(request) {
        const results: WriteResult[] = [];
        let nowMs = request.nowMs;
        for (const item of request.items) {
          if (results.some(({ status }) => status === "refused")) {
            results.push({ status: "gone" });
            continue;
          }
          const reply = await inner.write({ nowMs: request.nowMs, items: [item] });
          nowMs = reply.nowMs;
          results.push(...reply.results);
        }
        return { nowMs, results };
      },
    }),
  },
  {
    name: "write answers a batch with the refusals last",
    breaks: "Batches answer item by item, in order.",
    caughtBy: "write guard",
    make: answers("write", (reply) => ({
      ...reply,
      results: [...reply.results].sort((a, b) => Number(a.status !== "ok") - Number(b.status !== "ok")),
    })),
  },
  {
    name: "write claims before it writes",
    breaks: "Claimed after all items, in the same atomic step or the same trip.",
    caughtBy: "write then claim",
    make: ({ inner }) => ({
      async write({ nowMs, items, thenClaim }) {
        if (thenClaim === undefined) return inner.write({ nowMs, items });
        const { jobs } = await inner.claim({ nowMs, next: thenClaim });
        return { ...(await inner.write({ nowMs, items })), claimed: jobs };
      },
    }),
  },
  {
    name: "write claims nothing where an item is refused",
    breaks: "Claimed after all items, in the same atomic step or the same trip.",
    caughtBy: "write then claim",
    make: ({ inner }) => ({
      async write({ nowMs, items, thenClaim }) {
        const reply = await inner.write({ nowMs, items });
        if (thenClaim === undefined) return reply;
        if (reply.results.some(({ status }) => status !== "ok")) return { ...reply, claimed: [] };
        return { ...reply, claimed: (await inner.claim({ nowMs, next: thenClaim })).jobs };
      },
    }),
  },
  {
    name: "create overwrites a job of the same id",
    breaks: CREATED,
    caughtBy: "create",
    make: leaves("create", ({ reply, request, place }) => {
      for (const [index, { record, input }] of request.items.entries()) {
        const row = place.row(record.id);
        if (row !== undefined && reply.results[index]?.status === "existing")
          place.put({ ...row, record, input });
      }
    }),
  },
  {
    name: "create does not look at the scope",
    breaks: CREATED,
    caughtBy: "create",
    make: ({ inner, place }) => ({
      async create(request) {
        const items = request.items.map(({ record, input }) => ({
          record: { ...record, scope: null },
          input,
        }));
        const reply = await inner.create({ ...request, items });
        for (const { record } of request.items) {
          if (place.row(record.id)?.record.version === 1)
            edit(place, record.id, () => ({ scope: record.scope }));
        }
        return reply;
      },
    }),
  },
  {
    name: "create forgets the scope of a job that has ended",
    breaks: CREATED,
    caughtBy: "create",
    make: asks("create", (request, { place }) => {
      for (const { record } of place.rows.values())
        if (isFinal(record.status)) edit(place, record.id, () => ({ scope: null }));
      return request;
    }),
  },
  {
    name: "create prefers the job of the scope to the one of the id",
    breaks: "Where id and scope belong to two jobs, the one with the id.",
    caughtBy: "create",
    make: answers("create", (reply, request, { place }) => ({
      ...reply,
      results: reply.results.map((result, index): CreateResult => {
        const scope = request.items[index]?.record.scope ?? null;
        const row = [...place.rows.values()].find((each) => scope !== null && each.record.scope === scope);
        if (result.status !== "existing" || row === undefined) return result;
        return { status: "existing", job: { record: row.record, cursors: row.cursors } };
      }),
    })),
  },
  {
    name: "create rejects a batch with a job that exists",
    breaks: "Batches answer item by item, in order.",
    caughtBy: "create",
    make: answers("create", (reply) => {
      if (reply.results.length > 1 && reply.results.some(({ status }) => status === "existing"))
        throw new Error("duplicate key");
      return reply;
    }),
  },
  {
    name: "create answers created for its own job that exists",
    breaks: "`created`: stored by this call.",
    caughtBy: "create",
    make: answers("create", (reply, request) => ({
      ...reply,
      results: reply.results.map((result, index): CreateResult => {
        const isOwn =
          result.status === "existing" && result.job.record.id === request.items[index]?.record.id;
        return isOwn ? { status: "created" } : result;
      }),
    })),
  },
  {
    name: "create loses the input of the second item of a call",
    breaks: WHOLE,
    caughtBy: "payload",
    make: leaves("create", ({ request, place }) => {
      const second = place.row(request.items[1]?.record.id ?? "");
      if (second !== undefined) place.put({ ...second, input: "null" });
    }),
  },
  {
    name: "create loses the trace",
    breaks: "The whole first record, with its first history entries.",
    caughtBy: "create",
    make: leaves("create", ({ request, place }) => {
      for (const { record } of request.items) edit(place, record.id, () => ({ trace: null }));
    }),
  },
  {
    name: "create takes no delay of a first dispatch",
    breaks: "The whole first record, with its first history entries.",
    caughtBy: "create",
    make: leaves("create", ({ request, place }) => {
      for (const { record } of request.items)
        if (record.readyAt !== null) edit(place, record.id, () => ({ readyAt: request.nowMs }));
    }),
  },
  {
    name: "create leaves the cursors out of an existing job",
    breaks: "The job that is stored: record and cursors.",
    caughtBy: "create",
    make: answers("create", (reply) => ({
      ...reply,
      results: reply.results.map((result) =>
        result.status === "existing" ? { ...result, job: { ...result.job, cursors: {} } } : result,
      ),
    })),
  },
  {
    name: "read leaves out ids that are not there",
    breaks: READ,
    caughtBy: "read",
    make: answers("read", (reply) => ({ ...reply, jobs: reply.jobs.filter((job) => job !== null) })),
  },
  {
    name: "read answers in the order of what is stored",
    breaks: READ,
    caughtBy: "read",
    make: answers("read", (reply) => ({
      ...reply,
      jobs: [...reply.jobs].sort((a, b) => ((a?.record.id ?? "") < (b?.record.id ?? "") ? -1 : 1)),
    })),
  },
  {
    name: "read always answers the input",
    breaks: "`input` and `output` are JSON text, present only where they were asked for.",
    caughtBy: "read",
    make: asks("read", (request) => ({ ...request, input: true })),
  },
  {
    name: "read answers the output only with the input",
    breaks: "`input` and `output` are JSON text, present only where they were asked for.",
    caughtBy: "read",
    make: asks("read", (request) => ({
      ...request,
      output: request.output === true && request.input === true,
    })),
  },
  {
    name: "read answers no cursors of a job that has ended",
    breaks: "The job as stored: record and cursors.",
    caughtBy: "what answers carry",
    make: answers("read", (reply) => ({
      ...reply,
      jobs: reply.jobs.map((job) =>
        job !== null && isFinal(job.record.status) ? { ...job, cursors: {} } : job,
      ),
    })),
  },
];
