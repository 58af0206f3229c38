import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { change } from "../../../src/core/decide/change/change.js";
import { advance, undelivered } from "../../../src/core/decide/deliver.js";
import {
  isSettled,
  lastEntryVersion,
  needs,
  undeliveredTo,
  wakeAt,
} from "../../../src/core/decide/change/wake.js";
import { context, cursor, FINAL, history, JOB, NOW, POLICY, snapshot } from "./fixtures.js";

const reasons = (...given: Parameters<typeof snapshot>) => needs(snapshot(...given), POLICY);

describe("what a record needs", () => {
  it("PENDING: to be sent, after the grace in which its author sends", () => {
    const job = JOB.pending({ sendAt: NOW, updatedAt: NOW });
    expect(reasons(job)).toEqual([{ reason: "send", at: NOW + POLICY.sendGraceMs }]);
  });

  it("PENDING with a backoff: to be sent when it is over", () => {
    expect(reasons(JOB.pending({ sendAt: NOW + 7, updatedAt: NOW }))).toEqual([
      { reason: "send", at: NOW + 7 },
    ]);
  });

  it("PENDING without an instant: as if it were ready", () => {
    const job = JOB.pending({ sendAt: null, updatedAt: NOW });
    expect(reasons(job)).toEqual([{ reason: "send", at: NOW + POLICY.sendGraceMs }]);
  });

  it("QUEUED in a queue: to be sent again on age", () => {
    expect(reasons(JOB.queued({ sendAt: NOW + 5 }))).toEqual([{ reason: "redispatch", at: NOW + 5 }]);
  });

  it("QUEUED in the store: nothing, the ready index leads to it", () => {
    expect(reasons(JOB.ready())).toEqual([]);
    expect(wakeAt(snapshot(JOB.ready()), POLICY)).toBeNull();
  });

  it("PROCESSING: a look when the lease ends", () => {
    expect(reasons(JOB.running())).toEqual([{ reason: "lease", at: NOW + 20_000 }]);
  });

  it("PROCESSING without a lease: none, absent is never expired", () => {
    expect(reasons(JOB.running({ leaseUntil: null }))).toEqual([]);
  });

  it("waiting: a poll, and its deadline", () => {
    expect(reasons(JOB.waiting())).toEqual([
      { reason: "poll", at: NOW - 1 },
      { reason: "await_deadline", at: NOW + 50_000 },
    ]);
  });

  it("being polled: a poll when the present one lapses", () => {
    expect(reasons(JOB.polled())[0]).toEqual({ reason: "poll", at: NOW + 5_000 });
  });

  it("a deadline of its own", () => {
    expect(reasons(JOB.running({ deadlineAt: NOW + 1 }))).toContainEqual({ reason: "deadline", at: NOW + 1 });
  });

  it.each(FINAL)("%s: no deadline any more", (_, job) => {
    expect(reasons(job({ deadlineAt: NOW + 1 }))).toEqual([]);
  });

  it("a notification within the grace after the change, then at the notifier's retry", () => {
    const job = JOB.completed({ notifiers: ["ui", "bill", "log"], updatedAt: NOW });
    const cursors = { bill: cursor(0, { attempts: 1, retryAt: NOW + 9 }), log: cursor(1) };
    expect(reasons(job, cursors)).toEqual([
      { reason: "notify", at: NOW + POLICY.notifyGraceMs, notifier: "ui" },
      { reason: "notify", at: NOW + 9, notifier: "bill" },
    ]);
  });
});

describe("notifiers", () => {
  it.each(["constructor", "toString", "__proto__", "hasOwnProperty"])("may be named %s", (name) => {
    const job = JOB.completed({ notifiers: [name] });
    expect(undeliveredTo(job, {})).toEqual([name]);
    expect(reasons(job)).toHaveLength(1);
    expect(undelivered(snapshot(job), name)).toHaveLength(1);
    const moved = Object.fromEntries([[name, cursor(1)]]);
    const item = advance(snapshot(job), moved, { now: NOW, policy: POLICY });
    expect(item.wakeAt).toBeNull();
    const { item: write } = change(
      snapshot(JOB.running({ notifiers: [name], version: 12, history: history(12) })),
      context({ policy: { ...POLICY, maxHistoryEntries: 10 } }),
      {},
    );
    // Nobody of that name has had anything: what goes is not taken to be delivered.
    expect(write.history).toMatchObject({ replace: expect.stringContaining("events_omitted") as string });
  });

  it("have had everything when their cursor is at the last entry, whatever the version", () => {
    const job = JOB.completed({ notifiers: ["ui"], version: 9 });
    expect(lastEntryVersion(job)).toBe(1);
    expect(isSettled(snapshot(job, { ui: cursor(1) }))).toBe(true);
    expect(isSettled(snapshot(job, { ui: cursor(0) }))).toBe(false);
  });

  it("have nothing to have of an empty history", () => {
    expect(lastEntryVersion(JOB.completed({ history: "" }))).toBe(0);
  });

  it("do not settle what is not final", () => {
    expect(isSettled(snapshot(JOB.running()))).toBe(false);
  });
});

describe("the wake-up (W1)", () => {
  const instant = fc.integer({ min: -100_000, max: 100_000 }).map((offset) => NOW + offset);
  const job = fc
    .record({
      make: fc.constantFrom(...Object.values(JOB)),
      deadlineAt: fc.option(instant),
      sendAt: fc.option(instant),
      updatedAt: instant,
      notifiers: fc.subarray(["ui", "bill"]),
      cursors: fc.dictionary(
        fc.constantFrom("ui", "bill"),
        fc.record({ upTo: fc.nat(2), retryAt: fc.option(instant) }),
      ),
    })
    .map(({ make, cursors, ...given }) => {
      const moved = Object.entries(cursors).map(([name, { upTo, retryAt }]) => [
        name,
        cursor(upTo, { retryAt }),
      ]);
      return snapshot(make(given), Object.fromEntries(moved) as Record<string, ReturnType<typeof cursor>>);
    });

  it("is the least of all needs, and none exactly when there is none", () => {
    fc.assert(
      fc.property(job, (held) => {
        const instants = needs(held, POLICY).map(({ at }) => at);
        expect(wakeAt(held, POLICY)).toBe(instants.length === 0 ? null : Math.min(...instants));
      }),
    );
  });

  it("as a change stores it covers every need of what it stores", () => {
    fc.assert(
      fc.property(job, (held) => {
        fc.pre(held.record.status !== "COMPLETED" && held.record.status !== "FAILED");
        const { after } = change(held, context(), {});
        for (const { at } of needs(after, POLICY)) expect(after.record.wakeAt).toBeLessThanOrEqual(at);
      }),
    );
  });

  it("as a change stores it covers every need at cursors that moved since, but for the grace", () => {
    fc.assert(
      fc.property(job, fc.nat(2), fc.option(instant), (held, upTo, retryAt) => {
        fc.pre(held.record.status !== "COMPLETED" && held.record.status !== "FAILED");
        const { record } = change(held, context(), { patch: { percent: 1 } }).after;
        const moved = Object.fromEntries(
          record.notifiers.map((name) => {
            const seen = held.cursors[name]?.upTo ?? 0;
            return [name, cursor(Math.max(seen, upTo), { retryAt })];
          }),
        );
        for (const { at } of needs({ record, cursors: moved }, POLICY)) {
          expect(record.wakeAt).toBeLessThanOrEqual(Math.max(at, NOW + POLICY.notifyGraceMs));
        }
      }),
    );
  });
});
