import { describe, expect, it } from "vitest";
import { z } from "zod";
import { memoryNotifier } from "../../src/adapters/memory/notifier.js";
import { memoryStore } from "../../src/adapters/memory/store.js";
import { createWaybill } from "../../src/core/create-waybill.js";
import { defineJob } from "../../src/core/define/define-job.js";
import { undelivered } from "../../src/core/engine/read/reads.js";
import { redeliver } from "../../src/core/engine/relay/redeliver.js";
import { defineNotifier } from "../../src/core/ports/notifier.js";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { recordingLogger } from "../support/engine.js";
import { world } from "../support/relay-core.js";

/** A job of which a notifier gave up two of four events. */
async function givenUp() {
  const w = world();
  const ui = memoryNotifier({ maxBatch: 1 });
  ui.failNext("rejected", { where: ({ version }) => version < 3, count: 2 });
  const p = w.process({ notifiers: { ui } });
  const jobId = await p.submit();
  await p.complete(await p.claim(jobId));
  await w.clock.settle();
  const listed = () => w.run(undelivered(p.core, {}));
  const again = (versions?: readonly number[], notifier = "ui") =>
    w.run(redeliver(p.core, { jobId, notifier, versions }, p.relay.stops));
  return { w, p, ui, jobId, listed, again };
}

describe("redeliver", () => {
  it("publishes again what was given up, in order, and takes it off the list", async () => {
    const { w, ui, jobId, listed, again } = await givenUp();
    const { items } = await listed();
    expect(items).toEqual([
      {
        jobId,
        kind: "test.work",
        notifier: "ui",
        versions: [1, 2],
        reason: "a fault was injected",
        since: expect.any(Date) as Date,
      },
    ]);
    expect(await again()).toEqual({ ok: true, value: { versions: [1, 2] } });
    expect(ui.events.map(({ version }) => version)).toEqual([3, 4, 1, 2]);
    expect((await listed()).items).toEqual([]);
    const { record, cursors } = await w.read(jobId);
    expect(cursors["ui"]).toMatchObject({ upTo: 4, exhausted: [], reason: null });
    expect(record.purgeAt).not.toBeNull();
  });

  it("publishes the versions that are asked for, and none that was never given up", async () => {
    const { ui, listed, again } = await givenUp();
    expect(await again([2, 3, 99])).toEqual({ ok: true, value: { versions: [2] } });
    expect(ui.events.map(({ version }) => version)).toEqual([3, 4, 2]);
    expect((await listed()).items).toMatchObject([{ versions: [1] }]);
    expect(await again([2])).toEqual({ ok: true, value: { versions: [] } });
  });

  it("keeps on the list what fails again, and does not let the next overtake it", async () => {
    const { p, ui, listed, again } = await givenUp();
    ui.failNext("retry");
    expect(await again()).toEqual({ ok: true, value: { versions: [] } });
    expect((await listed()).items).toMatchObject([{ versions: [1, 2] }]);
    expect(p.attempts.slice(-1)).toMatchObject([{ outcome: "retry", reason: "a fault was injected" }]);
  });

  it("takes it off the list although a relay moves the cursor at that moment", async () => {
    const { w, p, ui, jobId, listed } = await givenUp();
    const { gateway } = p.core;
    let moved = false;
    const racing = {
      ...gateway,
      advance: async (item: Parameters<typeof gateway.advance>[0]) => {
        if (!moved) {
          moved = true;
          const { cursors } = await gateway.read(jobId).then((job) => job!);
          const ahead = { ...cursors["ui"]!, upTo: cursors["ui"]!.upTo + 1 };
          await gateway.advance({ ...item, cursors: { ui: ahead } });
        }
        return gateway.advance(item);
      },
    };
    await w.run(redeliver({ ...p.core, gateway: racing }, { jobId, notifier: "ui" }, p.relay.stops));
    expect((await listed()).items).toEqual([]);
    expect(ui.events).toHaveLength(4);
  });

  it("gives a notifier events of one lane at a time, and tells of each try which lane it was in", async () => {
    const w = world();
    const ui = memoryNotifier({ lane: ({ version }) => (version === 2 ? "even" : "odd") });
    ui.failNext("rejected", { count: 4 });
    const p = w.process({ notifiers: { ui } });
    const jobId = await p.submit();
    await p.complete(await p.claim(jobId));
    await w.clock.settle();
    const calls: number[][] = [];
    const publish = ui.publish.bind(ui);
    ui.publish = async (events, context) => {
      calls.push(events.map(({ version }) => version));
      return publish(events, context);
    };
    expect(await w.run(redeliver(p.core, { jobId, notifier: "ui" }, p.relay.stops))).toMatchObject({
      value: { versions: [1, 2, 3, 4] },
    });
    expect(calls).toEqual([[1], [2], [3, 4]]);
    expect(p.attempts.slice(-4).map(({ lane }) => lane)).toEqual(["odd", "even", "odd", "odd"]);
  });

  it("refuses a name that the composition has not, and a job that is not there", async () => {
    const { w, p, again } = await givenUp();
    expect(await again(undefined, "toString")).toMatchObject({ error: { code: "notifier.unknown" } });
    for (const jobId of ["nobody", "no id !"])
      expect(await w.run(redeliver(p.core, { jobId, notifier: "ui" }, p.relay.stops))).toMatchObject({
        error: { code: "job.not_found" },
      });
  });
});

const work = defineJob({ kind: "test.work", input: z.object({}), output: z.object({}) });

describe("redelivery while Waybill is closed", () => {
  it("aborts the signal of its publish before the notifier is closed, and asks for no more", async () => {
    const clock = fakeClock();
    const { logger } = recordingLogger();
    const said: string[] = [];
    let isBroken = true;
    const ui = defineNotifier({
      maxBatch: 1,
      async publish(events, { signal }) {
        if (isBroken) return events.map(() => ({ status: "rejected" as const, reason: "broken" }));
        said.push("asked");
        await new Promise<void>((resolve) => {
          signal.addEventListener("abort", () => {
            said.push("aborted");
            resolve();
          });
        });
        return events.map(() => ({ status: "retry" as const, reason: "aborted" }));
      },
      async close() {
        said.push("closed");
      },
    });
    const waybill = createWaybill({ jobs: [work], store: memoryStore(), notifiers: { ui }, clock, logger });
    const job = await clock.runUntil(waybill.submit(work, {}).unwrap());
    await clock.settle();
    isBroken = false;
    const again = waybill.redeliver({ jobId: job.id, notifier: "ui" }).unwrap();
    await clock.settle();
    expect(said).toEqual(["asked"]);
    await clock.runUntil(waybill.close());
    expect(said).toEqual(["asked", "aborted", "closed"]);
    expect(await clock.runUntil(again)).toEqual({ versions: [] });
    expect(said).toEqual(["asked", "aborted", "closed"]);
  });
});
