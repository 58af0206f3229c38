import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createWaybill, defineJob, memoryQueue, memoryStore, type Queue, type SendResult } from "waybill";
import { fakeClock } from "../../src/testing/fake-clock.js";

const work = defineJob({
  kind: "work",
  input: z.object({ n: z.number(), name: z.string().default("nobody") }),
  output: z.object({ twice: z.number() }),
  queue: "jobs",
});

/** A worker whose jobs are over before their sender has heard what the queue says. */
function overtaken(heard: SendResult) {
  const clock = fakeClock();
  const inner = memoryQueue({ clock });
  let loses = false;
  const queue: Queue = {
    capabilities: inner.capabilities,
    receive: (request) => inner.receive(request),
    close: () => inner.close(),
    send: async (messages) => {
      if (loses) return messages.map(() => ({ status: "unknown", reason: "lost" }) as const);
      await inner.send(messages);
      while (inner.depth() + inner.inFlight() > 0) await new Promise(setImmediate);
      return messages.map(() => heard);
    },
  };
  const waybill = createWaybill({
    jobs: [work],
    store: memoryStore(),
    queues: { jobs: queue },
    clock,
  });
  const worker = waybill.worker([work.handle(({ input }) => ({ twice: 2 * input.n }))]);
  return {
    waybill,
    run: <T>(promise: Promise<T>): Promise<T> => clock.runUntil(promise),
    start: (): void => void worker.run(),
    stop: () => clock.runUntil(worker.stop()),
    lose: (on: boolean): void => {
      loses = on;
    },
  };
}

const WHOLE = { status: "COMPLETED", input: { n: 4, name: "nobody" }, output: { twice: 8 } };

describe.each<SendResult>([{ status: "sent" }, { status: "unknown", reason: "no answer" }])(
  "a job that is over before its sender has heard of its message ($status)",
  (heard) => {
    it("is answered whole by submit", async () => {
      const w = overtaken(heard);
      w.start();
      expect(await w.run(w.waybill.submit(work, { n: 4 }).unwrap())).toMatchObject(WHOLE);
      await w.stop();
    });

    it("is answered whole by submitMany", async () => {
      const w = overtaken(heard);
      w.start();
      const [only] = await w.run(w.waybill.submitMany(work, [{ input: { n: 4 } }]));
      expect(only).toMatchObject({ ok: true, value: WHOLE });
      await w.stop();
    });

    it("is answered whole by dispatch", async () => {
      const w = overtaken(heard);
      w.lose(true);
      const { id } = await w.run(w.waybill.submit(work, { n: 4 }).unwrap());
      w.lose(false);
      w.start();
      expect(await w.run(w.waybill.dispatch(id).unwrap())).toMatchObject(WHOLE);
      await w.stop();
    });
  },
);
