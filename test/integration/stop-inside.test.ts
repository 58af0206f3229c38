// Whoever is called by a Waybill and stops it: waiting for the end would be waiting for itself.
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createWaybill, defineJob, defineNotifier, memoryStore } from "../../src/index.js";
import { fakeClock } from "../../src/testing.js";

const work = defineJob({ kind: "work.do", input: z.object({}), output: z.string() });
const outside = defineJob({
  kind: "outside.do",
  input: z.object({}),
  output: z.string(),
  external: z.object({ id: z.string() }),
});

/** Work of the handler's own that takes turns and no time. */
const pause = async () => {
  for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
};

describe("a handler that awaits the stop of its own worker", () => {
  const ways = {
    "at once": async (stop: () => Promise<void>) => stop(),
    "after other work": async (stop: () => Promise<void>) => {
      await pause();
      await stop();
    },
    "through functions of its own": async (stop: () => Promise<void>) => {
      const shutDown = async () => {
        await pause();
        await Promise.all([stop(), pause()]);
      };
      await shutDown().finally(() => undefined);
    },
  };
  for (const [when, way] of Object.entries(ways))
    it(`goes on without time passing, and its outcome counts: ${when}`, async () => {
      const clock = fakeClock();
      const waybill = createWaybill({ jobs: [work], store: memoryStore(), clock });
      const job = await waybill.submit(work, {}).unwrap();
      const worker = waybill.worker([
        work.handle(async () => {
          await way(() => worker.stop());
          return "done";
        }),
      ]);
      const began = clock.now();
      await clock.runUntil(worker.run());
      expect(clock.now() - began).toBe(0);
      expect(await waybill.get(work, job.id)).toMatchObject({
        status: "COMPLETED",
        output: "done",
        attempt: 1,
      });
      await clock.runUntil(waybill.close());
    });

  it("is awaited by whoever stops the worker from outside", async () => {
    const clock = fakeClock();
    const waybill = createWaybill({ jobs: [work], store: memoryStore(), clock });
    await waybill.submit(work, {}).unwrap();
    let ended = false;
    const worker = waybill.worker([
      work.handle(async () => {
        await pause();
        await pause();
        ended = true;
        return "done";
      }),
    ]);
    const running = worker.run();
    await clock.settle();
    await worker.stop();
    expect(ended).toBe(true);
    await running;
    await clock.runUntil(waybill.close());
  });
});

describe("whoever is called by a Waybill and awaits its close", () => {
  it("goes on, and is waited for: a handler", async () => {
    const clock = fakeClock();
    const store = memoryStore();
    const other = createWaybill({ jobs: [work], store, clock });
    const waybill = createWaybill({ jobs: [work], store, clock });
    const job = await waybill.submit(work, {}).unwrap();
    const running = waybill
      .worker([
        work.handle(async () => {
          await waybill.close();
          return "done";
        }),
      ])
      .run();
    const began = clock.now();
    await clock.runUntil(running);
    expect(clock.now() - began).toBe(0);
    await clock.runUntil(waybill.close());
    expect(await other.get(work, job.id)).toMatchObject({ status: "COMPLETED", output: "done" });
    await clock.runUntil(other.close());
  });

  it("goes on, and is waited for: a poll", async () => {
    const clock = fakeClock();
    const store = memoryStore();
    const other = createWaybill({ jobs: [outside], store, clock });
    const waybill = createWaybill({ jobs: [outside], store, clock });
    const job = await waybill.submit(outside, {}).unwrap();
    let askedAt = 0;
    const running = waybill
      .worker([
        outside.handle({
          pollEveryMs: 1_000,
          run: ({ track }) => track({ id: "1" }),
          poll: async () => {
            askedAt = clock.now();
            await waybill.close();
            return { state: "done", output: "done" };
          },
        }),
      ])
      .run();
    await clock.runUntil(running);
    expect(clock.now() - askedAt).toBe(0);
    await clock.runUntil(waybill.close());
    expect(await other.get(outside, job.id)).toMatchObject({ status: "COMPLETED", output: "done" });
    await clock.runUntil(other.close());
  });

  it("goes on, and is waited for: a notifier", async () => {
    const clock = fakeClock();
    const told: string[] = [];
    const notifier = defineNotifier({
      on: ["job.created"],
      publish: async ([event]) => {
        await waybill.close();
        told.push(event?.type ?? "none");
        return [{ status: "delivered" }];
      },
    });
    const waybill = createWaybill({
      jobs: [work],
      store: memoryStore(),
      clock,
      notifiers: { mail: notifier },
    });
    const relay = waybill.relay();
    const running = relay.run();
    const began = clock.now();
    await waybill.submit(work, {}).unwrap();
    await clock.runUntil(running);
    expect([clock.now() - began, told]).toEqual([0, ["job.created"]]);
    await clock.runUntil(waybill.close());
  });
});
