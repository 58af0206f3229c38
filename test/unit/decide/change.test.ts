import { describe, expect, it } from "vitest";
import { cancel } from "../../../src/core/decide/cancel.js";
import { change } from "../../../src/core/decide/change/change.js";
import { complete, fail, release, retry } from "../../../src/core/decide/finish.js";
import { report } from "../../../src/core/decide/held.js";
import { context, cursor, FINAL, history, JOB, NOW, POLICY, snapshot, written } from "./fixtures.js";

const POLICY_OF_TEN = { ...POLICY, maxTextChars: 10 };

describe("a change", () => {
  it("gives each of its entries the next version and ends at the last", () => {
    const { item, entries } = change(snapshot(JOB.running()), context(), {
      drafts: [{ edge: "phase", reason: "a" }, { edge: "T5" }],
    });
    expect(entries.map(({ version }) => version)).toEqual([4, 5]);
    expect(item.patch).toMatchObject({ version: 5, status: "COMPLETED", updatedAt: NOW });
  });

  it("raises the version by one and keeps the status when it appends nothing", () => {
    const { item, entries } = change(snapshot(JOB.running()), context(), { patch: { percent: 1 } });
    expect(entries).toEqual([]);
    expect(item).toMatchObject({
      patch: { version: 4, status: "PROCESSING", percent: 1 },
      history: { append: "" },
    });
  });

  it("repeats in the store what it was decided on", () => {
    const { item } = change(snapshot(JOB.running()), context(), { guard: { expiredLease: 7 } });
    expect(item.guard).toEqual({ status: "PROCESSING", version: 3, token: "tok", expiredLease: 7 });
  });

  it("records who, when, in which attempt and under which transition id", () => {
    const draft = { edge: "warning", reason: "slow", text: "Slow.", expose: true } as const;
    const [entry] = change(snapshot(JOB.running()), context(), { drafts: [draft] }).entries;
    expect(entry).toEqual({ ...draft, version: 4, at: NOW, attempt: 1, transitionId: "mine", actor: "ann" });
  });

  it("says what will be stored", () => {
    const running = JOB.running();
    const { item, after } = change(snapshot(running), context(), { drafts: [{ edge: "T5" }] });
    expect(after.record).toEqual({ ...running, ...item.patch, history: after.record.history });
    expect(after.record.history.startsWith(`${running.history},[4,"T5",`)).toBe(true);
  });

  it.each(FINAL)("is impossible on a %s record", (_, job) => {
    expect(() => change(snapshot(job()), context(), {})).toThrow(TypeError);
  });

  it("hands over the entries that it trims and counts them", () => {
    const policy = { ...POLICY, maxHistoryEntries: 10 };
    const job = JOB.running({ version: 12, history: history(12), historyTrimmed: 2 });
    const { item, trimmed, after } = change(snapshot(job), context({ policy }), { drafts: [{ edge: "T5" }] });
    expect(trimmed.map(({ version }) => version)).toEqual([1, 2, 3]);
    expect(item.patch.historyTrimmed).toBe(5);
    expect(item.history).toEqual({ replace: after.record.history });
  });

  describe("the wake-up that it stores", () => {
    const notified = (given = {}) => JOB.running({ notifiers: ["ui"], ...given });

    it("never trusts a notifier's retry that lies beyond the grace: the cursor may have moved since it was seen", () => {
      const cursors = { ui: cursor(0, { attempts: 12, retryAt: NOW + 7_200_000 }) };
      const { item } = change(snapshot(notified({ leaseUntil: NOW + 60_000 }), cursors), context(), {});
      expect(item.patch.wakeAt).toBe(NOW + POLICY.notifyGraceMs);
    });

    it("is not put off by a change without an entry while notifiers have something to hear", () => {
      const running = { ...JOB.running({ notifiers: ["ui"] }), wakeAt: NOW + 1_000 };
      const quiet = change(snapshot(running), context(), { patch: { percent: 1 } });
      expect(quiet.item.patch.wakeAt).toBe(NOW + 1_000);
      const said = change(snapshot(running), context(), { drafts: [{ edge: "phase", reason: "a" }] });
      expect(said.item.patch.wakeAt).toBe(NOW + POLICY.notifyGraceMs);
    });

    it("keeps a nearer one", () => {
      const cursors = { ui: cursor(0, { attempts: 1, retryAt: NOW + 1_000 }) };
      expect(change(snapshot(notified(), cursors), context(), {}).item.patch.wakeAt).toBe(NOW + 1_000);
    });

    it("asks for no look at notifiers that have had everything", () => {
      const cursors = { ui: cursor(1) };
      expect(change(snapshot(notified(), cursors), context(), {}).item.patch.wakeAt).toBe(NOW + 20_000);
    });

    it("is none, with an instant to purge, once a final record has no notifier to tell", () => {
      const { item } = change(snapshot(JOB.running()), context(), { drafts: [{ edge: "T5" }] });
      expect(item.patch).toMatchObject({ wakeAt: null, purgeAt: NOW + 1_000 });
    });

    it("stays while a final record's notifiers have not heard of it", () => {
      const { item } = change(snapshot(notified()), context(), { drafts: [{ edge: "T5" }] });
      expect(item.patch).toMatchObject({ wakeAt: NOW + POLICY.notifyGraceMs, purgeAt: null });
    });
  });
});

describe("stored text", () => {
  const at = context({ policy: POLICY_OF_TEN });
  const long = "x".repeat(50);
  const cut = `${"x".repeat(9)}…`;

  it("is cut in an entry", () => {
    const drafts = [{ edge: "warning", text: long } as const];
    expect(change(snapshot(JOB.running()), at, { drafts }).entries[0]?.text).toBe(cut);
  });

  it("is left as it is within the bound", () => {
    const drafts = [{ edge: "warning", text: "x".repeat(10) } as const];
    expect(change(snapshot(JOB.running()), at, { drafts }).entries[0]?.text).toBe("x".repeat(10));
  });

  it("is never cut inside a character", () => {
    const drafts = [{ edge: "warning", text: `${"x".repeat(8)}😀😀` } as const];
    expect(change(snapshot(JOB.running()), at, { drafts }).entries[0]?.text).toBe(`${"x".repeat(8)}…`);
  });

  it("is cut in the failure", () => {
    const failure = { reason: "error", message: long } as const;
    const { item } = written(fail(snapshot(JOB.running()), { token: "tok", failure }, at));
    expect(item.patch.failure?.message).toBe(cut);
  });

  it("is cut in the last error", () => {
    const error = { message: long, code: null, expose: false, afterMs: null };
    const { item } = written(
      retry(snapshot(JOB.running()), { token: "tok", error, policy: POLICY.retry }, at),
    );
    expect(item.patch.lastError?.message).toBe(cut);
  });

  it("is cut in a request to cancel", () => {
    const { item } = written(cancel(snapshot(JOB.running()), { reason: long }, at));
    expect(item.patch.cancel?.reason).toBe(cut);
  });
});

describe("what a handler said last", () => {
  const updates = {
    progress: { done: 9 },
    phase: "converting",
    drafts: [{ edge: "phase", reason: "converting" } as const],
  };

  it("is kept when a request to cancel ends the job at a retry", () => {
    const error = { message: "later", code: null, expose: false, afterMs: null };
    const held = { token: "tok", error, policy: POLICY.retry, updates };
    const { item, entries } = written(retry(snapshot(JOB.cancelling()), held, context()));
    expect(entries.map(({ edge }) => edge)).toEqual(["phase", "T6"]);
    expect(item.patch).toMatchObject({ progress: { done: 9 }, phase: "converting" });
  });

  it("is kept when a request to cancel ends the job at a release", () => {
    const held = { token: "tok", policy: POLICY.retry, updates };
    const { item } = written(release(snapshot(JOB.cancelling()), held, context()));
    expect(item.patch).toMatchObject({ progress: { done: 9 }, phase: "converting" });
  });

  it("is kept by every outcome and by a report alike", () => {
    const done = written(
      complete(snapshot(JOB.running()), { token: "tok", output: "1", updates }, context()),
    );
    const said = written(report(snapshot(JOB.running()), { token: "tok", leaseMs: 9, updates }, context()));
    for (const { item } of [done, said]) expect(item.patch).toMatchObject({ phase: "converting" });
  });
});
