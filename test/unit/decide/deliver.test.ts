import { describe, expect, it } from "vitest";
import {
  advance,
  afterPublish,
  redeliver,
  retire,
  THE_END,
  undelivered,
} from "../../../src/core/decide/deliver.js";
import type { PublishResult } from "../../../src/core/ports/notifier.js";
import type { Cursor } from "../../../src/core/job/record.js";
import { cursor, entry, history, JOB, NOW, POLICY, snapshot } from "./fixtures.js";

const HOUR = 3_600_000;
const NOTIFIER = { giveUpAfterMs: 100_000, baseMs: 1_000, capMs: 60_000 };
const entries = [entry(3), entry(5), entry(6)];
const OK = { status: "delivered" } as const;
const AGAIN = { status: "retry", reason: "busy" } as const;
const HELD = { status: "held", reason: "too many at once", afterMs: 30_000 } as const;
const NO = { status: "rejected", reason: "unknown room" } as const;

function published(from: Cursor, results: readonly PublishResult[], random = 0.5, now = NOW): Cursor {
  return afterPublish(from, entries, results, NOTIFIER, { now, random });
}

describe("after a publish (C1, C2, C6)", () => {
  it("the cursor is at the last entry delivered, never at the record's version", () => {
    expect(published(cursor(2), [OK, OK])).toEqual(cursor(5));
  });

  it("it stops before the first that must be tried again", () => {
    const failing = { attempts: 1, since: NOW, retryAt: NOW + 750, reason: "busy" };
    expect(published(cursor(2), [OK, AGAIN, OK])).toEqual(cursor(3, failing));
  });

  it("answers beyond what was offered say nothing", () => {
    expect(afterPublish(cursor(5), [entry(6)], [OK, OK, OK], NOTIFIER, { now: NOW, random: 0 })).toEqual(
      cursor(6),
    );
  });

  it("a reason has at most 200 characters", () => {
    const long = "x".repeat(300);
    for (const answer of [AGAIN, HELD, NO])
      expect(published(cursor(2), [{ ...answer, reason: long }]).reason).toHaveLength(200);
  });
});

describe("the wait for the next try", () => {
  it("is half fixed and half chance", () => {
    expect(published(cursor(2), [AGAIN], 0).retryAt).toBe(NOW + 500);
    expect(published(cursor(2), [AGAIN], 0.999).retryAt).toBe(NOW + 999);
  });

  it("is short after few tries, whatever another clock says of when the first one was", () => {
    const apart = cursor(2, { attempts: 1, since: NOW - 90_000 });
    expect(published(apart, [AGAIN], 0.999).retryAt).toBe(NOW + 1_999);
  });

  it("doubles about as long as the entry fails, up to the cap", () => {
    const failing = (ms: number) => cursor(2, { attempts: 9, since: NOW - ms });
    expect(published(failing(8_000), [AGAIN], 0).retryAt).toBe(NOW + 4_000);
    expect(published(failing(8_000), [AGAIN], 0.999).retryAt).toBe(NOW + 7_996);
    expect(published(failing(90_000), [AGAIN], 0).retryAt).toBe(NOW + 30_000);
  });

  it("is the receiver's own where that is longer, at most a day, whole, and never at once", () => {
    const asks = (afterMs: number) => published(cursor(2), [{ ...AGAIN, afterMs }], 0).retryAt;
    expect(asks(90_000.5)).toBe(NOW + 90_001);
    expect(asks(400)).toBe(NOW + 500);
    expect(asks(25 * HOUR)).toBe(NOW + 24 * HOUR);
    const none = { ...NOTIFIER, baseMs: 0, capMs: 0 };
    const at = { now: NOW, random: 0 };
    expect(afterPublish(cursor(2), entries, [AGAIN], none, at).retryAt).toBe(NOW + 1);
  });
});

describe("the time of an entry", () => {
  const failing = cursor(2, { attempts: 4, since: NOW - 99_999, retryAt: NOW, reason: "busy" });

  it("counts from its first try that failed", () => {
    expect(published(failing, [AGAIN])).toMatchObject({ upTo: 2, attempts: 5, since: NOW - 99_999 });
  });

  it("is over when a try fails after it: the entry is listed, and the next has time of its own", () => {
    const over = { ...failing, since: NOW - 100_000 };
    expect(published(over, [AGAIN, AGAIN])).toEqual(
      cursor(3, {
        ...{ attempts: 1, since: NOW, retryAt: NOW + 750 },
        ...{ reason: "busy", exhausted: [3] },
      }),
    );
  });

  it("does not matter to what is delivered after it", () => {
    expect(published({ ...failing, since: 0 }, [OK])).toEqual(cursor(3));
  });

  it("is not used up by being held: neither its first try nor its end", () => {
    const held = published(cursor(2), [HELD]);
    expect(held).toEqual(cursor(2, { attempts: 1, retryAt: NOW + 30_000, reason: "too many at once" }));
    expect(published(held, [AGAIN]).since).toBe(NOW);
    const over = { ...failing, since: NOW - 100_000 };
    expect(published(over, [HELD])).toEqual({
      ...over,
      ...{ attempts: 5, retryAt: NOW + 30_000, reason: "too many at once" },
    });
  });

  it("waits at most a day at once while it is held", () => {
    expect(published(cursor(2), [{ ...HELD, afterMs: 25 * HOUR }]).retryAt).toBe(NOW + 24 * HOUR);
    expect(published(cursor(2), [{ ...HELD, afterMs: 0 }]).retryAt).toBe(NOW + 1);
  });
});

describe("what is given up", () => {
  it("is listed with its reason and passed", () => {
    expect(published(cursor(2), [NO])).toEqual(cursor(3, { exhausted: [3], reason: "unknown room" }));
  });

  it("keeps its reason while later entries are delivered", () => {
    expect(published(cursor(2), [NO, OK])).toEqual(cursor(5, { exhausted: [3], reason: "unknown room" }));
    const failed = cursor(3, { attempts: 1, since: 1, retryAt: 2, reason: "busy" });
    expect(published(failed, [OK])).toEqual(cursor(3));
  });

  it("is no longer listed when it was delivered after all, which uses up nothing", () => {
    const listed = cursor(5, { exhausted: [3, 5], reason: "unknown room" });
    const once = redeliver(listed, [3]);
    expect(once).toEqual({ ...listed, attempts: 1, exhausted: [5] });
    expect(redeliver(once, [5, 9])).toEqual(cursor(5, { attempts: 2 }));
    const waits = cursor(3, { attempts: 7, since: 1, retryAt: NOW, exhausted: [3], reason: "busy" });
    expect(redeliver(waits, [3])).toEqual({ ...waits, attempts: 8, exhausted: [] });
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
    const tired = cursor(1, { attempts: 4, since: 1, retryAt: NOW, reason: "busy" });
    expect(retire(tired)).toEqual(cursor(THE_END));
    const listed = { ...tired, exhausted: [1] };
    expect(retire(listed)).toEqual(cursor(THE_END, { exhausted: [1], reason: "busy" }));
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
