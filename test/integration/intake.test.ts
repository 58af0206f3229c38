import { describe, expect, it } from "vitest";
import { memoryQueue } from "../../src/adapters/memory/queue.js";
import { createRelay } from "../../src/core/engine/relay/relay.js";
import { createReconciler } from "../../src/core/engine/reconcile/reconciler.js";
import { createIntake, type ProcessOptions } from "../../src/core/engine/worker/messages/intake.js";
import type { PushedMessage } from "../../src/core/engine/worker/messages/pushed-message.js";
import type { RuntimeHandler } from "../../src/core/handler.js";
import { encodeMessage } from "../../src/core/job/message.js";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { fakeDefinition, fakeHandler } from "../support/core.js";
import { bench, untilAborted } from "../support/worker-bench.js";

const work = fakeDefinition({ kind: "work", queue: "jobs" });
const doNothing = fakeHandler(work, () => null);

const pushed = (id: string, given: Partial<PushedMessage> = {}): PushedMessage => ({
  body: encodeMessage({ id, kind: "work", dispatch: 1, purpose: "run", trace: null }),
  receives: 1,
  sentAt: null,
  ...given,
});

function world(handlers: readonly RuntimeHandler[] = [doNothing]) {
  const clock = fakeClock();
  const queue = memoryQueue({ clock });
  const b = bench({ clock, queues: { jobs: queue }, handlers: [doNothing] });
  const reconciler = createReconciler(b.core, b.dispatcher, createRelay(b.core));
  const intake = createIntake(b.core, b.dispatcher, reconciler, handlers, {});
  const process = (messages: readonly PushedMessage[], given: Partial<ProcessOptions> = {}) =>
    clock.runUntil(intake.process(messages, { remainingMs: 30_000, ...given }));
  return { ...b, b, clock, queue, intake, process };
}

describe("an intake of pushed messages", () => {
  it("acknowledges a message whose outcome is stored, and one of a job that is final", async () => {
    const w = world();
    const id = await w.submit(work);
    expect(await w.process([pushed(id)])).toEqual([{ status: "acknowledged" }]);
    expect((await w.record(id)).status).toBe("COMPLETED");
    expect(await w.process([pushed(id)])).toEqual([{ status: "acknowledged" }]);
  });

  it("takes none without its time: whoever leaves it out would see no job run", async () => {
    const { intake, clock, submit, record } = world();
    const id = await submit(work);
    const untimed = clock.runUntil(intake.process([pushed(id)], {} as ProcessOptions));
    await expect(untimed).rejects.toThrow(/^remainingMs must be a whole number of milliseconds/);
    expect((await record(id)).status).toBe("QUEUED");
  });

  it("acknowledges nothing while the store cannot be reached", async () => {
    const w = world();
    const id = await w.submit(work);
    w.b.faults.outage("store");
    const [answer] = await w.process([pushed(id)]);
    expect(answer?.status).not.toBe("acknowledged");
    w.b.faults.heal();
    expect((await w.record(id)).status).toBe("QUEUED");
  });

  it("lets a batch of a hundred wait for room, and the platform warns of no leak", async () => {
    const warned: string[] = [];
    const hear = ({ message }: Error): void => void warned.push(message);
    process.on("warning", hear);
    const w = world();
    const ids: string[] = [];
    for (let made = 0; made < 100; made += 1) ids.push(await w.submit(work));
    const answers = await w.process(ids.map((id) => pushed(id)));
    await new Promise((resolve) => setImmediate(resolve));
    process.off("warning", hear);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set(["acknowledged"]));
    expect(warned).toEqual([]);
  });

  it("runs messages of one group one after the other, and others beside them", async () => {
    const running: string[] = [];
    const seen: string[] = [];
    const handler = fakeHandler(work, async ({ job }) => {
      const { id } = job as { readonly id: string };
      running.push(id);
      seen.push(running.join("+"));
      await new Promise<void>((resolve) => {
        w.clock.timer(1_000, resolve);
      });
      running.splice(running.indexOf(id), 1);
      return null;
    });
    const w = world([handler]);
    const [a, b, c] = [await w.submit(work), await w.submit(work), await w.submit(work)];
    await w.process([
      pushed(a, { groupId: "g" }),
      pushed(b, { groupId: "g" }),
      pushed(c, { groupId: "other" }),
    ]);
    expect(seen).toEqual([a, `${a}+${c}`, expect.stringContaining(b)]);
    expect(seen[2]).not.toContain(a);
  });

  it("does not begin the rest of a group after one that is not done", async () => {
    const runs: string[] = [];
    const handler = fakeHandler(work, ({ job }) => void runs.push((job as { readonly id: string }).id));
    const w = world([handler]);
    const [first, second] = [await w.submit(work), await w.submit(work)];
    w.b.faults.store("claim", { fault: "request_lost", times: 1_000 });
    const answers = await w.process([pushed(first, { groupId: "g" }), pushed(second, { groupId: "g" })]);
    expect(answers.map(({ status }) => status)).toEqual(["released", "released"]);
    expect(answers[1]).toMatchObject({ reason: "an earlier message of its group is not done" });
    expect(runs).toEqual([]);
  });

  it("tells a handler to stop at twice the reserve, and counts one that ends by itself", async () => {
    let abortedAt = 0;
    const handler = fakeHandler(work, async ({ signal }) => {
      await untilAborted(signal).catch(() => undefined);
      abortedAt = w.clock.now();
      return null;
    });
    const w = world([handler]);
    const id = await w.submit(work);
    const from = w.clock.now();
    expect(await w.process([pushed(id)], { remainingMs: 20_000, reserveMs: 3_000 })).toEqual([
      { status: "acknowledged" },
    ]);
    expect(abortedAt - from).toBe(14_000);
    expect((await w.record(id)).status).toBe("COMPLETED");
  });

  it("gives back the job of a deaf handler at the reserve, its attempt with it, and hands it over again", async () => {
    const handler = fakeHandler(work, () => new Promise<null>(() => undefined));
    const w = world([handler]);
    const id = await w.submit(work);
    const from = w.clock.now();
    const answers = await w.process([pushed(id)], { remainingMs: 20_000, reserveMs: 3_000 });
    expect(answers).toEqual([{ status: "acknowledged" }]);
    expect(w.clock.now() - from).toBeLessThanOrEqual(19_000);
    expect(await w.record(id)).toMatchObject({ attempt: 0, dispatch: 2 });
  });

  it("answers before the end when the store hangs, and leaves the message", async () => {
    const w = world();
    const id = await w.submit(work);
    w.b.faults.store("claim", { fault: "hang", times: 1_000 });
    const from = w.clock.now();
    const [answer] = await w.process([pushed(id)], { remainingMs: 12_000, reserveMs: 3_000 });
    expect(answer?.status).not.toBe("acknowledged");
    expect(w.clock.now() - from).toBe(11_000);
  });

  it("keeps at most a quarter of a short call: a function of three seconds does its work under the default reserve", async () => {
    let abortedAt = 0;
    const handler = fakeHandler(work, async ({ signal }) => {
      await untilAborted(signal).catch(() => undefined);
      abortedAt = w.clock.now();
      return null;
    });
    const w = world([handler]);
    const id = await w.submit(work);
    const from = w.clock.now();
    expect(await w.process([pushed(id)], { remainingMs: 2_800 })).toEqual([{ status: "acknowledged" }]);
    expect(abortedAt - from).toBe(1_400);
    expect(await w.record(id)).toMatchObject({ status: "COMPLETED", attempt: 1, dispatch: 1 });
  });

  it("asks for no lease beyond the time that the call has", async () => {
    let leaseMs = 0;
    const handler = fakeHandler(work, async ({ job }) => {
      const record = await w.record((job as { readonly id: string }).id);
      leaseMs = (record.leaseUntil ?? 0) - w.clock.now();
      return null;
    });
    const w = world([handler]);
    await w.process([pushed(await w.submit(work))], { remainingMs: 12_000, reserveMs: 1_000 });
    expect(leaseMs).toBe(12_000);
  });

  it("finds the queue by its address, by its name, or because it is the only one", async () => {
    const w = world();
    const id = await w.submit(work);
    await expect(w.process([pushed(id)], { source: "arn:elsewhere" })).rejects.toMatchObject({
      code: "config.invalid",
      message: expect.stringContaining("arn:elsewhere") as string,
    });
    await expect(w.process([pushed(id)], { queue: "none" })).rejects.toMatchObject({
      code: "config.invalid",
    });
    expect(await w.process([pushed(id)], { queue: "jobs" })).toEqual([{ status: "acknowledged" }]);
  });

  it.each<[string, object]>([
    ["a body that was parsed", { body: { v: 1 } }],
    ["no count of receives", { receives: undefined }],
    ["a time that is text", { sentAt: "2026-03-01T09:30:00.000Z" }],
  ])("takes none with %s", async (_, given) => {
    const w = world();
    const id = await w.submit(work);
    await expect(w.process([pushed(id), pushed(id, given)])).rejects.toThrow(
      "process takes messages: body is text, receives a number, sentAt a Date or null.",
    );
    expect((await w.record(id)).status).toBe("QUEUED");
  });

  it("takes an event without a time and without a count for one whose age is not known", async () => {
    const w = world();
    const unknown = { body: pushed("nobody").body, receives: Number.NaN, sentAt: new Date(Number.NaN) };
    expect(await w.process([unknown])).toEqual([
      { status: "released", afterMs: 1_000, reason: "there is no job with its id" },
    ]);
  });

  it("parks what it cannot read, and tells of it", async () => {
    const w = world();
    expect(await w.process([pushed("x", { body: "no pointer" })])).toEqual([{ status: "acknowledged" }]);
    expect(w.heard.counts["message_parked"]).toBe(1);
  });

  it("judges dead letters: what was never claimed is handed over again", async () => {
    const w = world();
    const id = await w.submit(work);
    const answers = await w.clock.runUntil(
      w.intake.processDeadLetters([pushed(id)], { remainingMs: 10_000 }),
    );
    expect(answers).toEqual([{ status: "acknowledged" }]);
    expect(await w.record(id)).toMatchObject({ dispatch: 2, redrives: 1 });
  });

  it("keeps nothing between calls: 200 calls, some at once, end with no timer left", async () => {
    const w = world();
    const ids: string[] = [];
    for (let made = 0; made < 200; made += 1) ids.push(await w.submit(work));
    const all = await w.clock.runUntil(
      Promise.all(ids.map((id) => w.intake.process([pushed(id)], { remainingMs: 5_000, reserveMs: 500 }))),
    );
    expect(all.every(([answer]) => answer?.status === "acknowledged")).toBe(true);
  });
});
