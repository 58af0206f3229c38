import { describe, expect, it } from "vitest";
import { advance, afterPublish, retire, THE_END, undelivered } from "../../../src/core/decide/deliver.js";
import { cursor, entry, history, JOB, NOW, POLICY, snapshot } from "./fixtures.js";

const RETRY = { maxAttempts: 3, baseMs: 1_000, capMs: 60_000 };
const AT = { now: NOW, random: 0.5 };
const entries = [entry(3), entry(5), entry(6)];
const OK = { status: "delivered" } as const;
const AGAIN = { status: "retry", reason: "busy" } as const;
const NO = { status: "rejected", reason: "unknown room" } as const;

describe("after a publish (C1, C2, C6)", () => {
  it("the cursor is at the last entry delivered, never at the record's version", () => {
    expect(afterPublish(cursor(2), entries, [OK, OK], RETRY, AT)).toEqual(cursor(5));
  });

  it("it stops before the first that must be tried again", () => {
    const retryAt = NOW + 500;
    expect(afterPublish(cursor(2), entries, [OK, AGAIN, OK], RETRY, AT)).toEqual(
      cursor(3, { attempts: 1, retryAt }),
    );
  });

  it("the receiver's own delay counts when it is longer, and no retry is at once", () => {
    const slow = { ...AGAIN, afterMs: 90_000 };
    expect(afterPublish(cursor(2), entries, [slow], RETRY, AT).retryAt).toBe(NOW + 90_000);
    expect(afterPublish(cursor(2), entries, [AGAIN], RETRY, { now: NOW, random: 0 }).retryAt).toBe(NOW + 1);
  });

  it("what is rejected, or tried often enough, is listed and passed", () => {
    expect(afterPublish(cursor(2), entries, [NO, OK], RETRY, AT)).toEqual(cursor(5, { exhausted: [3] }));
    const tired = cursor(2, { attempts: 2, exhausted: [1] });
    expect(afterPublish(tired, entries, [AGAIN], RETRY, AT)).toEqual(cursor(3, { exhausted: [1, 3] }));
  });

  it("answers beyond what was offered say nothing", () => {
    expect(afterPublish(cursor(5), [entry(6)], [OK, OK, OK], RETRY, AT)).toEqual(cursor(6));
  });
});

describe("cursors", () => {
  const job = JOB.running({ notifiers: ["ui", "bill"], version: 3, history: history(3) });

  it("leave undelivered what lies above them, lowest first", () => {
    const held = snapshot(job, { ui: cursor(1) });
    expect(undelivered(held, "ui").map(({ version }) => version)).toEqual([2, 3]);
    expect(undelivered(held, "bill")).toHaveLength(3);
  });

  it("of a retired notifier lie behind every entry", () => {
    expect(retire(undefined)).toEqual(cursor(THE_END));
    const tired = cursor(1, { attempts: 4, retryAt: NOW, exhausted: [1] });
    expect(retire(tired)).toEqual(cursor(THE_END, { exhausted: [1] }));
  });

  it("move with the wake-up of the version that was seen (C4)", () => {
    const moved = { ui: cursor(3) };
    const held = snapshot(job, { bill: cursor(3), ui: cursor(1) });
    const item = advance(held, moved, { now: NOW, policy: POLICY });
    expect(item).toEqual({
      id: "job",
      plannedOn: { status: "PROCESSING", version: 3, token: job.token },
      wakeAt: job.leaseUntil,
      purgeAt: null,
      latestWakeAt: NOW + POLICY.notifyGraceMs,
      // All that the plan rests on: the store sees whether it is old.
      cursors: { bill: cursor(3), ui: cursor(3) },
    });
  });

  it("settle a final job when the last of them arrives", () => {
    const done = JOB.completed({ notifiers: ["ui"] });
    const item = advance(snapshot(done), { ui: cursor(1) }, { now: NOW, policy: POLICY });
    expect(item).toMatchObject({ wakeAt: null, purgeAt: NOW + done.retainMs });
    const kept = advance(snapshot({ ...done, purgeAt: 9 }), { ui: cursor(1) }, { now: NOW, policy: POLICY });
    expect(kept.purgeAt).toBe(9);
  });
});
