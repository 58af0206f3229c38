import { describe, expect, it } from "vitest";
import { memoryQueue } from "../../src/adapters/memory/queue.js";
import { memoryStore } from "../../src/adapters/memory/store.js";
import { cancel } from "../../src/core/engine/command/commands.js";
import { WaybillError } from "../../src/core/errors/errors.js";
import { encodeMessage } from "../../src/core/job/message.js";
import type { Queue } from "../../src/core/ports/queue.js";
import type { Store } from "../../src/core/ports/store.js";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { createFaults } from "../../src/testing/faults/faults.js";
import { fakeDefinition, fakeHandler } from "../support/core.js";
import { bench, type Bench, latch, untilAborted } from "../support/worker-bench.js";

const work = fakeDefinition({ kind: "work", queue: "jobs" });
const doNothing = fakeHandler(work, () => null);

function queued(options: Parameters<typeof memoryQueue>[0] = {}) {
  const clock = fakeClock();
  return { clock, queue: memoryQueue({ clock, ...options }) };
}

async function put(queue: Queue, body: string): Promise<void> {
  await queue.send([{ body, delayMs: 0, dedupId: body, groupId: "g" }]);
}

describe("a worker with a queue", () => {
  it("runs a message's job, stores the outcome, and only then acknowledges", async () => {
    const { clock, queue } = queued();
    const atAck: string[] = [];
    let jobId = "";
    const watched: Queue = {
      capabilities: queue.capabilities,
      send: (messages) => queue.send(messages),
      close: () => queue.close(),
      receive: async (request) =>
        (await queue.receive(request)).map((delivery) => ({
          ...delivery,
          ack: async () => {
            atAck.push((await b.record(jobId)).status);
            await delivery.ack();
          },
        })),
    };
    const b = bench({ clock, queues: { jobs: watched }, handlers: [doNothing] });
    jobId = await b.submit(work);
    void b.start();
    await clock.settle();
    expect([atAck, queue.depth(), queue.inFlight()]).toEqual([["COMPLETED"], 0, 0]);
    await b.stop();
  });

  it("claims all deliveries of one receive in one call", async () => {
    const { clock, queue } = queued();
    const b = bench({ clock, queues: { jobs: queue }, handlers: [doNothing] });
    for (let made = 0; made < 8; made += 1) await b.submit(work);
    b.trips.reset();
    void b.start();
    await clock.settle();
    expect(b.trips.calls.filter(({ method }) => method === "claim").map(({ items }) => items)).toEqual([8]);
    expect(queue.depth()).toBe(0);
    await b.stop();
  });

  it("does not acknowledge a message when the store is down, and stops receiving until it answers", async () => {
    const { clock, queue } = queued({ maxReceives: 5 });
    const b = bench({ clock, queues: { jobs: queue }, handlers: [doNothing] });
    const id = await b.submit(work);
    b.faults.outage("store");
    void b.start();
    await clock.advance(10 * 60_000);
    expect([queue.depth() + queue.inFlight(), queue.deadLetterDepth()]).toEqual([1, 0]);
    b.faults.heal();
    await clock.advance(60_000);
    expect([(await b.record(id)).status, (await b.record(id)).attempt, queue.depth()]).toEqual([
      "COMPLETED",
      1,
      0,
    ]);
    await b.stop();
  });

  it("repeats a claim whose answer was lost under the same token", async () => {
    const { clock, queue } = queued();
    const b = bench({ clock, queues: { jobs: queue }, handlers: [doNothing] });
    const id = await b.submit(work);
    b.faults.store("claim", { fault: "response_lost", times: 2 });
    void b.start();
    await clock.advance(5_000);
    const record = await b.record(id);
    expect([record.status, record.attempt, queue.depth(), queue.inFlight()]).toEqual(["COMPLETED", 1, 0, 0]);
    await b.stop();
  });

  it("never runs what it gave up claiming in doubt", async () => {
    const { clock, queue } = queued();
    let runs = 0;
    const b = bench({
      clock,
      queues: { jobs: queue },
      handlers: [fakeHandler(work, () => void (runs += 1))],
    });
    const id = await b.submit(work);
    b.faults.store("claim", { fault: "response_lost", times: 1_000 });
    void b.start();
    await clock.advance(12_000);
    expect([runs, (await b.record(id)).status]).toEqual([0, "PROCESSING"]);
    b.faults.heal();
    await b.stop();
    expect([runs, queue.depth() + queue.inFlight()]).toEqual([0, 1]);
  });

  it("gives a message back for another to take at once when it is stopped while the claim is in doubt", async () => {
    const { clock, queue } = queued({ visibilityMs: 600_000 });
    let runs = 0;
    const handler = fakeHandler(work, () => void (runs += 1));
    const b = bench({ clock, queues: { jobs: queue }, handlers: [handler] });
    const id = await b.submit(work);
    b.faults.store("claim", { fault: "request_lost", times: 1_000 });
    void b.start();
    await clock.advance(500);
    await b.stop();
    const request = { max: 1, waitMs: 0, signal: new AbortController().signal };
    const [again] = await queue.receive(request);
    expect([runs, again?.receives, (await b.record(id)).status]).toEqual([0, 2, "QUEUED"]);
  });

  it("does not run a job that was cancelled while its claim was in doubt", async () => {
    const { clock, queue } = queued();
    let runs = 0;
    const handler = fakeHandler(work, () => void (runs += 1));
    const b = bench({ clock, queues: { jobs: queue }, handlers: [handler] });
    const id = await b.submit(work);
    b.faults.store("claim", { fault: "response_lost" });
    void b.start();
    await clock.settle();
    await clock.runUntil(cancel(b.core, b.dispatcher, id, { reason: "no more" }));
    expect((await b.record(id)).status).toBe("PROCESSING");
    await clock.advance(2_000);
    expect((await b.record(id)).failure).toMatchObject({ reason: "cancelled", message: "no more" });
    expect([runs, queue.depth() + queue.inFlight()]).toEqual([0, 0]);
    await b.stop();
  });

  it("does not take one record that cannot be read for a store that is down", async () => {
    const { clock, queue } = queued();
    const inner = createFaults({ clock }).wrapStore(memoryStore());
    const store: Store = {
      ...inner,
      read: (request) =>
        request.ids.includes("corrupt")
          ? Promise.reject(new WaybillError("store.corrupt", "The record is odd."))
          : inner.read(request),
    };
    const b = bench({ clock, queues: { jobs: queue }, handlers: [doNothing], store });
    await put(
      queue,
      encodeMessage({ id: "corrupt", kind: "work", dispatch: 1, purpose: "wake", trace: null }),
    );
    void b.start();
    await clock.settle();
    expect(b.heard.logs.map(({ fields }) => fields)).toEqual([{ code: "store.corrupt" }]);
    b.trips.reset();
    // A message that needs no store, so that nothing but the probe could say that it is well.
    await put(queue, JSON.stringify({ v: 99 }));
    await clock.advance(10_000);
    expect(b.trips.counts.read).toBe(0);
    const id = await b.submit(work);
    await clock.settle();
    expect((await b.record(id)).status).toBe("COMPLETED");
    expect(queue.depth() + queue.inFlight()).toBe(2);
    await b.stop();
  });

  it("asks the store whether it is there before it receives again, once it could not deal with a message", async () => {
    const { clock, queue } = queued();
    const b = bench({ clock, queues: { jobs: queue }, handlers: [doNothing] });
    await put(queue, encodeMessage({ id: "any", kind: "work", dispatch: 1, purpose: "wake", trace: null }));
    b.faults.store("read", { fault: "not_applied" });
    void b.start();
    await clock.settle();
    b.trips.reset();
    await put(queue, JSON.stringify({ v: 99 }));
    await clock.advance(10_000);
    expect(b.trips.counts.read).toBe(1);
    await b.stop();
  });

  it("gives the message of a job back whose record is removed while it runs", async () => {
    const { clock, queue } = queued({ visibilityMs: 600_000 });
    const store: Store = {
      ...createFaults({ clock }).wrapStore(memoryStore()),
      write: async ({ nowMs, items }) => ({ nowMs, results: items.map(() => ({ status: "gone" })) }),
      beat: async ({ nowMs, items }) => ({ nowMs, results: items.map(() => ({ status: "gone" })) }),
    };
    const go = latch();
    const b = bench({
      clock,
      queues: { jobs: queue },
      handlers: [fakeHandler(work, () => go.promise)],
      store,
    });
    await b.submit(work);
    void b.start();
    await clock.settle();
    expect(queue.inFlight()).toBe(1);
    go.resolve();
    await clock.settle();
    // By the record as last seen somebody may be running it: another look decides.
    expect([queue.depth() + queue.inFlight(), b.heard.counts.lease_lost]).toEqual([1, 1]);
    expect(b.heard.logs.filter(({ level }) => level === "error")).toEqual([]);
    await b.stop();
  });

  it("recognises an outcome whose answer was lost, and acknowledges", async () => {
    const { clock, queue } = queued();
    const b = bench({ clock, queues: { jobs: queue }, handlers: [doNothing] });
    const id = await b.submit(work);
    b.faults.store("write", { fault: "response_lost" });
    void b.start();
    await clock.advance(5_000);
    expect([(await b.record(id)).status, queue.depth() + queue.inFlight()]).toEqual(["COMPLETED", 0]);
    expect(await b.edges(id)).toEqual(["T1", "T2", "T4", "T5"]);
    await b.stop();
  });

  it("gives a message back when it cannot find out what became of the outcome", async () => {
    const { clock, queue } = queued({ visibilityMs: 600_000 });
    const b = bench({
      clock,
      queues: { jobs: queue },
      handlers: [
        fakeHandler(work, () => {
          b.faults.outage("store", "request_lost");
          return null;
        }),
      ],
    });
    const id = await b.submit(work);
    void b.start();
    await clock.advance(31_000);
    // Tried as long as the lease held, then given back; not acknowledged.
    expect([(await b.record(id)).status, queue.depth() + queue.inFlight()]).toEqual(["PROCESSING", 1]);
    expect(b.heard.logs.some(({ level }) => level === "error")).toBe(true);
    b.faults.heal();
    await b.stop();
  });

  it("sends the next dispatch of a failed attempt with its delay, and acknowledges the one that is spent", async () => {
    const flaky = fakeDefinition({
      kind: "work",
      queue: "jobs",
      retry: { maxAttempts: 2, baseMs: 10_000, capMs: 10_000 },
    });
    const { clock, queue } = queued();
    const b = bench({
      clock,
      queues: { jobs: queue },
      handlers: [
        fakeHandler(flaky, ({ attempt }) => {
          if (attempt === 1) throw new Error("again");
          return attempt;
        }),
      ],
    });
    const id = await b.submit(flaky);
    void b.start();
    await clock.advance(1);
    const record = await b.record(id);
    expect([record.status, record.dispatch, queue.depth()]).toEqual(["QUEUED", 2, 1]);
    await clock.advance(11_000);
    expect([(await b.record(id)).status, await b.output(id), queue.depth()]).toEqual(["COMPLETED", "2", 0]);
    await b.stop();
  });

  it("refuses the outcome of a worker that lost its lease and judges the message by the record", async () => {
    const { clock, queue } = queued({ visibilityMs: 600_000 });
    const ends = latch<string>();
    let runs = 0;
    const b = bench({
      clock,
      queues: { jobs: queue },
      handlers: [fakeHandler(work, async () => ((runs += 1) === 1 ? ends.promise : "second"))],
    });
    const id = await b.submit(work);
    void b.start();
    await clock.advance(1);
    // Beats are lost for a whole lease; somebody sweeps the claim, and the next attempt completes.
    b.faults.store("beat", { fault: "request_lost", times: 1_000 });
    await clock.advance(31_000);
    await clock.runUntil(b.reconciler.pass({ handlers: new Map(), budgetMs: 10_000 }));
    await clock.advance(1_000);
    expect([(await b.record(id)).status, await b.output(id)]).toEqual(["COMPLETED", '"second"']);
    ends.resolve("first");
    await clock.advance(1_000);
    expect(await b.output(id)).toBe('"second"');
    expect(queue.depth() + queue.inFlight()).toBe(0);
    expect(b.heard.counts.lease_lost).toBe(1);
    await b.stop();
  });

  it("runs a job once although its message came twice, and drops the duplicate when it is done", async () => {
    const { clock, queue } = queued();
    let runs = 0;
    const b = bench({
      clock,
      queues: { jobs: queue },
      handlers: [
        fakeHandler(work, async () => {
          runs += 1;
          await new Promise<void>((resolve) => clock.timer(5_000, resolve));
        }),
      ],
    });
    queue.faults.next("duplicate");
    const id = await b.submit(work);
    void b.start();
    await clock.advance(120_000);
    expect([runs, (await b.record(id)).status, queue.depth() + queue.inFlight()]).toEqual([
      1,
      "COMPLETED",
      0,
    ]);
    expect(b.heard.counts.message_duplicate).toBe(1);
    await b.stop();
  });

  it("keeps the message hidden as long as the job runs", async () => {
    const { clock, queue } = queued({ visibilityMs: 15_000 });
    let runs = 0;
    const b = bench({
      clock,
      queues: { jobs: queue },
      handlers: [
        fakeHandler(work, async () => {
          runs += 1;
          await new Promise<void>((resolve) => clock.timer(120_000, resolve));
        }),
      ],
    });
    const id = await b.submit(work);
    void b.start();
    await clock.advance(125_000);
    expect([runs, (await b.record(id)).status, b.heard.counts.message_duplicate]).toEqual([
      1,
      "COMPLETED",
      undefined,
    ]);
    await b.stop();
  });

  it("parks a message that cannot be read, then acknowledges it", async () => {
    const { clock, queue } = queued();
    const b = bench({ clock, queues: { jobs: queue }, handlers: [doNothing] });
    await put(queue, "no json \0 \ud800 at all");
    await put(queue, `{"x":"${"é".repeat(60_000)}"}`);
    void b.start();
    await clock.settle();
    const { messages } = await b.store.parked({ nowMs: clock.now(), limit: 10 });
    expect(messages.map(({ queue: name, reason }) => [name, reason]).sort()).toEqual([
      ["jobs", "the body is not JSON"],
      ["jobs", "the body is too long for a pointer"],
    ]);
    for (const { body } of messages) {
      expect(body).not.toMatch(/\0|\p{Surrogate}/u);
      expect(new TextEncoder().encode(body).length).toBeLessThanOrEqual(65_536);
    }
    expect([queue.depth() + queue.inFlight(), b.heard.counts.message_parked]).toEqual([0, 2]);
    await b.stop();
  });

  it("keeps a message that it could not park", async () => {
    const { clock, queue } = queued();
    const b = bench({ clock, queues: { jobs: queue }, handlers: [doNothing] });
    await put(queue, "nonsense");
    b.faults.store("park", { fault: "not_applied" });
    void b.start();
    await clock.settle();
    expect(queue.depth() + queue.inFlight()).toBe(1);
    await clock.advance(30_000);
    expect([queue.depth() + queue.inFlight(), b.heard.counts.message_parked]).toEqual([0, 1]);
    await b.stop();
  });

  it("waits a quarter of an hour for the record of an unknown id before it parks the message", async () => {
    const { clock, queue } = queued({ maxReceives: 8, visibilityMs: 60_000 });
    const b = bench({ clock, queues: { jobs: queue }, handlers: [doNothing] });
    await put(queue, encodeMessage({ id: "nobody", kind: "work", dispatch: 1, purpose: "run", trace: null }));
    void b.start();
    await clock.advance(14 * 60_000);
    expect([
      queue.depth() + queue.inFlight(),
      queue.deadLetterDepth(),
      b.heard.counts.message_parked,
    ]).toEqual([1, 0, undefined]);
    await clock.advance(3 * 60_000);
    expect([
      queue.depth() + queue.inFlight(),
      queue.deadLetterDepth(),
      b.heard.counts.message_parked,
    ]).toEqual([0, 0, 1]);
    await b.stop();
  });

  it("counts receives where the queue does not say when a message was sent", async () => {
    const { clock, queue } = queued();
    const undated: Queue = {
      capabilities: queue.capabilities,
      send: (messages) => queue.send(messages),
      close: () => queue.close(),
      receive: async (request) =>
        (await queue.receive(request)).map((delivery) => ({
          body: delivery.body,
          receives: delivery.receives,
          sentAt: null,
          ack: () => delivery.ack(),
          release: (ms) => delivery.release(ms),
          extend: (ms) => delivery.extend(ms),
        })),
    };
    const b = bench({ clock, queues: { jobs: undated }, handlers: [doNothing] });
    await put(queue, encodeMessage({ id: "nobody", kind: "work", dispatch: 1, purpose: "run", trace: null }));
    void b.start();
    await clock.advance(10 * 60_000);
    expect(b.heard.counts.message_parked).toBeUndefined();
    await clock.advance(15 * 60_000);
    expect([queue.depth() + queue.inFlight(), b.heard.counts.message_parked]).toEqual([0, 1]);
    await b.stop();
  });

  it("leaves messages of a newer format, and of kinds that it has no handler for, to others", async () => {
    const { clock, queue } = queued();
    const other = fakeDefinition({ kind: "other", queue: "jobs" });
    const b = bench({ clock, queues: { jobs: queue }, handlers: [doNothing], definitions: [work, other] });
    await put(queue, JSON.stringify({ v: 99 }));
    const id = await b.submit(other);
    void b.start();
    await clock.advance(200_000);
    const record = await b.record(id);
    expect([record.status, record.attempt, queue.depth() + queue.inFlight()]).toEqual(["QUEUED", 0, 2]);
    expect(b.heard.counts.unserved).toBeGreaterThan(1);
    await b.stop();
  });

  it("gives a job back whose record is of another kind than its message says", async () => {
    const { clock, queue } = queued();
    const other = fakeDefinition({ kind: "other", queue: "jobs" });
    const b = bench({ clock, queues: { jobs: queue }, handlers: [doNothing], definitions: [work, other] });
    const id = await b.submit(other);
    queue.purge();
    await put(queue, encodeMessage({ id, kind: "work", dispatch: 1, purpose: "run", trace: null }));
    void b.start();
    await clock.advance(1_000);
    const record = await b.record(id);
    expect([record.attempt, record.token, record.status === "PROCESSING"]).toEqual([0, null, false]);
    await b.stop();
  });

  it("looks at a record when a wake-up comes as a message, then acknowledges it", async () => {
    const { clock, queue } = queued();
    const b = bench({ clock, queues: { jobs: queue }, handlers: [doNothing] });
    await put(queue, encodeMessage({ id: "any", kind: "work", dispatch: 1, purpose: "wake", trace: null }));
    b.faults.store("read", { fault: "not_applied" });
    void b.start();
    await clock.settle();
    expect(queue.depth() + queue.inFlight()).toBe(1);
    await clock.advance(30_000);
    expect(queue.depth() + queue.inFlight()).toBe(0);
    await b.stop();
  });

  it("says so when a message is ahead of a store that lost writes", async () => {
    const { clock, queue } = queued();
    const b = bench({ clock, queues: { jobs: queue }, handlers: [doNothing] });
    const id = await b.submit(work);
    queue.purge();
    await put(queue, encodeMessage({ id, kind: "work", dispatch: 3, purpose: "run", trace: null }));
    void b.start();
    await clock.settle();
    const record = await b.record(id);
    expect([record.status, record.dispatch, b.heard.counts.store_rollback_detected]).toEqual([
      "COMPLETED",
      3,
      1,
    ]);
    await b.stop();
  });

  it("goes on after an outage of the queue", async () => {
    const { clock, queue } = queued();
    const b = bench({ clock, queues: { jobs: queue }, handlers: [doNothing] });
    const id = await b.submit(work);
    b.faults.outage("queue");
    void b.start();
    await clock.advance(120_000);
    expect((await b.record(id)).status).toBe("QUEUED");
    b.faults.heal();
    await clock.advance(20_000);
    expect((await b.record(id)).status).toBe("COMPLETED");
    const told = b.heard.logs.filter(({ message }) => message.startsWith("a queue could not be reached"));
    // Once, and why: by its code alone nobody could tell a permission from a broker that is down.
    expect(told.map(({ fields }) => fields)).toEqual([
      {
        queue: "jobs",
        code: "queue.unavailable",
        reason: expect.stringContaining(
          'The queue did not answer "receive": a fault was injected.',
        ) as string,
      },
    ]);
    await b.stop();
  });

  it("lives with acknowledgements, releases and extensions that fail", async () => {
    const { clock, queue } = queued({ visibilityMs: 20_000 });
    const b = bench({
      clock,
      queues: { jobs: queue },
      handlers: [
        fakeHandler(work, async () => {
          await new Promise<void>((resolve) => clock.timer(12_000, resolve));
        }),
      ],
    });
    const id = await b.submit(work);
    b.faults.queue("extend", { fault: "not_applied" });
    b.faults.queue("ack", { fault: "not_applied" });
    b.faults.queue("release", { fault: "not_applied" });
    await put(queue, JSON.stringify({ v: 99 }));
    void b.start();
    await clock.advance(60_000);
    expect([(await b.record(id)).status, (await b.record(id)).attempt]).toEqual(["COMPLETED", 1]);
    await b.stop();
  });

  it("serves several queues and the store with one slot, and starves none", async () => {
    const { clock, queue } = queued();
    const slowQueue = memoryQueue({ clock });
    const slow = fakeDefinition({ kind: "slow", queue: "slow" });
    const stored = fakeDefinition({ kind: "stored" });
    const b = bench({
      clock,
      queues: { jobs: queue, slow: slowQueue },
      handlers: [doNothing, fakeHandler(slow, () => null), fakeHandler(stored, () => null)],
      worker: { concurrency: 1 },
    });
    const ids: string[] = [];
    for (let made = 0; made < 5; made += 1) {
      ids.push(await b.submit(work), await b.submit(slow), await b.submit(stored));
    }
    void b.start();
    await clock.advance(60_000);
    for (const id of ids) expect((await b.record(id)).status).toBe("COMPLETED");
    await b.stop();
  });

  it("does not ask a queue that never waits in a tight loop", async () => {
    const { clock, queue } = queued();
    let receives = 0;
    const hasty: Queue = {
      ...queue,
      capabilities: queue.capabilities,
      send: (m) => queue.send(m),
      close: () => queue.close(),
      receive: async () => {
        receives += 1;
        return [];
      },
    };
    const b = bench({ clock, queues: { jobs: hasty }, handlers: [doNothing] });
    void b.start();
    await clock.advance(60_000);
    expect(receives).toBeGreaterThan(30);
    expect(receives).toBeLessThan(80);
    await b.stop();
  });

  it("gives messages back at once that were received while it was stopping", async () => {
    const { clock, queue } = queued({ visibilityMs: 600_000 });
    const b = bench({ clock, queues: { jobs: queue }, handlers: [doNothing] });
    b.faults.queue("receive", { fault: "delay", delayMs: 2_000 });
    const id = await b.submit(work);
    void b.start();
    await clock.advance(1_000);
    const stopped = b.worker.stop();
    await clock.runUntil(stopped);
    expect([(await b.record(id)).status, queue.depth(), queue.inFlight()]).toEqual(["QUEUED", 1, 0]);
  });

  it("gives messages back at once that a queue hands over although it was told to stop", async () => {
    const { clock, queue } = queued({ visibilityMs: 600_000 });
    const deaf: Queue = {
      capabilities: queue.capabilities,
      send: (messages) => queue.send(messages),
      close: () => queue.close(),
      receive: async (request) => {
        await new Promise<void>((resolve) => clock.timer(2_000, resolve));
        return queue.receive({ ...request, waitMs: 0, signal: new AbortController().signal });
      },
    };
    let runs = 0;
    const handler = fakeHandler(work, () => void (runs += 1));
    const b = bench({ clock, queues: { jobs: deaf }, handlers: [handler] });
    const id = await b.submit(work);
    void b.start();
    await clock.advance(1_000);
    b.trips.reset();
    await b.stop();
    expect([runs, (await b.record(id)).status, b.trips.counts.claim]).toEqual([0, "QUEUED", 0]);
    expect([queue.depth(), queue.inFlight()]).toEqual([1, 0]);
  });

  it("receives from the queues that it was told, and leaves the others alone", async () => {
    const { clock, queue } = queued();
    const slowQueue = memoryQueue({ clock });
    const slow = fakeDefinition({ kind: "slow", queue: "slow" });
    const b = bench({
      clock,
      queues: { jobs: queue, slow: slowQueue },
      handlers: [doNothing, fakeHandler(slow, () => null)],
      worker: { queues: ["jobs"] },
    });
    const [mine, theirs] = [await b.submit(work), await b.submit(slow)];
    void b.start();
    await clock.advance(60_000);
    expect([(await b.record(mine)).status, (await b.record(theirs)).status]).toEqual(["COMPLETED", "QUEUED"]);
    expect(slowQueue.depth()).toBe(1);
    await b.stop();
  });

  it("gives the attempt back at a shutdown, and the job to another worker at once", async () => {
    const { clock, queue } = queued();
    const b = bench({
      clock,
      queues: { jobs: queue },
      handlers: [fakeHandler(work, ({ signal }) => untilAborted(signal))],
    });
    const id = await b.submit(work);
    void b.start();
    await clock.advance(1_000);
    await b.stop();
    const record = await b.record(id);
    expect([record.status, record.attempt, record.releases, record.dispatch, queue.depth()]).toEqual([
      "QUEUED",
      0,
      1,
      2,
      1,
    ]);
    const second = b.more([doNothing]);
    void second.run();
    await clock.settle();
    expect((await b.record(id)).status).toBe("COMPLETED");
    await clock.runUntil(second.stop());
  });

  it("gives the message back when another took a job that it wanted to give back", async () => {
    const { clock, queue } = queued();
    const other = fakeDefinition({ kind: "other", queue: "jobs" });
    const b = bench({ clock, queues: { jobs: queue }, handlers: [doNothing], definitions: [work, other] });
    const id = await b.submit(other);
    queue.purge();
    await put(queue, encodeMessage({ id, kind: "work", dispatch: 1, purpose: "run", trace: null }));
    b.faults.store("write", { fault: "delay", delayMs: 1_000 });
    void b.start();
    await clock.advance(500);
    await endElsewhere(b, id);
    await clock.advance(1_000);
    expect([(await b.record(id)).version, queue.depth() + queue.inFlight()]).toEqual([99, 1]);
    await b.stop();
  });

  it("sees by a refusal, too, that the store lost writes", async () => {
    const { clock, queue } = queued();
    const b = bench({
      clock,
      queues: { jobs: queue },
      handlers: [fakeHandler(work, ({ signal }) => untilAborted(signal))],
    });
    const id = await b.submit(work);
    void b.start();
    await clock.advance(1);
    await put(queue, encodeMessage({ id, kind: "work", dispatch: 7, purpose: "run", trace: null }));
    await clock.advance(1);
    expect(b.heard.counts.store_rollback_detected).toBe(1);
    await b.stop();
  });

  it("has a claim swept at once that has lapsed, instead of waiting for a pass", async () => {
    const { clock, queue } = queued({ visibilityMs: 40_000 });
    const b = bench({
      clock,
      queues: { jobs: queue },
      handlers: [doNothing],
      worker: { reconcile: true },
      policy: { reconcileIdleMs: 3_600_000 },
    });
    const id = await b.submit(work);
    const gone = b.more([fakeHandler(work, () => new Promise(() => undefined))], { shutdownTimeoutMs: 0 });
    void gone.run();
    await clock.settle();
    b.faults.outage("store");
    await clock.runUntil(gone.stop());
    await clock.advance(30_000);
    b.faults.heal();
    void b.start();
    await clock.advance(60_000);
    expect([(await b.record(id)).status, (await b.record(id)).attempt]).toEqual(["COMPLETED", 2]);
    await b.stop();
  });

  it("sends the next look at external work as a delayed message where nobody reconciles", async () => {
    const launch = fakeDefinition({ kind: "launch", queue: "jobs", external: true });
    const { clock, queue } = queued();
    let polls = 0;
    const b = bench({
      clock,
      queues: { jobs: queue },
      handlers: [
        fakeHandler(launch, ({ track }) => track({}), {
          pollEveryMs: 10_000,
          poll: async () => ({ state: "done", output: (polls += 1) }),
        }),
      ],
    });
    const id = await b.submit(launch);
    void b.start();
    await clock.advance(1);
    expect([(await b.record(id)).awaiting === null, queue.depth()]).toEqual([false, 1]);
    await clock.advance(12_000);
    expect([(await b.record(id)).status, polls, queue.depth() + queue.inFlight()]).toEqual([
      "COMPLETED",
      1,
      0,
    ]);
    await b.stop();
  });

  it("leaves the next look at external work to its own reconciler where it has one", async () => {
    const launch = fakeDefinition({ kind: "launch", queue: "jobs", external: true });
    const { clock, queue } = queued();
    const go = latch();
    const b = bench({
      clock,
      queues: { jobs: queue },
      worker: { reconcile: true },
      handlers: [
        fakeHandler(
          launch,
          async ({ track }) => {
            await go.promise;
            return track({});
          },
          { pollEveryMs: 10_000, poll: async () => ({ state: "done", output: 1 }) },
        ),
      ],
    });
    const id = await b.submit(launch);
    void b.start();
    await clock.settle();
    b.trips.reset();
    go.resolve();
    await clock.settle();
    // No message, and no look before it is due.
    expect([(await b.record(id)).awaiting === null, queue.depth(), b.trips.counts.takeDue]).toEqual([
      false,
      0,
      0,
    ]);
    await clock.advance(30_000);
    expect((await b.record(id)).status).toBe("COMPLETED");
    await b.stop();
  });

  it("has external work stopped at once that was cancelled before it began to wait", async () => {
    const launch = fakeDefinition({ kind: "launch", queue: "jobs", external: true });
    const { clock, queue } = queued();
    const go = latch();
    const b = bench({
      clock,
      queues: { jobs: queue },
      worker: { reconcile: true },
      handlers: [
        fakeHandler(
          launch,
          async ({ track }) => {
            await go.promise;
            return track({});
          },
          { poll: async () => ({ state: "failed", message: "gone" }), cancel: async () => undefined },
        ),
      ],
    });
    const id = await b.submit(launch);
    void b.start();
    await clock.advance(1);
    await clock.runUntil(cancel(b.core, b.dispatcher, id, {}));
    go.resolve();
    await clock.advance(500);
    expect((await b.record(id)).failure?.reason).toBe("cancelled");
    await b.stop();
  });

  it("takes no more than it asked for into its slots, whatever a queue hands over", async () => {
    const { clock, queue } = queued();
    let most = 0;
    let running = 0;
    const generous: Queue = {
      capabilities: queue.capabilities,
      send: (messages) => queue.send(messages),
      close: () => queue.close(),
      receive: (request) => queue.receive({ ...request, max: 10 }),
    };
    const b = bench({
      clock,
      queues: { jobs: generous },
      worker: { concurrency: 2 },
      handlers: [
        fakeHandler(work, async () => {
          most = Math.max(most, (running += 1));
          await new Promise<void>((resolve) => clock.timer(100, resolve));
          running -= 1;
        }),
      ],
    });
    const ids: string[] = [];
    for (let made = 0; made < 15; made += 1) ids.push(await b.submit(work));
    void b.start();
    await clock.advance(5_000);
    expect(most).toBe(2);
    for (const id of ids) expect((await b.record(id)).status).toBe("COMPLETED");
    await b.stop();
  });
});

/** Another process has ended the job. */
async function endElsewhere(b: Bench, id: string): Promise<void> {
  const nowMs = b.clock.now();
  const { version, token } = await b.record(id);
  await b.store.write({
    nowMs,
    items: [
      {
        id,
        guard: { status: "PROCESSING", version, token },
        patch: { version: 99, status: "FAILED", token: null },
        history: { append: "" },
      },
    ],
  });
}
