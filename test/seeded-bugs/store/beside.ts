// What a call does beside what it is asked: to other fields, other items, its caller, and to what only gets old.
import type { Json, JsonObject } from "../../../src/core/json/json.js";
import type { ChangingFields, JobRecord } from "../../../src/core/job/record.js";
import type { ClaimReply, StoredJob, WriteItem } from "../../../src/core/ports/store.js";
import { answers, asks, edit, leaves, type StoreBug } from "./store-bug.js";

/** The jobs that a claim answers. */
function taken({ jobs, results }: ClaimReply): readonly StoredJob[] {
  return [...jobs, ...results.flatMap((result) => (result.status === "ok" ? [result.job] : []))];
}

/** A claim that begins a record anew, as if no attempt had been before. */
function clears(field: keyof ChangingFields): StoreBug["make"] {
  return leaves("claim", ({ reply, place, before }) => {
    for (const { record } of taken(reply))
      if (before.get(record.id)?.record.version !== record.version)
        edit(place, record.id, () => ({ [field]: null }));
  });
}

/** A claim of the next that leaves jobs which it thinks should not be run. */
function leavesOut(isOut: (record: JobRecord, nowMs: number) => boolean): StoreBug["make"] {
  return ({ inner, place }) => ({
    async claim(request) {
      if (request.next === undefined) return inner.claim(request);
      const out = [...place.rows.values()].filter(
        ({ record }) => record.status === "QUEUED" && isOut(record, request.nowMs),
      );
      for (const { record } of out) place.rows.delete(record.id);
      const reply = await inner.claim(request);
      for (const row of out) place.put(row);
      return reply;
    },
  });
}

function isObject(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** As JSON_MERGE_PATCH and `$set` with paths do. */
function merged(stored: Json, given: Json): Json {
  return isObject(stored) && isObject(given) ? { ...stored, ...given } : given;
}

function writing(change: (item: WriteItem, stored: JobRecord) => WriteItem): StoreBug["make"] {
  return asks("write", (request, { place }) => ({
    ...request,
    items: request.items.map((item) => {
      const stored = place.row(item.id)?.record;
      return stored === undefined ? item : change(item, stored);
    }),
  }));
}

const EFFECT = "Effect of both, one atomic step: what is named, and nothing else";
const NEXT = "status QUEUED, `queue` null, `readyAt` ≤ now, kind among `kinds`";
const REPLACED = "A field of a patch is set to the value given, whole.";
const PASSED_IN = "What a caller passes in is never changed.";
const KEPT = "Nothing is removed but by `purge` and `unpark`.";
const ITEMS = "Batches answer item by item, in order.";
const DAY_MS = 86_400_000;

export const BESIDE_BUGS: readonly StoreBug[] = [
  ...(["phase", "checkpoint", "lastError", "cancel", "failure"] as const).map((field): StoreBug => ({
    name: `claim clears ${field}`,
    breaks: EFFECT,
    caughtBy: "what is left alone",
    make: clears(field),
  })),
  {
    name: "claim of the next leaves jobs that were asked to cancel",
    breaks: NEXT,
    caughtBy: "what is left alone",
    make: leavesOut(({ cancel }) => cancel !== null),
  },
  {
    name: "claim of the next leaves jobs whose attempts are used up",
    breaks: NEXT,
    caughtBy: "what is left alone",
    make: leavesOut(({ attempt, maxAttempts }) => attempt >= maxAttempts),
  },
  {
    name: "write merges the progress into the stored one",
    breaks: REPLACED,
    caughtBy: "what is left alone",
    make: writing(({ patch, ...item }, stored) => ({
      ...item,
      patch:
        patch.progress === undefined
          ? patch
          : { ...patch, progress: merged(stored.progress, patch.progress) },
    })),
  },
  {
    name: "write merges the checkpoint into the stored one",
    breaks: REPLACED,
    caughtBy: "what is left alone",
    make: writing(({ patch, ...item }, stored) => ({
      ...item,
      patch:
        patch.checkpoint === undefined
          ? patch
          : { ...patch, checkpoint: merged(stored.checkpoint, patch.checkpoint) },
    })),
  },
  {
    name: "write keeps of the last error what the new one has not",
    breaks: REPLACED,
    caughtBy: "what is left alone",
    make: writing(({ patch, ...item }, { lastError: stored }) => {
      const given = patch.lastError ?? null;
      return given === null || stored === null
        ? { ...item, patch }
        : { ...item, patch: { ...patch, lastError: { ...given, code: given.code ?? stored.code } } };
    }),
  },
  {
    name: "write merges the reference of outside work into the stored one",
    breaks: REPLACED,
    caughtBy: "what is left alone",
    make: writing(({ patch, ...item }, { awaiting: stored }) => {
      const given = patch.awaiting ?? null;
      return given === null || stored === null
        ? { ...item, patch }
        : { ...item, patch: { ...patch, awaiting: { ...given, ref: merged(stored.ref, given.ref) } } };
    }),
  },
  {
    name: "write keeps the history where nothing is left of it",
    breaks: "`replace`: the whole history, to trim.",
    caughtBy: "write effect",
    make: writing((item) =>
      "replace" in item.history && item.history.replace === "" ? { ...item, history: { append: "" } } : item,
    ),
  },
  {
    name: "beat takes any token of its call for any job of it",
    breaks: ITEMS,
    caughtBy: "what is left alone",
    make: asks("beat", (request, { place }) => ({
      ...request,
      items: request.items.map((item) => {
        const { token = null } = place.row(item.id)?.record ?? {};
        return token !== null && request.items.some((other) => other.token === token)
          ? { ...item, token }
          : item;
      }),
    })),
  },
  {
    name: "write gives every job of a call the first lease",
    breaks: "Sets `leaseUntil` to the store's now + this.",
    caughtBy: "what is left alone",
    make: asks("write", (request) => {
      const leaseMs = request.items.find((item) => item.leaseMs !== undefined)?.leaseMs;
      return {
        ...request,
        items: request.items.map((item) =>
          item.leaseMs === undefined || leaseMs === undefined ? item : { ...item, leaseMs },
        ),
      };
    }),
  },
  {
    name: "write tells with a refusal the job of another item",
    breaks: "`refused`: the guard did not hold and nothing was written; `job` is what is stored.",
    caughtBy: "what is left alone",
    make: answers("write", (reply) => {
      const refused = reply.results.filter(({ status }) => status === "refused").reverse();
      return {
        ...reply,
        results: reply.results.map((result) =>
          result.status === "refused" ? (refused.shift() ?? result) : result,
        ),
      };
    }),
  },
  {
    name: "create leaves a key of its own in the caller's record",
    breaks: PASSED_IN,
    caughtBy: "what is left alone",
    make: asks("create", (request) => {
      for (const { record } of request.items) Object.assign(record, { _id: record.id });
      return request;
    }),
  },
  {
    name: "read sorts the ids of its caller",
    breaks: PASSED_IN,
    caughtBy: "what is left alone",
    make: ({ inner }) => ({
      async read(request) {
        const reply = await inner.read({ ...request, ids: [...request.ids] });
        (request.ids as string[]).sort();
        return reply;
      },
    }),
  },
  {
    name: "scopes are forgotten after a day",
    breaks: KEPT,
    caughtBy: "what is left alone",
    make: asks("create", (request, { place }) => {
      for (const { record } of [...place.rows.values()])
        if (record.createdAt + DAY_MS < request.nowMs) edit(place, record.id, () => ({ scope: null }));
      return request;
    }),
  },
  {
    name: "parked messages are forgotten after a fortnight",
    breaks: KEPT,
    caughtBy: "what is left alone",
    make: asks("parked", (request, { place }) => {
      for (const { id, at } of [...place.parked.values()])
        if (at + 14 * DAY_MS < request.nowMs) place.parked.delete(id);
      return request;
    }),
  },
  {
    name: "write that claims takes one more for each job that it writes",
    breaks: "both together are no more than `limit`",
    caughtBy: "write then claim",
    make: asks("write", ({ thenClaim, ...request }) =>
      thenClaim === undefined
        ? request
        : { ...request, thenClaim: { ...thenClaim, limit: thenClaim.limit + request.items.length } },
    ),
  },
  {
    name: "write that claims nothing does not say so",
    breaks: "Answer to `thenClaim`",
    caughtBy: "write then claim",
    make: answers("write", ({ claimed = [], ...reply }) =>
      claimed.length === 0 ? reply : { ...reply, claimed },
    ),
  },
  {
    name: "write that claims goes by the caller's clock",
    breaks: "`server`: the engine's clock judges leases and `nowMs` of the caller is ignored.",
    clock: "server",
    caughtBy: "a caller whose clock is off",
    make: ({ inner, place }) => ({
      async write({ thenClaim, ...request }) {
        const reply = await inner.write(request);
        if (thenClaim === undefined) return reply;
        const { serverNowMs } = place;
        place.serverNowMs = request.nowMs;
        const { jobs } = await inner.claim({ nowMs: request.nowMs, next: thenClaim });
        place.serverNowMs = serverNowMs;
        return { ...reply, claimed: jobs };
      },
    }),
  },
  {
    name: "takeDue leaves jobs that await outside work",
    breaks: "The records whose wake-up has come",
    caughtBy: "take due",
    make: ({ inner, place }) => ({
      async takeDue(request) {
        const out = [...place.rows.values()].filter(({ record }) => record.awaiting !== null);
        for (const { record } of out) place.rows.delete(record.id);
        const reply = await inner.takeDue(request);
        for (const row of out) place.put(row);
        return reply;
      },
    }),
  },
];
