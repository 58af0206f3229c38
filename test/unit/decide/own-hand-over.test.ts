import { describe, expect, it } from "vitest";
import { cancel, deadline } from "../../../src/core/decide/cancel.js";
import { createRecord } from "../../../src/core/decide/create.js";
import { deadLetter, markSent, recall, rejectSend } from "../../../src/core/decide/dispatch.js";
import { awaitExternal, release, retry, sweep } from "../../../src/core/decide/finish.js";
import { needs, wakeAt } from "../../../src/core/decide/change/wake.js";
import type { JobRecord } from "../../../src/core/job/record.js";
import { context, edges, JOB, NEW_JOB, NOW, POLICY, refused, snapshot, written } from "./fixtures.js";

const OWN = { queue: null, handOver: "own", deadlineAt: NOW + 90_000 } as const;
const pending = (given: Partial<JobRecord> = {}) => snapshot(JOB.pending({ ...OWN, ...given }));
const running = (given: Partial<JobRecord> = {}) => snapshot(JOB.running({ ...OWN, ...given }));
const held = { token: "tok", policy: POLICY.retry };
const error = { message: "no", code: null, expose: false, afterMs: 5_000 };

describe("a job that the application hands over itself", () => {
  it("is created PENDING, never to be sent, and only its deadline wakes anybody", () => {
    const record = createRecord({ ...NEW_JOB, ...OWN, delayMs: 50 }, context());
    expect(record).toMatchObject({ status: "PENDING", version: 1, readyAt: null, queuedAt: null });
    expect(record).toMatchObject({ sendAt: NOW + 50, wakeAt: OWN.deadlineAt });
    expect(needs(snapshot(record), POLICY)).toEqual([{ reason: "deadline", at: OWN.deadlineAt }]);
  });

  it("is told of at once all the same", () => {
    const record = createRecord({ ...NEW_JOB, ...OWN, notifiers: ["ui"] }, context());
    expect(record.wakeAt).toBe(NOW + POLICY.notifyGraceMs);
  });

  it.each([
    ["a retry", () => retry(running(), { ...held, error }, context()), NOW + 5_000],
    ["a release", () => release(running(), held, context()), NOW],
    ["a lapse", () => sweep(running({ leaseUntil: NOW - 1 }), context()), NOW],
  ])("is PENDING again after %s, to be claimed from then on, under a new dispatch", (_, decide, from) => {
    const decision = decide();
    expect(edges(decision)).toEqual(["T7"]);
    const { item, after } = written(decision);
    expect(item.patch).toMatchObject({ status: "PENDING", dispatch: 2, sendAt: from, readyAt: null });
    expect(item.patch.wakeAt).toBe(OWN.deadlineAt);
    expect(after.record.queuedAt).toBe(NOW - 9_000);
  });

  it("waits for outside work like any other", () => {
    const awaiting = {
      ...{ ref: 1, refKeys: [], deadlineAt: NOW + 50_000, nextPollAt: NOW + 7, cancellable: false },
    };
    const { after } = written(awaitExternal(running(), { token: "tok", awaiting }, context()));
    expect(wakeAt(after, POLICY)).toBe(NOW + 7);
  });

  it("ends at its deadline, and when somebody cancels it", () => {
    const over = pending({ deadlineAt: NOW });
    expect(written(deadline(over, context())).item.patch.failure?.reason).toBe("deadline_exceeded");
    expect(edges(cancel(pending(), { reason: null }, context()))).toEqual(["T8"]);
  });

  it("knows no queue: nothing was sent, refused or given up", () => {
    expect(markSent(pending(), 1, context())).toEqual(refused("other_dispatch"));
    expect(rejectSend(pending(), 1, "no", context())).toEqual(refused("other_dispatch"));
    expect(deadLetter(pending(), 1, context())).toEqual(refused("other_dispatch"));
    expect(recall(pending(), "operator", context())).toEqual(refused("not_in_status"));
  });
});
