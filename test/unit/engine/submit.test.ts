import { describe, expect, it } from "vitest";
import { z } from "zod";
import { memoryStore } from "../../../src/adapters/memory/store.js";
import { defineJob } from "../../../src/core/define/define-job.js";
import { dispatch } from "../../../src/core/engine/command/commands.js";
import { get } from "../../../src/core/engine/read/reads.js";
import { submit, submitMany } from "../../../src/core/engine/submit/submit.js";
import { decodeHistory } from "../../../src/core/job/history.js";
import type { AnyStore, CreateRequest, StoreReply } from "../../../src/core/ports/store.js";
import { parseMessage } from "../../../src/core/job/message.js";
import { WaybillError } from "../../../src/core/errors/errors.js";
import { scopeHash } from "../../../src/core/json/hash.js";
import {
  claimed,
  completed,
  failedFor,
  mailKind,
  rejection,
  stored,
  submitted,
  type World,
  world,
} from "../../support/engine.js";

const edgesOf = async (at: World, id: string) =>
  decodeHistory((await stored(at, id)).record.history).map(({ edge }) => edge);

/** How many jobs a store holds. */
async function jobsIn(at: World): Promise<number> {
  const { jobs } = await at.run(
    at.core.gateway.call("list", (store, request) =>
      store.list({ ...request, kinds: ["mail.send"], limit: 100 }),
    ),
  );
  return jobs.length;
}

describe("submit with the store as the queue", () => {
  it("records the job QUEUED and ready, in one trip", async () => {
    const at = world();
    const job = await submitted(at, { to: "ann" }, { owner: "o", metadata: { page: 1 }, actor: "ann" });
    expect(at.trips.calls).toEqual([{ method: "create", items: 1 }]);
    expect(job).toMatchObject({
      status: "QUEUED",
      word: "waiting",
      version: 2,
      owner: "o",
      subject: "to:ann",
      metadata: { page: 1 },
      input: { to: "ann" },
      dispatch: "confirmed",
      attempt: 0,
      origin: null,
    });
    expect(await edgesOf(at, job.id)).toEqual(["T1", "T2"]);
    expect(at.announced.map(({ entries }) => entries.map(({ actor }) => actor))).toEqual([["ann", "ann"]]);
  });

  it("is not ready before its delay", async () => {
    const at = world();
    const { id } = await submitted(at, { to: "ann" }, { delayMs: 5_000 });
    const { record } = await stored(at, id);
    expect([record.status, record.readyAt]).toEqual(["QUEUED", at.clock.now() + 5_000]);
  });

  it("ends by its own deadline where one is given, else by the kind's", async () => {
    const at = world();
    const own = await submitted(at, { to: "ann" }, { deadlineMs: 7_000 });
    const none = await submitted(at);
    const strict = defineJob({ kind: "mail.send", input: z.object({ to: z.string() }), deadlineMs: 9_000 });
    const kinds = await submitted(at, { to: "ann" }, {}, strict["~definition"]);
    const deadlines = await Promise.all(
      [own, none, kinds].map(async ({ id }) => (await at.core.gateway.read(id))!),
    );
    expect(deadlines.map(({ record }) => record.deadlineAt)).toEqual([
      at.clock.now() + 7_000,
      null,
      at.clock.now() + 9_000,
    ]);
  });

  it("keeps the subject that the caller gives, and the names of the notifiers of that moment", async () => {
    const at = world({
      notifiers: { ui: { publish: async (events) => events.map(() => ({ status: "delivered" })) } },
    });
    const { id } = await submitted(at, { to: "ann" }, { subject: "invoice:7" });
    const { record } = await stored(at, id);
    expect([record.subject, record.notifiers]).toEqual(["invoice:7", ["ui"]]);
  });

  it("stores the input as its schema made it, where the schema takes that as it is", async () => {
    const at = world();
    const trimming = defineJob({ kind: "mail.send", input: z.object({ to: z.string().trim() }) });
    const { id } = await submitted(at, { to: " ann " }, {}, trimming["~definition"]);
    expect((await stored(at, id)).input).toBe('{"to":"ann"}');
  });

  it("stores the input as given, where its schema turns it into something else", async () => {
    const at = world();
    const input = z.object({ to: z.string().transform((to) => to.length) });
    const counting = defineJob({ kind: "mail.send", input });
    const { id } = await submitted(at, { to: " ann " }, {}, counting["~definition"]);
    expect((await stored(at, id)).input).toBe('{"to":" ann "}');
  });
});

describe("submit through a queue", () => {
  it("records, sends and marks", async () => {
    const at = world({ queue: true });
    const job = await submitted(at);
    expect(job).toMatchObject({ status: "QUEUED", dispatch: "confirmed", version: 2 });
    expect(at.queue.depth()).toBe(1);
    expect(at.trips.calls.map(({ method }) => method)).toEqual(["create", "write"]);
  });

  it("goes through the queue of its kind", async () => {
    const slow = defineJob({ kind: "slow.work", input: z.object({}), queue: "slow" });
    const at = world({ queue: true });
    const other = world({ queues: { slow: at.queue }, jobs: [slow["~definition"]] });
    const { id } = await submitted(other, {}, {}, slow["~definition"]);
    expect([(await stored(other, id)).record.queue, at.queue.depth()]).toEqual(["slow", 1]);
  });

  it.each([
    ["unknown_lost", 0],
    ["unknown_stored", 1],
  ] as const)("succeeds unconfirmed when the queue's answer is in doubt (%s)", async (fault, depth) => {
    const at = world({ queue: true });
    at.queue.faults.breakSends(fault);
    const job = await submitted(at);
    expect(job).toMatchObject({ status: "PENDING", dispatch: "unconfirmed" });
    expect((await stored(at, job.id)).record.wakeAt).toBe(at.clock.now() + at.core.policy.sendGraceMs);
    expect(at.queue.depth()).toBe(depth);
  });

  it("succeeds unconfirmed when the queue does not answer at all", async () => {
    const at = world({ queue: true });
    at.faults.queue("send", { fault: "hang" });
    expect(await submitted(at)).toMatchObject({ status: "PENDING", dispatch: "unconfirmed" });
  });

  it("gives a FAILED job back, not an error, when the queue refuses for good", async () => {
    const at = world({ queue: true });
    at.queue.faults.breakSends("rejected");
    expect(await submitted(at)).toMatchObject({
      status: "FAILED",
      word: "broken",
      failure: { reason: "enqueue_rejected", attempts: 0 },
    });
  });

  it("sends a delay along where the queue can delay that long", async () => {
    const at = world({ queue: true });
    const job = await submitted(at, { to: "ann" }, { delayMs: 60_000 });
    expect(job).toMatchObject({ status: "QUEUED", dispatch: "confirmed" });
    const receive = () => at.queue.receive({ max: 1, waitMs: 0, signal: new AbortController().signal });
    expect(await receive()).toEqual([]);
    await at.clock.advance(60_000);
    expect(await receive()).toHaveLength(1);
  });

  it.each([0, 1_000])("lets a delay beyond the queue's %i ms wait in the store", async (maxDelayMs) => {
    const at = world({ queue: { maxDelayMs } });
    const job = await submitted(at, { to: "ann" }, { delayMs: 60_000 });
    expect(job).toMatchObject({ status: "PENDING", dispatch: "deferred" });
    expect(at.queue.depth()).toBe(0);
    expect((await stored(at, job.id)).record).toMatchObject({
      sendAt: at.clock.now() + 60_000,
      wakeAt: at.clock.now() + 60_000,
    });
  });
});

describe("submit under an idempotency key", () => {
  const key = { idempotencyKey: "k-1", owner: "o" };

  it("makes one job of two submits in one turn, and sends it once", async () => {
    const at = world({ queue: true });
    const twice = [1, 2].map(() => submit(at.core, at.dispatcher, mailKind, { to: "ann" }, key));
    const [first, second] = await at.run(Promise.all(twice));
    expect(first?.ok && second?.ok && first.value.id === second.value.id).toBe(true);
    expect([at.queue.depth(), await jobsIn(at)]).toEqual([1, 1]);
  });

  it("makes one job of submits in two processes", async () => {
    const store = memoryStore();
    const one = world({ seed: 1 }, store);
    const two = world({ seed: 2 }, store);
    const [a, b] = await Promise.all([
      submitted(one, { to: "ann" }, key),
      submitted(two, { to: "ann" }, key),
    ]);
    expect(a.id).toBe(b.id);
    expect(await jobsIn(one)).toBe(1);
    expect(one.announced.length + two.announced.length).toBe(1);
  });

  it("does not care for the order of keys in the input", async () => {
    const at = world();
    const { id } = await submitted(at, { to: "ann", note: "n" }, key);
    expect((await submitted(at, { note: "n", to: "ann" }, key)).id).toBe(id);
  });

  it("gives the job back as it is by now: with its output when it is COMPLETED", async () => {
    const at = world();
    const { id } = await submitted(at, { to: "ann" }, key);
    await completed(at, await claimed(at, id), { sent: 7 });
    expect(await submitted(at, { to: "ann" }, key)).toMatchObject({
      id,
      status: "COMPLETED",
      output: { sent: 7 },
      input: { to: "ann" },
    });
  });

  it("says that a COMPLETED job was stored which is removed in between, and shows none without its output", async () => {
    const at = world();
    const { id } = await submitted(at, { to: "ann" }, key);
    await completed(at, await claimed(at, id));
    const core: World["core"] = { ...at.core, gateway: { ...at.core.gateway, read: async () => null } };
    await expect(at.run(submit(core, at.dispatcher, mailKind, { to: "ann" }, key))).rejects.toMatchObject({
      code: "store.unavailable",
      outcome: "applied",
      jobId: id,
    });
  });

  it("gives a FAILED job back and starts nothing anew", async () => {
    const at = world();
    const { id } = await submitted(at, { to: "ann" }, key);
    await failedFor(at, await claimed(at, id));
    expect(await submitted(at, { to: "ann" }, key)).toMatchObject({ id, status: "FAILED" });
  });

  it("is another job for another owner, for nobody, and under another key", async () => {
    const at = world();
    const ids = [
      await submitted(at, { to: "ann" }, key),
      await submitted(at, { to: "ann" }, { ...key, owner: "p" }),
      await submitted(at, { to: "ann" }, { idempotencyKey: "k-1" }),
      await submitted(at, { to: "ann" }, { ...key, idempotencyKey: "k-2" }),
    ].map(({ id }) => id);
    expect(new Set(ids).size).toBe(4);
  });

  it("that somebody's open transaction has used waits apart from other submits, and once it is known to, from other keys", async () => {
    const inner = memoryStore();
    const held = new Set(["a", "b"].map((key) => scopeHash(null, "mail.send", key)));
    const calls: number[] = [];
    let isRefused = true;
    let letGo: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const at = world({}, {
      ...inner,
      capabilities: { ...inner.capabilities, transactions: true },
      create: async (request: CreateRequest<never>) => {
        calls.push(request.items.length);
        if (request.items.some(({ record }) => held.has(record.scope ?? ""))) {
          if (isRefused) throw new WaybillError("idempotency.pending", "It has been used.");
          await released;
        }
        return inner.create(request);
      },
    } as AnyStore);
    const under = (idempotencyKey?: string) =>
      submit(
        at.core,
        at.dispatcher,
        mailKind,
        { to: "ann" },
        idempotencyKey === undefined ? {} : { idempotencyKey },
      );
    const waiting = Promise.all([under("a"), under("b")]);
    const beside = under();
    await at.clock.settle();
    // Two under keys, and apart from them the one without; then each of the two by itself.
    expect(calls).toEqual([2, 1, 1, 1]);
    expect((await beside).ok).toBe(true);
    isRefused = false;
    await at.clock.advance(200);
    expect(calls).toHaveLength(6);
    const before = at.clock.now();
    const others = await at.run(Promise.all([under("c"), under()]));
    expect(others.map(({ ok }) => ok)).toEqual([true, true]);
    expect(at.clock.now()).toBe(before);
    letGo();
    expect((await at.run(waiting)).map(({ ok }) => ok)).toEqual([true, true]);
  });

  it("keeps the id on the shard of its scope", async () => {
    const at = world();
    const { id } = await submitted(at, { to: "ann" }, key);
    expect(id.slice(-2)).toBe(scopeHash("o", "mail.send", "k-1").slice(0, 2));
  });
});

describe("submit when the store's reply is lost", () => {
  it("finds its own create: one job, announced and sent once", async () => {
    const at = world({ queue: true });
    at.faults.store("create", { fault: "response_lost" });
    const job = await submitted(at);
    expect(job).toMatchObject({ status: "QUEUED", dispatch: "confirmed" });
    expect([await jobsIn(at), at.queue.depth()]).toEqual([1, 1]);
    expect(at.announced.map(({ entries }) => entries.map(({ edge }) => edge))).toEqual([["T1"], ["T2"]]);
  });

  it("sends nothing when others have taken the job meanwhile", async () => {
    const at = world({ queue: true });
    at.faults.store("create", { fault: "response_lost" });
    at.faults.store("create", { nth: 2, fault: "delay", delayMs: 5_000 });
    const asked = submit(at.core, at.dispatcher, mailKind, { to: "ann" }, { id: "own-id" });
    await at.clock.advance(2_000);
    await completed(at, await claimed(at, "own-id"), { sent: 3 });
    const result = await at.run(asked);
    expect(result).toMatchObject({ ok: true, value: { status: "COMPLETED", output: { sent: 3 } } });
    expect(at.queue.depth()).toBe(0);
  });

  it.each([
    ["not_applied", "not_applied"],
    ["request_lost", "unknown"],
  ] as const)("says %s as %s when the store stays away", async (fault, outcome) => {
    const at = world({ queue: true });
    at.faults.outage("store", fault);
    const started = at.clock.now();
    const error = await rejection(at, submit(at.core, at.dispatcher, mailKind, { to: "ann" }));
    expect(error).toMatchObject({ code: "store.unavailable", outcome });
    expect(at.clock.now() - started).toBeLessThanOrEqual(at.core.policy.unknownRetryMs);
    at.faults.heal();
    expect([await jobsIn(at), at.queue.depth(), at.announced]).toEqual([0, 0, []]);
  });

  it("says unknown when one of its tries may have got through", async () => {
    const at = world();
    at.faults.store("create", { fault: "response_lost" });
    at.faults.store("create", { fault: "not_applied", nth: 2, times: 10_000 });
    const error = await rejection(at, submit(at.core, at.dispatcher, mailKind, { to: "ann" }));
    expect(error).toMatchObject({ outcome: "unknown" });
    expect((error as { jobId?: string }).jobId).toEqual(expect.any(String));
  });
});

describe("submit inside the caller's transaction", () => {
  /** A store with transactions: what is created in one is stored at its commit. */
  function transactional() {
    const inner = memoryStore();
    const waiting: (() => Promise<StoreReply>)[] = [];
    const create: typeof inner.create = async (request) => {
      const { tx, ...plain }: Omit<typeof request, "tx"> & { readonly tx?: unknown } = request;
      if (tx === undefined) return inner.create(plain);
      waiting.push(() => inner.create(plain));
      return { nowMs: request.nowMs, results: request.items.map(() => ({ status: "created" })) };
    };
    const capabilities = { ...inner.capabilities, transactions: true };
    const store = new Proxy(inner, {
      get: (target, name) => {
        if (name === "create") return create;
        if (name === "capabilities") return capabilities;
        const value: unknown = Reflect.get(target, name);
        return typeof value === "function" ? (value as () => unknown).bind(target) : value;
      },
    });
    const commit = async (): Promise<void> => {
      for (const one of waiting.splice(0)) await one();
    };
    return { store, commit };
  }

  it("sends and tells nothing before the commit", async () => {
    const { store } = transactional();
    const at = world({ queue: true }, store);
    const job = await submitted(at, { to: "ann" }, { tx: "tx" });
    expect(job).toMatchObject({ status: "PENDING", dispatch: "deferred" });
    expect([at.announced, at.queue.depth(), await jobsIn(at)]).toEqual([[], 0, 0]);
  });

  it("does not try again by itself: only the caller can", async () => {
    const { store } = transactional();
    const at = world({}, store);
    at.faults.store("create", { fault: "request_lost" });
    const call = submit(at.core, at.dispatcher, mailKind, { to: "ann" }, { tx: "tx" });
    expect(await rejection(at, call)).toMatchObject({ outcome: "unknown" });
    at.faults.store("create", { fault: "not_applied" });
    const again = submit(at.core, at.dispatcher, mailKind, { to: "ann" }, { tx: "tx" });
    expect(await rejection(at, again)).toMatchObject({ outcome: "not_applied" });
    expect(at.trips.counts.create).toBe(2);
  });

  it("is refused by a store that takes none: the job would be stored apart from it", async () => {
    const at = world();
    const call = submit(at.core, at.dispatcher, mailKind, { to: "ann" }, { tx: "tx" });
    expect(await rejection(at, call)).toMatchObject({ code: "config.capability_missing" });
    expect(await jobsIn(at)).toBe(0);
  });

  it("is handed over and told by dispatch, after the commit", async () => {
    for (const queue of [true, false]) {
      const { store, commit } = transactional();
      const at = world({ queue }, store);
      const { id } = await submitted(at, { to: "ann" }, { tx: "tx" });
      await commit();
      const result = await at.run(dispatch(at.core, at.dispatcher, id));
      expect(result).toMatchObject({ ok: true, value: { id, status: "QUEUED", dispatch: "confirmed" } });
      const told = at.announced.flatMap(({ entries }) => entries.map(({ edge }) => edge));
      expect(told).toEqual(["T1", "T2"]);
      expect(at.queue.depth()).toBe(queue ? 1 : 0);
    }
  });
});

describe("submitting many", () => {
  it("answers each in order, in few trips", async () => {
    const at = world({ queue: true });
    const items = Array.from({ length: 60 }, (_, index) => ({
      input: { to: index === 7 ? 7 : `p-${index}` },
    }));
    const results = await at.run(submitMany(at.core, at.dispatcher, mailKind, items));
    expect(results.map(({ ok }) => ok)).toEqual(items.map((_, index) => index !== 7));
    expect(results[3]).toMatchObject({ value: { input: { to: "p-3" } } });
    expect(at.trips.counts.create).toBe(2);
  });

  it("writes none of them when one is misused", async () => {
    const at = world();
    const items = [{ input: { to: "a" } }, { input: { to: "b" }, id: "not an id" }];
    const error = await rejection(at, submitMany(at.core, at.dispatcher, mailKind, items));
    expect(error).toMatchObject({ code: "id.invalid" });
    expect(await jobsIn(at)).toBe(0);
  });

  it("does not call a store's refusal of some nothing written, when others are stored", async () => {
    const at = world();
    at.faults.store("create", { nth: 2, fault: "not_applied", times: 10_000 });
    const items = Array.from({ length: 60 }, (_, index) => ({ input: { to: `p-${index}` } }));
    const error = await rejection(at, submitMany(at.core, at.dispatcher, mailKind, items));
    expect(error).toMatchObject({ code: "store.unavailable", outcome: "unknown" });
    expect(error.message).toContain("50 of 60");
  });

  it("says that nothing was written when nothing was", async () => {
    const at = world();
    at.faults.outage("store");
    const items = [{ input: { to: "a" } }, { input: { to: "b" } }];
    const error = await rejection(at, submitMany(at.core, at.dispatcher, mailKind, items));
    expect(error).toMatchObject({ code: "store.unavailable", outcome: "not_applied" });
  });
});

describe("an input that a definition refuses without saying why", () => {
  it("is refused with a plain sentence", async () => {
    const at = world();
    const silent = { ...mailKind, checkInput: async () => ({ ok: false, issues: [] }) as const };
    const result = await at.run(submit(at.core, at.dispatcher, silent, { to: "ann" }));
    expect(result.ok ? "" : result.error.message).toContain("is invalid: it does not match the schema.");
  });
});

describe("a schema", () => {
  const answers = { ok: true as const, value: { to: "ann" } };
  const kindWith = (validate: (value: unknown) => unknown) =>
    defineJob({
      kind: "mail.send",
      input: { "~standard": { version: 1, vendor: "hand", validate } } as never,
      subject: (input: { to: string }) => `to:${input.to}`,
    })["~definition"];

  it.each([
    ["at once", () => answers],
    ["later", async () => answers],
    // A promise of another library.
    [
      "as a promise that is not the platform's",
      () => ({
        then: (say: (v: unknown) => void) => {
          say(answers);
        },
      }),
    ],
  ])("may answer %s", async (_, validate) => {
    const at = world();
    const result = await at.run(submit(at.core, at.dispatcher, kindWith(validate), { to: "raw" }));
    expect(result).toMatchObject({ ok: true, value: { subject: "to:ann", input: { to: "ann" } } });
  });

  it.each([
    ["at once", () => ({ issues: [{ message: "no", path: ["to"] }, { message: "nor that" }] })],
    ["later", async () => ({ issues: [{ message: "no", path: ["to"] }, { message: "nor that" }] })],
  ])("may refuse %s: nothing is written", async (_, validate) => {
    const at = world();
    const result = await at.run(submit(at.core, at.dispatcher, kindWith(validate), { to: "raw" }));
    expect(result).toMatchObject({
      ok: false,
      error: {
        code: "input.invalid",
        issues: [
          { path: "to", message: "no" },
          { path: "", message: "nor that" },
        ],
      },
    });
    expect(result.ok ? "" : result.error.message).toContain("is invalid at to: no (and 1 more).");
    expect(at.trips.calls).toEqual([]);
  });

  const away = new Error("database away");
  it.each([
    [
      "throw",
      () => {
        throw away;
      },
    ],
    ["reject", () => Promise.reject(away)],
  ])("may %s: submit rejects with it, and nothing is written", async (_, validate) => {
    const at = world();
    const kind = kindWith(validate);
    expect(await rejection(at, submit(at.core, at.dispatcher, kind, { to: "raw" }))).toBe(away);
    const many = submitMany(at.core, at.dispatcher, kind, [{ input: { to: "raw" } }]);
    expect(await rejection(at, many)).toBe(away);
    expect(at.trips.calls).toEqual([]);
  });
});

describe("metadata", () => {
  it("is kept as it was said, whatever becomes of the object", async () => {
    const at = world();
    const metadata = { tags: ["a"], left: undefined };
    const { id } = await submitted(at, { to: "ann" }, { metadata });
    metadata.tags.push("b");
    expect((await stored(at, id)).record.metadata).toEqual({ tags: ["a"] });
  });

  it("that is left out is null", async () => {
    const at = world();
    for (const options of [{}, { metadata: undefined }, { metadata: null }]) {
      const { id } = await submitted(at, { to: "ann" }, options);
      expect((await stored(at, id)).record.metadata).toBeNull();
    }
  });

  it.each([
    ["not safe as JSON", { at: new Date(0) }, "input.invalid"],
    ["too large", "x".repeat(100_000), "input.too_large"],
  ])("that is %s is refused", async (_, metadata, code) => {
    const at = world();
    const result = await at.run(submit(at.core, at.dispatcher, mailKind, { to: "ann" }, { metadata }));
    expect(result).toMatchObject({ ok: false, error: { code } });
    expect(at.trips.calls).toEqual([]);
  });
});

describe("the job that submit gives", () => {
  it.each([false, true])("is the one that a read gives, field by field (a queue: %s)", async (queue) => {
    const messages = {
      QUEUED: (job: { input: { to: string } }) => `For ${job.input.to}.`,
      PENDING: "Noted.",
    };
    const kind = defineJob({
      kind: "mail.send",
      input: z.object({ to: z.string() }),
      words: { PENDING: "noted", QUEUED: "waiting", PROCESSING: "going", COMPLETED: "sent", FAILED: "lost" },
      messages,
    })["~definition"];
    const at = world({ queue, jobs: [kind] });
    const options = { owner: "o", subject: "s", metadata: { page: [1, null] }, delayMs: 5, deadlineMs: 50 };
    const given = await at.run(submit(at.core, at.dispatcher, kind, { to: "änn\n" }, options));
    if (!given.ok) throw given.error;
    const read = await at.run(get(at.core, given.value.id, null));
    expect(given.value).toStrictEqual(read);
    expect(Object.keys(given.value)).toEqual(Object.keys(read!));
    expect(given.value).toMatchObject({ status: "QUEUED", word: "waiting", message: "For änn\n." });
  });
});

describe("the message of a job", () => {
  it("names the dispatch that the record has", async () => {
    const at = world({ queue: true });
    const { id } = await submitted(at);
    const [delivery] = await at.queue.receive({ max: 1, waitMs: 0, signal: new AbortController().signal });
    expect(parseMessage(delivery!.body)).toMatchObject({ message: { id, dispatch: 1, kind: "mail.send" } });
  });
});

describe("a key whose job is past its retention", () => {
  it("is free, also where nobody has removed that job yet", async () => {
    const at = world({ policy: { retainMs: 60_000 } });
    const key = { idempotencyKey: "k" };
    const first = await submitted(at, { to: "ann" }, key);
    await completed(at, await claimed(at, first.id));
    await at.clock.advance(59_000);
    expect((await submitted(at, { to: "ann" }, key)).id).toBe(first.id);
    await at.clock.advance(2_000);
    const second = await submitted(at, { to: "bob" }, key);
    expect(second.id).not.toBe(first.id);
    expect(await at.run(at.core.gateway.read(first.id))).toBeNull();
    expect((await submitted(at, { to: "bob" }, key)).id).toBe(second.id);
  });
});
