// Programs whose tests fake the runtime's timers, also before they load anything (Jest's enableGlobally, a setup file).
import { afterEach, describe, expect, it, vi } from "vitest";
import { z } from "zod";

afterEach(() => {
  vi.useRealTimers();
  vi.resetModules();
});

const FAKED = [
  ["all that are faked by default", {}],
  [
    "every one that a runner can do without",
    { toFake: ["setTimeout", "setImmediate", "setInterval", "queueMicrotask", "Date", "performance"] },
  ],
] as const;

describe("testWaybill where timers were faked before it was loaded", () => {
  for (const [which, options] of FAKED)
    it(`moves by its own clock: ${which}`, async () => {
      vi.useFakeTimers(options as Parameters<typeof vi.useFakeTimers>[0]);
      vi.resetModules();
      const [{ defineJob }, { testWaybill }] = await Promise.all([
        import("../../src/index.js"),
        import("../../src/testing.js"),
      ]);
      const work = defineJob({ kind: "work.do", input: z.number(), output: z.number() });
      const waybill = testWaybill({ jobs: [work], handlers: [work.handle(({ input }) => input * 2)] });
      const job = await waybill.submit(work, 21, { delayMs: 60_000 }).unwrap();
      await waybill.advance(60_000);
      await waybill.settle();
      expect(await waybill.get(work, job.id)).toMatchObject({ status: "COMPLETED", output: 42 });
      await waybill.close();
    });
});
