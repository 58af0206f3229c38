// What a store does wrong with large batches, other handles, clocks, long names, purges and outcomes.
import { StoreUnavailableError } from "../../../src/core/errors/errors.js";
import type { Store } from "../../../src/core/ports/store.js";
import { answers, asks, edit, leaves, type StoreBug } from "./store-bug.js";

type Batch = "create" | "write" | "beat" | "advance";

/** Cuts a batch into pieces of 25, and answers what it likes for the second piece. */
function cuts(method: Batch, second: unknown): StoreBug["make"] {
  return ({ inner }) => {
    const call = inner[method] as (request: unknown) => Promise<{ readonly results: readonly unknown[] }>;
    return {
      [method]: async (request: { items: readonly unknown[] }) => {
        const reply = await call({ ...request, items: request.items.slice(0, 25) });
        return { ...reply, results: request.items.map((_, index) => reply.results[index] ?? second) };
      },
    };
  };
}

/** Writes the first 25 of a batch, then says that nothing was written. */
function breaksAt25(method: Batch): StoreBug["make"] {
  return ({ inner }) => {
    const call = inner[method] as (request: unknown) => Promise<unknown>;
    return {
      [method]: async (request: { items: readonly unknown[] }) => {
        if (request.items.length <= 25) return call(request);
        await call({ ...request, items: request.items.slice(0, 25) });
        throw new StoreUnavailableError("The engine takes 25 items at once.", { outcome: "not_applied" });
      },
    };
  };
}

/** Judges a call by the caller's clock, although the engine has one of its own. */
function judgesByCaller(
  method: "beat" | "write" | "claim" | "takeDue" | "health" | "purge" | "pulse",
): StoreBug["make"] {
  return ({ place, inner }) => {
    const call = inner[method] as (request: unknown) => Promise<{ nowMs: number }>;
    return {
      [method]: async (request: { nowMs: number }) => {
        const { serverNowMs } = place;
        place.serverNowMs = request.nowMs;
        try {
          return { ...(await call(request)), nowMs: serverNowMs };
        } finally {
          place.serverNowMs = serverNowMs;
        }
      },
    };
  };
}

/** Remembers in the process what belongs to all. */
function forEachHandle(
  make: (own: Map<string, unknown>, world: Parameters<StoreBug["make"]>[0]) => Partial<Store>,
): StoreBug["make"] {
  return (world) => make(new Map(), world);
}

const BATCH = "Batches answer item by item, in order; the core splits larger batches than `maxBatch`.";
const OUTCOME = "`not_applied` when nothing can have been written, else `unknown`";
const SHARED = "Several processes may share what is stored.";
const CLOCK = "`server`: the engine's clock judges leases and `nowMs` of the caller is ignored.";
const MOST_NAME = 64;
const short = (text: string | null): string | null => (text === null ? null : text.slice(0, MOST_NAME));

export const COVERING_BUGS: readonly StoreBug[] = [
  {
    name: "write forgets what is behind 25 items",
    breaks: BATCH,
    caughtBy: "batches",
    make: cuts("write", { status: "ok" }),
  },
  {
    name: "beat forgets what is behind 25 items",
    breaks: BATCH,
    caughtBy: "batches",
    make: cuts("beat", { status: "gone" }),
  },
  {
    name: "advance forgets what is behind 25 items",
    breaks: BATCH,
    caughtBy: "batches",
    make: cuts("advance", { status: "gone" }),
  },
  {
    name: "create forgets what is behind 25 items",
    breaks: BATCH,
    caughtBy: "batches",
    make: cuts("create", { status: "created" }),
  },
  {
    name: "write writes 25 and says not_applied",
    breaks: OUTCOME,
    caughtBy: "batches",
    make: breaksAt25("write"),
  },
  {
    name: "create writes 25 and says not_applied",
    breaks: OUTCOME,
    caughtBy: "batches",
    make: breaksAt25("create"),
  },
  {
    name: "beat writes 25 and says not_applied",
    breaks: OUTCOME,
    caughtBy: "batches",
    make: breaksAt25("beat"),
  },
  {
    name: "advance writes 25 and says not_applied",
    breaks: OUTCOME,
    caughtBy: "batches",
    make: breaksAt25("advance"),
  },
  {
    name: "claim by message forgets what is behind 25 items",
    breaks: BATCH,
    caughtBy: "batches",
    make: ({ inner }) => ({
      async claim(request) {
        if (request.byMessage === undefined) return inner.claim(request);
        const { items, terms } = request.byMessage;
        const reply = await inner.claim({
          nowMs: request.nowMs,
          byMessage: { terms, items: items.slice(0, 25) },
        });
        return { ...reply, results: items.map((_, index) => reply.results[index] ?? { status: "gone" }) };
      },
    }),
  },
  {
    name: "claim of the next takes at most 25",
    breaks: "limit",
    caughtBy: "batches",
    make: ({ inner }) => ({
      claim: (request) =>
        inner.claim(
          request.next === undefined
            ? request
            : { nowMs: request.nowMs, next: { ...request.next, limit: Math.min(25, request.next.limit) } },
        ),
    }),
  },
  {
    name: "takeDue postpones 25 and answers all",
    breaks: "each postponed (never cleared) to now + `holdMs` in one atomic step",
    caughtBy: "batches",
    make: leaves("takeDue", ({ reply, place }) => {
      for (const { record, dueAt } of reply.jobs.slice(25)) edit(place, record.id, () => ({ wakeAt: dueAt }));
    }),
  },
  {
    name: "purge counts what it would have removed behind 25",
    breaks: "Removes settled records past `purgeAt`.",
    caughtBy: "batches",
    make: ({ inner, place }) => ({
      async purge(request) {
        const due = place.due(({ record }) => record.purgeAt, request.nowMs).length;
        const reply = await inner.purge({ ...request, limit: Math.min(25, request.limit) });
        return { ...reply, jobs: Math.min(request.limit, due) };
      },
    }),
  },
  {
    name: "park keeps 25 messages of a call",
    breaks: "parking twice is parking once",
    caughtBy: "batches",
    make: asks("park", (request) => ({ ...request, messages: request.messages.slice(0, 25) })),
  },
  {
    name: "unpark takes 25 messages of a call out",
    breaks: "unpark",
    caughtBy: "batches",
    make: asks("unpark", (request) => ({ ...request, ids: request.ids.slice(0, 25) })),
  },
  {
    name: "read answers null behind 25 ids",
    breaks: "In the order of the ids; `null`: no such job.",
    caughtBy: "batches",
    make: answers("read", (reply) => ({
      ...reply,
      jobs: reply.jobs.map((job, index) => (index < 25 ? job : null)),
    })),
  },
  {
    name: "list answers no input behind 25 jobs",
    breaks: "`input` and `output` are JSON text, present only where they were asked for.",
    caughtBy: "batches",
    make: answers("list", (reply) => ({
      ...reply,
      jobs: reply.jobs.map((job, index) => {
        const { input: _, ...rest } = job;
        return index < 25 ? job : rest;
      }),
    })),
  },

  {
    name: "parked messages are kept in the process",
    breaks: SHARED,
    caughtBy: "another handle",
    make: forEachHandle((own, { inner }) => ({
      async park(request) {
        for (const message of request.messages) if (!own.has(message.id)) own.set(message.id, message);
        return { nowMs: request.nowMs };
      },
      async parked(request) {
        const reply = await inner.parked({ ...request, limit: 0 });
        const messages = [...own.values()] as typeof reply.messages;
        return {
          ...reply,
          messages: messages
            .filter(({ id }) => id > (request.after ?? ""))
            .sort((a, b) => (a.id < b.id ? -1 : 1))
            .slice(0, request.limit),
        };
      },
      async health(request) {
        return { ...(await inner.health(request)), parked: own.size };
      },
      async unpark(request) {
        for (const id of request.ids) own.delete(id);
        return inner.unpark(request);
      },
      async purge(request) {
        const old = [...own.values()].filter(
          (message) => (message as { at: number }).at < request.parkedBefore,
        ) as { id: string }[];
        for (const { id } of old) own.delete(id);
        return { ...(await inner.purge(request)), parked: old.length };
      },
    })),
  },
  {
    name: "the pulse is kept in the process",
    breaks: "When a reconciler last ran; `null`: never.",
    caughtBy: "another handle",
    make: forEachHandle((own, { inner }) => ({
      async pulse(request) {
        const reply = await inner.pulse(request);
        own.set("pulse", { lastPulseAt: reply.nowMs, unserved: request.unserved });
        return reply;
      },
      async health(request) {
        return {
          ...(await inner.health(request)),
          lastPulseAt: null,
          unserved: 0,
          ...(own.get("pulse") as object | undefined),
        };
      },
    })),
  },
  {
    name: "cursors are kept in the process",
    breaks: SHARED,
    caughtBy: "another handle",
    make: forEachHandle((own, { inner, place }) => {
      const put = (id: string): void => {
        const row = place.row(id);
        if (row !== undefined)
          place.put({ ...row, cursors: (own.get(id) as typeof row.cursors | undefined) ?? {} });
      };
      return {
        async advance(request) {
          for (const { id } of request.items) put(id);
          const reply = await inner.advance(request);
          for (const { id } of request.items) own.set(id, place.row(id)?.cursors ?? {});
          return reply;
        },
        async read(request) {
          for (const id of request.ids) put(id);
          return inner.read(request);
        },
      };
    }),
  },
  {
    name: "what was read is cached in the process",
    breaks: "Strong: sees every write answered before the call.",
    caughtBy: "another handle",
    make: forEachHandle((own, { inner }) => {
      const forget = (ids: readonly string[]): void => {
        for (const id of ids) own.delete(id);
      };
      return {
        async read(request) {
          const key = JSON.stringify([request.input, request.output]);
          const reply = await inner.read(request);
          return {
            ...reply,
            jobs: reply.jobs.map((job, index) => {
              const id = request.ids[index] ?? "";
              const known = own.get(id) as Map<string, typeof job> | undefined;
              const cached = known?.get(key);
              if (cached !== null && cached !== undefined) return cached;
              const map = known ?? new Map<string, typeof job>();
              map.set(key, job);
              own.set(id, map);
              return job;
            }),
          };
        },
        async write(request) {
          forget(request.items.map(({ id }) => id));
          own.clear();
          return inner.write(request);
        },
        async beat(request) {
          own.clear();
          return inner.beat(request);
        },
        async claim(request) {
          own.clear();
          return inner.claim(request);
        },
        async takeDue(request) {
          own.clear();
          return inner.takeDue(request);
        },
        async advance(request) {
          own.clear();
          return inner.advance(request);
        },
        async create(request) {
          own.clear();
          return inner.create(request);
        },
        async purge(request) {
          own.clear();
          return inner.purge(request);
        },
      };
    }),
  },
  {
    name: "the ready index is kept in the process",
    breaks: SHARED,
    caughtBy: "another handle",
    make: forEachHandle((own, { inner, place }) => ({
      async create(request) {
        for (const { record } of request.items) own.set(record.id, true);
        return inner.create(request);
      },
      async write(request) {
        for (const { id } of request.items) own.set(id, true);
        return inner.write(request);
      },
      async claim(request) {
        if (request.next === undefined) return inner.claim(request);
        const hidden = [...place.rows.values()].filter(
          ({ record }) => record.status === "QUEUED" && !own.has(record.id),
        );
        for (const { record } of hidden) place.rows.delete(record.id);
        const reply = await inner.claim(request);
        for (const row of hidden) place.put(row);
        return reply;
      },
    })),
  },
  {
    name: "the index of references is kept in the process",
    breaks: SHARED,
    caughtBy: "another handle",
    make: forEachHandle((own, { inner }) => ({
      async write(request) {
        for (const { id } of request.items) own.set(id, true);
        return inner.write(request);
      },
      async byRef(request) {
        const reply = await inner.byRef(request);
        return { ...reply, jobs: reply.jobs.filter(({ record }) => own.has(record.id)) };
      },
    })),
  },
  {
    name: "the index of owners is kept in the process",
    breaks: SHARED,
    caughtBy: "another handle",
    make: forEachHandle((own, { inner }) => ({
      async create(request) {
        for (const { record } of request.items) own.set(record.id, true);
        return inner.create(request);
      },
      async list(request) {
        const reply = await inner.list(request);
        return request.owner === undefined
          ? reply
          : { ...reply, jobs: reply.jobs.filter(({ record }) => own.has(record.id)) };
      },
    })),
  },
  {
    name: "outputs are kept in the process",
    breaks: SHARED,
    caughtBy: "another handle",
    make: forEachHandle((own, { inner }) => ({
      async write(request) {
        const reply = await inner.write({
          ...request,
          items: request.items.map(({ output: _, ...item }) => item),
        });
        for (const [index, { id, output }] of request.items.entries())
          if (output !== undefined && reply.results[index]?.status === "ok") own.set(id, output);
        return reply;
      },
      async read(request) {
        const reply = await inner.read(request);
        return {
          ...reply,
          jobs: reply.jobs.map((job) =>
            job === null || request.output !== true
              ? job
              : { ...job, output: (own.get(job.record.id) as string | undefined) ?? null },
          ),
        };
      },
    })),
  },

  {
    name: "beat counts the lease by the caller's clock",
    breaks: CLOCK,
    clock: "server",
    caughtBy: "a caller whose clock is off",
    make: judgesByCaller("beat"),
  },
  {
    name: "a sweep is judged by the caller's clock",
    breaks: CLOCK,
    clock: "server",
    caughtBy: "a caller whose clock is off",
    make: judgesByCaller("write"),
  },
  {
    name: "readiness is judged by the caller's clock",
    breaks: CLOCK,
    clock: "server",
    caughtBy: "a caller whose clock is off",
    make: judgesByCaller("claim"),
  },
  {
    name: "what is due is judged by the caller's clock",
    breaks: CLOCK,
    clock: "server",
    caughtBy: "a caller whose clock is off",
    make: judgesByCaller("takeDue"),
  },
  {
    name: "health looks by the caller's clock",
    breaks: CLOCK,
    clock: "server",
    caughtBy: "a caller whose clock is off",
    make: judgesByCaller("health"),
  },
  {
    name: "what is past its time is judged by the caller's clock",
    breaks: CLOCK,
    clock: "server",
    caughtBy: "a caller whose clock is off",
    make: judgesByCaller("purge"),
  },
  {
    name: "the pulse is dated by the caller's clock",
    breaks: CLOCK,
    clock: "server",
    caughtBy: "a caller whose clock is off",
    make: judgesByCaller("pulse"),
  },

  {
    name: "owners are cut at 64 characters",
    breaks: "every other text is hostile and goes through parameters only",
    caughtBy: "long names",
    make: asks("create", (request) => ({
      ...request,
      items: request.items.map((item) => ({
        ...item,
        record: { ...item.record, owner: short(item.record.owner) },
      })),
    })),
  },
  {
    name: "subjects are cut at 64 characters",
    breaks: "every other text is hostile and goes through parameters only",
    caughtBy: "long names",
    make: asks("create", (request) => ({
      ...request,
      items: request.items.map((item) => ({
        ...item,
        record: { ...item.record, subject: short(item.record.subject) },
      })),
    })),
  },
  {
    name: "scopes are compared by their first 64 characters",
    breaks: "Same id or same scope: `existing`.",
    caughtBy: "long names",
    make: ({ inner, place }) => ({
      async create(request) {
        const items = request.items.map((item) => {
          const row = [...place.rows.values()].find(
            ({ record }) => record.scope !== null && short(record.scope) === short(item.record.scope),
          );
          return row === undefined ? item : { ...item, record: { ...item.record, scope: row.record.scope } };
        });
        return inner.create({ ...request, items });
      },
    }),
  },
  {
    name: "scopes are compared without their case",
    breaks: "Same id or same scope: `existing`.",
    caughtBy: "long names",
    make: ({ inner, place }) => ({
      async create(request) {
        const items = request.items.map((item) => {
          const row = [...place.rows.values()].find(
            ({ record }) =>
              record.scope !== null && record.scope.toLowerCase() === item.record.scope?.toLowerCase(),
          );
          return row === undefined ? item : { ...item, record: { ...item.record, scope: row.record.scope } };
        });
        return inner.create({ ...request, items });
      },
    }),
  },
  {
    name: "owners are listed without their case",
    breaks: "owner",
    caughtBy: "list",
    make: ({ inner, place }) => ({
      async list(request) {
        const isAnybodys = request.owner === undefined || request.owner === null;
        const all = await inner.list({
          ...request,
          limit: 1_000,
          ...(isAnybodys ? {} : { owner: request.owner }),
        });
        if (isAnybodys || all.jobs.length > 0) return isAnybodys ? inner.list(request) : all;
        const row = place
          .newestFirst()
          .find(({ record }) => record.owner?.toLowerCase() === request.owner?.toLowerCase());
        return inner.list({ ...request, owner: row?.record.owner ?? request.owner });
      },
    }),
  },
  {
    name: "references are compared by their first 64 characters",
    breaks: "Jobs of a kind that await external work with this key.",
    caughtBy: "long names",
    make: ({ inner, place }) => ({
      async byRef(request) {
        const reply = await inner.byRef(request);
        const rows = place
          .newestFirst()
          .filter(
            ({ record }) =>
              record.kind === request.kind &&
              record.awaiting?.refKeys.some((key) => short(key) === short(request.refKey)),
          );
        return { ...reply, jobs: rows.map(({ record, cursors }) => ({ record, cursors })).slice(0, 10) };
      },
    }),
  },
  {
    name: "claim of the next takes no more than ten kinds",
    breaks: "Each kind once.",
    caughtBy: "long names",
    make: ({ inner }) => ({
      claim: (request) =>
        inner.claim(
          request.next === undefined
            ? request
            : { nowMs: request.nowMs, next: { ...request.next, kinds: request.next.kinds.slice(0, 10) } },
        ),
    }),
  },
  {
    name: "list takes no more than ten kinds",
    breaks: "kinds",
    caughtBy: "long names",
    make: asks("list", (request) =>
      request.kinds === undefined ? request : { ...request, kinds: request.kinds.slice(0, 10) },
    ),
  },
  {
    name: "payloads are cut at 300 KiB",
    breaks: "Most bytes (UTF-8) of one input or output.",
    caughtBy: "long names",
    make: asks("create", (request) => ({
      ...request,
      items: request.items.map((item) => ({ ...item, input: item.input.slice(0, 300 * 1024) })),
    })),
  },
  {
    name: "outputs are cut at 300 KiB",
    breaks: "Most bytes (UTF-8) of one input or output.",
    caughtBy: "long names",
    make: asks("write", (request) => ({
      ...request,
      items: request.items.map((item) =>
        item.output === undefined ? item : { ...item, output: item.output.slice(0, 300 * 1024) },
      ),
    })),
  },

  {
    name: "purge takes the end of the retention for the purge instant",
    breaks: "Removes settled records past `purgeAt`.",
    caughtBy: "what is past its time",
    make: ({ inner, place }) => ({
      async purge(request) {
        for (const { record } of place.rows.values())
          if (
            record.purgeAt === null &&
            record.finishedAt !== null &&
            record.finishedAt + record.retainMs <= request.nowMs
          )
            edit(place, record.id, () => ({ purgeAt: 1 }));
        return inner.purge(request);
      },
    }),
  },
  {
    name: "purge goes by the first instant that was written",
    breaks: "When a settled record may be removed.",
    caughtBy: "what is past its time",
    make: forEachHandle((own, { inner, place }) => ({
      async advance(request) {
        const reply = await inner.advance(request);
        for (const { id } of request.items) {
          const at = place.row(id)?.record.purgeAt ?? null;
          if (at !== null && !own.has(id)) own.set(id, at);
        }
        return reply;
      },
      async purge(request) {
        for (const [id, at] of own) edit(place, id, () => ({ purgeAt: at as number }));
        return inner.purge(request);
      },
    })),
  },
  {
    name: "purge knows only what an advance has marked",
    breaks: "When a settled record may be removed.",
    caughtBy: "what is past its time",
    make: forEachHandle((own, { inner, place }) => ({
      async advance(request) {
        for (const { id } of request.items) own.set(id, true);
        return inner.advance(request);
      },
      async purge(request) {
        const kept = [...place.rows.values()].filter(({ record }) => !own.has(record.id));
        for (const { record } of kept) place.rows.delete(record.id);
        const reply = await inner.purge(request);
        for (const row of kept) place.put(row);
        return reply;
      },
    })),
  },
  {
    name: "purge removes what is finished and never marked",
    breaks: "Removes settled records past `purgeAt`.",
    caughtBy: "what is past its time",
    make: ({ inner, place }) => ({
      async purge(request) {
        for (const { record } of place.rows.values())
          if (record.status === "COMPLETED" && record.purgeAt === null) place.rows.delete(record.id);
        return inner.purge(request);
      },
    }),
  },
  {
    name: "purge keeps the old instant where a plan takes it back",
    breaks: "Written with `purgeAt`",
    caughtBy: "what is past its time",
    make: leaves("advance", ({ request, place, before }) => {
      for (const { id } of request.items)
        edit(place, id, ({ purgeAt }) => ({ purgeAt: purgeAt ?? before.get(id)?.record.purgeAt ?? null }));
    }),
  },

  {
    name: "a message of an error quotes the token",
    breaks: "No message of an error holds a payload, a token or a credential.",
    caughtBy: "outcomes",
    make: ({ inner }) => ({
      async beat(request) {
        try {
          return await inner.beat(request);
        } catch (error) {
          throw new StoreUnavailableError(`beat failed: ${JSON.stringify(request)}`, {
            outcome: "unknown",
            cause: error,
          });
        }
      },
    }),
  },
  {
    name: "a message of an error quotes the payload",
    breaks: "No message of an error holds a payload, a token or a credential.",
    caughtBy: "outcomes",
    make: ({ inner }) => ({
      async create(request) {
        try {
          return await inner.create(request);
        } catch (error) {
          if (request.items.every(({ record }) => /^[\w-]+$/.test(record.id)))
            throw new StoreUnavailableError(`insert failed: ${JSON.stringify(request.items)}`, {
              outcome: "unknown",
              cause: error,
            });
          throw error;
        }
      },
    }),
  },
  {
    name: "a lost answer is called not_applied",
    breaks: OUTCOME,
    caughtBy: "outcomes",
    make: ({ inner }) => ({
      async write(request) {
        try {
          return await inner.write(request);
        } catch (error) {
          if (error instanceof StoreUnavailableError)
            throw new StoreUnavailableError("The answer was lost.", { outcome: "not_applied", cause: error });
          throw error;
        }
      },
    }),
  },
  {
    name: "a lost answer is asked for again",
    breaks: "It never retries a change by itself.",
    caughtBy: "outcomes",
    make: ({ inner }) => ({
      async write(request) {
        try {
          return await inner.write(request);
        } catch (error) {
          if (error instanceof StoreUnavailableError) return inner.write(request);
          throw error;
        }
      },
    }),
  },
  {
    name: "an engine that fails is passed on as it is",
    breaks: "it rejects with a `StoreUnavailableError`",
    caughtBy: "outcomes",
    make: ({ inner }) => ({
      async claim(request) {
        try {
          return await inner.claim(request);
        } catch (error) {
          if (error instanceof StoreUnavailableError) throw new Error("ECONNRESET", { cause: error });
          throw error;
        }
      },
    }),
  },
  {
    name: "an engine that fails has found nothing",
    breaks: "it rejects with a `StoreUnavailableError`",
    caughtBy: "outcomes",
    make: ({ inner }) => ({
      async read(request) {
        try {
          return await inner.read(request);
        } catch (error) {
          if (error instanceof StoreUnavailableError)
            return { nowMs: request.nowMs, jobs: request.ids.map(() => null) };
          throw error;
        }
      },
    }),
  },
  {
    name: "a store without a schema is ready",
    breaks: "Checks that the store can be used. @throws StoreNotMigratedError",
    caughtBy: "outcomes",
    make: ({ inner }) => ({ ready: () => inner.ready().catch(() => undefined) }),
  },
  {
    name: "what was answered is still to be flushed",
    breaks: "it resolves when its effect is durable by the store's durability class",
    caughtBy: "outcomes",
    make: ({ inner, place }) => ({
      async write(request) {
        const before = new Map(place.rows);
        const reply = await inner.write(request);
        // The second of two writes that were answered is still in a buffer of the process.
        for (const { id } of request.items) place.unflushed.set(id, before.get(id) ?? null);
        return reply;
      },
    }),
  },
];
