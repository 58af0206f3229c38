import { describe, expect, it } from "vitest";
import { recall, sendAgain } from "../../../src/core/decide/dispatch.js";
import { claimTerms } from "../../../src/core/decide/claim.js";
import { createDispatcher } from "../../../src/core/engine/submit/dispatch.js";
import { parseMessage } from "../../../src/core/job/message.js";
import type { OutgoingMessage, Queue, SendResult } from "../../../src/core/ports/queue.js";
import { changed, claimed, stored, submitted, type World, world } from "../../support/engine.js";

const CAPABILITIES = {
  maxDelayMs: 60_000,
  ordered: false,
  maxBatch: 10,
  maxReceives: null,
  visibilityMs: null,
};

/** A queue that keeps what it is sent and answers as it is told. */
function scripted(send: (messages: readonly OutgoingMessage[]) => Promise<readonly SendResult[]>) {
  const sent: OutgoingMessage[] = [];
  const queue: Queue = {
    capabilities: CAPABILITIES,
    send: (messages) => {
      sent.push(...messages);
      return send(messages);
    },
    receive: async () => [],
    close: async () => undefined,
  };
  return { queue, sent };
}

const all = (result: SendResult) => async (messages: readonly OutgoingMessage[]) =>
  messages.map(() => result);

/** A world with one PENDING job of the queue `default`, and a dispatcher over the queue given. */
async function bench(queue: Queue) {
  const at = world({ queue: true });
  at.queue.faults.breakSends("unknown_lost");
  const { id } = await submitted(at);
  const core: World["core"] = { ...at.core, queues: new Map([["default", queue]]) };
  const job = await stored(at, id);
  return { at, id, job, core, dispatcher: createDispatcher(core) };
}

describe("dispatcher", () => {
  it("sends a pointer without content, named by job, dispatch and resend", async () => {
    const { queue, sent } = scripted(all({ status: "sent" }));
    const { at, id, job, dispatcher } = await bench(queue);
    const { state, snapshot } = await at.run(dispatcher.send(job));
    expect([state, snapshot.record.status]).toEqual(["confirmed", "QUEUED"]);
    expect(sent).toMatchObject([{ dedupId: `${id}:1:0`, groupId: "to:ann", delayMs: 0 }]);
    expect(parseMessage(sent[0]!.body)).toEqual({
      status: "ok",
      message: { id, kind: "mail.send", dispatch: 1, purpose: "run", trace: null },
    });
    expect(sent[0]!.body).not.toContain("ann");
  });

  it("does not put in line again what waits there: both who ask get its one answer", async () => {
    const { queue, sent } = scripted(all({ status: "sent" }));
    const { at, job, dispatcher } = await bench(queue);
    expect(dispatcher.isSending(job.record)).toBe(false);
    const asked = [dispatcher.send(job), dispatcher.send(job)];
    expect(dispatcher.isSending(job.record)).toBe(true);
    const answers = await at.run(Promise.all(asked));
    expect(answers.map(({ state }) => state)).toEqual(["confirmed", "confirmed"]);
    expect(sent).toHaveLength(1);
  });

  it("names a resend and a later dispatch apart, so that a deduplicating queue does not swallow them", async () => {
    const { queue, sent } = scripted(all({ status: "sent" }));
    const { at, id, job, dispatcher } = await bench(queue);
    const { snapshot } = await at.run(dispatcher.send(job));
    await at.clock.advance(at.core.policy.redispatchAfterMs);
    const again = await changed(at, snapshot, sendAgain);
    const { state, snapshot: resent } = await at.run(dispatcher.send(again));
    const recalled = await changed(at, resent, (seen, context) => recall(seen, "operator", context));
    await at.run(dispatcher.send(recalled));
    expect(sent.map(({ dedupId }) => dedupId)).toEqual([`${id}:1:0`, `${id}:1:1`, `${id}:2:0`]);
    expect(state).toBe("confirmed");
  });

  it.each<[string, Queue["send"]]>([
    ["answers unknown", all({ status: "unknown", reason: "timeout" })],
    ["rejects the call", () => Promise.reject(new Error("secret-endpoint"))],
    [
      "throws",
      () => {
        throw new Error("secret-endpoint");
      },
    ],
    ["answers fewer messages than it was sent", async () => []],
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what careless code rejects with
    ["rejects with what is no error", () => Promise.reject("secret-endpoint")],
    ["never answers", () => new Promise<never>(() => undefined)],
  ])("leaves the job PENDING and says unconfirmed when the queue %s", async (_, send) => {
    const { at, id, job, dispatcher } = await bench(scripted(send).queue);
    const { record, cursors } = job;
    expect(await at.run(dispatcher.send(job))).toEqual({
      state: "unconfirmed",
      snapshot: { record, cursors },
    });
    expect((await stored(at, id)).record).toMatchObject({ status: "PENDING", dispatch: 1 });
    expect(JSON.stringify(at.log)).not.toContain("secret-endpoint");
  });

  it.each<[string, SendResult | null]>([
    ["says that it does not know", { status: "unknown", reason: "timeout" }],
    ["never answers", null],
  ])("returns the job as it is by now, where a copy was claimed although the queue %s", async (_, result) => {
    const { queue } = scripted(async (messages) => {
      const terms = claimTerms("worker", at.core.ids.transition(), at.core.policy);
      await at.core.gateway.claim({ id, dispatch: 1, token: "theirs", leaseMs: 30_000 }, terms);
      return result === null ? new Promise<never>(() => undefined) : messages.map(() => result);
    });
    const { at, id, job, dispatcher } = await bench(queue);
    const { state, snapshot } = await at.run(dispatcher.send(job));
    expect([state, snapshot.record.status]).toEqual(["confirmed", "PROCESSING"]);
  });

  it("gives the way free when the queue does not answer: later messages get through", async () => {
    let hang = true;
    const { queue } = scripted((messages) =>
      hang ? new Promise<never>(() => undefined) : all({ status: "sent" })(messages),
    );
    const { at, job, dispatcher } = await bench(queue);
    const copies = ["a", "b", "c"].map((id) => ({ ...job, record: { ...job.record, id } }));
    for (const copy of copies) {
      void dispatcher.send(copy);
      await at.clock.advance(1);
    }
    await at.clock.advance(10_000);
    hang = false;
    expect(await at.run(dispatcher.send(job))).toMatchObject({ state: "confirmed" });
  });

  it("waits no longer than the grace of sending, however many wait before it", async () => {
    const { queue } = scripted(() => new Promise<never>(() => undefined));
    const { at, job, dispatcher } = await bench(queue);
    const started = at.clock.now();
    const sends = Array.from({ length: 60 }, (_, index) =>
      dispatcher.send({ ...job, record: { ...job.record, id: `copy-${index}` } }),
    );
    const states = (await at.run(Promise.all(sends))).map(({ state }) => state);
    expect(new Set(states)).toEqual(new Set(["unconfirmed"]));
    expect(at.clock.now() - started).toBe(10_000);
  });

  it("fails the job when the queue refuses its message for good", async () => {
    const { queue } = scripted(all({ status: "rejected", reason: "too large for the queue" }));
    const { at, id, job, dispatcher } = await bench(queue);
    expect(await at.run(dispatcher.send(job))).toMatchObject({ state: "rejected" });
    expect((await stored(at, id)).record).toMatchObject({
      status: "FAILED",
      failure: { reason: "enqueue_rejected", message: "too large for the queue" },
    });
  });

  it("does not fail a job that a copy of the message has reached meanwhile", async () => {
    const { queue } = scripted(all({ status: "rejected", reason: "no" }));
    const { at, id, job, dispatcher } = await bench(queue);
    await claimed(at, id);
    expect(await at.run(dispatcher.send(job))).toMatchObject({ state: "confirmed" });
    expect((await stored(at, id)).record.status).toBe("PROCESSING");
  });

  it("does not call a resend confirmed that the queue refused", async () => {
    const { queue } = scripted(all({ status: "rejected", reason: "no" }));
    const { at, id, dispatcher } = await bench(queue);
    await at.run(at.dispatcher.send(await stored(at, id)));
    const queued = await stored(at, id);
    expect(queued.record.status).toBe("QUEUED");
    expect(await at.run(dispatcher.send(queued))).toEqual({ state: "unconfirmed", snapshot: queued });
  });

  it("is content when a worker has the job before the mark", async () => {
    const { queue } = scripted(all({ status: "sent" }));
    const { at, id, job, dispatcher } = await bench(queue);
    await claimed(at, id);
    const { state, snapshot } = await at.run(dispatcher.send(job));
    expect([state, snapshot.record.status]).toEqual(["confirmed", "PROCESSING"]);
  });

  it("does not call a dispatch confirmed that was overtaken by the next", async () => {
    const { queue } = scripted(all({ status: "sent" }));
    const { at, id, job, dispatcher } = await bench(queue);
    await at.run(at.dispatcher.send(await stored(at, id)));
    const recalled = await changed(at, await stored(at, id), (seen, context) =>
      recall(seen, "operator", context),
    );
    const { state, snapshot } = await at.run(dispatcher.send(job));
    expect([state, snapshot.record.dispatch]).toEqual(["unconfirmed", recalled.record.dispatch]);
  });

  it("says unconfirmed when the message is out and the mark could not be stored", async () => {
    const { queue, sent } = scripted(all({ status: "sent" }));
    const { at, job, dispatcher } = await bench(queue);
    at.faults.outage("store");
    at.log.length = 0;
    const started = at.clock.now();
    expect(await at.run(dispatcher.send(job))).toEqual({ state: "unconfirmed", snapshot: job });
    expect(at.clock.now() - started).toBeLessThanOrEqual(1_000);
    expect(sent).toHaveLength(1);
    expect(at.log).toMatchObject([
      { level: "warn", fields: { jobId: job.record.id, code: "store.unavailable" } },
    ]);
  });

  it("says unconfirmed of a job that was removed meanwhile", async () => {
    const { queue } = scripted(all({ status: "sent" }));
    const { at, job, dispatcher } = await bench(queue);
    const gone = { ...job, record: { ...job.record, id: "gone" } };
    expect(await at.run(dispatcher.send(gone))).toMatchObject({ state: "unconfirmed" });
  });

  describe("what is not this process's to send, or not yet", () => {
    it("is deferred: the queue is another process's", async () => {
      const { queue, sent } = scripted(all({ status: "sent" }));
      const { at, job, dispatcher } = await bench(queue);
      const foreign = { ...job, record: { ...job.record, queue: "elsewhere" } };
      const ownStore = { ...job, record: { ...job.record, queue: null } };
      expect(await at.run(dispatcher.send(foreign))).toEqual({ state: "deferred", snapshot: foreign });
      expect(await at.run(dispatcher.send(ownStore))).toEqual({ state: "deferred", snapshot: ownStore });
      await dispatcher.wake(foreign.record, 0);
      await dispatcher.wake(ownStore.record, 0);
      expect(sent).toEqual([]);
    });

    it("travels delayed where the queue can delay that long, and waits in the store where it cannot", async () => {
      const { queue, sent } = scripted(all({ status: "sent" }));
      const { at, job, dispatcher } = await bench(queue);
      const due = (ms: number) => ({ ...job, record: { ...job.record, sendAt: at.clock.now() + ms } });
      expect(await at.run(dispatcher.send(due(60_001)))).toMatchObject({ state: "deferred" });
      await at.run(dispatcher.send(due(60_000)));
      expect(sent.map(({ delayMs }) => delayMs)).toEqual([60_000]);
    });
  });

  describe("wake messages", () => {
    it("ask for a look after a delay, and never reject", async () => {
      const { queue, sent } = scripted(() => Promise.reject(new Error("down")));
      const { at, id, job, dispatcher } = await bench(queue);
      await at.run(dispatcher.wake(job.record, 5_000));
      await at.run(dispatcher.wake({ ...job.record, subject: null }, -5));
      expect(sent).toMatchObject([
        { delayMs: 5_000, groupId: "to:ann", dedupId: `${id}:wake:1` },
        { delayMs: 0, groupId: id },
      ]);
      expect(parseMessage(sent[0]!.body)).toMatchObject({ message: { purpose: "wake", id } });
    });

    it("are left out where the queue cannot delay that long", async () => {
      const { queue, sent } = scripted(all({ status: "sent" }));
      const { at, job, dispatcher } = await bench(queue);
      await at.run(dispatcher.wake(job.record, 60_001));
      expect(sent).toEqual([]);
    });
  });
});
