import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { createWaybill, defineJob, memoryStore } from "waybill";
import type { Logger } from "../../src/core/environment/logger.js";
import type { Telemetry } from "../../src/core/environment/telemetry.js";
import { createBus } from "../../src/core/engine/announce/bus.js";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { recordingLogger } from "../support/engine.js";

// What an application gives to be called may be `async` and reject: that ends nothing and nobody.

let unheard: unknown[] = [];
const hear = (error: unknown): void => {
  unheard.push(error);
};
beforeEach(() => {
  unheard = [];
  process.on("unhandledRejection", hear);
});
afterEach(() => {
  process.off("unhandledRejection", hear);
});

/** As an `async` function does, where a function without a value is asked for. */
const rejects = (): never => Promise.reject(new Error("the hook is down")) as never;
const work = defineJob({ kind: "work", input: z.object({ n: z.number() }), output: z.number() });

async function runOne(given: object): Promise<string> {
  const clock = fakeClock();
  const waybill = createWaybill({
    jobs: [work],
    store: memoryStore(),
    clock,
    policy: { maxHistoryEntries: 2 },
    ...given,
  });
  waybill.on("job.completed", rejects);
  const { id } = await clock.runUntil(waybill.submit(work, { n: 1 }).unwrap());
  const handler = work.handle(({ input, warn }) => {
    for (let said = 0; said < 20; said += 1) warn("w", String(said));
    if (input.n === 2) throw new Error("boom");
    return input.n;
  });
  const { id: failing } = await clock.runUntil(waybill.submit(work, { n: 2 }).unwrap());
  const running = waybill.worker([handler]).run();
  await clock.advance(60_000);
  await clock.runUntil(waybill.close());
  await running;
  await new Promise((resolve) => setImmediate(resolve));
  return `${id} ${failing}`;
}

describe("a hook that is async and rejects", () => {
  const logger: Logger = { debug: rejects, info: rejects, warn: rejects, error: rejects };
  const telemetry: Telemetry = {
    start: () => rejects,
    count: rejects,
  };
  it.each<[string, object]>([
    ["a logger", { logger }],
    ["telemetry after a call", { telemetry }],
    ["telemetry before a call", { telemetry: { start: rejects } }],
    ["onTrim", { onTrim: rejects, logger: recordingLogger().logger }],
    ["onPublish", { onPublish: rejects, logger: recordingLogger().logger }],
  ])("%s ends no process", async (_, given) => {
    await runOne(given);
    expect(unheard).toEqual([]);
  });

  it("is told of by its name and frames, and never by its text, which may repeat what it was handed", () => {
    const { logger: told, lines } = recordingLogger();
    const bus = createBus(told, {});
    bus.on("job.created", ({ jobId }) => {
      throw new RangeError(`cannot mail ${jobId} to ana@example.org`);
    });
    bus.emit({ type: "job.created", jobId: "job-1" } as never);
    expect(lines).toEqual([
      {
        level: "error",
        message: "a listener threw",
        fields: { error: "RangeError", stack: expect.stringMatching(/^ +at /) as unknown },
      },
    ]);
    expect(JSON.stringify(lines)).not.toContain("ana@example.org");
  });
});
