import { describe, expect, it } from "vitest";
import { deadLetter, markSent, recall, rejectSend, sendAgain } from "../../../src/core/decide/dispatch.js";
import { context, edges, FINAL, JOB, NOW, POLICY, refused, snapshot, written } from "./fixtures.js";

const HOUR = 3_600_000;

describe("mark sent (T2)", () => {
  it("queues a PENDING job and looks again after redispatchAfter", () => {
    const { item } = written(markSent(snapshot(JOB.pending()), 1, context()));
    expect(item.guard).toEqual({ status: "PENDING", version: 1, token: null, dispatch: 1 });
    const sendAt = NOW + POLICY.redispatchAfterMs;
    expect(item.patch).toMatchObject({ status: "QUEUED", version: 2, queuedAt: NOW, sendAt, wakeAt: sendAt });
  });

  it("counts from when a delayed message arrives, and keeps the first queuedAt", () => {
    const job = JOB.pending({ sendAt: NOW + 500, queuedAt: 5 });
    const { item } = written(markSent(snapshot(job), 1, context()));
    expect(item.patch).toMatchObject({ queuedAt: 5, sendAt: NOW + 500 + POLICY.redispatchAfterMs });
  });

  it("takes a record without a send instant as sent now", () => {
    const { item } = written(markSent(snapshot(JOB.pending({ sendAt: null })), 1, context()));
    expect(item.patch.sendAt).toBe(NOW + POLICY.redispatchAfterMs);
  });

  it("loses to a claim and to a later dispatch", () => {
    expect(markSent(snapshot(JOB.running()), 1, context())).toEqual(refused("not_in_status"));
    expect(markSent(snapshot(JOB.pending({ dispatch: 2 })), 1, context())).toEqual(refused("other_dispatch"));
  });
});

describe("send again on age", () => {
  it("sends the same dispatch, stays QUEUED, appends nothing and doubles the wait", () => {
    const { item, entries } = written(sendAgain(snapshot(JOB.queued({ send: 1 })), context()));
    expect(entries).toEqual([]);
    expect(item.guard.dispatch).toBe(1);
    expect(item.patch).toMatchObject({
      status: "QUEUED",
      version: 3,
      send: 2,
      sendAt: NOW + 4 * POLICY.redispatchAfterMs,
    });
    expect(item.patch.dispatch).toBeUndefined();
  });

  it("waits no longer than the cap", () => {
    const { item } = written(sendAgain(snapshot(JOB.queued({ send: 900 })), context()));
    expect(item.patch.sendAt).toBe(NOW + 6 * HOUR);
  });

  it.each([
    ["is in the store's own queue", JOB.ready(), "not_in_status"],
    ["is not QUEUED", JOB.pending(), "not_in_status"],
    ["is not due", JOB.queued({ sendAt: NOW + 1 }), "not_due"],
  ])("is refused where the job %s", (_, job, reason) => {
    expect(sendAgain(snapshot(job), context())).toEqual(refused(reason));
  });
});

describe("recall (T3)", () => {
  it.each([
    ["dead_letter", 1],
    ["returned", 0],
    ["operator", 0],
  ] as const)("on %s makes the next dispatch, to be sent now", (evidence, redrives) => {
    const { item, entries } = written(recall(snapshot(JOB.queued({ send: 3 })), evidence, context()));
    expect(entries).toMatchObject([{ edge: "T3", reason: evidence }]);
    expect(item.patch).toMatchObject({ status: "PENDING", dispatch: 2, send: 0, redrives, sendAt: NOW });
  });

  it.each([
    ["not QUEUED", JOB.pending()],
    ["in the store's own queue", JOB.ready()],
  ])("is refused where the job is %s", (_, job) => {
    expect(recall(snapshot(job), "operator", context())).toEqual(refused("not_in_status"));
  });
});

describe("a rejected send (T8)", () => {
  it("fails a PENDING job for good", () => {
    const { item } = written(rejectSend(snapshot(JOB.pending()), 1, "too large", context()));
    expect(item.guard.dispatch).toBe(1);
    expect(item.patch).toMatchObject({ status: "FAILED", sendAt: null, finishedAt: NOW });
    expect(item.patch.failure).toMatchObject({
      reason: "enqueue_rejected",
      message: "too large",
      expose: false,
    });
  });

  it("is nothing to a job that moved on", () => {
    expect(rejectSend(snapshot(JOB.queued()), 1, "", context())).toEqual(refused("not_in_status"));
    expect(rejectSend(snapshot(JOB.pending({ dispatch: 2 })), 1, "", context())).toEqual(
      refused("other_dispatch"),
    );
  });
});

describe("a dead letter (H4)", () => {
  it.each([
    ["QUEUED", JOB.queued(), ["T3"]],
    ["PENDING, which its message proves queued", JOB.pending(), ["T2", "T3"]],
    ["QUEUED for its second attempt, which was never received", JOB.queued({ attempt: 1 }), ["T3"]],
    ["PENDING for its second attempt", JOB.pending({ attempt: 1 }), ["T2", "T3"]],
  ] as const)("hands a dispatch that was never claimed over again, a minute later: %s", (_, job, path) => {
    const decision = deadLetter(snapshot(job), 1, context());
    expect(edges(decision)).toEqual(path);
    expect(written(decision).item.patch).toMatchObject({
      status: "PENDING",
      dispatch: 2,
      redrives: 1,
      sendAt: NOW + 60_000,
    });
  });

  it.each([
    [1, 2],
    [5, 32],
    [6, 60],
    [29, 60],
  ])("after %i redrives waits %i minutes", (redrives, minutes) => {
    const decision = deadLetter(snapshot(JOB.queued({ redrives })), 1, context());
    expect(written(decision).item.patch.sendAt).toBe(NOW + minutes * 60_000);
  });

  it.each([
    ["was handed over often enough", JOB.queued({ redrives: 30 }), ["T9"]],
    ["was handed over often enough and is PENDING", JOB.pending({ redrives: 30 }), ["T2", "T9"]],
  ] as const)("fails a job that %s", (_, job, path) => {
    const decision = deadLetter(snapshot(job), 1, context());
    expect(edges(decision)).toEqual(path);
    expect(written(decision).item.patch.failure?.reason).toBe("dead_lettered");
  });

  it.each([
    ["is being run", JOB.running(), "not_in_status"],
    ...FINAL.map(([name, job]) => [`is ${name}`, job(), "not_in_status"] as const),
    ["has a later dispatch", JOB.queued({ dispatch: 2 }), "other_dispatch"],
    ["is in the store's own queue", JOB.ready(), "other_dispatch"],
  ] as const)("is dropped where the job %s", (_, job, reason) => {
    expect(deadLetter(snapshot(job), 1, context())).toEqual(refused(reason));
  });
});
