import { describe, expect, it, vi } from "vitest";
import { memoryNotifier } from "../../src/adapters/memory/notifier.js";
import { memoryQueue } from "../../src/adapters/memory/queue.js";
import { sleep } from "../../src/core/environment/clock.js";
import { cancel } from "../../src/core/decide/cancel.js";
import { applyCommand } from "../../src/core/engine/store/apply.js";
import { StoreUnavailableError, WaybillError } from "../../src/core/errors/errors.js";
import type { PollAnswer } from "../../src/core/handler.js";
import { parseMessage } from "../../src/core/job/message.js";
import type { Queue } from "../../src/core/ports/queue.js";
import { handlerOf, kind, type Process, WORK, world, type World } from "../support/relay-core.js";

const GRACE = 16_000;
const open = async (): Promise<PollAnswer> => ({ state: "open" });
const signal = new AbortController().signal;

/** The messages that can be received now. */
async function messages(queue: Queue) {
  const deliveries = await queue.receive({ max: 10, waitMs: 0, signal });
  return deliveries.map((delivery) => {
    const parsed = parseMessage(delivery.body);
    if (parsed.status !== "ok") throw new Error(parsed.status);
    return { ...parsed.message, delivery };
  });
}

async function waiting(w: World, p: Process, given?: Parameters<Process["track"]>[1]): Promise<string> {
  const id = await p.submit();
  for (const { delivery } of await messages(w.queue)) await delivery.ack();
  await p.track(await p.claim(id), given);
  return id;
}

describe("sending", () => {
  it("sends the same dispatch again where a send was lost or in doubt", async () => {
    const w = world();
    const p = w.process();
    w.queue.faults.breakSends("unknown_lost");
    const id = await p.submit();
    expect((await w.read(id)).record).toMatchObject({ status: "PENDING", dispatch: 1 });
    expect(await p.pass()).toMatchObject({ looked: 0, sent: 0, more: false });
    await w.clock.advance(GRACE);
    expect(await p.pass()).toMatchObject({ looked: 1, acted: 1, sent: 1 });
    expect((await w.read(id)).record).toMatchObject({ status: "QUEUED", dispatch: 1 });
    expect((await messages(w.queue)).map((message) => message.dispatch)).toEqual([1]);
  });

  it("does not send in every pass while the queue gives no clear answer", async () => {
    const w = world();
    const p = w.process();
    w.queue.faults.breakSends("unknown_lost", 100);
    await p.submit();
    await w.clock.advance(GRACE);
    expect((await p.pass()).sent).toBe(1);
    await w.clock.advance(1_000);
    expect((await p.pass()).looked).toBe(0);
    await w.clock.advance(30_000);
    expect((await p.pass()).sent).toBe(1);
  });

  it("fails a job that its queue refuses for good", async () => {
    const w = world();
    const p = w.process();
    w.queue.faults.breakSends("unknown_lost");
    const id = await p.submit();
    await w.clock.advance(GRACE);
    w.queue.faults.breakSends("rejected");
    expect(await p.pass()).toMatchObject({ acted: 1, sent: 0 });
    expect((await w.read(id)).record.failure?.reason).toBe("enqueue_rejected");
  });

  it("sends a message that was lost in the queue again, later each time, under another deduplication id", async () => {
    const w = world();
    const queue = memoryQueue({ clock: w.clock, ordered: true, random: () => 0 });
    const p = w.process({ queue });
    const id = await p.submit();
    queue.purge();
    await w.clock.advance(600_001);
    expect(await p.pass()).toMatchObject({ sent: 1 });
    expect((await w.read(id)).record).toMatchObject({ status: "QUEUED", dispatch: 1, send: 1 });
    expect((await messages(queue)).map((message) => message.dispatch)).toEqual([1]);
    await w.clock.advance(600_001);
    expect((await p.pass()).looked).toBe(0);
  });

  it("leaves what goes through a queue that is not here to whoever has it, and says so", async () => {
    const w = world();
    const p = w.process();
    w.queue.faults.breakSends("unknown_lost");
    const [lost, queued] = [await p.submit(), await p.submit()];
    w.queue.purge();
    const without = w.process({ queue: false });
    await w.clock.advance(600_001);
    expect(await without.pass()).toMatchObject({ looked: 2, acted: 0, sent: 0, unserved: 2, more: false });
    expect(without.counted).toEqual(["unserved", "unserved"]);
    expect((await w.store.health({ nowMs: w.clock.now() })).unserved).toBe(2);
    expect((await w.read(queued)).record.send).toBe(0);
    await w.clock.advance(1_000);
    await without.pass();
    expect((await w.store.health({ nowMs: w.clock.now() })).unserved).toBe(2);
    await w.clock.advance(30_000);
    expect((await p.pass()).sent).toBe(2);
    await w.clock.advance(121_000);
    await without.pass();
    expect((await w.store.health({ nowMs: w.clock.now() })).unserved).toBe(0);
    expect((await w.read(lost)).record.status).toBe("QUEUED");
  });

  it("to a queue that hangs holds up no sweep", async () => {
    const w = world();
    const p = w.process();
    w.queue.faults.breakSends("unknown_lost", 30);
    for (let jobs = 0; jobs < 30; jobs += 1) await p.submit();
    const id = await p.submit();
    await p.claim(id, "t", GRACE);
    await w.clock.advance(GRACE + 1);
    vi.spyOn(w.queue, "send").mockReturnValue(new Promise(() => undefined));
    const begunAt = w.clock.now();
    expect(await p.pass({ budgetMs: 25_000 })).toMatchObject({ looked: 31, swept: 1, sent: 31 });
    // Behind all of them in line, and each of them takes ten seconds to be given up.
    const { updatedAt, status } = (await w.read(id)).record;
    expect(status).toBe("PENDING");
    expect(updatedAt - begunAt).toBeLessThanOrEqual(5_000);
  });

  it("again through a queue that does not say what waits in it holds up no sweep", async () => {
    const w = world();
    const p = w.process();
    for (let jobs = 0; jobs < 30; jobs += 1) await p.submit();
    await w.clock.advance(590_000);
    const id = await p.submit();
    await p.claim(id, "t", 10_500);
    await w.clock.advance(11_000);
    const hang = new Promise<never>(() => undefined);
    vi.spyOn(w.queue, "send").mockReturnValue(hang);
    vi.spyOn(w.queue, "backlog").mockReturnValue(hang);
    const begunAt = w.clock.now();
    expect(await p.pass({ budgetMs: 25_000 })).toMatchObject({ looked: 31, swept: 1, sent: 31 });
    expect((await w.read(id)).record.updatedAt - begunAt).toBeLessThanOrEqual(5_000);
  });
});

describe("leases", () => {
  it("sweeps an expired one and sends the next dispatch", async () => {
    const w = world();
    const p = w.process();
    const id = await p.submit();
    await p.claim(id, "t", 10_000);
    w.queue.purge();
    await w.clock.advance(10_001);
    expect(await p.pass()).toMatchObject({ swept: 1, sent: 1 });
    const { record } = await w.read(id);
    expect(record).toMatchObject({ status: "QUEUED", token: null, attempt: 1 });
    expect((await messages(w.queue)).map((message) => message.dispatch)).toEqual([record.dispatch]);
  });

  it("looks at a live one later: a heartbeat moves no wake-up", async () => {
    const w = world();
    const p = w.process();
    const id = await p.submit();
    await p.claim(id, "t", 10_000);
    await w.clock.advance(8_000);
    await w.run(p.core.gateway.beat({ id, token: "t", leaseMs: 20_000 }));
    await w.clock.advance(3_000);
    expect(await p.pass()).toMatchObject({ looked: 1, acted: 0, swept: 0 });
    const { record } = await w.read(id);
    expect(record.wakeAt).toBe(record.leaseUntil);
    expect((await p.pass()).looked).toBe(0);
    await w.clock.advance(17_001);
    expect((await p.pass()).swept).toBe(1);
  });

  it("loses to a heartbeat that lands first", async () => {
    const w = world();
    const p = w.process();
    const id = await p.submit();
    const { record, cursors } = await p.claim(id, "t", 10_000);
    await w.clock.advance(10_001);
    await w.run(p.core.gateway.beat({ id, token: "t", leaseMs: 20_000 }));
    const stale = { record, cursors };
    const { serveQuick } = await import("../../src/core/engine/reconcile/record.js");
    const tally = { sent: 0, swept: 0, polled: 0, notified: 0, failedDeadlines: 0 };
    await w.run(serveQuick({ ...p, handlers: new Map(), tally }, stale));
    expect(tally.swept).toBe(0);
    expect((await w.read(id)).record).toMatchObject({ status: "PROCESSING", token: "t" });
  });

  it("ends a job that has no attempt left, and returns one of the store's own queue to it", async () => {
    const w = world();
    const p = w.process({ definitions: [kind("test.work", { retry: { maxAttempts: 1 } })] });
    const last = await p.submit();
    await p.claim(last, "t", 1_000);
    const inStore = w.process({ queue: false });
    const id = await inStore.submit();
    await inStore.claim(id, "u", 1_000);
    await w.clock.advance(5_000);
    expect(await p.pass()).toMatchObject({ swept: 2, sent: 0 });
    expect((await w.read(last)).record.failure?.reason).toBe("lease_lost");
    expect((await w.read(id)).record).toMatchObject({ status: "QUEUED", readyAt: w.clock.now() });
  });
});

describe("deadlines", () => {
  it("ends a job that is too late before anything is sent for it", async () => {
    const w = world();
    const p = w.process();
    w.queue.faults.breakSends("unknown_lost");
    const id = await p.submit(WORK, { deadlineMs: 10_000 });
    await w.clock.advance(GRACE);
    expect(await p.pass()).toMatchObject({ failedDeadlines: 1, sent: 0 });
    expect((await w.read(id)).record.failure?.reason).toBe("deadline_exceeded");
  });

  it("counts no job as late that was done at that moment", async () => {
    const w = world();
    const p = w.process();
    const id = await p.submit(WORK, { deadlineMs: 10_000 });
    const { record, cursors } = await w.read(id);
    await p.complete(await p.claim(id));
    await w.clock.advance(10_001);
    const { serveQuick } = await import("../../src/core/engine/reconcile/record.js");
    const tally = { sent: 0, swept: 0, polled: 0, notified: 0, failedDeadlines: 0 };
    const rest = await w.run(serveQuick({ ...p, handlers: new Map(), tally }, { record, cursors }));
    expect([tally.failedDeadlines, rest?.snapshot.record.status]).toEqual([0, "COMPLETED"]);
    expect((await w.read(id)).record.failure).toBeNull();
  });

  it("ends external work that nobody confirms in time, after a last look", async () => {
    const w = world();
    const poll = vi.fn(open);
    const p = w.process({ handlers: [handlerOf(WORK, poll)] });
    const id = await waiting(w, p, { deadlineMs: 60_000 });
    await w.clock.advance(60_001);
    expect(await p.pass()).toMatchObject({ polled: 1, failedDeadlines: 1 });
    const { record } = await w.read(id);
    expect(record.failure?.reason).toBe("external_timeout");
    expect(record.failure?.message).toContain("unknown");
  });

  it("does not call work timed out while another process has its last look", async () => {
    const w = world();
    const policy = { takeDueHoldMs: 1_000 };
    const other = w.process({ policy });
    let elsewhere: unknown = null;
    const poll = async (): Promise<PollAnswer> => {
      // The other process may take the record by then; this look is not over.
      await sleep(w.clock, 2_000);
      elsewhere = await other.reconciler.pass({ handlers: new Map(), budgetMs: 60_000 });
      return { state: "done", output: 1 };
    };
    const p = w.process({ policy, handlers: [handlerOf(WORK, poll)] });
    const id = await waiting(w, p, { deadlineMs: 60_000 });
    await w.clock.advance(60_001);
    await p.pass();
    expect(elsewhere).toMatchObject({ failedDeadlines: 0 });
    expect((await w.read(id)).record.status).toBe("COMPLETED");
  });

  it("does not call work timed out that was done while nobody looked", async () => {
    const w = world();
    const p = w.process({ handlers: [handlerOf(WORK, async () => ({ state: "done", output: 1 }))] });
    const id = await waiting(w, p, { deadlineMs: 60_000 });
    await w.clock.advance(7_200_000);
    await p.pass();
    expect((await w.read(id)).record.status).toBe("COMPLETED");
  });

  it("ends it without a look where nobody here can look", async () => {
    const w = world();
    const p = w.process();
    const id = await waiting(w, p, { deadlineMs: 60_000 });
    await w.clock.advance(60_001);
    expect(await p.pass()).toMatchObject({ polled: 0, failedDeadlines: 1, unserved: 0 });
    expect((await w.read(id)).record.failure?.reason).toBe("external_timeout");
  });
});

describe("external work", () => {
  it("is looked at by whoever has its handler; others leave it", async () => {
    const w = world();
    const poll = vi.fn(open);
    const p = w.process();
    const id = await waiting(w, p);
    await w.clock.advance(30_000);
    expect(await p.pass()).toMatchObject({ looked: 1, unserved: 1, polled: 0 });
    const able = w.process({ handlers: [handlerOf(WORK, poll)] });
    await w.clock.advance(30_001);
    expect(await able.pass()).toMatchObject({ polled: 1, unserved: 0, acted: 1 });
    expect(poll).toHaveBeenCalledTimes(1);
    expect((await w.read(id)).record.awaiting?.nextPollAt).toBe(w.clock.now() + 30_000);
  });

  it("is looked at every few seconds without a process that runs: the queue carries the wake-up", async () => {
    const w = world();
    const poll = vi.fn(open);
    const p = w.process({ handlers: [handlerOf(WORK, poll, { pollEveryMs: 5_000 })] });
    const id = await waiting(w, p);
    await w.clock.advance(30_000);
    await p.pass();
    expect(await messages(w.queue)).toEqual([]);
    for (let looks = 0; looks < 3; looks += 1) {
      await w.clock.advance(4_500);
      // The broker may be a little early.
      const early = w.clock.advance(500);
      await early;
      const [message] = await messages(w.queue);
      expect(message).toMatchObject({ id, purpose: "wake" });
      await w.run(p.reconciler.look(id));
      await message?.delivery.ack();
    }
    expect(poll).toHaveBeenCalledTimes(4);
  });

  it("does without the wake-up where the next look is far away or the queue fails", async () => {
    const w = world();
    const answers: PollAnswer[] = [
      { state: "open", nextPollMs: 3_600_000 },
      { state: "open", nextPollMs: 1_000 },
    ];
    const failing: Queue = {
      ...w.queue,
      capabilities: w.queue.capabilities,
      send: () => Promise.reject(new WaybillError("queue.unavailable", "No.")),
      receive: (request) => w.queue.receive(request),
      close: () => w.queue.close(),
    };
    const starter = w.process();
    const ids = [await waiting(w, starter), await waiting(w, starter)];
    const p = w.process({ queue: failing, handlers: [handlerOf(WORK, async () => answers.shift()!)] });
    await w.clock.advance(30_000);
    expect(await p.pass()).toMatchObject({ polled: 2, errors: 0 });
    expect(ids).toHaveLength(2);
  });

  it("is started anew, by a new message, where its failure says so", async () => {
    const w = world();
    const rerun = handlerOf(WORK, async () => ({ state: "failed", message: "no capacity", rerun: true }));
    const p = w.process({ handlers: [rerun] });
    const id = await waiting(w, p);
    await w.clock.advance(30_000);
    expect(await p.pass()).toMatchObject({ polled: 1, sent: 1 });
    expect((await w.read(id)).record.status).toBe("QUEUED");
  });

  it("is asked to stop once for a cancel request, and the job waits for the confirmation", async () => {
    const w = world();
    const stop = vi.fn(async () => undefined);
    let state: PollAnswer = { state: "open", nextPollMs: 1_000 };
    const p = w.process({ handlers: [handlerOf(WORK, async () => state, { cancel: stop })] });
    const id = await waiting(w, p);
    await w.run(
      applyCommand(p.core, await w.read(id), (seen, context) => cancel(seen, { reason: "stop" }, context)),
    );
    for (let looks = 0; looks < 3; looks += 1) {
      expect((await p.pass()).polled).toBe(1);
      expect((await w.read(id)).record.status).toBe("PROCESSING");
      await w.clock.advance(1_001);
    }
    state = { state: "failed", message: "terminated" };
    await p.pass();
    expect(stop).toHaveBeenCalledTimes(1);
    expect((await w.read(id)).record.failure?.reason).toBe("cancelled");
  });

  it("that hangs holds up neither sends nor sweeps that become due meanwhile", async () => {
    const w = world();
    const p = w.process({ handlers: [handlerOf(WORK, () => new Promise(() => undefined))] });
    for (let jobs = 0; jobs < 15; jobs += 1) await waiting(w, p);
    await w.clock.advance(20_000);
    await p.claim(await p.submit(), "t", 15_000);
    w.queue.faults.breakSends("unknown_lost");
    await p.submit();
    await w.clock.advance(10_000);
    const report = await p.pass({ budgetMs: 20_000 });
    expect(report).toMatchObject({ looked: 17, swept: 1, sent: 2, polled: 0, more: true });
    expect(report.elapsedMs).toBeLessThanOrEqual(20_000);
  });

  it("is looked at although the queue that is to carry the next look hangs", async () => {
    const w = world();
    const p = w.process({ handlers: [handlerOf(WORK, open)] });
    for (let jobs = 0; jobs < 30; jobs += 1) await waiting(w, p);
    await w.clock.advance(30_000);
    vi.spyOn(w.queue, "send").mockReturnValue(new Promise(() => undefined));
    expect(await p.pass({ budgetMs: 15_000 })).toMatchObject({ looked: 30, polled: 30 });
  });

  it("is not begun when little of the budget is left", async () => {
    const w = world();
    let begun = 0;
    const slow = handlerOf(WORK, async () => {
      begun += 1;
      await new Promise<void>((resolve) => {
        w.clock.timer(8_000, resolve);
      });
      return { state: "open" };
    });
    const p = w.process({ handlers: [slow] });
    for (let jobs = 0; jobs < 12; jobs += 1) await waiting(w, p);
    await w.clock.advance(30_000);
    const report = await p.pass({ budgetMs: 10_000 });
    await w.clock.settle();
    expect(report).toMatchObject({ polled: 10, more: true, unserved: 0 });
    expect(begun).toBe(10);
    await w.clock.advance(30_000);
    expect((await p.pass({ budgetMs: 30_000 })).polled).toBe(12);
  });

  it("is given back at once when the pass is ended from outside", async () => {
    const w = world();
    const p = w.process({ handlers: [handlerOf(WORK, () => new Promise(() => undefined))] });
    const id = await waiting(w, p);
    await w.clock.advance(30_000);
    const stop = new AbortController();
    w.clock.timer(2_500, () => {
      stop.abort();
    });
    const report = await p.pass({ signal: stop.signal });
    expect(report).toMatchObject({ more: true });
    expect(report.elapsedMs).toBe(2_500);
    await w.clock.settle();
    expect((await w.read(id)).record.poll).toBeNull();
  });
});

describe("notifications", () => {
  it("are delivered for processes that are gone, and what was meant for retired names is ended", async () => {
    const w = world();
    const [ui, old] = [memoryNotifier(), memoryNotifier()];
    const crashed = w.process({ notifiers: { ui, old }, mute: true });
    const id = await crashed.submit();
    await crashed.complete(await crashed.claim(id));
    const p = w.process({ notifiers: { ui }, retired: ["old"], definitions: [kind("other")] });
    await w.clock.advance(6_000);
    expect(await p.pass()).toMatchObject({ looked: 1, acted: 1, notified: 2, unserved: 0 });
    expect(ui.events).toHaveLength(4);
    expect((await w.read(id)).record.wakeAt).toBeNull();
  });

  it.each(["ui", "constructor"])("for %s count as got on with", async (name) => {
    const w = world();
    const ui = memoryNotifier();
    const p = w.process({ notifiers: { [name]: ui }, mute: true });
    const id = await p.submit();
    await w.clock.advance(6_000);
    expect((await p.pass()).notified).toBe(1);
    expect(ui.eventsOf(id)).toHaveLength(2);
  });

  it("for a name that is not here are left to whoever has it", async () => {
    const w = world();
    const [ui, other] = [memoryNotifier(), memoryNotifier()];
    const crashed = w.process({ notifiers: { ui, other }, mute: true });
    const id = await crashed.submit();
    const p = w.process({ notifiers: { ui } });
    await w.clock.advance(6_000);
    expect(await p.pass()).toMatchObject({ notified: 1, unserved: 1 });
    expect((await w.read(id)).cursors["other"]).toBeUndefined();
  });

  it("to a notifier that hangs hold up nobody", async () => {
    const w = world();
    const ui = memoryNotifier();
    ui.failNext("hang", { count: 1_000 });
    const p = w.process({ notifiers: { ui }, mute: true });
    for (let jobs = 0; jobs < 30; jobs += 1) await p.submit();
    w.queue.faults.breakSends("unknown_lost");
    const lost = await p.submit();
    await w.clock.advance(GRACE);
    expect(await p.pass({ budgetMs: 5_000 })).toMatchObject({ looked: 31, sent: 1, more: true });
    expect((await w.read(lost)).record.status).toBe("QUEUED");
  });
});

describe("a pass", () => {
  it("works through more than a page, oldest first, each record once", async () => {
    const w = world();
    const p = w.process();
    w.queue.faults.breakSends("unknown_lost", 250);
    for (let jobs = 0; jobs < 250; jobs += 1) await p.submit();
    await w.clock.advance(GRACE);
    expect(await p.pass()).toMatchObject({ looked: 250, sent: 250, more: false, errors: 0 });
    expect(w.queue.depth()).toBe(250);
  });

  it("ends with its budget, and the next takes what was left", async () => {
    const w = world();
    const p = w.process();
    w.queue.faults.breakSends("unknown_lost", 30);
    for (let jobs = 0; jobs < 30; jobs += 1) await p.submit();
    await w.clock.advance(GRACE);
    w.faults.store("write", { fault: "delay", delayMs: 100, times: 100 });
    const first = await p.pass({ budgetMs: 150 });
    expect(first.more).toBe(true);
    expect(first.looked).toBeLessThan(30);
    expect(first.looked).toBeGreaterThan(0);
    await w.clock.advance(30_001);
    const second = await p.pass();
    expect(first.looked + second.looked).toBe(30);
    expect(w.queue.depth()).toBe(30);
    expect(await p.pass({ budgetMs: 0 })).toMatchObject({ looked: 0, more: true });
  });

  it("serves some of what it has taken, also where the take alone used up the budget", async () => {
    let slow: () => Promise<void> = async () => undefined;
    const w = world((store) => ({
      ...store,
      takeDue: async (request) => {
        const reply = await store.takeDue(request);
        await slow();
        return reply;
      },
    }));
    const p = w.process();
    w.queue.faults.breakSends("unknown_lost", 25);
    for (let count = 0; count < 25; count += 1) await p.submit();
    await w.clock.advance(GRACE);
    slow = () => sleep(w.clock, 2_000);
    const sent: number[] = [];
    for (let passes = 0; passes < 3; passes += 1) {
      sent.push((await p.pass({ budgetMs: 1_000 })).sent);
      await w.clock.advance(40_000);
    }
    expect(sent).toEqual([10, 10, 5]);
  });

  it("shares the work with others at the same time: each need is met once", async () => {
    const w = world();
    const [a, b] = [w.process(), w.process()];
    w.queue.faults.breakSends("unknown_lost", 40);
    for (let jobs = 0; jobs < 40; jobs += 1) await a.submit();
    const swept = await a.submit();
    await a.claim(swept, "t", 1_000);
    await w.clock.advance(GRACE);
    w.queue.purge();
    const none = { handlers: new Map(), budgetMs: 60_000 };
    const reports = await w.run(Promise.all([a.reconciler.pass(none), b.reconciler.pass(none)]));
    expect(reports.reduce((sum, report) => sum + report.looked, 0)).toBe(41);
    expect(reports.reduce((sum, report) => sum + report.swept, 0)).toBe(1);
    expect(w.queue.depth()).toBe(41);
  });

  it("goes on after a record in trouble, and counts it", async () => {
    const trouble = [() => JSON.parse("[1,") as string, () => raise("text")];
    const w = world((store) => ({
      ...store,
      takeDue: async (request) => {
        const reply = await store.takeDue(request);
        const broken = trouble.pop();
        if (broken === undefined) return reply;
        const jobs = reply.jobs.map((job, index) =>
          index > 0
            ? job
            : {
                ...job,
                record: {
                  ...job.record,
                  notifiers: ["x"],
                  get history() {
                    return broken();
                  },
                },
              },
        );
        return { ...reply, jobs };
      },
    }));
    const p = w.process();
    w.queue.faults.breakSends("unknown_lost", 2);
    await p.submit();
    await p.submit();
    await w.clock.advance(GRACE);
    // The page behind the first one breaks nobody: it is empty.
    expect(await p.pass()).toMatchObject({ looked: 2, errors: 1, sent: 1 });
    const errors = () =>
      p.warnings
        .filter(({ message }) => message === "reconciling failed")
        .map(({ fields }) => fields["error"]);
    expect(errors()).toEqual(["not an Error"]);
    trouble.push(() => JSON.parse("[1,") as string);
    await w.clock.advance(31_000);
    expect(await p.pass()).toMatchObject({ errors: 1 });
    expect(errors()).toEqual(["not an Error", "SyntaxError"]);
  });

  it("says that the store is down instead of looking idle", async () => {
    const w = world();
    const p = w.process({ policy: { unknownRetryMs: 100 } });
    await p.claim(await p.submit(), "t", 1_000);
    await w.clock.advance(GRACE);
    w.faults.outage("store");
    await expect(p.pass()).rejects.toBeInstanceOf(StoreUnavailableError);
    w.faults.heal();
    w.faults.store("write", { fault: "not_applied", times: 100 });
    await expect(p.pass()).rejects.toBeInstanceOf(StoreUnavailableError);
  });

  it("says so too when the store went away beside its pages", async () => {
    const w = world();
    const p = w.process();
    w.faults.store("purge", { fault: "not_applied" });
    await expect(p.pass()).rejects.toBeInstanceOf(StoreUnavailableError);
  });

  it("leaves records of a newer format", async () => {
    const w = world((store) => ({
      ...store,
      takeDue: async (request) => {
        const reply = await store.takeDue(request);
        return {
          ...reply,
          jobs: reply.jobs.map((job) => ({ ...job, record: { ...job.record, recordVersion: 99 } })),
        };
      },
    }));
    const p = w.process();
    w.queue.faults.breakSends("unknown_lost");
    await p.submit();
    await w.clock.advance(GRACE);
    expect(await p.pass()).toMatchObject({ looked: 1, unserved: 1, sent: 0, acted: 0 });
  });

  it("does no harm where records are removed while it looks at them", async () => {
    let gone = false;
    const w = world((store) => ({
      ...store,
      write: async (request) =>
        gone
          ? { nowMs: request.nowMs, results: request.items.map(() => ({ status: "gone" as const })) }
          : store.write(request),
    }));
    const p = w.process();
    const vanishing = handlerOf(WORK, async () => {
      gone = true;
      return { state: "open" };
    });
    const late = await p.submit(WORK, { deadlineMs: 1_000 });
    await p.claim(await p.submit(), "t", 1_000);
    await p.submit();
    const polled = await waiting(w, p);
    await w.clock.advance(600_001);
    await w.run(p.reconciler.look(polled, new Map([["test.work", vanishing]])));
    expect(gone).toBe(true);
    await w.clock.advance(60_001);
    const report = await p.pass({ handlers: new Map([["test.work", vanishing]]) });
    expect(report).toMatchObject({ looked: 4, sent: 0, swept: 0, polled: 0, failedDeadlines: 0, errors: 0 });
    await w.run(p.reconciler.look(late));
    expect((await w.read(late)).record.status).toBe("QUEUED");
  });

  it("keeps the line of polls short: what does not fit comes again", async () => {
    let pages = 0;
    const w = world((store) => ({
      ...store,
      takeDue: async (request) => {
        const reply = await store.takeDue(request);
        pages += 1;
        if (pages > 1) return reply;
        const copies = Array.from({ length: 1_100 }, (_, index) => `copy-${index}`);
        return {
          ...reply,
          jobs: reply.jobs.flatMap((job) => copies.map((id) => ({ ...job, record: { ...job.record, id } }))),
        };
      },
    }));
    const p = w.process({ handlers: [handlerOf(WORK, open)] });
    await waiting(w, p);
    await w.clock.advance(30_000);
    expect(await p.pass()).toMatchObject({ looked: 1_100, acted: 1_100, polled: 0 });
  });

  it("remembers many records that nobody here can serve, but not of all for ever", async () => {
    const copies = 10_100;
    let pages = 0;
    const w = world((store) => ({
      ...store,
      takeDue: async (request) => {
        const reply = await store.takeDue(request);
        pages += 1;
        if (pages > 1) return { ...reply, jobs: [] };
        const ids = Array.from({ length: copies }, (_, index) => `copy-${index}`);
        return {
          ...reply,
          jobs: reply.jobs.flatMap((job) => ids.map((id) => ({ ...job, record: { ...job.record, id } }))),
        };
      },
    }));
    await waiting(w, w.process());
    await w.clock.advance(30_000);
    expect(await w.process().pass()).toMatchObject({ looked: copies, unserved: copies, acted: 0 });
    expect((await w.store.health({ nowMs: w.clock.now() })).unserved).toBe(10_000);
  });

  it("looks no further at work that somebody else has ended meanwhile", async () => {
    const w = world();
    const p = w.process({ handlers: [handlerOf(WORK, open)] });
    const id = await waiting(w, p);
    await w.clock.advance(30_000);
    const { record, cursors } = await w.read(id);
    await p.pass();
    const { servePoll } = await import("../../src/core/engine/reconcile/record.js");
    const tally = { sent: 0, swept: 0, polled: 0, notified: 0, failedDeadlines: 0 };
    const tools = { ...p, handlers: new Map(), tally };
    await w.run(servePoll(tools, handlerOf(WORK, open), { record, cursors }));
    expect(tally.polled).toBe(0);
  });

  it("removes what is settled and old, now and then, and everything there is in the end", async () => {
    const w = world();
    const p = w.process({ definitions: [kind("test.work", { retainMs: 1_000 })], queue: false });
    for (let jobs = 0; jobs < 600; jobs += 1) {
      const id = await p.submit();
      await p.complete(await p.claim(id));
    }
    expect((await p.pass()).purged).toBe(0);
    await w.clock.advance(2_000);
    expect((await p.pass()).purged).toBe(0);
    await w.clock.advance(60_000);
    expect(await p.pass()).toMatchObject({ purged: 600, more: false });
  });

  it("keeps up with the rate at which jobs expire, and says where it did not get to the end", async () => {
    const w = world();
    const p = w.process({
      definitions: [kind("test.work", { retainMs: 1_000 })],
      queue: false,
      policy: { watchEveryMs: 500 },
    });
    const ended = async (jobs: number): Promise<void> => {
      for (let made = 0; made < jobs; made += 1) await p.complete(await p.claim(await p.submit()));
      await w.clock.advance(2_000);
    };
    const expiredMs = async (): Promise<number> => {
      const { oldestExpiredAt, nowMs } = await w.store.health({ nowMs: w.clock.now() });
      return nowMs - (oldestExpiredAt ?? nowMs);
    };
    await p.pass();
    await w.clock.advance(10_000);
    await ended(20);
    expect(await expiredMs()).toBeGreaterThanOrEqual(1_000);
    expect((await p.pass()).purged).toBe(20);
    expect(await expiredMs()).toBe(0);
    // Something expired just now: the next look is not put off for long.
    await ended(30);
    expect((await p.pass()).purged).toBe(30);
    await ended(10);
    expect(await p.pass({ budgetMs: 0 })).toMatchObject({ purged: 0, more: true });
    expect(await p.pass()).toMatchObject({ purged: 10, more: false });
  });

  it("gives a sign of life", async () => {
    const w = world();
    expect((await w.store.health({ nowMs: w.clock.now() })).lastPulseAt).toBeNull();
    await w.process().pass();
    expect((await w.store.health({ nowMs: w.clock.now() })).lastPulseAt).toBe(w.clock.now());
  });

  it("drains dead letters beside it, at once and then every half minute", async () => {
    const w = world();
    const p = w.process();
    await p.submit();
    for (let receives = 0; receives < 2; receives += 1) {
      await messages(w.queue);
      await w.clock.advance(30_001);
    }
    expect(await p.pass()).toMatchObject({ deadLetters: 1 });
    expect(await p.pass()).toMatchObject({ deadLetters: 0 });
    expect(w.queue.depth()).toBe(1);
  });
});

describe("a queue that does not show its dead letters", () => {
  it("is no trouble for a pass", async () => {
    const w = world();
    const { queue } = w;
    const closed: Queue = {
      capabilities: queue.capabilities,
      send: (given) => queue.send(given),
      receive: (request) => queue.receive(request),
      close: () => queue.close(),
    };
    const p = w.process({ queue: closed });
    await p.submit();
    for (let receives = 0; receives < 2; receives += 1) {
      await messages(queue);
      await w.clock.advance(30_001);
    }
    expect(await p.pass()).toMatchObject({ deadLetters: 0, errors: 0, elapsedMs: 0 });
    expect(queue.deadLetterDepth()).toBe(1);
  });
});

describe("a look at one record", () => {
  it("does all that is due and knows nothing of jobs that are gone or not due", async () => {
    const w = world();
    const ui = memoryNotifier();
    const p = w.process({ notifiers: { ui }, mute: true });
    w.queue.faults.breakSends("unknown_lost");
    const id = await p.submit();
    await w.run(p.reconciler.look("gone"));
    await w.run(p.reconciler.look(id));
    expect(w.queue.depth()).toBe(0);
    await w.clock.advance(14_500);
    await w.run(p.reconciler.look(id));
    expect(ui.events).toHaveLength(1);
    await w.clock.advance(500);
    await w.run(p.reconciler.look(id));
    expect(w.queue.depth()).toBe(1);
  });

  it("waits for a need that is about to come due", async () => {
    const w = world();
    const poll = vi.fn(open);
    const p = w.process();
    const id = await waiting(w, p);
    await w.clock.advance(29_300);
    await w.run(p.reconciler.look(id, new Map([["test.work", handlerOf(WORK, poll)]])));
    expect(poll).toHaveBeenCalledTimes(1);
    expect(w.clock.now() % 1_000).toBe(0);
  });
});

function raise(what: string): never {
  // eslint-disable-next-line @typescript-eslint/only-throw-error -- drivers throw anything
  throw what;
}
