import { describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { createWaybill, defineJob, memoryStore } from "waybill";
import { fakeClock } from "../../src/testing/fake-clock.js";

const work = defineJob({ kind: "work", input: z.object({ n: z.number() }), output: z.number() });

describe("two Waybills over one store object", () => {
  it("one that closes leaves the store to the other; the last one closes it, once", async () => {
    const clock = fakeClock();
    const store = memoryStore();
    const closed = vi.spyOn(store, "close");
    const [one, other] = [0, 1].map(() => createWaybill({ jobs: [work], store, clock }));
    const running = other!.worker([work.handle(({ input }) => input.n + 1)]).run();
    await clock.runUntil(one!.close());
    await clock.runUntil(one!.close());
    expect(closed).not.toHaveBeenCalled();
    const { id } = await clock.runUntil(other!.submit(work, { n: 1 }).unwrap());
    expect(await clock.runUntil(other!.result(work, id))).toBe(2);
    await clock.runUntil(other!.close());
    await running;
    expect(closed).toHaveBeenCalledOnce();
  });

  it("one that was refused is none: it keeps nobody from closing the store", async () => {
    const store = memoryStore();
    const closed = vi.spyOn(store, "close");
    const refused = (): unknown => createWaybill({ jobs: [work], store, callbacks: { secrets: ["short"] } });
    expect(refused).toThrow(expect.objectContaining({ code: "config.invalid" }));
    await createWaybill({ jobs: [work], store }).close();
    expect(closed).toHaveBeenCalledOnce();
  });
});
