import type { SeenWork } from "../../src/core/decide/poll.js";
import { describe, expect, it } from "vitest";
import { pollAnswerOf } from "../../src/core/engine/reconcile/poll-answer.js";
import type { Definition } from "../../src/core/definition.js";
import type { PollAnswer } from "../../src/core/handler.js";
import { kind, world } from "../support/relay-core.js";

const PACE = { pollEveryMs: null };

function work(answer: unknown, given: Partial<Definition> = {}, pace: { pollEveryMs: number | null } = PACE) {
  const w = world();
  const p = w.process({ policy: { maxProgressBytes: 50, maxPayloadBytes: 100 } });
  const seen = pollAnswerOf(p.core, kind("test.work", given), pace, answer as PollAnswer);
  return { now: w.clock.now(), seen, warnings: p.warnings };
}

const never = async (): Promise<never> => {
  throw new Error("the schema threw");
};
const invalid = async () => ({ ok: false as const, issues: [{ path: "a.b", message: "expected number" }] });

describe("what is seen of open work", () => {
  it("takes phase, progress, percent and ETA, and looks again at the pace of the policy", async () => {
    const { now, seen } = work(
      { state: "open", phase: "launching", progress: { ready: 1 }, etaAt: new Date("2031-01-01") },
      { percentOf: () => 0.5 },
    );
    expect(await seen).toEqual({
      state: "open",
      nextPollAt: now + 30_000,
      order: expect.any(Array) as unknown,
      updates: {
        progress: { ready: 1 },
        percent: 0.5,
        phase: "launching",
        drafts: [{ edge: "phase", reason: "launching", text: null, expose: true }],
        etaAt: Date.UTC(2031, 0, 1),
      },
    });
  });

  it.each<[string, number | undefined, number | null, number]>([
    ["the answer's own pace", 500, 9_000, 500],
    ["the handler's pace", undefined, 9_000, 9_000],
    ["no faster than the outside bears", 0, null, 100],
    ["nonsense as the pace of the policy", Number.NaN, null, 30_000],
    ["a whole number of milliseconds, as stores keep instants", 1_234.56, null, 1_235],
    ["no later than a month", 1e15, null, 30 * 24 * 3_600_000],
  ])("knows %s", async (_, nextPollMs, pollEveryMs, expected) => {
    const { now, seen } = work({ state: "open", nextPollMs }, {}, { pollEveryMs });
    expect(await seen).toMatchObject({ nextPollAt: now + expected, updates: {} });
  });

  it("brings an ETA within what time can be", async () => {
    const past = work({ state: "open", etaAt: 5 });
    expect(await past.seen).toMatchObject({ updates: { etaAt: past.now } });
    expect(await work({ state: "open", etaAt: 4e12 + 0.5 }).seen).toMatchObject({ updates: { etaAt: 4e12 } });
    expect(await work({ state: "open", etaAt: 1e300 }).seen).toMatchObject({ updates: { etaAt: 8.64e15 } });
    expect(await work({ state: "open", etaAt: null }).seen).toMatchObject({ updates: { etaAt: null } });
    const none = work({ state: "open", etaAt: new Date("never") });
    expect((await none.seen) as object).toHaveProperty("updates", {});
    expect(none.warnings).toHaveLength(1);
  });

  it.each<[string, object, Partial<Definition>]>([
    ["progress that is invalid", { progress: {} }, { checkProgress: invalid }],
    ["progress whose schema throws", { progress: {} }, { checkProgress: never }],
    ["progress that JSON has not", { progress: 1n }, {}],
    ["progress that is too large", { progress: "x".repeat(60) }, {}],
    ["a phase that the kind has not", { phase: "cooking" }, {}],
  ])("leaves out %s, with a warning, and never fails for it", async (_, said, given) => {
    const { seen, warnings } = work({ state: "open", ...said }, given);
    expect(await seen).toMatchObject({ state: "open", updates: {} });
    expect(warnings).toHaveLength(1);
    expect(JSON.stringify(warnings)).not.toContain("xxx");
  });
});

describe("what is seen of ended work", () => {
  it("stores the output as it was given, with the last progress", async () => {
    const { seen } = work({ state: "done", output: { ready: 6 }, progress: { ready: 6 } });
    expect(await seen).toEqual({
      state: "done",
      output: '{"ready":6}',
      updates: { progress: { ready: 6 }, percent: null },
    });
    expect(await work({ state: "done" }).seen).toMatchObject({ output: "null" });
  });

  it("does not call a job done whose output is invalid or cannot be stored", async () => {
    expect(await work({ state: "done", output: {} }, { checkOutput: invalid }).seen).toEqual({
      state: "invalid",
      reason: "output_invalid",
      message: "The output is invalid at a.b: expected number.",
    });
    const wordless = { checkOutput: async () => ({ ok: false as const, issues: [] }) };
    expect(await work({ state: "done", output: {} }, wordless).seen).toMatchObject({
      message: "The output is invalid.",
    });
    expect(await work({ state: "done", output: "x".repeat(200) }).seen).toMatchObject({
      reason: "result_unstorable",
    });
    const bigint = await work({ state: "done", output: 1n }).seen;
    expect(bigint).toMatchObject({ reason: "result_unstorable" });
    expect(JSON.stringify(bigint)).toContain("cannot be stored: ");
  });

  it("knows nothing of an output whose schema throws", async () => {
    await expect(work({ state: "done", output: 1 }, { checkOutput: never }).seen).rejects.toThrow("schema");
  });

  it("takes a failure with its words, and runs again only where that is said", async () => {
    const failed = { state: "failed", message: "no capacity", code: "ICE", expose: true };
    expect(await work(failed).seen).toEqual({
      state: "failed",
      error: { message: "no capacity", code: "ICE", expose: true, details: null, afterMs: null },
      rerun: null,
      updates: {},
    });
    const again = work({ state: "failed", message: "", rerun: true }, { retry: { baseMs: 7 } });
    expect(await again.seen).toMatchObject({
      error: { message: "The external work failed.", code: null, expose: false },
      rerun: { maxAttempts: 3, baseMs: 7, capMs: 300_000 },
    });
    const own = { maxAttempts: 9, baseMs: 1, capMs: 2 };
    expect(await work({ ...failed, rerun: true }, { retry: own }).seen).toMatchObject({ rerun: own });
    // A wait that is longer than the usual cap is meant.
    const slow = work({ ...failed, rerun: true }, { retry: { baseMs: 900_000 } });
    expect(await slow.seen).toMatchObject({ rerun: { maxAttempts: 3, baseMs: 900_000, capMs: 900_000 } });
    const untouched = work({ ...failed, rerun: true });
    expect(await untouched.seen).toMatchObject({ rerun: { baseMs: 1_000 } });
  });

  it("bounds the words of a failure as it does those of a handler", async () => {
    const half = "\ud83d\ude00".slice(0, 1);
    const { seen } = work({ state: "failed", message: `a\0b${half}`, code: `c\0${"x".repeat(200)}` });
    const { error } = (await seen) as Extract<SeenWork, { state: "failed" }>;
    expect([error.message, error.code?.slice(0, 2), error.code?.length]).toEqual([
      "a\uFFFDb\uFFFD",
      "c\uFFFD",
      128,
    ]);
  });

  it.each([[null], [undefined], [{}], [{ state: "maybe" }]])(
    "has not seen anything in %j",
    async (answer) => {
      const { seen, warnings } = work(answer);
      expect(await seen).toEqual({ state: "unseen", backoff: { baseMs: 30_000, capMs: 600_000 } });
      expect(warnings).toHaveLength(1);
    },
  );
});
