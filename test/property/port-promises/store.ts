import type { AnyStore, ClaimNext, Store } from "../../../src/core/ports/store.js";
import { type Breaches, isDistinct, isText, isWhole } from "./breaches.js";

const ID = /^[A-Za-z0-9_-]{1,128}$/;
const NAMES = ["kind", "owner", "subject", "queue", "scope", "refKey"];
const bytes = (text: string): number => new TextEncoder().encode(text).length;

/** Instants and durations are whole; names are well-formed text without NUL. */
function checkValues(at: string, value: unknown, found: Breaches): void {
  const { check } = found;
  if (typeof value !== "object" || value === null) return;
  for (const [key, part] of Object.entries(value)) {
    if (typeof part === "number" && /(At|Ms|Until|version|fence|attempt|limit|dispatch)$/.test(key))
      check(isWhole(part), `${at}: ${key} is not whole`);
    if (typeof part === "string" && NAMES.includes(key))
      check(isText(part), `${at}: ${key} is no plain text`);
    if (key === "refKeys" || key === "kinds")
      check(
        (part as readonly unknown[]).every((one) => typeof one !== "string" || isText(one)),
        `${at}: ${key}`,
      );
    if (!["ref", "metadata", "progress", "checkpoint"].includes(key)) checkValues(at, part, found);
  }
}

/** Judges what a store is asked. */
export function strictStore(
  inner: AnyStore,
  found: Breaches,
): AnyStore & { readonly asked: Map<string, number> } {
  const { check } = found;
  const { capabilities } = inner;
  const asked = new Map<string, number>();
  const places = new Set<string>();
  const spent = new Set<string>();
  let isClosed = false;

  const items = (method: string, ids: readonly string[], least = 1): void => {
    check(
      ids.length >= least && ids.length <= capabilities.maxBatch,
      `${method}: ${String(ids.length)} items`,
    );
    check(isDistinct(ids), `${method}: an id twice`);
  };
  const jobs = (method: string, ids: readonly string[], least = 1): void => {
    items(method, ids, least);
    check(
      ids.every((id) => ID.test(id)),
      `${method}: a malformed id`,
    );
  };
  const payload = (method: string, text: string | undefined): void => {
    check(
      text === undefined || bytes(text) <= capabilities.maxPayloadBytes,
      `${method}: a payload too large`,
    );
  };
  const next = (claim: ClaimNext, room: number): void => {
    check(capabilities.queue, "claim: the next of a store that is no queue");
    check(
      isWhole(claim.limit) && claim.limit >= 1 && claim.limit <= room,
      `claim: limit ${String(claim.limit)}`,
    );
    check(
      claim.kinds.length > 0 && isDistinct(claim.kinds.map(({ kind }) => kind)),
      "claim: a kind twice, or none",
    );
    check(!spent.has(claim.token), "claim: the token of a claim that was answered");
  };
  const before: Partial<{ [M in keyof Store]: (request: never) => void }> = {
    create({ items: given, tx }: Parameters<AnyStore["create"]>[0]) {
      jobs(
        "create",
        given.map(({ record }) => record.id),
        0,
      );
      check(tx === undefined || capabilities.transactions, "create: a transaction");
      for (const { input } of given) payload("create", input);
    },
    read({ ids }: Parameters<AnyStore["read"]>[0]) {
      jobs("read", ids);
    },
    write({ items: given, thenClaim }: Parameters<AnyStore["write"]>[0]) {
      jobs(
        "write",
        given.map(({ id }) => id),
      );
      for (const { guard, patch, output } of given) {
        check(!["COMPLETED", "FAILED"].includes(guard.status), "write: a guard of a final status");
        check(patch.version > guard.version, "write: a version that does not grow");
        payload("write", output);
      }
      if (thenClaim === undefined) return;
      check(capabilities.writeThenClaim, "write: a claim of a store that takes none");
      next(thenClaim, capabilities.maxBatch);
    },
    beat({ items: given }: Parameters<AnyStore["beat"]>[0]) {
      jobs(
        "beat",
        given.map(({ id }) => id),
      );
      check(
        given.every(({ leaseMs }) => leaseMs > 0),
        "beat: no lease",
      );
    },
    claim(request: Parameters<AnyStore["claim"]>[0]) {
      if (request.next !== undefined) next(request.next, capabilities.maxBatch);
      else
        jobs(
          "claim",
          request.byMessage.items.map(({ id }) => id),
        );
    },
    advance({ items: given }: Parameters<AnyStore["advance"]>[0]) {
      jobs(
        "advance",
        given.map(({ id }) => id),
      );
    },
    takeDue({ limit, holdMs, after }: Parameters<AnyStore["takeDue"]>[0]) {
      check(isWhole(limit) && limit >= 1, `takeDue: limit ${String(limit)}`);
      check(holdMs > 0 && holdMs <= 30_000, `takeDue: held for ${String(holdMs)} ms`);
      check(
        after === undefined || places.has(`${String(after.wakeAt)} ${after.id}`),
        "takeDue: behind no given place",
      );
    },
    list({ limit, after }: Parameters<AnyStore["list"]>[0]) {
      check(limit >= 1 && limit <= 100, `list: limit ${String(limit)}`);
      check(
        after === undefined || places.has(`${String(after.createdAt)} ${after.id}`),
        "list: behind no given place",
      );
    },
    park({ messages }: Parameters<AnyStore["park"]>[0]) {
      items(
        "park",
        messages.map(({ id }) => id),
      );
      check(
        messages.every(({ body }) => bytes(body) <= 65_536 && isText(body)),
        "park: a body that is not bounded text",
      );
    },
    unpark() {
      check(false, "unpark: asked by the core");
    },
    purge({ limit }: Parameters<AnyStore["purge"]>[0]) {
      check(limit >= 1, `purge: limit ${String(limit)}`);
    },
  };
  const after = (method: string, request: unknown, reply: unknown): void => {
    if (method === "takeDue")
      for (const job of (reply as Awaited<ReturnType<AnyStore["takeDue"]>>).jobs)
        places.add(`${String(job.dueAt)} ${job.record.id}`);
    const { next: place } = reply as Partial<Awaited<ReturnType<AnyStore["list"]>>>;
    if (method === "list" && place) places.add(`${String(place.createdAt)} ${place.id}`);
    const { next: claim, thenClaim = claim } = request as { next?: ClaimNext; thenClaim?: ClaimNext };
    if (thenClaim !== undefined) spent.add(thenClaim.token);
  };
  const own = {
    async close() {
      asked.set("close", (asked.get("close") ?? 0) + 1);
      isClosed = true;
      await inner.close();
    },
    asked,
  };
  return new Proxy(Object.assign(Object.create(inner) as AnyStore, own), {
    get(target, name: string) {
      const method: unknown = Reflect.get(name in own ? target : inner, name);
      if (typeof method !== "function" || name in own || name === "onLostWrites") return method;
      return async (request: never) => {
        asked.set(name, (asked.get(name) ?? 0) + 1);
        check(!isClosed, `${name}: after close`);
        checkValues(name, request, found);
        before[name as keyof Store]?.(request);
        const reply: unknown = await (method as (given: never) => Promise<unknown>).call(inner, request);
        if (reply !== undefined) after(name, request, reply);
        return reply;
      };
    },
  });
}
