import { describe, expect, it } from "vitest";
import { eventsOf } from "../../src/core/engine/announce/events.js";
import { decodeHistory, encodeHistory, type HistoryEntry } from "../../src/core/job/history.js";
import type { EdgeId } from "../../src/core/job/lifecycle.js";
import { sampleJob } from "../../src/testing/sample-jobs.js";
import { kind } from "../support/relay-core.js";

const NOW = Date.UTC(2026, 0, 1);

function entry(version: number, edge: EdgeId, given: Partial<HistoryEntry> = {}): HistoryEntry {
  const base = { at: NOW + version, attempt: 1, transitionId: "t", actor: null, reason: null, text: null };
  return { version, edge, ...base, expose: false, ...given };
}

function record(entries: readonly HistoryEntry[]) {
  const given = { id: "job-1", owner: "ana", subject: "plan:1", metadata: { a: 1 }, token: "secret-token" };
  return sampleJob({ ...given, history: encodeHistory(entries) }, NOW);
}

const DEF = kind("sample.work", {
  wordOf: ({ status, phase }) => (status === "PROCESSING" ? (phase ?? "WORKING").toUpperCase() : status),
  messageOf: ({ status, failureReason }, input) =>
    `${status} ${failureReason ?? "-"} ${input === undefined ? "-" : JSON.stringify(input)}`,
});

describe("events of a history", () => {
  it("tells one event for each entry, with an id that is the same at every repetition", () => {
    const job = record([entry(1, "T1"), entry(2, "T2"), entry(3, "T4", { actor: "worker-1" })]);
    const events = eventsOf(DEF, job, decodeHistory(job.history), undefined);
    expect(events.map(({ id, type, from, status, word }) => [id, type, from, status, word])).toEqual([
      ["job-1:1", "job.created", null, "PENDING", "PENDING"],
      ["job-1:2", "job.queued", "PENDING", "QUEUED", "QUEUED"],
      ["job-1:3", "job.started", "QUEUED", "PROCESSING", "WORKING"],
    ]);
    expect(events[2]).toMatchObject({
      owner: "ana",
      subject: "plan:1",
      metadata: { a: 1 },
      actor: "worker-1",
      attempt: 1,
    });
    expect(events[2]?.at).toEqual(new Date(NOW + 3));
  });

  it("says of a late event what held then: the phase of that moment, none after a new attempt began", () => {
    const job = record([
      entry(3, "T4"),
      entry(4, "phase", { reason: "launching" }),
      entry(5, "warning", { reason: "slow" }),
      entry(6, "waiting", { reason: "converting" }),
      entry(7, "T7", { reason: "error" }),
      entry(8, "T2"),
      entry(9, "T4"),
    ]);
    const events = eventsOf(DEF, job, decodeHistory(job.history), undefined);
    expect(events.map(({ word, phase, reason }) => [word, phase, reason])).toEqual([
      ["WORKING", null, null],
      ["LAUNCHING", "launching", null],
      ["LAUNCHING", null, "slow"],
      ["CONVERTING", "converting", null],
      ["PENDING", null, "error"],
      ["QUEUED", null, null],
      ["WORKING", null, null],
    ]);
    expect(eventsOf(DEF, job, [], undefined)).toEqual([]);
  });

  it("lets text out only where it was made public", () => {
    const job = record([
      entry(1, "T7", { reason: "error", text: "password=1" }),
      entry(2, "T6", { reason: "error", text: "password=2" }),
      entry(3, "T6", { reason: "external_failed", text: "one launch failed", expose: true }),
      entry(4, "phase", { reason: "launching", text: "starting six servers" }),
      entry(5, "cancel", { text: "not needed any more" }),
      entry(6, "warning", { reason: "w", text: "internal" }),
    ]);
    const events = eventsOf(DEF, job, decodeHistory(job.history), { n: 1 });
    expect(events.map((event) => event.message)).toEqual([
      'PENDING - {"n":1}',
      'FAILED error {"n":1}',
      "one launch failed",
      "starting six servers",
      "not needed any more",
      'PROCESSING - {"n":1}',
    ]);
    expect(events.map((event) => event.failureReason)).toEqual([
      null,
      "error",
      "external_failed",
      null,
      null,
      null,
    ]);
  });

  it("holds no secret: neither the claim nor the input", () => {
    const job = record([entry(1, "T1")]);
    const text = JSON.stringify(
      eventsOf(kind("sample.work"), job, decodeHistory(job.history), { card: "4111" }),
    );
    expect(text).not.toContain("secret-token");
    expect(text).not.toContain("4111");
  });

  it("speaks in general words of a kind that nobody here knows, or whose words throw", () => {
    const job = record([entry(1, "T1"), entry(2, "T9", { reason: "cancelled" })]);
    const entries = decodeHistory(job.history);
    const unknown = eventsOf(undefined, job, entries, undefined);
    expect(unknown.map(({ word, message }) => [word, message])).toEqual([
      ["PENDING", "Recorded."],
      ["FAILED", "Cancelled."],
    ]);
    const hostile = kind("sample.work", {
      wordOf: () => {
        throw new Error("no word");
      },
      messageOf: () => {
        throw new Error("no message");
      },
    });
    expect(eventsOf(hostile, job, entries, undefined)).toEqual(unknown);
  });

  it("says of an entry that was trimmed meanwhile what the entry itself tells", () => {
    const job = record([entry(9, "T5")]);
    expect(eventsOf(DEF, job, [entry(4, "T4")], undefined)[0]).toMatchObject({ word: "WORKING", version: 4 });
  });
});
