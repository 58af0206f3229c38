import { describe, expect, it } from "vitest";
import { acknowledge } from "../../../src/core/decide/acknowledge.js";
import { AWAITING, FINAL, JOB, NOW } from "./fixtures.js";

const MINUTE = 60_000;
const delivery = (given: Partial<Parameters<typeof acknowledge>[1]> = {}) => {
  return { dispatch: 1, receives: 1, maxReceives: null, now: NOW, recovered: true, ...given };
};
const released = (afterMs: number, why: string) => ({ do: "release", afterMs, why });

describe("a delivery whose claim was refused", () => {
  it.each(FINAL)("goes when the job is %s (A1)", (_, job) => {
    expect(acknowledge(job(), delivery())).toEqual({ do: "ack", why: "final" });
  });

  it("goes when a later dispatch has been decided (A1)", () => {
    expect(acknowledge(JOB.queued({ dispatch: 2 }), delivery())).toEqual({
      do: "ack",
      why: "older_dispatch",
    });
  });

  it("waits for a process that knows the record's format", () => {
    expect(acknowledge(JOB.queued({ recordVersion: 99 }), delivery())).toEqual(
      released(MINUTE, "newer_format"),
    );
  });

  it("comes again when the lease of whoever runs the job ends (A4)", () => {
    expect(acknowledge(JOB.running(), delivery())).toEqual(released(20_000, "busy"));
  });

  it("comes again at once when the lease has passed, but never in a hot loop (A4)", () => {
    expect(acknowledge(JOB.running({ leaseUntil: NOW - 9 }), delivery())).toEqual(released(1_000, "busy"));
    expect(acknowledge(JOB.running({ leaseUntil: null }), delivery())).toEqual(released(1_000, "busy"));
  });

  it("comes again after the next poll of external work (A4)", () => {
    const awaiting = { ...AWAITING, nextPollAt: NOW + 7_000 };
    expect(acknowledge(JOB.waiting({ awaiting }), delivery())).toEqual(released(7_000, "waiting"));
  });

  it("stays no longer away than a quarter of an hour", () => {
    const job = JOB.running({ leaseUntil: NOW + 100 * MINUTE });
    expect(acknowledge(job, delivery())).toEqual(released(15 * MINUTE, "busy"));
  });

  it.each([
    { receives: 9, recovered: true, does: "ack" },
    { receives: 8, recovered: true, does: "release" },
    { receives: 9, recovered: false, does: "release" },
  ])("busy at receive $receives of 10, reconciler: $recovered: $does (A4)", ({ does, ...given }) => {
    expect(acknowledge(JOB.running(), delivery({ ...given, maxReceives: 10 })).do).toBe(does);
  });

  it("waits for the backoff (A5)", () => {
    expect(acknowledge(JOB.pending({ sendAt: NOW + 3_000 }), delivery())).toEqual(released(3_000, "early"));
  });

  it.each([
    ["PENDING and ready", JOB.pending({ sendAt: NOW })],
    ["PENDING without an instant", JOB.pending({ sendAt: null })],
    ["QUEUED", JOB.queued()],
  ])("comes again soon when the job is %s by now", (_, job) => {
    expect(acknowledge(job, delivery())).toEqual(released(1_000, "again"));
  });
});
