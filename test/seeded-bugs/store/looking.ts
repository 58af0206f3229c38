// What a store does wrong in `list`, `byRef`, `park`, `pulse`, `health`, `purge` and for every call.
import { WaybillError } from "../../../src/core/errors/errors.js";
import { isFinal } from "../../../src/core/job/lifecycle.js";
import { answers, asks, edit, leaves, type StoreBug } from "./store-bug.js";

const LIST = "Newest first by (createdAt, id).";
const AFTER = "Behind this place of (createdAt, id), newest first.";
const REF = "Jobs of a kind that await external work with this key, newest first, at most 10.";
const PARK = "Made by the core from queue and body: parking twice is parking once, and the first stays.";
const PURGE = "Removes settled records past `purgeAt`, input, output, cursors and scope with them.";

export const LOOKING_BUGS: readonly StoreBug[] = [
  {
    name: "list answers the oldest first",
    breaks: LIST,
    caughtBy: "list",
    make: answers("list", (reply) => ({ ...reply, jobs: [...reply.jobs].reverse() })),
  },
  {
    name: "list looks at no owner",
    breaks: "owner",
    caughtBy: "list",
    make: asks("list", ({ owner: _, ...request }) => request),
  },
  {
    name: "list takes the owner null for any",
    breaks: "owner",
    caughtBy: "list",
    make: asks("list", ({ owner, ...request }) =>
      owner === null || owner === undefined ? request : { ...request, owner },
    ),
  },
  {
    name: "list looks at no subject",
    breaks: "subject",
    caughtBy: "list",
    make: asks("list", ({ subject: _, ...request }) => request),
  },
  {
    name: "list looks at the first kind only",
    breaks: "kinds",
    caughtBy: "list",
    make: asks("list", (request) =>
      request.kinds === undefined ? request : { ...request, kinds: request.kinds.slice(0, 1) },
    ),
  },
  {
    name: "list looks at no status",
    breaks: "statuses",
    caughtBy: "list",
    make: asks("list", ({ statuses: _, ...request }) => request),
  },
  {
    name: "list takes any job for undeliverable",
    breaks: "Only jobs with an entry that a notifier gave up.",
    caughtBy: "list",
    make: asks("list", ({ undeliverable: _, ...request }) => request),
  },
  {
    name: "list begins every page anew",
    breaks: AFTER,
    caughtBy: "list",
    make: asks("list", ({ after: _, ...request }) => request),
  },
  {
    name: "list begins a page with the place named",
    breaks: AFTER,
    caughtBy: "list",
    make: asks("list", (request) =>
      request.after === undefined
        ? request
        : { ...request, after: { ...request.after, id: `${request.after.id}0` } },
    ),
  },
  {
    name: "list pages by the instant alone",
    breaks: AFTER,
    caughtBy: "list",
    make: asks("list", (request) =>
      request.after === undefined ? request : { ...request, after: { ...request.after, id: "" } },
    ),
  },
  {
    name: "list never has a next page",
    breaks: "Where the next page begins; `null`: this was the last.",
    caughtBy: "list",
    make: answers("list", (reply) => ({ ...reply, next: null })),
  },
  {
    name: "list answers more than the limit",
    breaks: "limit",
    caughtBy: "list",
    make: asks("list", (request) => ({ ...request, limit: request.limit + 1 })),
  },
  {
    name: "list always answers the input",
    breaks: "`input` and `output` are JSON text, present only where they were asked for.",
    caughtBy: "list",
    make: asks("list", (request) => ({ ...request, input: true })),
  },
  {
    name: "list answers no output",
    breaks: "`input` and `output` are JSON text, present only where they were asked for.",
    caughtBy: "list",
    make: asks("list", ({ output: _, ...request }) => request),
  },
  {
    name: "list leaves out jobs that have ended, where only a kind is asked for",
    breaks: LIST,
    caughtBy: "list",
    make: asks("list", (request) =>
      request.kinds !== undefined && request.statuses === undefined
        ? { ...request, statuses: ["PENDING", "QUEUED", "PROCESSING"] }
        : request,
    ),
  },
  {
    name: "byRef looks at no kind",
    breaks: REF,
    caughtBy: "by reference",
    make: ({ inner, place }) => ({
      async byRef(request) {
        const row = place
          .newestFirst()
          .find(({ record }) => record.awaiting?.refKeys.includes(request.refKey));
        return inner.byRef({ ...request, kind: row?.record.kind ?? request.kind });
      },
    }),
  },
  {
    name: "byRef answers the oldest first",
    breaks: REF,
    caughtBy: "by reference",
    make: answers("byRef", (reply) => ({ ...reply, jobs: [...reply.jobs].reverse() })),
  },
  {
    name: "byRef answers one job",
    breaks: REF,
    caughtBy: "by reference",
    make: answers("byRef", (reply) => ({ ...reply, jobs: reply.jobs.slice(0, 1) })),
  },
  {
    name: "byRef looks at the first key only",
    breaks: REF,
    caughtBy: "by reference",
    make: answers("byRef", (reply, { refKey }) => ({
      ...reply,
      jobs: reply.jobs.filter(({ record }) => record.awaiting?.refKeys[0] === refKey),
    })),
  },
  {
    name: "byRef finds keys by their beginning",
    breaks: REF,
    caughtBy: "by reference",
    make: ({ place, inner }) => ({
      async byRef(request) {
        const reply = await inner.byRef(request);
        const more = place
          .newestFirst()
          .filter(
            ({ record }) =>
              record.kind === request.kind &&
              record.awaiting?.refKeys.some((key) => key.startsWith(request.refKey)),
          );
        return { ...reply, jobs: more.map(({ record, cursors }) => ({ record, cursors })).slice(0, 10) };
      },
    }),
  },
  {
    name: "park overwrites what is parked",
    breaks: PARK,
    caughtBy: "operations",
    make: ({ inner }) => ({
      async park(request) {
        await inner.unpark({ nowMs: request.nowMs, ids: request.messages.map(({ id }) => id) });
        return inner.park(request);
      },
    }),
  },
  {
    name: "park keeps the first message of a call",
    breaks: PARK,
    caughtBy: "operations",
    make: asks("park", (request) => ({ ...request, messages: request.messages.slice(0, 1) })),
  },
  {
    name: "park cuts bodies at 32 KiB",
    breaks: "At most 64 KiB; longer bodies arrive cut.",
    caughtBy: "operations",
    make: asks("park", (request) => ({
      ...request,
      messages: request.messages.map((message) => ({ ...message, body: message.body.slice(0, 32_768) })),
    })),
  },
  {
    name: "parked begins with the place named",
    breaks: "Behind this id.",
    caughtBy: "operations",
    make: asks("parked", (request) =>
      request.after === undefined ? request : { ...request, after: request.after.slice(0, -1) },
    ),
  },
  {
    name: "parked answers in the order in which they came",
    breaks: "Behind this id.",
    caughtBy: "operations",
    make: ({ inner, place }) => ({
      async parked(request) {
        const reply = await inner.parked(request);
        return {
          ...reply,
          messages: [...place.parked.values()]
            .filter(({ id }) => id > (request.after ?? ""))
            .slice(0, request.limit),
        };
      },
    }),
  },
  {
    name: "unpark takes everything out",
    breaks: "unpark",
    caughtBy: "operations",
    make: asks("unpark", (request, { place }) => ({ ...request, ids: [...place.parked.keys()] })),
  },
  {
    name: "pulse keeps the first number of unserved",
    breaks: "Due records that the last pass could not serve.",
    caughtBy: "operations",
    make: asks("pulse", (request, { place }) => ({
      ...request,
      unserved: place.pulse?.unserved ?? request.unserved,
    })),
  },
  {
    name: "health tells the newest that is due",
    breaks: "The oldest wake-up that has passed; `null`: none.",
    caughtBy: "operations",
    make: answers("health", (reply, _, { place }) => ({
      ...reply,
      oldestDueAt: place.due(({ record }) => record.wakeAt, reply.nowMs).at(-1)?.record.wakeAt ?? null,
    })),
  },
  {
    name: "health tells wake-ups that have not passed",
    breaks: "The oldest wake-up that has passed; `null`: none.",
    caughtBy: "operations",
    make: answers("health", (reply, _, { place }) => ({
      ...reply,
      oldestDueAt: place.due(({ record }) => record.wakeAt, Infinity)[0]?.record.wakeAt ?? null,
    })),
  },
  {
    name: "health takes any readyAt for a ready job",
    breaks:
      "The oldest instant from which a job of the store's own queue could have been claimed; `null`: none ready.",
    caughtBy: "operations",
    make: answers("health", (reply, _, { place }) => ({
      ...reply,
      oldestReadyAt: place.due(({ record }) => record.readyAt, reply.nowMs)[0]?.record.readyAt ?? null,
    })),
  },
  {
    name: "health counts cursors with any reason as undeliverable",
    breaks: "Jobs with an entry that a notifier gave up.",
    caughtBy: "hostile text",
    make: answers("health", (reply, _, { place }) => ({
      ...reply,
      undeliverable: [...place.rows.values()].filter(({ cursors }) =>
        Object.values(cursors).some(({ reason, exhausted }) => reason !== null || exhausted.length > 0),
      ).length,
    })),
  },
  {
    name: "health forgets what is parked",
    breaks: "parked",
    caughtBy: "operations",
    make: answers("health", (reply) => ({ ...reply, parked: 0 })),
  },
  {
    name: "purge takes no limit",
    breaks: "Of jobs; old parked messages all go.",
    caughtBy: "purge",
    make: asks("purge", (request) => ({ ...request, limit: 1_000_000 })),
  },
  {
    name: "purge removes a job a minute early",
    breaks: PURGE,
    caughtBy: "purge",
    make: ({ inner }) => ({
      async purge(request) {
        const reply = await inner.purge({ ...request, nowMs: request.nowMs + 60_000 });
        return { ...reply, nowMs: request.nowMs };
      },
    }),
  },
  {
    name: "purge removes any job in the order of the ids",
    breaks: PURGE,
    caughtBy: "purge",
    make: ({ place, inner }) => ({
      async purge(request) {
        const due = place.due(({ record }) => record.purgeAt, request.nowMs);
        const ids = due.map(({ record }) => record.id).sort();
        for (const id of ids.slice(0, request.limit)) place.rows.delete(id);
        const rest = await inner.purge({ ...request, limit: 0 });
        return { ...rest, jobs: Math.min(request.limit, ids.length) };
      },
    }),
  },
  {
    name: "purge limits parked messages too",
    breaks: "Of jobs; old parked messages all go.",
    caughtBy: "purge",
    make: ({ place, inner }) => ({
      async purge(request) {
        const old = [...place.parked.values()]
          .filter((message) => message.at < request.parkedBefore)
          .slice(0, request.limit);
        for (const { id } of old) place.parked.delete(id);
        const reply = await inner.purge({ ...request, parkedBefore: 0 });
        return { ...reply, parked: old.length };
      },
    }),
  },
  {
    name: "purge removes parked messages of that very instant",
    breaks: "Parked messages older than this go too.",
    caughtBy: "purge",
    make: asks("purge", (request) => ({
      ...request,
      parkedBefore: request.parkedBefore === 0 ? 0 : request.parkedBefore + 1,
    })),
  },
  {
    name: "purge leaves the scope behind",
    breaks: PURGE,
    caughtBy: "purge",
    make: (world) => {
      const { inner, place } = world;
      return {
        async purge(request) {
          const before = [...place.rows.values()];
          const reply = await inner.purge(request);
          for (const row of before)
            if (row.record.scope !== null && place.row(row.record.id) === undefined)
              place.put({ ...row, record: { ...row.record, id: `tomb-${row.record.id}`, purgeAt: null } });
          return reply;
        },
      };
    },
  },
  {
    name: "close does nothing",
    breaks: "After `close` every method rejects with `waybill.closed`.",
    caughtBy: "lifetime",
    make: () => ({ close: async () => undefined }),
  },
  {
    name: "close lets health through",
    breaks: "After `close` every method rejects with `waybill.closed`.",
    caughtBy: "lifetime",
    make: ({ inner }) => ({
      health: async (request) =>
        inner.health(request).catch(() => ({
          nowMs: request.nowMs,
          lastPulseAt: null,
          unserved: 0,
          oldestDueAt: null,
          oldestReadyAt: null,
          parked: 0,
          undeliverable: 0,
        })),
    }),
  },
  {
    name: "close rejects the second time",
    breaks: "Safe to call twice.",
    caughtBy: "lifetime",
    make: ({ inner }) => {
      let closed = false;
      return {
        async close() {
          if (closed) throw new WaybillError("waybill.closed", "Closed before.");
          closed = true;
          await inner.close();
        },
      };
    },
  },
  {
    name: "read takes any id",
    breaks: "a store refuses others too (`id.invalid`, before any effect)",
    caughtBy: "hostile ids",
    make: ({ inner }) => ({
      read: async (request) =>
        inner.read(request).catch(() => ({ nowMs: request.nowMs, jobs: request.ids.map(() => null) })),
    }),
  },
  {
    name: "create writes the good ids of a call with a bad one",
    breaks: "`id.invalid`, before any effect",
    caughtBy: "hostile ids",
    make: ({ inner }) => ({
      async create(request) {
        const good = request.items.filter(({ record }) => /^[\w-]+$/.test(record.id));
        if (good.length < request.items.length) await inner.create({ ...request, items: good });
        return inner.create(request);
      },
    }),
  },
  {
    name: "ids are told apart without their case",
    breaks: "Ids arrive checked against `[A-Za-z0-9_-]{1,128}`",
    caughtBy: "hostile ids",
    make: asks("read", (request, { place }) => ({
      ...request,
      ids: request.ids.map(
        (id) => [...place.rows.keys()].find((key) => key.toLowerCase() === id.toLowerCase()) ?? id,
      ),
    })),
  },
  {
    name: "what is read may be changed by the reader",
    breaks: "What a caller passes in or is given must not be shared with what you keep.",
    caughtBy: "read",
    make: answers("read", (reply, request, { place }) => ({
      ...reply,
      jobs: reply.jobs.map((job, index) => {
        const row = place.row(request.ids[index] ?? "");
        return job === null || row === undefined ? job : { ...job, record: row.record, cursors: row.cursors };
      }),
    })),
  },
  {
    name: "what is created is shared with its caller",
    breaks: "What a caller passes in or is given must not be shared with what you keep.",
    caughtBy: "read",
    make: leaves("create", ({ request, place }) => {
      for (const { record } of request.items) edit(place, record.id, () => ({ metadata: record.metadata }));
    }),
  },
  {
    name: "list forgets what ended without an output",
    breaks: LIST,
    caughtBy: "list",
    make: answers("list", (reply, _, { place }) => ({
      ...reply,
      jobs: reply.jobs.filter(
        ({ record }) => !isFinal(record.status) || place.row(record.id)?.output !== null,
      ),
    })),
  },
];
