// What a store does wrong in `beat`, `claim`, `takeDue` and `advance`.
import type {
  AdvanceItem,
  AdvanceResult,
  BeatResult,
  ClaimByMessage,
  ClaimNext,
} from "../../../src/core/ports/store.js";
import { type JobRecord, START } from "../../../src/core/job/record.js";
import { answers, asks, edit, leaves, type StoreBug } from "./store-bug.js";

function claiming(change: (item: ClaimByMessage, stored: JobRecord) => ClaimByMessage): StoreBug["make"] {
  return asks("claim", (request, { place }) => {
    if (request.byMessage === undefined) return request;
    const { terms, items } = request.byMessage;
    const changed = items.map((item) => {
      const stored = place.row(item.id)?.record;
      return stored === undefined ? item : change(item, stored);
    });
    return { nowMs: request.nowMs, byMessage: { terms, items: changed } };
  });
}

function claimingNext(change: (next: ClaimNext, nowMs: number) => ClaimNext): StoreBug["make"] {
  return asks("claim", (request) =>
    request.next === undefined
      ? request
      : { nowMs: request.nowMs, next: change(request.next, request.nowMs) },
  );
}

/** What a claim leaves in the records that it took. */
function leavesClaimed(
  change: (record: JobRecord, before: JobRecord | undefined) => Partial<JobRecord>,
): StoreBug["make"] {
  return leaves("claim", ({ reply, place, before }) => {
    const taken = [
      ...reply.jobs,
      ...reply.results.flatMap((result) => (result.status === "ok" ? [result.job] : [])),
    ];
    for (const { record } of taken) {
      const was = before.get(record.id)?.record;
      if (was?.version !== record.version) edit(place, record.id, (now) => change(now, was));
    }
  });
}

function advancing(
  change: (item: AdvanceItem, stored: JobRecord | undefined) => AdvanceItem,
): StoreBug["make"] {
  return asks("advance", (request, { place }) => ({
    ...request,
    items: request.items.map((item) => change(item, place.row(item.id)?.record)),
  }));
}

const BEAT = "Extends leases; guard: PROCESSING, token, not awaiting. Touches neither version nor wake-up.";
const MESSAGE =
  "One job by a message: QUEUED, or PENDING with `sendAt` ≤ now, and `dispatch` ≥ the record's.";
const EFFECT =
  "Effect of both, one atomic step: PROCESSING; version + entries; fence + 1; attempt + 1; token, worker, lease.";
const NEXT =
  "status QUEUED, `queue` null, `readyAt` ≤ now, kind among `kinds`, oldest `readyAt` first (ties by id).";
const DUE =
  "The records whose wake-up has come, oldest first, each postponed (never cleared) to now + `holdMs`.";
const PLAN =
  "Written with `purgeAt` if the stored record is that one and no given cursor is behind the stored one.";

export const TAKING_BUGS: readonly StoreBug[] = [
  {
    name: "beat raises the version",
    breaks: BEAT,
    caughtBy: "beat",
    make: leaves("beat", ({ reply, request, place }) => {
      for (const [index, { id }] of request.items.entries())
        if (reply.results[index]?.status === "ok")
          edit(place, id, ({ version }) => ({ version: version + 1 }));
    }),
  },
  {
    name: "beat moves the wake-up to the lease",
    breaks: BEAT,
    caughtBy: "beat",
    make: leaves("beat", ({ request, place }) => {
      for (const { id } of request.items) edit(place, id, ({ leaseUntil }) => ({ wakeAt: leaseUntil }));
    }),
  },
  {
    name: "beat marks when the record was updated",
    breaks: BEAT,
    caughtBy: "beat",
    make: leaves("beat", ({ request, place }) => {
      for (const { id } of request.items) edit(place, id, () => ({ updatedAt: request.nowMs + 1 }));
    }),
  },
  {
    name: "beat looks at no token",
    breaks: BEAT,
    caughtBy: "beat",
    make: asks("beat", (request, { place }) => ({
      ...request,
      items: request.items.map((item) => ({
        ...item,
        token: place.row(item.id)?.record.token ?? item.token,
      })),
    })),
  },
  {
    name: "beat is refused once the lease has passed",
    breaks: "A lease that has passed is revived as long as nobody took the job.",
    caughtBy: "beat",
    make: asks("beat", (request, { place }) => ({
      ...request,
      items: request.items.map((item) => {
        const { leaseUntil = null } = place.row(item.id)?.record ?? {};
        return leaseUntil !== null && leaseUntil < request.nowMs ? { ...item, token: "nobody's" } : item;
      }),
    })),
  },
  {
    name: "beat never makes a lease shorter",
    breaks: "`ok`: the lease is extended to now + `leaseMs`.",
    caughtBy: "beat",
    make: leaves("beat", ({ request, place, before }) => {
      for (const { id } of request.items) {
        const was = before.get(id)?.record.leaseUntil ?? 0;
        edit(place, id, ({ leaseUntil }) => ({
          leaseUntil: leaseUntil === null ? null : Math.max(leaseUntil, was),
        }));
      }
    }),
  },
  {
    name: "beat hears of no request to cancel",
    breaks: "`version` and `cancelRequested` tell the worker what it has not seen.",
    caughtBy: "beat",
    make: answers("beat", (reply) => ({
      ...reply,
      results: reply.results.map((result): BeatResult =>
        result.status === "ok" ? { ...result, cancelRequested: false } : result,
      ),
    })),
  },
  {
    name: "beat answers the lease that was asked for, not the stored one",
    breaks: "`ok`: the lease is extended.",
    caughtBy: "beat",
    make: answers("beat", (reply) => ({
      ...reply,
      results: reply.results.map((result): BeatResult =>
        result.status === "ok" ? { ...result, leaseUntil: result.leaseUntil + 1 } : result,
      ),
    })),
  },
  {
    name: "claim takes an older dispatch",
    breaks: MESSAGE,
    caughtBy: "claim by message",
    make: claiming((item, { dispatch }) => ({ ...item, dispatch: Math.max(dispatch, item.dispatch) })),
  },
  {
    name: "claim takes the message's dispatch for the record's",
    breaks: "dispatch = the higher of both",
    caughtBy: "claim by message",
    make: claiming((item, { dispatch }) => ({ ...item, dispatch: Math.min(dispatch, item.dispatch) })),
  },
  {
    name: "claim takes a PENDING job before its time",
    breaks: MESSAGE,
    caughtBy: "claim by message",
    make: asks("claim", (request) =>
      request.byMessage === undefined ? request : { ...request, nowMs: request.nowMs + 3_600_000 },
    ),
  },
  {
    name: "claim leaves a PENDING job that is due this very millisecond",
    breaks: MESSAGE,
    caughtBy: "claim by message",
    make: claiming((item, { status, sendAt }) =>
      status === "PENDING" && sendAt === 1_750_000_000_124 ? { ...item, dispatch: -1 } : item,
    ),
  },
  {
    name: "claim takes a job from another token once its lease has passed",
    breaks: "Takes jobs for a worker; no job goes to two claims.",
    caughtBy: "claim by message",
    make: ({ inner, place }) => ({
      async claim(request) {
        for (const { id } of request.byMessage?.items ?? []) {
          const { status, leaseUntil } = place.row(id)?.record ?? {};
          if (
            status === "PROCESSING" &&
            leaseUntil !== null &&
            leaseUntil !== undefined &&
            leaseUntil < request.nowMs
          )
            edit(place, id, () => ({ status: "QUEUED" }));
        }
        return inner.claim(request);
      },
    }),
  },
  {
    name: "claim under the same token claims again",
    breaks: "PROCESSING under the same token answers the claim again without a write.",
    caughtBy: "claim by message",
    make: leaves("claim", ({ reply, place, before }) => {
      for (const result of reply.results) {
        if (result.status !== "ok") continue;
        const { id, version } = result.job.record;
        if (before.get(id)?.record.version === version)
          edit(place, id, ({ attempt }) => ({ attempt: attempt + 1 }));
      }
    }),
  },
  {
    name: "claim leaves the fence",
    breaks: EFFECT,
    caughtBy: "claim by message",
    make: leavesClaimed((_, before) => ({ fence: before?.fence ?? 0 })),
  },
  {
    name: "claim leaves the attempt",
    breaks: EFFECT,
    caughtBy: "claim by message",
    make: leavesClaimed((_, before) => ({ attempt: before?.attempt ?? 0 })),
  },
  {
    name: "claim leaves the time of sending",
    breaks: "`readyAt`, `sendAt`, `retryAt` null",
    caughtBy: "claim by message",
    make: leavesClaimed((_, before) => ({ sendAt: before?.sendAt ?? null })),
  },
  {
    name: "claim leaves the time of the retry",
    breaks: "`readyAt`, `sendAt`, `retryAt` null",
    caughtBy: "claim by message",
    make: leavesClaimed((_, before) => ({ retryAt: before?.retryAt ?? null })),
  },
  {
    name: "claim starts a job anew at each attempt",
    breaks: "`startedAt` and `queuedAt` where null",
    caughtBy: "claim by message",
    make: leavesClaimed(({ updatedAt }) => ({ startedAt: updatedAt })),
  },
  {
    name: "claim leaves when the record was updated",
    breaks: EFFECT,
    caughtBy: "claim by message",
    make: leavesClaimed((_, before) => ({ updatedAt: before?.updatedAt ?? 0 })),
  },
  {
    name: "claim leaves the worker",
    breaks: EFFECT,
    caughtBy: "claim by message",
    make: leavesClaimed(() => ({ worker: null })),
  },
  {
    name: "claim wakes at the lease, whatever the deadline",
    breaks: "`wakeAt` = the least of lease, deadline and (with notifiers) now + grace",
    caughtBy: "claim by message",
    make: leavesClaimed(({ leaseUntil }) => ({ wakeAt: leaseUntil })),
  },
  {
    name: "claim leaves the wake-up where that is earlier",
    breaks: "`wakeAt` = the least of lease, deadline and (with notifiers) now + grace",
    caughtBy: "claim by message",
    make: leavesClaimed(({ wakeAt }, before) => ({
      wakeAt: Math.min(wakeAt ?? 0, before?.wakeAt ?? Infinity),
    })),
  },
  {
    name: "claim takes records of a newer format",
    breaks: "Records of a newer format are left.",
    caughtBy: "claim by message",
    make: asks("claim", (request) => {
      const newer = <T extends { readonly recordVersion: number }>(terms: T): T => ({
        ...terms,
        recordVersion: 99,
      });
      if (request.byMessage !== undefined)
        return {
          nowMs: request.nowMs,
          byMessage: { ...request.byMessage, terms: newer(request.byMessage.terms) },
        };
      return { nowMs: request.nowMs, next: { ...request.next, terms: newer(request.next.terms) } };
    }),
  },
  {
    name: "claim answers no input",
    breaks: "`ok` comes with input.",
    caughtBy: "claim by message",
    make: answers("claim", (reply) => ({
      ...reply,
      results: reply.results.map((result) => {
        if (result.status !== "ok") return result;
        const { input: _, ...job } = result.job;
        return { status: "ok", job };
      }),
    })),
  },
  {
    name: "claim answers the input with a refusal too",
    breaks: "`input` and `output` are JSON text, present only where they were asked for.",
    caughtBy: "claim by message",
    make: answers("claim", (reply) => ({
      ...reply,
      results: reply.results.map((result) =>
        result.status === "refused" ? { ...result, job: { ...result.job, input: "{}" } } : result,
      ),
    })),
  },
  {
    name: "claim forgets the entry of a first queueing",
    breaks: "The entry before it where the record is still PENDING (T2): version + 1, the attempt as it was.",
    caughtBy: "claim by message",
    make: leavesClaimed(({ history, version }, before) =>
      before?.status === "PENDING"
        ? { history: history.replace(`,[${String(version - 1)},"T2"`, `,[${String(version)},"T2"`) }
        : {},
    ),
  },
  {
    name: "claim of the next takes no more than one kind",
    breaks: NEXT,
    caughtBy: "claim next",
    make: claimingNext((next) => ({ ...next, kinds: next.kinds.slice(0, 1) })),
  },
  {
    name: "claim of the next takes every kind's lease from the first",
    breaks: "Each kind once, with its own lease.",
    caughtBy: "claim next",
    make: claimingNext((next) => ({
      ...next,
      kinds: next.kinds.map((kind) => ({ ...kind, leaseMs: next.kinds[0]?.leaseMs ?? 1 })),
    })),
  },
  {
    name: "claim of the next takes one more than the limit",
    breaks: "both together are no more than `limit`",
    caughtBy: "claim next",
    make: claimingNext((next) => ({ ...next, limit: next.limit + 1 })),
  },
  {
    name: "claim of the next takes jobs before they are ready",
    breaks: NEXT,
    caughtBy: "claim next",
    make: asks("claim", (request) =>
      request.next === undefined ? request : { ...request, nowMs: request.nowMs + 1_000_000 },
    ),
  },
  {
    name: "claim of the next answers in the order of the ids",
    breaks: NEXT,
    caughtBy: "claim next",
    make: answers("claim", (reply) => ({
      ...reply,
      jobs: [...reply.jobs].sort((a, b) => (a.record.id < b.record.id ? -1 : 1)),
    })),
  },
  {
    name: "claim of the next takes the newest first",
    breaks: NEXT,
    caughtBy: "claim next",
    make: ({ inner, place }) => ({
      async claim(request) {
        if (request.next === undefined) return inner.claim(request);
        const turn = (): void => {
          for (const { record } of place.rows.values())
            if (record.readyAt !== null && record.readyAt <= request.nowMs && record.status === "QUEUED")
              edit(place, record.id, ({ readyAt }) => ({ readyAt: request.nowMs - (readyAt ?? 0) }));
        };
        turn();
        try {
          return await inner.claim(request);
        } finally {
          turn();
        }
      },
    }),
  },
  {
    name: "claim of the next forgets what its token holds",
    breaks: "asked again with the same token, what it holds already is answered first",
    caughtBy: "claim next",
    make: answers("claim", (reply, request, { place }) => {
      if (request.next === undefined) return reply;
      const { token } = request.next;
      return {
        ...reply,
        jobs: reply.jobs.filter(
          ({ record }) => record.updatedAt === request.nowMs && place.row(record.id)?.record.token === token,
        ),
      };
    }),
  },
  {
    name: "claim of the next counts what its token holds beside the limit",
    breaks: "both together are no more than `limit`",
    caughtBy: "claim next",
    make: asks("claim", (request, { place }) => {
      if (request.next === undefined) return request;
      const { next } = request;
      const held = [...place.rows.values()].filter(
        ({ record }) => record.status === "PROCESSING" && record.token === next.token,
      );
      return { nowMs: request.nowMs, next: { ...next, limit: next.limit + held.length } };
    }),
  },
  {
    name: "takeDue clears the wake-up",
    breaks: DUE,
    caughtBy: "take due",
    make: leaves("takeDue", ({ reply, place }) => {
      for (const { record } of reply.jobs) edit(place, record.id, () => ({ wakeAt: null }));
    }),
  },
  {
    name: "takeDue holds for an hour",
    breaks: DUE,
    caughtBy: "take due",
    make: asks("takeDue", (request) => ({ ...request, holdMs: 3_600_000 })),
  },
  {
    name: "takeDue holds from when it was due",
    breaks: DUE,
    caughtBy: "take due",
    make: leaves("takeDue", ({ reply, request, place }) => {
      for (const { record, dueAt } of reply.jobs)
        edit(place, record.id, () => ({ wakeAt: dueAt + request.holdMs }));
    }),
  },
  {
    name: "takeDue takes one more than the limit",
    breaks: "limit",
    caughtBy: "take due",
    make: asks("takeDue", (request) => ({ ...request, limit: request.limit + 1 })),
  },
  {
    name: "takeDue takes what is due within a second",
    breaks: DUE,
    caughtBy: "take due",
    make: asks("takeDue", (request) => ({ ...request, nowMs: request.nowMs + 1_000 })),
  },
  {
    name: "takeDue begins every page anew",
    breaks: "Pages on within a pass: only what lies behind this place of (wakeAt, id).",
    caughtBy: "take due",
    make: asks("takeDue", ({ after: _, ...request }) => request),
  },
  {
    name: "takeDue pages by the instant alone",
    breaks: "Pages on within a pass: only what lies behind this place of (wakeAt, id).",
    caughtBy: "take due",
    make: asks("takeDue", (request) =>
      request.after === undefined ? request : { ...request, after: { ...request.after, id: "zzzz" } },
    ),
  },
  {
    name: "takeDue answers the newest first",
    breaks: DUE,
    caughtBy: "take due",
    make: answers("takeDue", (reply) => ({ ...reply, jobs: [...reply.jobs].reverse() })),
  },
  {
    name: "takeDue tells of the postponed wake-up",
    breaks: "With the wake-up as it was before it was postponed, for paging.",
    caughtBy: "take due",
    make: answers("takeDue", (reply) => ({
      ...reply,
      jobs: reply.jobs.map((job) => ({ ...job, dueAt: job.record.wakeAt ?? 0 })),
    })),
  },
  {
    name: "takeDue raises the version",
    breaks: "never disturbs a worker",
    caughtBy: "take due",
    make: leaves("takeDue", ({ reply, place }) => {
      for (const { record } of reply.jobs)
        edit(place, record.id, ({ version }) => ({ version: version + 1 }));
    }),
  },
  {
    name: "takeDue says that nothing else is ever due",
    breaks: "When the next record that is not due yet will be, as of this call; `null`: none has a wake-up.",
    caughtBy: "take due",
    make: answers("takeDue", (reply) => ({ ...reply, nextDueAt: null })),
  },
  {
    name: "takeDue tells of one as next that is due already",
    breaks: "When the next record that is not due yet will be, as of this call; `null`: none has a wake-up.",
    caughtBy: "take due",
    make: answers("takeDue", (reply, _, { place }) => {
      const [first] = place.due(({ record }) => record.wakeAt, Infinity);
      return { ...reply, nextDueAt: first?.record.wakeAt ?? null };
    }),
  },
  {
    name: "advance lets the given cursor win",
    breaks: "merged per name by `mergeCursor`",
    caughtBy: "advance",
    make: leaves("advance", ({ request, place }) => {
      for (const { id, cursors } of request.items) {
        const row = place.row(id);
        if (row !== undefined) place.put({ ...row, cursors: { ...row.cursors, ...cursors } });
      }
    }),
  },
  {
    name: "advance forgets the cursors of others",
    breaks: "merged per name by `mergeCursor`",
    caughtBy: "advance",
    make: leaves("advance", ({ request, place }) => {
      for (const { id, cursors } of request.items) {
        const row = place.row(id);
        if (row === undefined) continue;
        const named = Object.entries(row.cursors).filter(([name]) => Object.hasOwn(cursors, name));
        place.put({ ...row, cursors: Object.fromEntries(named) });
      }
    }),
  },
  {
    name: "advance looks at no version",
    breaks: PLAN,
    caughtBy: "advance",
    make: advancing((item, stored) => ({
      ...item,
      plannedOn: { ...item.plannedOn, version: stored?.version ?? 0 },
    })),
  },
  {
    name: "advance looks at no token",
    breaks: PLAN,
    caughtBy: "advance",
    make: advancing((item, stored) => ({
      ...item,
      plannedOn: { ...item.plannedOn, token: stored?.token ?? null },
    })),
  },
  {
    name: "advance looks at no status",
    breaks: PLAN,
    caughtBy: "advance",
    make: advancing((item, stored) => ({
      ...item,
      plannedOn: { ...item.plannedOn, status: stored?.status ?? "PENDING" },
    })),
  },
  {
    name: "advance never brings a wake-up forward",
    breaks: "a stored wake-up that is later is brought forward to this",
    caughtBy: "advance",
    make: advancing((item) => ({ ...item, latestWakeAt: Number.MAX_SAFE_INTEGER })),
  },
  {
    name: "advance gives a wake-up to a record that has none",
    breaks: "Where `wakeAt` is not written: a stored wake-up that is later is brought forward to this.",
    caughtBy: "advance",
    make: leaves("advance", ({ reply, request, place }) => {
      for (const [index, { id, latestWakeAt }] of request.items.entries()) {
        const result = reply.results[index];
        if (result?.status === "ok" && result.wake === "kept")
          edit(place, id, ({ wakeAt }) => ({ wakeAt: wakeAt ?? latestWakeAt }));
      }
    }),
  },
  {
    name: "advance leaves the purge instant",
    breaks: PLAN,
    caughtBy: "advance",
    make: leaves("advance", ({ request, place, before }) => {
      for (const { id } of request.items)
        edit(place, id, () => ({ purgeAt: before.get(id)?.record.purgeAt ?? null }));
    }),
  },
  {
    name: "advance answers the cursors that it was given",
    breaks: "Both return what is stored now.",
    caughtBy: "advance",
    make: answers("advance", (reply, request) => ({
      ...reply,
      results: reply.results.map((result, index): AdvanceResult =>
        result.status === "ok" ? { ...result, cursors: request.items[index]?.cursors ?? {} } : result,
      ),
    })),
  },
  {
    name: "advance always says that the plan was written",
    breaks: "`wake` says whether `wakeAt` and `purgeAt` were written too",
    caughtBy: "advance",
    make: answers("advance", (reply) => ({
      ...reply,
      results: reply.results.map((result): AdvanceResult =>
        result.status === "ok" ? { ...result, wake: "written" } : result,
      ),
    })),
  },
  {
    name: "advance forgets the reason of a cursor",
    breaks: "All cursors that the plan rests on; merged per name.",
    caughtBy: "advance",
    make: advancing((item) => ({
      ...item,
      cursors: Object.fromEntries(
        Object.entries(item.cursors).map(([name, cursor]) => [name, { ...cursor, reason: null }]),
      ),
    })),
  },
  {
    name: "advance forgets when an entry was first tried",
    breaks: "All cursors that the plan rests on; merged per name.",
    caughtBy: "advance",
    make: advancing((item) => ({
      ...item,
      cursors: Object.fromEntries(
        Object.entries(item.cursors).map(([name, cursor]) => [name, { ...cursor, since: START.since }]),
      ),
    })),
  },
  {
    name: "advance raises the version",
    breaks: "never disturbs a worker: version and document stay as they are",
    caughtBy: "advance",
    make: leaves("advance", ({ request, place }) => {
      for (const { id } of request.items) edit(place, id, ({ version }) => ({ version: version + 1 }));
    }),
  },
];
