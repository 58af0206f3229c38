import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { ServerEvent } from "../../src/core/job/event.js";
import type { Notifier, PublishResult } from "../../src/core/ports/notifier.js";
import { createWaybill, defineJob, memoryStore } from "../../src/index.js";
import { fakeClock } from "../../src/testing/fake-clock.js";

const work = defineJob({ kind: "work", input: z.object({}) });
const TIMEOUT_MS = 5_000;
const JOBS = 60;

/** All calls of a notifier that jobs are told of for so long. */
async function told(publish: Notifier["publish"], forMs: number) {
  const clock = fakeClock();
  const calls: (readonly ServerEvent[])[] = [];
  const notifier: Notifier = {
    timeoutMs: TIMEOUT_MS,
    maxBatch: 10,
    publish: (events, call) => {
      calls.push(events);
      return publish(events, call);
    },
  };
  const quiet = (): void => undefined;
  const logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };
  const waybill = createWaybill({
    jobs: [work],
    store: memoryStore(),
    clock,
    logger,
    notifiers: { ui: notifier },
  });
  await clock.runUntil(
    waybill.submitMany(
      work,
      Array.from({ length: JOBS }, () => ({ input: {} })),
    ),
  );
  const worker = waybill.worker([work.handle(async () => null)]);
  const running = worker.run();
  await clock.advance(forMs);
  await clock.runUntil(worker.stop());
  await clock.runUntil(running);
  await clock.runUntil(waybill.close());
  return calls.map((events) => events.map(({ id }) => id));
}

describe("what a notifier answers", () => {
  it("when its signal aborts is heard: what it says is delivered is not published again", async () => {
    let hangs = true;
    const [hung = [], ...others] = await told((events, { signal }) => {
      const [first, ...others] = events;
      if (!hangs || first === undefined) return delivered(events);
      hangs = false;
      return new Promise((resolve) => {
        signal.addEventListener("abort", () => {
          // Some turns later, as a notifier does that ends what it had open.
          void Promise.resolve()
            .then(() => undefined)
            .then(() => {
              const late = others.map((): PublishResult => ({ status: "retry", reason: "it hung" }));
              resolve([{ status: "delivered" }, ...late]);
            });
        });
      });
    }, 60_000);
    const again = new Set(others.flat());
    expect(hung.length).toBeGreaterThan(1);
    expect(hung.map((id) => again.has(id))).toEqual(hung.map((_, place) => place > 0));
  });

  it("long after its signal is not waited for", async () => {
    const calls = await told(() => new Promise(() => undefined), TIMEOUT_MS + 20_000);
    expect(calls.length).toBeGreaterThan(1);
  });

  it.each([0, -5])("held for %s ms is asked again a second later, and not at once", async (afterMs) => {
    const SECONDS = 20;
    const calls = await told(
      async (events) => events.map((): PublishResult => ({ status: "held", reason: "later", afterMs })),
      SECONDS * 1_000,
    );
    expect(calls.length).toBeGreaterThan(1);
    expect(calls.length).toBeLessThanOrEqual(2 * SECONDS);
  });
});

async function delivered(events: readonly ServerEvent[]): Promise<readonly PublishResult[]> {
  return events.map(() => ({ status: "delivered" }));
}
