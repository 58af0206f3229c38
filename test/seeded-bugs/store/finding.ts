// What is found, in which order and from where on; what a failing engine is taken for; what is shared or declared wrongly.
import { StoreUnavailableError } from "../../../src/core/errors/errors.js";
import type { ClaimRequest, Store, StoreCapabilities, StoredJob } from "../../../src/core/ports/store.js";
import { hasGivenUp, type StoredRow } from "../../../src/store-kit.js";
import type { JobRecord } from "../../../src/core/job/record.js";
import type { Place } from "./plain-store.js";
import { answers, asks, leaves, type StoreBug } from "./store-bug.js";

type Failing = "takeDue" | "park" | "unpark" | "pulse" | "purge" | "list" | "byRef" | "parked" | "health";

/** Answers something else where the engine fails. */
function failing(
  method: Failing,
  instead: (error: StoreUnavailableError, nowMs: number) => unknown,
): StoreBug["make"] {
  return ({ inner }) => {
    const call = inner[method] as (request: unknown) => Promise<unknown>;
    return {
      [method]: async (request: { readonly nowMs: number }) => {
        try {
          return await call(request);
        } catch (error) {
          if (!(error instanceof StoreUnavailableError)) throw error;
          return instead(error, request.nowMs);
        }
      },
    };
  };
}

function notApplied(cause: unknown): never {
  throw new StoreUnavailableError("The connection broke.", { outcome: "not_applied", cause });
}

function asItIs(cause: unknown): never {
  throw new Error("ECONNRESET", { cause });
}

/** Sends the request again. */
function again(method: "takeDue" | "purge" | "park"): StoreBug["make"] {
  return ({ inner }) => {
    const call = inner[method] as (request: unknown) => Promise<unknown>;
    return {
      [method]: (request: unknown) =>
        call(request).catch((error: unknown) => {
          if (error instanceof StoreUnavailableError) return call(request);
          throw error;
        }),
    };
  };
}

/** Tells the first (or, with -1, the last) of these as the job that is ready next. */
function tellingNext(isTold: (record: JobRecord) => boolean, at = 0): StoreBug["make"] {
  return answers("claim", (reply, { next }, { place }) => {
    if (next === undefined || reply.jobs.length >= next.limit) return reply;
    const kinds = next.kinds.map(({ kind }) => kind);
    const isAsked = (record: JobRecord): boolean =>
      kinds.includes(record.kind) && record.recordVersion <= next.terms.recordVersion && isTold(record);
    const told = place.due(({ record }) => (isAsked(record) ? record.readyAt : null), Infinity).at(at);
    const readyAt = told?.record.readyAt ?? null;
    const nextReady = told === undefined || readyAt === null ? null : { id: told.record.id, readyAt };
    return { ...reply, nextReady };
  });
}

/** A list in an order of its own, which its pages follow. */
function ordered(before: (a: string, b: string) => number): StoreBug["make"] {
  return ({ inner }) => ({
    async list({ after, ...request }) {
      const all = await inner.list({ ...request, limit: 10_000 });
      const jobs = [...all.jobs].sort(
        (a, b) => b.record.createdAt - a.record.createdAt || before(b.record.id, a.record.id),
      );
      const from = after === undefined ? 0 : jobs.findIndex(({ record }) => record.id === after.id) + 1;
      const page = jobs.slice(from, from + request.limit);
      const last = page.at(-1)?.record;
      const isEnd = last === undefined || from + request.limit >= jobs.length;
      return { ...all, jobs: page, next: isEnd ? null : { createdAt: last.createdAt, id: last.id } };
    },
  });
}

/** Finds by reference whatever fits. */
function finds(
  fits: (row: StoredRow, kind: string, refKey: string, owner: string | null | undefined) => boolean,
): StoreBug["make"] {
  return ({ inner, place }) => ({
    async byRef(request) {
      const reply = await inner.byRef(request);
      const { kind, refKey, owner } = request;
      const rows = place.newestFirst().filter((row) => fits(row, kind, refKey, owner));
      return {
        ...reply,
        jobs: rows.slice(0, 10).map(({ record, cursors }) => structuredClone({ record, cursors })),
      };
    },
  });
}

const isOf = (row: StoredRow, owner: string | null | undefined): boolean =>
  owner === undefined || row.record.owner === owner;

/** What is answered is what is kept. */
function kept(place: Place, job: StoredJob): StoredJob {
  const row = place.row(job.record.id);
  return row === undefined ? job : { ...job, record: row.record, cursors: row.cursors };
}

function declares(given: Partial<Record<keyof StoreCapabilities, unknown>>): StoreBug["make"] {
  return ({ inner }) => ({ capabilities: { ...inner.capabilities, ...given } as StoreCapabilities });
}

/** Takes a hundred, whatever it declares. */
function takesHundred(make: (inner: Store) => Partial<Store>): StoreBug["make"] {
  return ({ inner }) => ({ capabilities: { ...inner.capabilities, maxBatch: 1_000 }, ...make(inner) });
}

function atMost(request: ClaimRequest, limit: number): ClaimRequest {
  const { next, nowMs } = request;
  return next === undefined ? request : { nowMs, next: { ...next, limit: Math.min(limit, next.limit) } };
}

const AFTER = "Behind this place, whether a job is there or not.";
const IDS = "Ids are ordered by the codes of their characters.";
const REF = "Jobs of a kind that await external work with this key";
const OUTCOME = "`not_applied` when nothing can have been written, else `unknown`";
const REJECTS = "it rejects with a `StoreUnavailableError`";
const AGAIN = "It never retries a change by itself.";
const COPIES = "What a caller passes in or is given must not be shared with what you keep.";
const DECLARED = "What a store can do, as data.";

export const FINDING_BUGS: readonly StoreBug[] = [
  {
    name: "list forgets the kinds where an owner and a subject are asked for",
    breaks: "Of any of them; of none: no job.",
    caughtBy: "list",
    make: asks("list", ({ kinds, ...request }) =>
      kinds === undefined || (request.owner !== undefined && request.subject !== undefined)
        ? request
        : { ...request, kinds },
    ),
  },
  {
    name: "list forgets the statuses where nobody's jobs of a kind are asked for",
    breaks: "In any of them; in none: no job.",
    caughtBy: "list",
    make: asks("list", ({ statuses, ...request }) =>
      statuses === undefined || (request.owner === null && request.kinds !== undefined)
        ? request
        : { ...request, statuses },
    ),
  },
  {
    name: "list begins anew where the job of its place was removed",
    breaks: AFTER,
    caughtBy: "list",
    make: asks("list", ({ after, ...request }, { place }) =>
      after === undefined || place.row(after.id) === undefined ? request : { ...request, after },
    ),
  },
  {
    name: "list ends where the job of its place was removed",
    breaks: AFTER,
    caughtBy: "list",
    make: answers("list", (reply, { after }, { place }) =>
      after === undefined || place.row(after.id) !== undefined ? reply : { ...reply, jobs: [], next: null },
    ),
  },
  {
    name: "list looks at a hundred jobs and says that there are no more",
    breaks: "`null`: this was the last.",
    caughtBy: "list",
    make: answers("list", (reply) =>
      reply.jobs.length < 100 ? reply : { ...reply, jobs: reply.jobs.slice(0, 100), next: null },
    ),
  },
  {
    name: "list leaves out what was given up where it is not asked for",
    breaks: "Only jobs with an entry that a notifier gave up.",
    caughtBy: "list",
    make: answers("list", (reply, { undeliverable }) =>
      undeliverable !== false
        ? reply
        : { ...reply, jobs: reply.jobs.filter(({ cursors }) => !hasGivenUp(cursors)) },
    ),
  },
  {
    name: "list orders ids as a dictionary does",
    breaks: IDS,
    caughtBy: "hostile ids",
    make: ordered((a, b) => a.localeCompare(b, "en")),
  },
  {
    name: "parked begins anew where its place was taken out",
    breaks: "Behind this id.",
    caughtBy: "operations",
    make: asks("parked", ({ after, ...request }, { place }) =>
      after === undefined || !place.parked.has(after) ? request : { ...request, after },
    ),
  },
  {
    name: "parked answers in the order of a dictionary",
    breaks: IDS,
    caughtBy: "hostile ids",
    make: ({ inner, place }) => ({
      async parked({ after = "", limit, nowMs }) {
        const reply = await inner.parked({ nowMs, limit });
        const order = new Intl.Collator("en").compare;
        const all = [...place.parked.values()].sort((a, b) => order(a.id, b.id));
        const messages = all.filter(({ id }) => after === "" || order(id, after) > 0).slice(0, limit);
        return { ...reply, messages: structuredClone(messages) };
      },
    }),
  },
  {
    name: "a message that was taken out is never parked again",
    breaks: "parking twice is parking once",
    caughtBy: "operations",
    make: ({ inner }) => {
      const gone = new Set<string>();
      return {
        async unpark(request) {
          for (const id of request.ids) gone.add(id);
          return inner.unpark(request);
        },
        park: (request) =>
          inner.park({ ...request, messages: request.messages.filter(({ id }) => !gone.has(id)) }),
      };
    },
  },
  {
    name: "byRef runs kind and key together",
    breaks: REF,
    caughtBy: "by reference",
    make: finds(
      (row, kind, refKey, owner) =>
        isOf(row, owner) &&
        (row.record.awaiting?.refKeys ?? []).some(
          (key) => `${row.record.kind}:${key}` === `${kind}:${refKey}`,
        ),
    ),
  },
  {
    name: "byRef compares owners without their case",
    breaks: "Of this owner only",
    caughtBy: "by reference",
    make: finds(
      ({ record }, kind, refKey, owner) =>
        record.kind === kind &&
        record.awaiting?.refKeys.includes(refKey) === true &&
        (owner === undefined || record.owner?.toLowerCase() === owner?.toLowerCase()),
    ),
  },
  {
    name: "byRef knows the first fifty keys of a job",
    breaks: REF,
    caughtBy: "long names",
    make: finds(
      (row, kind, refKey, owner) =>
        isOf(row, owner) &&
        row.record.kind === kind &&
        row.record.awaiting?.refKeys.slice(0, 50).includes(refKey) === true,
    ),
  },
  {
    name: "claim of the next compares what its token holds without case",
    breaks: "what it holds already is answered first",
    caughtBy: "long names",
    make: asks("claim", (request, { place }) => {
      if (request.next === undefined) return request;
      const asked = request.next.token;
      const row = [...place.rows.values()].find(
        ({ record }) => record.token?.toLowerCase() === asked.toLowerCase(),
      );
      return { nowMs: request.nowMs, next: { ...request.next, token: row?.record.token ?? asked } };
    }),
  },
  {
    name: "claim tells a job of a named queue as the next that is ready",
    breaks: "which job is ready next; `null`: none",
    caughtBy: "claim next",
    make: tellingNext(({ status }) => status === "QUEUED"),
  },
  {
    name: "claim tells a job that is over as the next that is ready",
    breaks: "which job is ready next; `null`: none",
    caughtBy: "claim next",
    make: tellingNext(({ queue }) => queue === null),
  },
  {
    name: "claim tells of each kind the last as the next that is ready",
    breaks: "which job is ready next; `null`: none",
    caughtBy: "claim next",
    make: tellingNext(({ queue, status }) => queue === null && status === "QUEUED", -1),
  },
  {
    name: "list of an owner's jobs of some statuses: what is undeliverable is not looked at",
    breaks: "those that are given must all hold",
    caughtBy: "list",
    make: asks("list", ({ undeliverable, ...request }) =>
      undeliverable === undefined || (request.owner !== undefined && request.statuses !== undefined)
        ? request
        : { ...request, undeliverable },
    ),
  },
  {
    name: "health counts ten parked messages",
    breaks: "parked",
    caughtBy: "batches",
    make: answers("health", (reply) => ({ ...reply, parked: Math.min(10, reply.parked) })),
  },
  {
    name: "pulse keeps the last byte of unserved",
    breaks: "Due records that the last pass could not serve.",
    caughtBy: "operations",
    make: asks("pulse", (request) => ({ ...request, unserved: request.unserved % 256 })),
  },
  ...(["takeDue", "park", "unpark", "pulse", "purge"] as const).map((method): StoreBug => ({
    name: `${method}: a lost answer is called not_applied`,
    breaks: OUTCOME,
    caughtBy: "outcomes",
    make: failing(method, notApplied),
  })),
  ...(["takeDue", "park", "unpark", "pulse", "purge", "list", "byRef", "parked", "health"] as const).map(
    (method): StoreBug => ({
      name: `${method}: an engine that fails is passed on as it is`,
      breaks: REJECTS,
      caughtBy: "outcomes",
      make: failing(method, asItIs),
    }),
  ),
  ...(
    [
      ["list", { jobs: [], next: null }],
      ["byRef", { jobs: [] }],
      ["takeDue", { jobs: [] }],
      ["parked", { messages: [] }],
      ["park", {}],
      ["unpark", {}],
      ["pulse", {}],
      ["purge", { jobs: 0, parked: 0 }],
    ] as const
  ).map(([method, nothing]): StoreBug => ({
    name: `${method}: an engine that fails is taken for nothing`,
    breaks: REJECTS,
    caughtBy: "outcomes",
    make: failing(method, (_, nowMs) => ({ nowMs, ...nothing })),
  })),
  ...(["takeDue", "park", "purge"] as const).map((method): StoreBug => ({
    name: `${method} is asked again when it fails`,
    breaks: AGAIN,
    caughtBy: "outcomes",
    make: again(method),
  })),
  ...(["list", "byRef"] as const).map((method): StoreBug => ({
    name: `${method}: what is answered may be changed by its reader`,
    breaks: COPIES,
    caughtBy: "read",
    make: answers(method, (reply, _, { place }) => ({
      ...reply,
      jobs: reply.jobs.map((job) => kept(place, job)),
    })),
  })),
  {
    name: "a refusal may be changed by its reader",
    breaks: COPIES,
    caughtBy: "read",
    make: answers("write", (reply, _, { place }) => ({
      ...reply,
      results: reply.results.map((result) =>
        result.status === "refused" ? { ...result, job: kept(place, result.job) } : result,
      ),
    })),
  },
  {
    name: "what is parked is shared with its caller",
    breaks: COPIES,
    caughtBy: "read",
    make: leaves("park", ({ request, place }) => {
      for (const message of request.messages)
        if (place.parked.get(message.id)?.at === message.at) place.parked.set(message.id, message);
    }),
  },
  {
    name: "a store declares no durability that there is",
    breaks: DECLARED,
    caughtBy: "lifetime",
    make: declares({ durability: "durable" }),
  },
  {
    name: "a store does not say whether it is shared",
    breaks: DECLARED,
    caughtBy: "lifetime",
    make: declares({ shared: undefined }),
  },
  {
    name: "a store beats fewer at once than it declares",
    breaks: "Most items in one call",
    caughtBy: "lifetime",
    make: takesHundred((inner) => ({
      async beat(request) {
        if (request.items.length <= 100) return inner.beat(request);
        throw new StoreUnavailableError("Too many items.", { outcome: "not_applied" });
      },
    })),
  },
  {
    name: "a store claims fewer at once than it declares",
    breaks: "Most items in one call",
    caughtBy: "lifetime",
    make: takesHundred((inner) => ({ claim: (request) => inner.claim(atMost(request, 100)) })),
  },
];
