import { describe, expect, it } from "vitest";
import {
  applyAdvance,
  applyBeat,
  applyClaimByMessage,
  applyClaimNext,
  applyTakeDue,
  applyWrite,
  type StoredRow,
} from "../../src/adapters/memory/store-semantics.js";
import { type JobRecord, START } from "../../src/core/job/record.js";
import {
  sampleJob,
  sampleQueuedJob,
  sampleReadyJob,
  sampleTerms,
  sampleWrite,
} from "../../src/testing/sample-jobs.js";

const NOW = 1_750_000_000_000;
const next = {
  terms: sampleTerms(),
  token: "token-1",
  kinds: [{ kind: "sample.work", leaseMs: 1_000 }],
  limit: 1,
};

/** A row that nothing may write to. */
function rowOf(record: JobRecord): StoredRow {
  return Object.freeze({
    record: Object.freeze(record),
    cursors: Object.freeze({}),
    input: "{}",
    output: null,
  });
}

describe("the semantics of a store", () => {
  it("leave the row given as it is when they change it", () => {
    const pending = rowOf(sampleJob({ id: "job-1" }, NOW));
    const ready = rowOf(sampleReadyJob({ id: "job-1" }, NOW));
    const message = { id: "job-1", dispatch: 1, token: "token-1", leaseMs: 1_000 };
    const cursors = { ui: { ...START, upTo: 1 } };
    const plannedOn = pending.record;
    const advance = { id: "job-1", plannedOn, wakeAt: null, purgeAt: null, latestWakeAt: 0, cursors };
    const claimed = applyClaimByMessage(pending, message, sampleTerms(), NOW).row;
    Object.freeze(claimed.record);
    const results = [
      applyWrite(pending, sampleWrite(pending.record, { edges: ["T2"] }), NOW),
      applyClaimNext(ready, next, NOW),
      applyTakeDue(pending, 1_000, NOW + 60_000),
      applyAdvance(pending, advance),
      applyBeat(claimed, { id: "job-1", token: "token-1", leaseMs: 5_000 }, NOW),
    ];
    for (const { row } of results) expect([pending, ready, claimed]).not.toContain(row);
  });

  it("hand the row given back when they change nothing", () => {
    const row = rowOf(sampleQueuedJob({ id: "job-1" }, NOW));
    const stale = sampleWrite(row.record, { guard: { version: 9 } });
    const message = { id: "job-1", dispatch: 0, token: "token-1", leaseMs: 1_000 };
    expect(applyWrite(row, stale, NOW).row).toBe(row);
    expect(applyBeat(row, { id: "job-1", token: "token-1", leaseMs: 1_000 }, NOW).row).toBe(row);
    expect(applyClaimByMessage(row, message, sampleTerms(), NOW).row).toBe(row);
    expect(applyClaimNext(row, next, NOW).row).toBe(row);
    expect(applyTakeDue(row, 1_000, NOW).row).toBe(row);
    const { row: held } = applyClaimByMessage(row, { ...message, dispatch: 1 }, sampleTerms(), NOW);
    expect(applyClaimByMessage(held, { ...message, dispatch: 1 }, sampleTerms(), NOW + 5).row).toBe(held);
  });

  it("claim a ready job from its instant on, not before", () => {
    const row = rowOf(sampleReadyJob({ id: "job-1", readyAt: NOW }, NOW));
    expect(applyClaimNext(row, next, NOW - 1).result).toBeNull();
    expect(applyClaimNext(row, next, NOW).result?.record.status).toBe("PROCESSING");
  });

  it("claim no job of a kind that was not asked for", () => {
    const row = rowOf(sampleReadyJob({ id: "job-1", kind: "other" }, NOW));
    expect(applyClaimNext(row, next, NOW).result).toBeNull();
  });

  it("take a wake-up from its instant on, not before, and never clear it", () => {
    const row = rowOf(sampleJob({ id: "job-1", wakeAt: NOW }, NOW));
    expect(applyTakeDue(row, 1_000, NOW - 1).result).toBeNull();
    const { row: postponed, result } = applyTakeDue(row, 1_000, NOW);
    expect([result, postponed.record.wakeAt, postponed.record.version]).toEqual([NOW, NOW + 1_000, 1]);
  });

  it("claim a PENDING job from its time to be sent on, not before", () => {
    const row = rowOf(sampleJob({ id: "job-1", sendAt: NOW }, NOW));
    const message = { id: "job-1", dispatch: 1, token: "token-1", leaseMs: 1_000 };
    expect(applyClaimByMessage(row, message, sampleTerms(), NOW - 1).result.status).toBe("refused");
    expect(applyClaimByMessage(row, message, sampleTerms(), NOW).result.status).toBe("ok");
  });
});
