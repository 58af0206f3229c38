import { describe, expect, it } from "vitest";
import { backoffMs, doubled } from "../../../src/core/decide/backoff.js";
import { claimTerms } from "../../../src/core/decide/claim.js";
import { createRecord, judgeExisting } from "../../../src/core/decide/create.js";
import { recognise } from "../../../src/core/decide/change/recognise.js";
import { trimHistory } from "../../../src/core/decide/change/trim.js";
import { decodeHistory, encodeHistory, fillTemplate } from "../../../src/core/job/history.js";
import { context, cursor, entry, history, JOB, NEW_JOB, NOW, POLICY, snapshot } from "./fixtures.js";

describe("create", () => {
  it("in a queue: PENDING (T1), to be sent after the grace", () => {
    const record = createRecord(NEW_JOB, context());
    expect(record).toMatchObject({
      status: "PENDING",
      version: 1,
      dispatch: 1,
      attempt: 0,
      fence: 0,
      token: null,
    });
    expect(record).toMatchObject({
      sendAt: NOW,
      readyAt: null,
      queuedAt: null,
      wakeAt: NOW + POLICY.sendGraceMs,
    });
    expect(decodeHistory(record.history).map(({ edge }) => edge)).toEqual(["T1"]);
  });

  it("in the store: QUEUED (T1, T2), found by the ready index", () => {
    const record = createRecord({ ...NEW_JOB, queue: null, delayMs: 50 }, context());
    expect(record).toMatchObject({
      status: "QUEUED",
      version: 2,
      sendAt: null,
      readyAt: NOW + 50,
      queuedAt: NOW,
      wakeAt: null,
    });
    expect(decodeHistory(record.history).map(({ edge, version }) => [edge, version])).toEqual([
      ["T1", 1],
      ["T2", 2],
    ]);
  });

  it("wakes for the first notification and the deadline too", () => {
    const record = createRecord(
      { ...NEW_JOB, queue: null, notifiers: ["ui"], deadlineAt: NOW + 9_000 },
      context(),
    );
    expect(record.wakeAt).toBe(NOW + POLICY.notifyGraceMs);
  });
});

describe("a job that is there already", () => {
  const keyed = { ...NEW_JOB, scope: "key", inputHash: "h" };
  const given = createRecord(keyed, context());
  const judge = (stored: Parameters<typeof createRecord>[0], id = "mine", mine = given) =>
    judgeExisting(mine, snapshot(createRecord(stored, context({ transitionId: id }))));

  it("is mine: this very call made it", () => {
    expect(judge(keyed)).toBe("mine");
  });

  it("is the same: the key was used before with this input", () => {
    expect(judge({ ...keyed, id: "other" }, "theirs")).toBe("same");
  });

  it.each([
    ["another input", { ...keyed, id: "other", inputHash: "x" }, given],
    ["another key", { ...keyed, scope: "x" }, given],
    ["the id and no key", NEW_JOB, createRecord(NEW_JOB, context())],
  ] as const)("conflicts: %s", (_, stored, mine) => {
    expect(judge(stored, "theirs", mine)).toBe("conflict");
  });

  it("is judged without a history too", () => {
    expect(judgeExisting(given, snapshot({ ...given, history: "" }))).toBe("same");
    expect(judgeExisting({ ...given, history: "" }, snapshot(given))).toBe("same");
  });
});

describe("recognise (U2)", () => {
  const record = JOB.running({ version: 5, history: history(5) });

  it.each([
    ["applied", "my entry is behind what I saw", 3, "t4"],
    ["not_applied", "another's is", 3, "mine"],
    ["not_applied", "nobody's is", 5, "mine"],
  ] as const)("%s: %s", (answer, _, observed, id) => {
    expect(recognise(record, observed, id)).toBe(answer);
  });

  it.each([
    [
      "unknown",
      "that place was trimmed",
      history(5)
        .split(",[")
        .slice(3)
        .map((rest) => `[${rest}`)
        .join(","),
      3,
    ],
    ["unknown", "everything was trimmed", "", 3],
    ["not_applied", "nothing was trimmed", "", 0],
  ] as const)("%s: %s", (answer, _, text, historyTrimmed) => {
    expect(recognise(JOB.running({ history: text, historyTrimmed }), 1, "mine")).toBe(answer);
  });

  it("not applied: a change without an entry is in that place", () => {
    const gap = JOB.running({ version: 9, history: history(3), historyTrimmed: 1 });
    expect(recognise(gap, 6, "mine")).toBe("not_applied");
  });
});

describe("trimming", () => {
  const policy = { ...POLICY, maxHistoryEntries: 10 };
  const trim = (job: Parameters<typeof snapshot>[0], cursors = {}, bounds = policy) =>
    trimHistory(snapshot(job, cursors), "", 1, { now: NOW, policy: bounds })?.trimmed.length ?? 0;
  const long = (given = {}) => JOB.running({ version: 20, history: history(20), ...given });

  it.each([
    ["down to the bound", 11, long(), {}, policy],
    [
      "what every notifier has had, and no more where that will do",
      4,
      long({ notifiers: ["ui"] }),
      { ui: cursor(9) },
      { ...POLICY, maxHistoryEntries: 17 },
    ],
    [
      "never what somebody may still have to recognise",
      0,
      long({ history: history(20, { at: NOW - 1 }) }),
      {},
      { ...POLICY, maxHistoryEntries: 12 },
    ],
    ["never the newest eight", 13, long(), {}, { ...policy, maxHistoryEntries: 1 }],
    ["by size as well", 13, long(), {}, { ...POLICY, maxHistoryBytes: 40 }],
    ["nothing within the bounds", 0, long(), {}, POLICY],
  ] as const)("takes %s", (_, count, job, cursors, bounds) => {
    expect(trim(job, cursors, bounds)).toBe(count);
  });
});

describe("a history that waits for a notifier", () => {
  const policy = { ...POLICY, maxHistoryEntries: 12 };
  const trim = (text: string, cursors = {}, bounds = policy) => {
    const job = JOB.running({ version: 99, history: text, notifiers: ["ui"] });
    const trimmed = trimHistory(snapshot(job, cursors), "", 1, { now: NOW, policy: bounds });
    return { entries: decodeHistory(trimmed?.history ?? text), trimmed: trimmed?.trimmed ?? [] };
  };

  it("keeps the newest entries and says in one entry how many were left out", () => {
    const { entries, trimmed } = trim(history(20));
    expect(trimmed.map(({ version }) => version)).toEqual(
      Array.from({ length: 12 }, (_, index) => index + 1),
    );
    expect(entries.map(({ version }) => version)).toEqual([12, 13, 14, 15, 16, 17, 18, 19, 20]);
    const last = decodeHistory(history(20))[11]!;
    expect(entries[0]).toMatchObject({
      edge: "warning",
      reason: "events_omitted",
      text: "12 changes before this were left out: too many waited to be delivered.",
      at: last.at,
      transitionId: last.transitionId,
    });
  });

  it("counts on when it is cut again, and still with one entry", () => {
    const [first, ...others] = trim(history(20)).entries;
    const later = others.map((entry, index) => ({ ...entry, version: 100 + index }));
    const { entries, trimmed } = trim(encodeHistory([first!, ...others, ...later]));
    expect(entries.filter(({ edge }) => edge === "warning")).toHaveLength(1);
    expect(entries[0]?.text).toMatch(/^2\d changes/);
    expect(Number.parseInt(entries[0]!.text!, 10)).toBe(12 + trimmed.length);
  });

  it("takes an application's warning of that code for what it is", () => {
    const warning = { edge: "warning", reason: "events_omitted" } as const;
    for (const text of ["some were left out", null]) {
      const { entries, trimmed } = trim(history(20, { ...warning, text }));
      expect(trimmed).toHaveLength(12);
      expect(entries[0]?.text).toMatch(/^12 changes/);
    }
  });

  it("lets what was delivered go first", () => {
    const { entries } = trim(history(20), { ui: cursor(19) }, { ...POLICY, maxHistoryEntries: 12 });
    expect(entries.filter(({ edge }) => edge === "warning")).toEqual([]);
    expect(entries).toHaveLength(11);
  });

  it("is cut although its entries are young, once it is twice as long as it may be", () => {
    const young = (count: number) => history(count, { at: NOW - 1 });
    expect(trim(young(20)).trimmed).toEqual([]);
    expect(trim(young(40)).entries.length).toBeLessThanOrEqual(25);
  });
});

describe("backoff", () => {
  const bounds = { baseMs: 1_000, capMs: 10_000 };

  it.each([
    [0, 1_000],
    [1, 1_000],
    [2, 2_000],
    [4, 8_000],
    [5, 10_000],
    [5_000, 10_000],
  ])("after %i failures is below %i", (failures, ceiling) => {
    expect(backoffMs(failures, bounds, 0)).toBe(0);
    expect(backoffMs(failures, bounds, 0.999_999_9)).toBe(ceiling - 1);
  });

  it("doubles without jitter up to the cap", () => {
    expect([0, 1, 2, 99].map((times) => doubled(times, 10, 50))).toEqual([10, 20, 40, 50]);
  });
});

describe("a claim", () => {
  it("carries the entries that the store fills in", () => {
    const terms = claimTerms("w", "mine", POLICY);
    const text = [fillTemplate(terms.queued, 2, NOW, 0), fillTemplate(terms.started, 3, NOW, 1)].join(",");
    expect(decodeHistory(text)).toEqual([
      entry(2, { edge: "T2", at: NOW, transitionId: "mine" }),
      entry(3, { edge: "T4", at: NOW, attempt: 1, transitionId: "mine", actor: "w" }),
    ]);
  });
});
