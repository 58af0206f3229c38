import { describe, expect, it } from "vitest";
import { giveIn, release } from "../../../src/core/decide/finish.js";
import { encodeHistory } from "../../../src/core/job/history.js";
import type { Snapshot } from "../../../src/core/job/record.js";
import { CLAIM_CLEARED, context, edges, entry, JOB, NOW, POLICY, snapshot, written } from "./fixtures.js";

const RETURNED = {
  ...CLAIM_CLEARED,
  dispatch: 2,
  send: 0,
  worker: null,
  phase: null,
  progress: null,
  percent: null,
  etaAt: null,
};

describe("a handler that gives in to a request to cancel (T6)", () => {
  it("ends the job as cancelled, with what it said before", () => {
    const updates = { percent: 0.7 };
    const { item } = written(giveIn(snapshot(JOB.cancelling()), { token: "tok", updates }, context()));
    expect(item.patch).toMatchObject({ percent: 0.7, failure: { reason: "cancelled" } });
    expect(edges(giveIn(snapshot(JOB.cancelling()), { token: "tok" }, context()))).toEqual(["T6"]);
  });
});

describe("release at shutdown (T7)", () => {
  const policy = POLICY.retry;
  const given = (seen: Snapshot) => release(seen, { token: "tok", policy }, context());
  const at = (version: number, edge: "T2" | "T3" | "T7", instant: number, reason: string | null = null) =>
    entry(version, { edge, at: instant, reason });

  it("gives the attempt back and waits for nothing", () => {
    const { item } = written(given(snapshot(JOB.running())));
    expect(item.patch).toMatchObject({
      ...RETURNED,
      status: "PENDING",
      attempt: 0,
      releases: 1,
      sendAt: NOW,
    });
  });

  it.each([
    ["first put", [entry(1), at(2, "T2", 20), at(3, "T3", 30)], 20],
    ["last put, after a failure", [at(2, "T2", 20), at(3, "T7", 30, "error"), at(4, "T2", 40)], 40],
    ["put before it was given back", [at(2, "T2", 20), at(3, "T7", 30, "released"), at(4, "T2", 40)], 20],
    ["recorded, where that was trimmed", [at(9, "T3", 30)], NOW - 10_000],
  ])("keeps the place in the store's own queue where it was %s", (_, entries, readyAt) => {
    const job = JOB.running({ queue: null, history: encodeHistory(entries) });
    expect(written(given(snapshot(job))).item.patch.readyAt).toBe(readyAt);
    const later = release(snapshot(job), { token: "tok", policy, afterMs: 500 }, context());
    expect(written(later).item.patch.readyAt).toBe(NOW + 500);
  });

  it("of a job that was only claimed ahead counts no shutdown against it", () => {
    const ahead = { token: "tok", policy, begun: false };
    const { item } = written(release(snapshot(JOB.running({ releases: 10 })), ahead, context()));
    expect(item.patch).toMatchObject({ status: "PENDING", attempt: 0 });
    expect(item.patch.releases ?? 10).toBe(10);
  });

  it("is a retry that costs an attempt after too many", () => {
    const { item } = written(given(snapshot(JOB.running({ releases: 10 }))));
    expect(item.patch).toMatchObject({
      status: "PENDING",
      lastError: { message: "The job was given back at too many shutdowns while it ran." },
    });
    expect(item.patch.attempt).toBeUndefined();
  });
});
