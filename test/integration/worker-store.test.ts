import { describe, expect, it } from "vitest";
import { memoryStore } from "../../src/adapters/memory/store.js";
import type { ClaimRequest, Store } from "../../src/core/ports/store.js";
import { interceptStore } from "../../src/testing/faults/intercept-store.js";
import { fakeDefinition, fakeHandler } from "../support/core.js";
import { bench, latch, untilAborted } from "../support/worker-bench.js";

const mail = fakeDefinition({ kind: "mail" });

describe("a worker with the store as the queue", () => {
  it("runs a job to COMPLETED and stores what the handler returned", async () => {
    const b = bench({ handlers: [fakeHandler(mail, ({ input }) => ({ said: input }))] });
    const id = await b.submit(mail, { to: "ana" });
    void b.start();
    await b.clock.settle();
    const record = await b.record(id);
    expect([record.status, record.attempt, record.token, await b.output(id)]).toEqual([
      "COMPLETED",
      1,
      null,
      '{"said":{"to":"ana"}}',
    ]);
    expect(await b.edges(id)).toEqual(["T1", "T2", "T4", "T5"]);
    expect(b.heard.announced.map((change) => change.entries.map((entry) => entry.edge))).toEqual([
      ["T1", "T2"],
      ["T4"],
      ["T5"],
    ]);
    await b.stop();
  });

  it("never runs more handlers than it may, and fills a slot as soon as it is free", async () => {
    let running = 0;
    let most = 0;
    const b = bench({
      worker: { concurrency: 3 },
      handlers: [
        fakeHandler(mail, async () => {
          running += 1;
          most = Math.max(most, running);
          await new Promise<void>((resolve) => b.clock.timer(100, resolve));
          running -= 1;
        }),
      ],
    });
    const ids: string[] = [];
    for (let made = 0; made < 12; made += 1) ids.push(await b.submit(mail));
    void b.start();
    await b.clock.advance(450);
    expect(most).toBe(3);
    for (const id of ids) expect((await b.record(id)).status).toBe("COMPLETED");
    await b.stop();
  });

  it("takes one trip to claim a batch, and completions share theirs with the next claim", async () => {
    const b = bench({ worker: { concurrency: 5 }, handlers: [fakeHandler(mail, () => null)] });
    for (let made = 0; made < 15; made += 1) await b.submit(mail);
    b.trips.reset();
    void b.start();
    await b.clock.settle();
    // claim 5, then three writes of 5 outcomes each; the first two bring the next five.
    expect(b.trips.calls.filter(({ method }) => method === "write").map(({ items }) => items)).toEqual([
      5, 5, 5,
    ]);
    expect(b.trips.counts.claim).toBeLessThanOrEqual(2);
    await b.stop();
  });

  it("claims by itself where the store cannot claim with a write", async () => {
    const b = bench({
      worker: { concurrency: 5 },
      capabilities: { writeThenClaim: false },
      handlers: [fakeHandler(mail, () => null)],
    });
    const ids: string[] = [];
    for (let made = 0; made < 15; made += 1) ids.push(await b.submit(mail));
    b.trips.reset();
    void b.start();
    await b.clock.settle();
    for (const id of ids) expect((await b.record(id)).status).toBe("COMPLETED");
    expect(b.trips.counts.write).toBeLessThanOrEqual(15);
    await b.stop();
  });

  it("looks at once when it is woken, else at its pace", async () => {
    const b = bench({ worker: { pollIntervalMs: 10_000 }, handlers: [fakeHandler(mail, () => null)] });
    void b.start();
    await b.clock.advance(1);
    const first = await b.submit(mail);
    await b.clock.advance(1_000);
    expect((await b.record(first)).status).toBe("QUEUED");
    b.worker.wakeUp();
    await b.clock.settle();
    expect((await b.record(first)).status).toBe("COMPLETED");
    const second = await b.submit(mail);
    await b.clock.advance(12_500);
    expect((await b.record(second)).status).toBe("COMPLETED");
    await b.stop();
  });

  it("does not ask an idle store in a tight loop", async () => {
    const b = bench({ handlers: [fakeHandler(mail, () => null)] });
    void b.start();
    await b.clock.advance(60_000);
    expect(b.trips.counts.claim).toBeGreaterThan(40);
    expect(b.trips.counts.claim).toBeLessThan(90);
    await b.stop();
  });

  it("backs off while the store is down and goes on by itself", async () => {
    const b = bench({ handlers: [fakeHandler(mail, () => null)] });
    const id = await b.submit(mail);
    b.faults.outage("store");
    void b.start();
    await b.clock.advance(60_000);
    expect(b.trips.counts.claim).toBeLessThan(40);
    b.faults.heal();
    await b.clock.advance(16_000);
    expect((await b.record(id)).status).toBe("COMPLETED");
    await b.stop();
  });

  it("repeats a claim whose answer was lost, under the same token, and burns no attempt", async () => {
    const b = bench({ handlers: [fakeHandler(mail, () => null)] });
    const id = await b.submit(mail);
    b.faults.store("claim", { fault: "response_lost" });
    void b.start();
    await b.clock.advance(2_000);
    const record = await b.record(id);
    expect([record.status, record.attempt, record.fence]).toEqual(["COMPLETED", 1, 1]);
    await b.stop();
  });

  it("repeats a claim that travelled with outcomes and whose answer was lost", async () => {
    const b = bench({ worker: { concurrency: 2 }, handlers: [fakeHandler(mail, () => null)] });
    const ids: string[] = [];
    for (let made = 0; made < 6; made += 1) ids.push(await b.submit(mail));
    b.faults.store("write", { fault: "response_lost" });
    void b.start();
    await b.clock.advance(10_000);
    for (const id of ids) {
      const { status, attempt } = await b.record(id);
      expect([status, attempt]).toEqual(["COMPLETED", 1]);
    }
    await b.stop();
  });

  it("is not stuck when every slot is taken and the claim that travelled is in doubt", async () => {
    const gate = latch();
    const b = bench({
      worker: { concurrency: 2 },
      handlers: [fakeHandler(mail, async ({ input }) => (input === "slow" ? gate.promise : null))],
    });
    const ids = [await b.submit(mail, "slow"), await b.submit(mail, "quick"), await b.submit(mail, "quick")];
    b.faults.store("write", { fault: "request_lost", times: 2 });
    void b.start();
    await b.clock.advance(20_000);
    expect((await b.record(ids[2]!)).status).toBe("COMPLETED");
    gate.resolve();
    await b.stop();
    expect((await b.record(ids[0]!)).status).toBe("COMPLETED");
  });

  it("confirms a claim that was answered late before anything runs under it", async () => {
    const slow = fakeDefinition({ kind: "slow", leaseMs: 60_000 });
    const b = bench({ handlers: [fakeHandler(slow, () => null)] });
    const id = await b.submit(slow);
    b.faults.store("claim", { fault: "hang_applied" });
    void b.start();
    await b.clock.advance(40_000);
    b.faults.heal();
    await b.clock.advance(2_000);
    const record = await b.record(id);
    expect([record.status, record.attempt]).toEqual(["COMPLETED", 1]);
    expect(b.trips.counts.beat).toBe(1);
    await b.stop();
  });

  it("gives a claim in doubt up after one lease, and its slots with it", async () => {
    const b = bench({ worker: { concurrency: 1 }, handlers: [fakeHandler(mail, () => null)] });
    b.faults.store("claim", { fault: "request_lost", times: 1_000 });
    void b.start();
    await b.clock.advance(40_000);
    const id = await b.submit(mail);
    b.faults.heal();
    await b.clock.advance(10_000);
    expect((await b.record(id)).status).toBe("COMPLETED");
    await b.stop();
  });

  it("holds claims ahead with prefetch, runs no more at once, and gives back what it did not begin", async () => {
    const started: unknown[] = [];
    const b = bench({
      worker: { concurrency: 1, prefetch: 2, shutdownTimeoutMs: 1_000 },
      handlers: [
        fakeHandler(mail, async ({ input, signal }) => {
          started.push(input);
          await untilAborted(signal);
        }),
      ],
    });
    const ids = [
      await b.submit(mail, 1),
      await b.submit(mail, 2),
      await b.submit(mail, 3),
      await b.submit(mail, 4),
    ];
    void b.start();
    await b.clock.advance(60_000);
    expect(started).toEqual([1]);
    const statuses = async () => Promise.all(ids.map(async (id) => (await b.record(id)).status));
    expect(await statuses()).toEqual(["PROCESSING", "PROCESSING", "PROCESSING", "QUEUED"]);
    await b.stop();
    expect(started).toEqual([1]);
    expect(await statuses()).toEqual(["QUEUED", "QUEUED", "QUEUED", "QUEUED"]);
    expect((await b.record(ids[1]!)).attempt).toBe(0);
  });

  it("claims no more with its outcomes than these leave room for", async () => {
    const inner = interceptStore(memoryStore(), (_method, _items, call) => call());
    let held = 0;
    let most = 0;
    const holds = (change: number): void => {
      held += change;
      most = Math.max(most, held);
    };
    const store: Store = {
      ...inner,
      claim: async (request) => {
        const reply = await inner.claim(request);
        holds(reply.jobs.length);
        return reply;
      },
      write: async (request) => {
        // Takes its time: more outcomes wait than one write carries.
        await Promise.resolve();
        const reply = await inner.write(request);
        holds((reply.claimed?.length ?? 0) - request.items.length);
        return reply;
      },
    };
    const b = bench({
      store,
      worker: { concurrency: 50, prefetch: 450 },
      handlers: [fakeHandler(mail, () => null)],
    });
    for (let made = 0; made < 3_000; made += 1) await b.submit(mail);
    void b.start();
    await b.clock.advance(1_000);
    expect(held).toBe(0);
    expect(most).toBeLessThanOrEqual(500);
    await b.stop();
  });

  it("sends the outcomes that wait before it runs what the answer to the last ones brought", async () => {
    const inner = interceptStore(memoryStore(), (_method, _items, call) => call());
    let started = 0;
    /** How many had started when an answer brought jobs; `null`: the last answer brought none. */
    let startedBefore: number | null = null;
    let writes = 0;
    let before = 0;
    const store: Store = {
      ...inner,
      write: async (request) => {
        if (startedBefore !== null) writes += 1;
        if (startedBefore === started) before += 1;
        // Longer than a turn, as with any store over a network.
        await new Promise<void>((resolve) => b.clock.timer(5, resolve));
        const reply = await inner.write(request);
        startedBefore = (reply.claimed?.length ?? 0) > 0 ? started : null;
        return reply;
      },
    };
    const handler = fakeHandler(mail, () => {
      started += 1;
      return null;
    });
    const b = bench({ store, worker: { concurrency: 50, prefetch: 450 }, handlers: [handler] });
    for (let made = 0; made < 3_000; made += 1) await b.submit(mail);
    void b.start();
    await b.clock.advance(1_000);
    expect(started).toBe(3_000);
    expect(writes).toBeGreaterThanOrEqual(8);
    expect(before).toBe(writes);
    await b.stop();
  });

  it("runs a job again after an error, up to its attempts", async () => {
    const retrying = fakeDefinition({ kind: "flaky", retry: { maxAttempts: 2, baseMs: 100, capMs: 100 } });
    const b = bench({
      handlers: [
        fakeHandler(retrying, () => {
          throw new Error("no luck");
        }),
      ],
    });
    const id = await b.submit(retrying);
    void b.start();
    await b.clock.advance(5_000);
    const record = await b.record(id);
    expect([record.status, record.attempt, record.failure?.reason, record.failure?.message]).toEqual([
      "FAILED",
      2,
      "attempts_exhausted",
      "no luck",
    ]);
    await b.stop();
  });

  it("gives back what a claim in doubt had taken when it is stopped meanwhile", async () => {
    const b = bench({ handlers: [fakeHandler(mail, () => null)] });
    const id = await b.submit(mail);
    b.faults.store("claim", { fault: "response_lost" });
    void b.start();
    await b.clock.settle();
    expect((await b.record(id)).status).toBe("PROCESSING");
    await b.stop();
    const { status, attempt, token } = await b.record(id);
    expect([status, attempt, token]).toEqual(["QUEUED", 0, null]);
  });

  it("gives back what arrives with the outcomes of a shutdown", async () => {
    const b = bench({ worker: { concurrency: 1 }, handlers: [fakeHandler(mail, () => null)] });
    const ids = [await b.submit(mail), await b.submit(mail)];
    b.faults.store("write", { fault: "delay", delayMs: 1_000 });
    void b.start();
    await b.clock.advance(500);
    await b.stop();
    const [first, second] = await Promise.all(ids.map((id) => b.record(id)));
    expect([first!.status, second!.status, second!.attempt]).toEqual(["COMPLETED", "QUEUED", 0]);
  });

  it("looks again at once when a job comes back without a delay", async () => {
    const quick = fakeDefinition({ kind: "quick", retry: { maxAttempts: 3, baseMs: 0, capMs: 0 } });
    const b = bench({
      worker: { pollIntervalMs: 60_000 },
      handlers: [
        fakeHandler(quick, ({ attempt }) => {
          if (attempt < 3) throw new Error("again");
        }),
      ],
    });
    const id = await b.submit(quick);
    void b.start();
    await b.clock.settle();
    expect((await b.record(id)).status).toBe("COMPLETED");
    await b.stop();
  });

  it("hears a kick that comes while a claim is under way", async () => {
    const b = bench({ worker: { pollIntervalMs: 60_000 }, handlers: [fakeHandler(mail, () => null)] });
    b.faults.store("claim", { fault: "hang_applied" });
    void b.start();
    await b.clock.settle();
    const id = await b.submit(mail);
    b.worker.wakeUp();
    b.faults.heal();
    await b.clock.advance(2_000);
    expect((await b.record(id)).status).toBe("COMPLETED");
    await b.stop();
  });

  it("does not run a kind that it did not ask for", async () => {
    const other = fakeDefinition({ kind: "other" });
    const inner = memoryStore();
    const claim = inner.claim.bind(inner);
    const odd = Object.assign(inner, {
      claim: async (request: ClaimRequest) => {
        const { next } = request;
        if (next === undefined) return claim(request);
        const kinds = [...next.kinds, { kind: "other", leaseMs: 1_000 }];
        return claim({ ...request, next: { ...next, kinds } });
      },
    });
    const b = bench({ store: odd, definitions: [mail, other], handlers: [fakeHandler(mail, () => null)] });
    await b.submit(other);
    const id = await b.submit(mail);
    void b.start();
    await b.clock.advance(2_000);
    expect([
      (await b.record(id)).status,
      b.heard.logs.some(({ message }) => message === "a job failed"),
    ]).toEqual(["COMPLETED", true]);
    await b.stop();
  });
});
