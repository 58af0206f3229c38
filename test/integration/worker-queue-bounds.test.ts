import { describe, expect, it } from "vitest";
import { memoryQueue } from "../../src/adapters/memory/queue.js";
import { claimTerms } from "../../src/core/decide/claim.js";
import type { Delivery, OutgoingMessage, Queue, ReceiveRequest } from "../../src/core/ports/queue.js";
import { fakeClock, type FakeClock } from "../../src/testing/fake-clock.js";
import { fakeDefinition, fakeHandler } from "../support/core.js";
import { bench } from "../support/worker-bench.js";

const work = fakeDefinition({ kind: "work", queue: "jobs" });
const other = fakeDefinition({ kind: "other", queue: "jobs" });
/** `WAYBILL_BURST_JOBS=20000` is the burst of a large application, on a queue that is as fast as SQS. */
const BURST_JOBS = Number(process.env["WAYBILL_BURST_JOBS"] ?? 2_500);
const ANSWER_MS = BURST_JOBS > 2_500 ? 20 : 150;
const BURST_TIMEOUT_MS = BURST_JOBS > 2_500 ? 1_800_000 : 60_000;
const never = (): Promise<never> => new Promise<never>(() => undefined);

interface Wrapped {
  readonly receive?: (request: ReceiveRequest) => Promise<readonly Delivery[]>;
  readonly send?: Queue["send"];
  readonly deliver?: (delivery: Delivery) => Delivery;
  readonly ordered?: boolean;
  readonly backlog?: () => Promise<number | null>;
}

/** A memory queue, with some calls replaced. */
function wrapped(queue: Queue, given: Wrapped): Queue {
  const deliver = given.deliver ?? ((delivery) => delivery);
  return {
    capabilities: { ...queue.capabilities, ordered: given.ordered ?? queue.capabilities.ordered },
    send: given.send ?? ((messages) => queue.send(messages)),
    receive: given.receive ?? (async (request) => (await queue.receive(request)).map(deliver)),
    ...(given.backlog === undefined ? {} : { backlog: given.backlog }),
    close: () => queue.close(),
  };
}

/** As the one given, with other methods in place of its own. */
function changedDelivery(delivery: Delivery, given: Partial<Delivery>): Delivery {
  const { body, receives, sentAt } = delivery;
  return {
    ...{ body, receives, sentAt },
    ack: () => delivery.ack(),
    release: (afterMs) => delivery.release(afterMs),
    extend: (ms) => delivery.extend(ms),
    ...given,
  };
}

async function advance(clock: FakeClock, ms: number): Promise<void> {
  await clock.advance(ms);
}

describe("a queue that does not answer", () => {
  it("keeps no slot: work goes on within 40 s of a hung receive, and what it brings late is given back", async () => {
    const clock = fakeClock();
    const inner = memoryQueue({ clock });
    let bringLate: (deliveries: readonly Delivery[]) => void = () => undefined;
    let calls = 0;
    const queue = wrapped(inner, {
      receive: (request) => {
        calls += 1;
        if (calls > 1) return inner.receive(request);
        return new Promise((resolve) => {
          bringLate = resolve;
        });
      },
    });
    const b = bench({
      ...{ clock, queues: { jobs: queue }, handlers: [fakeHandler(work, () => null)] },
      worker: { concurrency: 1 },
    });
    void b.start();
    const id = await b.submit(work);
    await advance(clock, 40_000);
    expect((await b.record(id)).status).toBe("COMPLETED");
    const given: number[] = [];
    bringLate([
      changedDelivery({} as Delivery, {
        ...{ body: "late", receives: 1, sentAt: null },
        release: async (afterMs) => void given.push(afterMs),
      }),
    ]);
    await clock.settle();
    expect(given).toEqual([0]);
    await b.stop();
  });

  it("keeps no slot: the next job runs within 40 s of a hung acknowledgement", async () => {
    const clock = fakeClock();
    const inner = memoryQueue({ clock, visibilityMs: 600_000 });
    const queue = wrapped(inner, { deliver: (delivery) => changedDelivery(delivery, { ack: never }) });
    const b = bench({
      ...{ clock, queues: { jobs: queue }, handlers: [fakeHandler(work, () => null)] },
      worker: { concurrency: 1 },
    });
    const [first, second] = [await b.submit(work), await b.submit(work)];
    void b.start();
    await advance(clock, 40_000);
    expect([(await b.record(first)).status, (await b.record(second)).status]).toEqual([
      "COMPLETED",
      "COMPLETED",
    ]);
    await b.stop();
  });
});

describe("messages of one group in one receive", () => {
  it("run one after the other, in their order", async () => {
    const clock = fakeClock();
    const inner = memoryQueue({ clock });
    const order: string[] = [];
    let running = 0;
    const handler = fakeHandler(work, async ({ job }) => {
      running += 1;
      order.push(`${(job as { readonly id: string }).id} of ${String(running)}`);
      await new Promise<void>((resolve) => {
        clock.timer(1_000, resolve);
      });
      running -= 1;
      return null;
    });
    const queue = wrapped(inner, {
      ordered: true,
      deliver: (delivery) => changedDelivery(delivery, { groupId: "plan:1" }),
    });
    const b = bench({ clock, queues: { jobs: queue }, handlers: [handler] });
    const ids = [await b.submit(work), await b.submit(work), await b.submit(work)];
    void b.start();
    await advance(clock, 5_000);
    expect(order).toEqual(ids.map((id) => `${id} of 1`));
    await b.stop();
  });
});

describe("a lease above the visibility", () => {
  it("extends the message at the claim, so that one run takes one receive", async () => {
    const clock = fakeClock();
    const queue = memoryQueue({ clock, visibilityMs: 30_000 });
    const receives: number[] = [];
    const watched = wrapped(queue, {
      deliver: (delivery) => {
        receives.push(delivery.receives);
        return delivery;
      },
    });
    const slow = fakeDefinition({ kind: "work", queue: "jobs", leaseMs: 600_000 });
    const handler = fakeHandler(slow, async () => {
      await new Promise<void>((resolve) => {
        clock.timer(100_000, resolve);
      });
      return null;
    });
    const b = bench({ clock, queues: { jobs: watched }, handlers: [handler] });
    const id = await b.submit(slow);
    void b.start();
    await advance(clock, 120_000);
    expect([(await b.record(id)).status, receives]).toEqual(["COMPLETED", [1]]);
    await b.stop();
  });
});

describe("a worker that lacks the handler", () => {
  it("costs no job its life: a successor is sent before the broker gives up, and it shows as unserved", async () => {
    const clock = fakeClock();
    const queue = memoryQueue({ clock, maxReceives: 3 });
    const b = bench({
      ...{ clock, queues: { jobs: queue }, handlers: [fakeHandler(other, () => null)] },
      definitions: [work, other],
    });
    const id = await b.submit(work);
    void b.start();
    await advance(clock, 3_600_000);
    expect((await b.record(id)).status).toBe("QUEUED");
    expect([queue.deadLetterDepth(), b.core.unserved.count()]).toEqual([0, 1]);
    const able = b.more([fakeHandler(work, () => null)]);
    void able.run();
    await b.stop();
    await advance(clock, 300_000);
    expect((await b.record(id)).status).toBe("COMPLETED");
    await clock.runUntil(able.stop());
  });
});

describe("the last receive of a message whose job another runs", () => {
  it.each([
    [true, "acked"],
    [false, "released"],
  ] as const)("when somebody else recovers (%s), is %s", async (reconciledElsewhere, fate) => {
    const clock = fakeClock();
    const inner = memoryQueue({ clock, maxReceives: 2 });
    const fates: string[] = [];
    const queue = wrapped(inner, {
      deliver: (delivery) =>
        changedDelivery(delivery, {
          ack: async () => void fates.push("acked"),
          release: async () => void fates.push("released"),
        }),
    });
    const handler = fakeHandler(work, () => null);
    const b = bench({
      ...{ clock, queues: { jobs: queue }, handlers: [handler] },
      worker: { reconcile: false, reconciledElsewhere },
    });
    const id = await b.submit(work);
    // Another process holds the claim for longer than this test lasts.
    const terms = claimTerms("another", b.core.ids.transition(), b.core.policy);
    await clock.runUntil(
      b.core.gateway.claim({ id, dispatch: 1, token: b.core.ids.token(), leaseMs: 3_600_000 }, terms),
    );
    void b.start();
    await advance(clock, 1_000);
    expect([fates, (await b.record(id)).status]).toEqual([[fate], "PROCESSING"]);
    await b.stop();
  });
});

describe("a burst of submits", () => {
  it(
    "is sent once each, and marked when the queue confirms, however long the line is",
    async () => {
      const clock = fakeClock();
      const inner = memoryQueue({ clock });
      const sent = new Map<string, number>();
      const queue = wrapped(inner, {
        send: async (messages: readonly OutgoingMessage[]) => {
          await new Promise<void>((resolve) => {
            clock.timer(ANSWER_MS, resolve);
          });
          for (const { body } of messages) sent.set(body, (sent.get(body) ?? 0) + 1);
          return inner.send(messages);
        },
      });
      const b = bench({ clock, queues: { jobs: queue }, handlers: [fakeHandler(work, () => null)] });
      const started = clock.now();
      const { submit } = await import("../../src/core/engine/submit/submit.js");
      const submits = Array.from({ length: BURST_JOBS }, () => submit(b.core, b.dispatcher, work, {}, {}));
      await clock.runUntil(Promise.all(submits));
      await advance(clock, 30_000 - (clock.now() - started));
      expect([sent.size, Math.max(...sent.values())]).toEqual([BURST_JOBS, 1]);
      const statuses = new Set<string>();
      for (const answer of await Promise.all(submits)) {
        if (!answer.ok) throw answer.error;
        statuses.add((await b.record(answer.value.id)).status);
      }
      expect(statuses).toEqual(new Set(["QUEUED"]));
      expect((await b.store.health({ nowMs: clock.now() })).oldestDueAt).toBeNull();
    },
    BURST_TIMEOUT_MS,
  );

  it("a confirmation that comes after submit has answered still marks the job", async () => {
    const clock = fakeClock();
    const inner = memoryQueue({ clock });
    const queue = wrapped(inner, {
      send: async (messages) => {
        await new Promise<void>((resolve) => {
          clock.timer(12_000, resolve);
        });
        return inner.send(messages);
      },
    });
    const b = bench({ clock, queues: { jobs: queue }, handlers: [fakeHandler(work, () => null)] });
    const id = await b.submit(work);
    expect((await b.record(id)).status).toBe("PENDING");
    await advance(clock, 2_500);
    expect((await b.record(id)).status).toBe("QUEUED");
  });
});

describe("a backlog", () => {
  const hours = 3 * 3_600_000;

  async function sends(backlog: (() => Promise<number | null>) | undefined): Promise<number> {
    const clock = fakeClock();
    const inner = memoryQueue({ clock });
    const queue = wrapped(inner, backlog === undefined ? {} : { backlog });
    const b = bench({ clock, queues: { jobs: queue }, handlers: [fakeHandler(work, () => null)] });
    for (let made = 0; made < 20; made += 1) await b.submit(work);
    const until = clock.now() + hours;
    while (clock.now() < until) {
      await advance(clock, 60_000);
      await clock.runUntil(b.reconciler.pass({ handlers: new Map(), budgetMs: 20_000 }));
    }
    return inner.depth();
  }

  it("is not multiplied: three hours without a consumer are one message a job", async () => {
    expect(await sends(async () => 20)).toBe(20);
  });

  it("is sent again by age where the queue cannot say, or says that nothing waits", async () => {
    expect(await sends(undefined)).toBeGreaterThan(20);
    expect(await sends(async () => 0)).toBeGreaterThan(20);
    expect(await sends(() => Promise.reject(new Error("down")))).toBeGreaterThan(20);
  });

  it("that was purged is sent again within a quarter of an hour", async () => {
    const clock = fakeClock();
    const queue = memoryQueue({ clock });
    const b = bench({ clock, queues: { jobs: queue }, handlers: [fakeHandler(work, () => null)] });
    for (let made = 0; made < 20; made += 1) await b.submit(work);
    queue.purge();
    for (let minute = 0; minute < 15; minute += 1) {
      await advance(clock, 60_000);
      await clock.runUntil(b.reconciler.pass({ handlers: new Map(), budgetMs: 20_000 }));
    }
    expect(queue.depth()).toBe(20);
  });
});

describe("a consumer that is broken at its start", () => {
  it("fails no job in twelve hours of receives, and all are done once it is mended", async () => {
    const clock = fakeClock();
    const queue = memoryQueue({ clock, maxReceives: 5 });
    const b = bench({ clock, queues: { jobs: queue }, handlers: [fakeHandler(work, () => null)] });
    const ids: string[] = [];
    for (let made = 0; made < 5; made += 1) ids.push(await b.submit(work));
    const { signal } = new AbortController();
    let deadLetters = 0;
    for (let minute = 0; minute < 12 * 60; minute += 1) {
      await advance(clock, 60_000);
      // It receives, and dies before it can do anything.
      const taken = await clock.runUntil(queue.receive({ max: 10, waitMs: 0, signal }));
      await Promise.all(taken.map((delivery) => delivery.release(0)));
      deadLetters += queue.deadLetterDepth();
      await clock.runUntil(b.reconciler.pass({ handlers: new Map(), budgetMs: 20_000 }));
    }
    const statuses = async (): Promise<string[]> =>
      (await Promise.all(ids.map((id) => b.record(id)))).map(({ status }) => status);
    // They were given up many times, and never the jobs.
    expect(deadLetters).toBeGreaterThan(ids.length);
    expect(await statuses()).not.toContain("FAILED");
    void b.start();
    await advance(clock, 2 * 3_600_000);
    await clock.runUntil(b.reconciler.pass({ handlers: new Map(), budgetMs: 20_000 }));
    await advance(clock, 60_000);
    expect(await statuses()).toEqual(ids.map(() => "COMPLETED"));
    await b.stop();
  });
});
