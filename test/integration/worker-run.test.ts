import { storedRefKeys } from "../../src/core/engine/ref-key.js";
import { describe, expect, it } from "vitest";
import { memoryStore } from "../../src/adapters/memory/store.js";
import { cancel } from "../../src/core/engine/command/commands.js";
import { PermanentError, RetryError } from "../../src/core/errors/errors.js";
import { type RunContext, track } from "../../src/core/handler.js";
import { decodeHistory } from "../../src/core/job/history.js";
import type { Clock } from "../../src/core/environment/clock.js";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { createFaults } from "../../src/testing/faults/faults.js";
import type { Definition } from "../../src/core/definition.js";
import { fakeDefinition, fakeHandler } from "../support/core.js";
import { type Bench, bench, type BenchOptions, latch, untilAborted } from "../support/worker-bench.js";

const base = fakeDefinition({ kind: "task", retry: { maxAttempts: 1 } });

/** Runs one job of a definition and returns its bench and id, with the worker still at work. */
async function runOne(
  definition: Definition,
  run: (context: RunContext) => unknown,
  options: Partial<BenchOptions> & { readonly input?: unknown; readonly handler?: object } = {},
) {
  const b = bench({ handlers: [fakeHandler(definition, run, options.handler)], ...options });
  const id = await b.submit(definition, options.input ?? {});
  void b.start();
  await b.clock.settle();
  return { b, id, record: () => b.record(id) };
}

function aroundItself(): AggregateError {
  const error = new AggregateError([]);
  error.errors.push(error);
  return error;
}

describe("what becomes of what a handler throws", () => {
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const cases: readonly (readonly [string, unknown, string])[] = [
    ["an error", new Error("boom"), "boom"],
    ["null", null, "The handler threw null."],
    ["undefined", undefined, "The handler threw undefined."],
    ["a text", "just text", "just text"],
    ["a revoked proxy", revoked.proxy, "The handler threw something that cannot be shown."],
    ["an error without a text", new TypeError(""), "TypeError"],
    [
      "an object that refuses to be shown",
      {
        get message() {
          throw new Error("no");
        },
        toString() {
          throw new Error("no");
        },
      },
      "The handler threw something that cannot be shown.",
    ],
    [
      "a refused connection to both addresses of a name, as Node tells it",
      new AggregateError(
        [new Error("connect ECONNREFUSED ::1:5432"), new Error("connect ECONNREFUSED 127.0.0.1:5432")],
        "",
      ),
      "AggregateError: connect ECONNREFUSED ::1:5432; connect ECONNREFUSED 127.0.0.1:5432",
    ],
    [
      "several errors that say nothing",
      new AggregateError([aroundItself(), new Error("")]),
      "AggregateError",
    ],
    ["errors that cannot be looked at", Object.assign(new Error(""), { errors: revoked.proxy }), "Error"],
    ["an error with a code alone", Object.assign(new Error(""), { code: "EPIPE" }), "Error (EPIPE)"],
    ["text that no store holds", new Error("a\0b\ud800c"), "a\uFFFDb\uFFFDc"],
  ];
  for (const [what, thrown, message] of cases) {
    it(`${what} is a failed attempt`, async () => {
      const { b, record } = await runOne(base, () => {
        throw thrown;
      });
      const { status, failure } = await record();
      expect([status, failure?.reason, failure?.message, failure?.expose]).toEqual([
        "FAILED",
        "attempts_exhausted",
        message,
        false,
      ]);
      await b.stop();
    });
  }

  it("a PermanentError ends the job at once, whatever attempts remain", async () => {
    const many = fakeDefinition({ kind: "task", retry: { maxAttempts: 5 } });
    const { b, record } = await runOne(many, () => {
      throw new PermanentError("never", { code: "CARD_EXPIRED", expose: true });
    });
    expect((await record()).failure).toEqual({
      reason: "error",
      details: null,
      message: "never",
      code: "CARD_EXPIRED",
      expose: true,
      retryable: false,
    });
    await b.stop();
  });

  it("a RetryError says when to try again", async () => {
    const many = fakeDefinition({ kind: "task", retry: { maxAttempts: 5 } });
    const { b, record } = await runOne(many, () => {
      throw new RetryError("later", { afterMs: 90_000, code: "BUSY" });
    });
    const { status, readyAt, lastError } = await record();
    expect([status, readyAt, lastError?.code]).toEqual(["QUEUED", b.clock.now() + 90_000, "BUSY"]);
    await b.stop();
  });

  it("a RetryError with a nonsensical delay falls back to the backoff", async () => {
    const many = fakeDefinition({ kind: "task", retry: { maxAttempts: 5, baseMs: 0, capMs: 0 } });
    let runs = 0;
    const { b, record } = await runOne(many, () => {
      runs += 1;
      if (runs === 1) throw new RetryError("later", { afterMs: Number.NaN });
      if (runs === 2) throw new RetryError("later", { afterMs: -5 });
    });
    await b.clock.advance(5_000);
    expect((await record()).status).toBe("COMPLETED");
    await b.stop();
  });

  it("an AbortError without an aborted signal is the handler's own", async () => {
    const { b, record } = await runOne(base, () => {
      throw new DOMException("stopped", "AbortError");
    });
    expect((await record()).failure?.reason).toBe("attempts_exhausted");
    await b.stop();
  });
});

describe("what becomes of what a handler returns", () => {
  it("nothing is stored as null", async () => {
    const { b, id } = await runOne(base, () => undefined);
    expect(await b.output(id)).toBe("null");
    await b.stop();
  });

  const bad: readonly (readonly [string, unknown, string, RegExp])[] = [
    ["a bigint", { n: 1n }, "result_unstorable", /cannot be stored at n/],
    ["what is too large", "x".repeat(2_000), "result_unstorable", /more than 1000 bytes/],
    [
      "what throws when looked at",
      new Proxy(
        {},
        {
          has: () => {
            throw new Error("no");
          },
        },
      ),
      "output_invalid",
      /could not be checked/,
    ],
    ["track without external work", track({ a: 1 }), "output_invalid", /declares no external work/],
  ];
  for (const [what, returned, reason, text] of bad) {
    it(`${what} ends the job as ${reason}, before anything is written`, async () => {
      const { b, id, record } = await runOne(base, () => returned, { policy: { maxPayloadBytes: 1_000 } });
      const { failure, status } = await record();
      expect([status, failure?.reason, await b.output(id)]).toEqual(["FAILED", reason, null]);
      expect(failure?.message).toMatch(text);
      await b.stop();
    });
  }

  it("an output that does not match the schema ends the job as output_invalid", async () => {
    const strict = fakeDefinition({
      kind: "task",
      checkOutput: async () => ({ ok: false, issues: [{ path: "", message: "expected a number" }] }),
    });
    const { b, record } = await runOne(strict, () => "text");
    expect((await record()).failure?.message).toBe("The output is invalid: expected a number.");
    await b.stop();
  });

  it("an input that does not match the schema any more ends the job without running it", async () => {
    let strict = false;
    let ran = false;
    const narrowed = fakeDefinition({
      kind: "task",
      checkInput: async (value) =>
        strict ? { ok: false, issues: [{ path: "to", message: "missing" }] } : { ok: true, value },
    });
    const b = bench({ handlers: [fakeHandler(narrowed, () => void (ran = true))] });
    const id = await b.submit(narrowed);
    strict = true;
    void b.start();
    await b.clock.settle();
    const { failure } = await b.record(id);
    expect([failure?.reason, failure?.message, ran]).toEqual([
      "input_invalid",
      "The stored input is invalid at to: missing.",
      false,
    ]);
    await b.stop();
  });

  it("a schema of the input that throws is a failed attempt", async () => {
    let down = false;
    const asking = fakeDefinition({
      kind: "task",
      retry: { maxAttempts: 1 },
      checkInput: async (value) => {
        if (down) throw new Error("directory down");
        return { ok: true, value };
      },
    });
    const b = bench({ handlers: [fakeHandler(asking, () => null)] });
    const id = await b.submit(asking);
    down = true;
    void b.start();
    await b.clock.settle();
    expect((await b.record(id)).failure).toMatchObject({
      reason: "attempts_exhausted",
      message: "directory down",
    });
    await b.stop();
  });
});

describe("external work", () => {
  const launch = fakeDefinition({ kind: "launch", external: true, refKeysOf: () => ["i-1"] });

  it("waits after track: nobody holds a claim, and the reference is stored", async () => {
    const { b, record } = await runOne(launch, ({ track: tracked }) => tracked({ id: "i-1" }), {
      handler: {
        poll: async () => ({ state: "open" }),
        pollEveryMs: 5_000,
        timeoutMs: 60_000,
        cancel: async () => undefined,
      },
    });
    const now = b.clock.now();
    const { status, token, awaiting } = await record();
    expect([status, token]).toEqual(["PROCESSING", null]);
    expect(awaiting).toMatchObject({
      ref: { id: "i-1" },
      refKeys: storedRefKeys(launch, { id: "i-1" }),
      nextPollAt: now + 5_000,
      deadlineAt: now + 60_000,
      cancellable: true,
    });
    await b.stop();
  });

  it("is not looked at before its deadline where nobody can poll", async () => {
    const { b, record } = await runOne(launch, () => track(1));
    const { awaiting } = await record();
    expect(awaiting?.nextPollAt).toBe(awaiting?.deadlineAt);
    await b.stop();
  });

  it("completes at once with done(output)", async () => {
    const { b, id } = await runOne(launch, ({ done: ended }) => ended({ ready: 0 }));
    expect(await b.output(id)).toBe('{"ready":0}');
    await b.stop();
  });

  it("is no plain value: that would call submitted done", async () => {
    const { b, record } = await runOne(launch, () => ({ ready: 6 }));
    expect((await record()).failure).toMatchObject({ reason: "output_invalid" });
    expect((await record()).failure?.message).toMatch(/must return track\(ref\) or done\(output\)/);
    await b.stop();
  });

  it("fails with a reference that the schema or the store refuses", async () => {
    const refusing = fakeDefinition({
      ...launch,
      checkRef: async () => ({ ok: false, issues: [] }),
    });
    const one = await runOne(refusing, () => track({}));
    expect((await one.record()).failure?.reason).toBe("output_invalid");
    await one.b.stop();
    const two = await runOne(launch, () => track({ at: new Date() }));
    expect((await two.record()).failure?.reason).toBe("result_unstorable");
    await two.b.stop();
  });

  it("kicks the reconciler when it was cancelled before it began to wait", async () => {
    const started = latch();
    let cancelled = 0;
    const { b, id, record } = await runOne(
      launch,
      async () => {
        await started.promise;
        return track({});
      },
      {
        worker: { reconcile: true },
        handler: {
          poll: async () => ({ state: "failed", message: "terminated" }),
          cancel: async () => void (cancelled += 1),
        },
      },
    );
    await b.clock.runUntil(cancel(b.core, b.dispatcher, id, {}));
    started.resolve();
    await b.clock.advance(3_000);
    expect([cancelled, (await record()).failure?.reason]).toEqual([1, "cancelled"]);
    await b.stop();
  });
});

describe("cancelling and deadlines", () => {
  it("a running handler learns of a cancel at the next beat and the job ends as cancelled", async () => {
    const { b, id, record } = await runOne(base, ({ signal }) => untilAborted(signal));
    await b.clock.runUntil(cancel(b.core, b.dispatcher, id, { reason: "changed my mind" }));
    await b.clock.advance(10_001);
    expect((await record()).failure).toMatchObject({ reason: "cancelled", message: "changed my mind" });
    await b.stop();
  });

  it("a handler that ends although it was cancelled completes the job", async () => {
    const go = latch();
    const { b, id, record } = await runOne(base, () => go.promise);
    await b.clock.runUntil(cancel(b.core, b.dispatcher, id, {}));
    go.resolve();
    await b.clock.advance(1_000);
    expect((await record()).status).toBe("COMPLETED");
    await b.stop();
  });

  it("a job that is cancelled while its input is checked is not run", async () => {
    const clock = fakeClock();
    let slow = false;
    let runs = 0;
    const asking = fakeDefinition({
      kind: "task",
      checkInput: async (value) => {
        if (slow) await new Promise<void>((resolve) => clock.timer(15_000, resolve));
        return { ok: true, value };
      },
    });
    const b = bench({ clock, handlers: [fakeHandler(asking, () => void (runs += 1))] });
    const id = await b.submit(asking);
    slow = true;
    void b.start();
    await clock.settle();
    await clock.runUntil(cancel(b.core, b.dispatcher, id, { reason: "too late" }));
    await clock.advance(15_001);
    expect((await b.record(id)).failure).toMatchObject({ reason: "cancelled", message: "too late" });
    expect(runs).toBe(0);
    await b.stop();
  });

  it("an error that wraps the abort counts as giving in to it", async () => {
    const { b, id, record } = await runOne(base, ({ signal }) =>
      untilAborted(signal).catch((cause: unknown) => {
        throw new Error("request failed", { cause });
      }),
    );
    await b.clock.runUntil(cancel(b.core, b.dispatcher, id, {}));
    await b.clock.advance(10_001);
    expect((await record()).failure?.reason).toBe("cancelled");
    await b.stop();
  });

  it("the job's deadline aborts the handler and ends the job", async () => {
    const { b, record } = await runOne(fakeDefinition({ kind: "task", deadlineMs: 4_000 }), ({ signal }) =>
      untilAborted(signal),
    );
    await b.clock.advance(4_001);
    expect((await record()).failure).toMatchObject({ reason: "deadline_exceeded" });
    await b.stop();
  });
});

describe("news of a running job", () => {
  const spoken = fakeDefinition({
    kind: "task",
    phases: ["reading", "writing"],
    retry: { maxAttempts: 1 },
    percentOf: (progress) => (progress as { done: number }).done / 10,
    checkProgress: async (value) =>
      typeof (value as { done: unknown }).done === "number" ? { ok: true, value } : { ok: false, issues: [] },
  });

  it("coalesces progress to one write in half a second, and the newest wins", async () => {
    const go = latch();
    const { b, record } = await runOne(
      spoken,
      async ({ progress }) => {
        for (let done_ = 1; done_ <= 9; done_ += 1) {
          progress({ done: done_ });
          await new Promise<void>((resolve) => b_.clock.timer(100, resolve));
        }
        await go.promise;
      },
      { clock: b_.clock },
    );
    b.trips.reset();
    await b.clock.advance(2_000);
    expect([(await record()).progress, (await record()).percent]).toEqual([{ done: 9 }, 0.9]);
    expect(b.trips.counts.write).toBeLessThanOrEqual(3);
    go.resolve();
    await b.stop();
  });

  it("drops whole what would lower the percent, unless that is allowed", async () => {
    const go = latch();
    const { b, record } = await runOne(
      spoken,
      async ({ progress }) => {
        for (const [done_, allowDecrease] of [[8], [3], [9], [2, true], [1], [4]] as const) {
          progress({ done: done_ }, { allowDecrease });
          await new Promise<void>((resolve) => b_.clock.timer(1_000, resolve));
        }
        await go.promise;
      },
      { clock: b_.clock },
    );
    const seen: unknown[] = [];
    for (let second = 0; second < 6; second += 1) {
      await b.clock.advance(second === 0 ? 600 : 1_000);
      const { progress, percent } = await record();
      seen.push([(progress as { done: number }).done, percent]);
    }
    expect(seen).toEqual([
      [8, 0.8],
      [8, 0.8],
      [9, 0.9],
      [2, 0.2],
      [2, 0.2],
      [4, 0.4],
    ]);
    go.resolve();
    await b.stop();
  });

  it("tells an ETA from the percent, or as it is set, or that nobody knows any more", async () => {
    const go = latch();
    const start = b_.clock.now();
    const set = new Date(start + 90_000);
    const { b, record } = await runOne(
      spoken,
      async ({ progress }) => {
        for (const [done_, etaAt] of [
          [0],
          [1],
          [2, set],
          [2],
          [2, null],
          [4, new Date(Number.NaN)],
        ] as const) {
          await new Promise<void>((resolve) => b_.clock.timer(1_000, resolve));
          progress({ done: done_ }, etaAt === undefined ? {} : { etaAt });
        }
        await go.promise;
      },
      { clock: b_.clock },
    );
    const seen: unknown[] = [];
    for (let second = 0; second < 6; second += 1) {
      await b.clock.advance(second === 0 ? 1_600 : 1_000);
      const { etaAt } = await record();
      seen.push(etaAt === null ? null : etaAt - start);
    }
    // After 2 s a tenth is done; after 6 s, four tenths.
    expect(seen).toEqual([null, 20_000, 90_000, 90_000, null, 15_000]);
    go.resolve();
    await b.stop();
  });

  it("keeps what one of several in a turn said of the ETA or allowed, and ignores options that there are not", async () => {
    const go = latch();
    const start = b_.clock.now();
    const { b, record } = await runOne(
      spoken,
      async ({ progress }) => {
        progress({ done: 8 });
        await new Promise<void>((resolve) => b_.clock.timer(1_000, resolve));
        // The first is being checked while the others come; of these the newest counts.
        progress({ done: 9 });
        progress({ done: 2 }, { allowDecrease: true, etaAt: new Date(start + 60_000) });
        progress({ done: 3 });
        await new Promise<void>((resolve) => b_.clock.timer(1_000, resolve));
        progress({ done: 4 }, { allowdecrease: true } as never);
        await go.promise;
      },
      { clock: b_.clock },
    );
    await b.clock.advance(1_600);
    expect(await record()).toMatchObject({ progress: { done: 3 }, percent: 0.3, etaAt: start + 60_000 });
    await b.clock.advance(1_000);
    expect((await record()).progress).toEqual({ done: 4 });
    expect(b.heard.logs.filter(({ message }) => message.includes("options of a progress"))).toHaveLength(1);
    go.resolve();
    await b.stop();
  });

  it("writes phases and warnings as entries in order, at once", async () => {
    const go = latch();
    const { b, id, record } = await runOne(spoken, async ({ phase, warn }) => {
      phase("reading", "page 1");
      warn("slow_source", "the source is slow");
      phase("writing");
      phase("writing");
      await go.promise;
    });
    const { phase, history } = await record();
    expect(phase).toBe("writing");
    expect(
      decodeHistory(history)
        .slice(3)
        .map(({ edge, reason, text, version }) => [edge, reason, text, version]),
    ).toEqual([
      ["phase", "reading", "page 1", 4],
      ["warning", "slow_source", "the source is slow", 5],
      ["phase", "writing", null, 6],
    ]);
    go.resolve();
    await b.stop();
    expect((await b.record(id)).status).toBe("COMPLETED");
  });

  it("sends what is pending along with the outcome: one write in all", async () => {
    const { b, id } = await runOne(spoken, ({ phase, progress }) => {
      phase("reading");
      phase("writing");
      progress({ done: 10 });
    });
    expect(await b.edges(id)).toEqual(["T1", "T2", "T4", "phase", "phase", "T5"]);
    expect([(await b.record(id)).progress, b.trips.counts.write]).toEqual([{ done: 10 }, 1]);
    await b.stop();
  });

  it("never fails a job for its news", async () => {
    const { b, record } = await runOne(spoken, ({ phase, progress, warn }) => {
      phase("unheard of");
      phase(7 as never);
      progress({ done: 1n });
      progress({ done: "many" });
      warn(1 as never, "no code");
    });
    expect([(await record()).status, (await record()).progress]).toEqual(["COMPLETED", null]);
    expect(b.heard.logs.filter(({ level }) => level === "warn").length).toBe(5);
    await b.stop();
  });

  it("lives with a schema of progress that throws", async () => {
    const throwing = fakeDefinition({
      kind: "task",
      checkProgress: async () => {
        throw new Error("schema");
      },
    });
    const { b, record } = await runOne(throwing, ({ progress }) => {
      progress(1);
    });
    expect((await record()).status).toBe("COMPLETED");
    await b.stop();
  });

  it("keeps no more warnings than are allowed, and no more entries than a history holds", async () => {
    const { b, id } = await runOne(
      spoken,
      ({ warn, phase }) => {
        for (let count = 0; count < 5; count += 1) warn("w", String(count));
        for (let count = 0; count < 20; count += 1) phase(count % 2 === 0 ? "reading" : "writing");
      },
      { policy: { maxWarnings: 2, maxHistoryEntries: 12 } },
    );
    const edges = await b.edges(id);
    expect([edges.filter((edge) => edge === "warning").length, edges.length <= 20, edges.at(-1)]).toEqual([
      2,
      true,
      "T5",
    ]);
    await b.stop();
  });

  for (const fault of ["response_lost", "request_lost"] as const) {
    it(`writes an entry once that was given up in doubt (${fault}), and loses none`, async () => {
      const said = latch();
      const go = latch();
      const b = bench({
        policy: { unknownRetryMs: 500 },
        handlers: [
          fakeHandler(spoken, async ({ phase, progress }) => {
            await said.promise;
            phase("reading");
            progress({ done: 1 });
            await go.promise;
            phase("writing");
          }),
        ],
      });
      const id = await b.submit(spoken);
      void b.start();
      await b.clock.settle();
      b.faults.store("write", { fault, times: 1_000 });
      said.resolve();
      await b.clock.advance(2_000);
      expect(b.heard.logs.some(({ message }) => message.startsWith("news of a running job"))).toBe(true);
      b.faults.heal();
      go.resolve();
      await b.clock.advance(1_000);
      expect(await b.edges(id)).toEqual(["T1", "T2", "T4", "phase", "phase", "T5"]);
      await b.stop();
    });
  }

  it("stores a checkpoint before it resolves, and the next attempt reads it", async () => {
    const many = fakeDefinition({ kind: "task", retry: { maxAttempts: 2, baseMs: 0, capMs: 0 } });
    const seen: unknown[] = [];
    const { b, record } = await runOne(many, async ({ checkpoint, lastCheckpoint, attempt, key }) => {
      seen.push([attempt, lastCheckpoint, key("launch").endsWith(":launch")]);
      if (attempt > 1) return;
      await checkpoint({ page: 3 });
      throw new Error("crash");
    });
    await b.clock.advance(3_000);
    expect([(await record()).status, seen]).toEqual([
      "COMPLETED",
      [
        [1, null, true],
        [2, { page: 3 }, true],
      ],
    ]);
    await b.stop();
  });

  it("refuses a checkpoint that cannot be stored", async () => {
    const { b, record } = await runOne(base, async ({ checkpoint }) => checkpoint(new Map()));
    expect((await record()).failure).toMatchObject({ reason: "error" });
    expect((await record()).failure?.message).toMatch(/checkpoint cannot be stored/);
    await b.stop();
  });

  it("says so when a checkpoint could not be stored, and goes on trying", async () => {
    const begin = latch();
    const go = latch();
    let refused: unknown = null;
    const b = bench({
      policy: { unknownRetryMs: 500 },
      handlers: [
        fakeHandler(base, async ({ checkpoint }) => {
          await begin.promise;
          await checkpoint(7).catch((error: unknown) => {
            refused = error;
          });
          await go.promise;
        }),
      ],
    });
    const id = await b.submit(base);
    void b.start();
    await b.clock.settle();
    b.faults.store("write", { fault: "not_applied", times: 1_000 });
    begin.resolve();
    await b.clock.advance(1_000);
    expect(refused).toMatchObject({ code: "store.unavailable", outcome: "not_applied" });
    b.faults.heal();
    await b.clock.advance(1_000);
    expect((await b.record(id)).checkpoint).toBe(7);
    go.resolve();
    await b.stop();
  });

  it("refuses a checkpoint that is under way when another has the job", async () => {
    const begin = latch();
    let refused: unknown = null;
    const { b, id } = await runOne(base, async ({ checkpoint }) => {
      await begin.promise;
      await checkpoint(7).catch((error: unknown) => {
        refused = error;
      });
    });
    const { record } = (await b.store.read({ nowMs: b.clock.now(), ids: [id] })).jobs[0]!;
    await b.store.write({
      nowMs: b.clock.now(),
      items: [
        {
          id,
          guard: { status: "PROCESSING", version: record.version, token: record.token },
          patch: { version: 99, token: "other" },
          history: { append: "" },
        },
      ],
    });
    begin.resolve();
    await b.clock.advance(1_000);
    expect(refused).toMatchObject({ reason: "LeaseLost" });
    await b.stop();
  });

  const losses: readonly (readonly [string, number, (b: Bench, id: string) => Promise<void>])[] = [
    [
      "finds that another has the job",
      5_000,
      async (b, id) => {
        const { record } = (await b.store.read({ nowMs: b.clock.now(), ids: [id] })).jobs[0]!;
        const guard = { status: "PROCESSING", version: record.version, token: record.token } as const;
        const patch = { version: 99, token: "other" };
        await b.store.write({
          nowMs: b.clock.now(),
          items: [{ id, guard, patch, history: { append: "" } }],
        });
      },
    ],
    [
      "has no answer before the lease is over",
      120_000,
      async (b) => {
        b.faults.store("beat", { fault: "request_lost", times: 1_000 });
        await b.clock.advance(60_000);
      },
    ],
  ];
  it.each(losses)("refuses a checkpoint that waits behind a write which %s", async (_, delayMs, lose) => {
    const begin = latch();
    const next = latch();
    const ended = latch();
    let refused: unknown = null;
    const { b, id } = await runOne(spoken, async ({ phase, checkpoint }) => {
      await begin.promise;
      phase("reading");
      await next.promise;
      await checkpoint(7).catch((error: unknown) => {
        refused = error;
      });
      ended.resolve();
    });
    b.faults.store("write", { fault: "delay", delayMs });
    begin.resolve();
    await b.clock.settle();
    next.resolve();
    await b.clock.settle();
    await lose(b, id);
    await b.clock.advance(60_000);
    expect(refused).toMatchObject({ reason: "LeaseLost" });
    await b.clock.runUntil(ended.promise, 1_000);
    await b.stop();
  });

  it("ignores what is said after the handler has ended", async () => {
    let late: RunContext | null = null;
    const { b, id } = await runOne(spoken, (context) => {
      late = context;
    });
    const context = late as unknown as RunContext;
    context.phase("reading");
    context.progress({ done: 1 });
    context.warn("a", "b");
    await expect(context.checkpoint(1)).rejects.toMatchObject({ reason: "LeaseLost" });
    await b.clock.advance(1_000);
    expect(await b.edges(id)).toEqual(["T1", "T2", "T4", "T5"]);
    await b.stop();
  });
});

// Filled by the tests that need the clock or a switch inside of a handler.
const b_ = { clock: fakeClock(), faults: false };

describe("the lease of a running job", () => {
  it("is kept alive by beats, and the jobs of one worker share them", async () => {
    const b = bench({ handlers: [fakeHandler(base, ({ signal }) => untilAborted(signal))] });
    for (let made = 0; made < 5; made += 1) await b.submit(base);
    void b.start();
    await b.clock.advance(1);
    b.trips.reset();
    await b.clock.advance(30_000);
    expect(b.trips.calls.filter(({ method }) => method === "beat").map(({ items }) => items)).toEqual([
      5, 5, 5,
    ]);
    await b.stop();
  });

  it("aborts the handler before the store may give the job away, when beats are not answered", async () => {
    const heardAt = latch<number>();
    const { b, id, record } = await runOne(
      base,
      async ({ signal }) => {
        await untilAborted(signal).catch(() => {
          heardAt.resolve(b_.clock.now());
        });
        throw signal.reason;
      },
      { clock: (b_.clock = fakeClock()) },
    );
    b.faults.store("beat", { fault: "request_lost", times: 1_000 });
    const { leaseUntil } = await record();
    await b.clock.advance(40_000);
    expect(await heardAt.promise).toBeLessThan(leaseUntil!);
    // Nothing was written: the sweep finds it.
    expect([(await b.record(id)).status, b.heard.counts.lease_lost]).toEqual(["PROCESSING", 1]);
    await b.stop();
  });

  it("survives lost beats as long as one is answered in time", async () => {
    const { b, record } = await runOne(
      base,
      async () => {
        await new Promise<void>((resolve) => b_.clock.timer(100_000, resolve));
      },
      { clock: (b_.clock = fakeClock()) },
    );
    b.faults.store("beat", { fault: "request_lost", times: 3 });
    await b.clock.advance(101_000);
    expect([(await record()).status, (await record()).attempt]).toEqual(["COMPLETED", 1]);
    await b.stop();
  });

  it("counts from when the last confirmed beat was sent, not from when it was answered", async () => {
    const clock = fakeClock();
    const startedAt = clock.now();
    let lostAfterMs = 0;
    const { b } = await runOne(
      base,
      ({ signal }) =>
        untilAborted(signal).catch(() => {
          lostAfterMs = clock.now() - startedAt;
        }),
      { clock },
    );
    // The first beat, sent within ten seconds, is answered nine seconds later; the others never.
    b.faults.store("beat", { fault: "delay", delayMs: 9_000 });
    b.faults.store("beat", { fault: "request_lost", nth: 2, times: 1_000 });
    await clock.advance(60_000);
    expect(lostAfterMs).toBeGreaterThan(28_500);
    expect(lostAfterMs).toBeLessThanOrEqual(10_000 + 28_500);
    await b.stop();
  });

  it("a process that stood still writes nothing but its outcome, which the store judges", async () => {
    const clock = fakeClock();
    let jumpMs = 0;
    const seenClock: Clock = {
      now: () => clock.now() + jumpMs,
      timer: (ms, fn) => clock.timer(ms, fn),
      defer: (fn) => {
        clock.defer(fn);
      },
    };
    const go = latch();
    let aborted: unknown = null;
    const { b, record } = await runOne(
      base,
      async ({ signal, checkpoint, warn }) => {
        await go.promise;
        warn("late", "said after the stall");
        await checkpoint(1).catch(() => undefined);
        aborted = signal.reason;
        return "done";
      },
      { clock, seenClock },
    );
    b.trips.reset();
    jumpMs = 60_000;
    go.resolve();
    await clock.advance(1);
    expect(aborted).toMatchObject({ reason: "LeaseLost" });
    expect([(await record()).status, b.trips.counts.write, b.trips.counts.beat]).toEqual(["COMPLETED", 1, 0]);
    await b.stop();
  });

  it("is not lengthened by a clock that is set back", async () => {
    const clock = fakeClock();
    let offsetMs = 0;
    const seenClock: Clock = {
      now: () => clock.now() + offsetMs,
      timer: (ms, fn) => clock.timer(ms, fn),
      defer: (fn) => {
        clock.defer(fn);
      },
    };
    let reason: unknown = null;
    const { b } = await runOne(
      base,
      async ({ signal }) => {
        await untilAborted(signal).catch((error: unknown) => {
          reason = error;
        });
      },
      { clock, seenClock },
    );
    offsetMs = -3_600_000;
    // One beat is confirmed by the new clock, then none.
    await clock.advance(10_001);
    b.faults.store("beat", { fault: "request_lost", times: 1_000 });
    await clock.advance(30_000);
    expect(reason).toMatchObject({ reason: "LeaseLost" });
    await b.stop();
  });

  it("tells the handler when the store says that the claim is over", async () => {
    let reason: unknown = null;
    const { b, id } = await runOne(base, ({ signal }) =>
      untilAborted(signal).catch((error: unknown) => {
        reason = error;
      }),
    );
    // Somebody else has ended it.
    const { record } = (await b.store.read({ nowMs: b.clock.now(), ids: [id] })).jobs[0]!;
    await b.store.write({
      nowMs: b.clock.now(),
      items: [
        {
          id,
          guard: { status: "PROCESSING", version: record.version, token: record.token },
          patch: { version: 99, status: "FAILED", token: null },
          history: { append: "" },
        },
      ],
    });
    await b.clock.advance(11_000);
    expect(reason).toMatchObject({ reason: "LeaseLost" });
    expect([(await b.record(id)).version, b.heard.counts.lease_lost]).toEqual([99, 1]);
    await b.stop();
  });
});

describe("a job whose record is removed while it runs", () => {
  const gone = async ({ nowMs, items }: { readonly nowMs: number; readonly items: readonly unknown[] }) => ({
    nowMs,
    results: items.map(() => ({ status: "gone" as const })),
  });

  it("is lost once, however often beats say so, and nothing is written for it", async () => {
    const clock = fakeClock();
    const store = { ...createFaults({ clock }).wrapStore(memoryStore()), beat: gone };
    let reason: unknown = null;
    const { b } = await runOne(
      base,
      async ({ signal }) => {
        // It goes on for two more beats, and returns as if nothing had happened.
        await new Promise<void>((resolve) => clock.timer(25_000, resolve));
        reason = signal.reason;
      },
      { clock, store },
    );
    await clock.advance(25_001);
    expect(reason).toMatchObject({ reason: "LeaseLost" });
    expect(b.trips.counts.beat).toBeGreaterThanOrEqual(2);
    expect([b.heard.counts.lease_lost, b.trips.counts.write]).toEqual([1, 0]);
    await b.stop();
  });

  it("is lost when a checkpoint finds nothing to write to", async () => {
    const clock = fakeClock();
    const store = { ...createFaults({ clock }).wrapStore(memoryStore()), write: gone };
    let refused: unknown = null;
    let reason: unknown = null;
    const { b } = await runOne(
      base,
      async ({ signal, checkpoint }) => {
        await checkpoint(7).catch((error: unknown) => {
          refused = error;
        });
        reason = signal.reason;
      },
      { clock, store },
    );
    expect([refused, reason]).toMatchObject([{ reason: "LeaseLost" }, { reason: "LeaseLost" }]);
    expect([b.heard.counts.lease_lost, b.trips.counts.write]).toEqual([1, 1]);
    await b.stop();
  });
});

describe("what a handler gets", () => {
  it("a logger that says which job it speaks of, and cannot be made to lie about it", async () => {
    const { b, id } = await runOne(base, ({ logger }) => {
      logger.debug("d", { jobId: "forged" });
      logger.info("i");
      logger.warn("w");
      logger.error("e", { more: 1 });
    });
    const about = { jobId: id, kind: "task", attempt: 1 };
    expect(b.heard.logs).toEqual([
      { level: "debug", message: "d", fields: about },
      { level: "info", message: "i", fields: about },
      { level: "warn", message: "w", fields: about },
      { level: "error", message: "e", fields: { more: 1, ...about } },
    ]);
    await b.stop();
  });

  it("the same things through a copy, a proxy, or an object made of its context", async () => {
    const seen: unknown[] = [];
    const { b, id } = await runOne(base, (context) => {
      const inherits = Object.create(context) as RunContext;
      for (const view of [context, { ...context }, new Proxy(context, {}), inherits]) {
        const { job, signal, logger, input, attempt, fence, key } = view;
        seen.push([job, signal, logger, input, attempt, fence, key("a")]);
      }
    });
    expect(seen).toHaveLength(4);
    expect(seen[0]).toEqual([
      expect.objectContaining({ id, status: "PROCESSING" }),
      expect.any(AbortSignal),
      expect.objectContaining({ info: expect.any(Function) as unknown }),
      {},
      1,
      1,
      `${id}:a`,
    ]);
    for (const other of seen.slice(1)) expect(other).toEqual(seen[0]);
    await b.stop();
  });

  it("nothing, when the record cannot be read: the job is left to its lease", async () => {
    const b = bench({ handlers: [fakeHandler(base, () => null)] });
    const id = await b.submit(base);
    const record = await b.record(id);
    await b.store.write({
      nowMs: b.clock.now(),
      items: [
        {
          id,
          guard: { status: "QUEUED", version: record.version, token: null },
          patch: { version: 3 },
          history: { replace: "{" },
        },
      ],
    });
    void b.start();
    await b.clock.settle();
    expect(b.heard.logs.map(({ message }) => message)).toEqual([
      "the outcome of a job could not be stored; it is recovered when its lease is over",
    ]);
    await b.stop();
  });
});

describe("stopping a worker", () => {
  it("lets handlers that end normally complete", async () => {
    const { b, id } = await runOne(
      base,
      async () => {
        await new Promise<void>((resolve) => b_.clock.timer(5_000, resolve));
        return "done";
      },
      { clock: (b_.clock = fakeClock()) },
    );
    await b.stop();
    expect(await b.output(id)).toBe('"done"');
  });

  it("gives back what does not end in time, attempt included, and waits no longer", async () => {
    const { b, id } = await runOne(base, () => new Promise(() => undefined), {
      worker: { shutdownTimeoutMs: 3_000 },
    });
    const before = b.clock.now();
    await b.stop();
    const { status, attempt, releases } = await b.record(id);
    expect([status, attempt, releases, b.clock.now() - before]).toEqual(["QUEUED", 0, 1, 3_000]);
  });

  it("waits for a client that was closed before it no longer than for any answer in doubt", async () => {
    const { b } = await runOne(base, (context) => untilAborted(context.signal));
    b.faults.outage("store", "not_applied");
    const before = b.clock.now();
    await b.stop();
    expect(b.clock.now() - before).toBeLessThanOrEqual(10_000);
    b.faults.heal();
  });

  it("does not wait for a store that is down for ever", async () => {
    const { b } = await runOne(base, () => new Promise(() => undefined), {
      worker: { shutdownTimeoutMs: 1_000 },
    });
    b.faults.outage("store", "hang");
    const before = b.clock.now();
    await b.stop();
    expect(b.clock.now() - before).toBeLessThanOrEqual(6_000);
    b.faults.heal();
  });

  it("leaves no timer behind", async () => {
    const { b } = await runOne(base, () => null, { worker: { reconcile: true } });
    await b.clock.advance(10_000);
    await b.stop();
    expect(b.clock.pending()).toBe(0);
  });

  it("is asked as often as one likes, by signal or by call", async () => {
    const b = bench({ handlers: [fakeHandler(base, () => null)] });
    const stop = new AbortController();
    const run = b.worker.run({ signal: stop.signal });
    const same = b.worker.run();
    await b.clock.settle();
    stop.abort();
    await b.clock.runUntil(Promise.all([run, same, b.worker.stop(), b.worker.stop()]));
    await b.worker.run();
  });

  it("a signal that is aborted already takes nothing; a worker that was stopped before it ran says so", async () => {
    const b = bench({ handlers: [fakeHandler(base, () => null)] });
    const id = await b.submit(base);
    await b.clock.runUntil(b.worker.run({ signal: AbortSignal.abort() }));
    expect((await b.record(id)).status).toBe("QUEUED");
    const unused = b.more([fakeHandler(base, () => null)]);
    await unused.stop();
    await expect(unused.run()).rejects.toMatchObject({ code: "waybill.closed" });
  });
});

describe("a worker that reconciles", () => {
  it("recovers the job of a worker that vanished", async () => {
    const definition = fakeDefinition({ kind: "task", leaseMs: 5_000 });
    const b = bench({ handlers: [fakeHandler(definition, () => "second")], worker: { reconcile: true } });
    const id = await b.submit(definition);
    await b.store.claim({
      nowMs: b.clock.now(),
      next: {
        terms: {
          worker: "gone",
          recordVersion: 1,
          notifyGraceMs: 0,
          started: { afterVersion: ',"T4",', afterAt: ",", afterAttempt: ',"t"]' },
          queued: { afterVersion: ',"T2",', afterAt: ",", afterAttempt: ',"t"]' },
        },
        token: "gone",
        kinds: [{ kind: "task", leaseMs: 5_000 }],
        limit: 1,
      },
    });
    void b.start();
    await b.clock.advance(20_000);
    expect([(await b.record(id)).status, (await b.record(id)).attempt]).toEqual(["COMPLETED", 2]);
    await b.stop();
  });

  it("goes on after a pass that failed", async () => {
    const b = bench({ handlers: [fakeHandler(base, () => null)], worker: { reconcile: true } });
    b.faults.store("takeDue", { fault: "not_applied" });
    void b.start();
    await b.clock.advance(20_000);
    expect(b.trips.counts.takeDue).toBeGreaterThan(2);
    await b.stop();
  });
});

describe("a handler that never settles", () => {
  it("is told of after its signal has aborted, while it keeps its place", async () => {
    const timed = fakeDefinition({ kind: "task", leaseMs: 10_000, deadlineMs: 5_000 });
    const { b, id } = await runOne(timed, () => new Promise(() => undefined), {
      worker: { shutdownTimeoutMs: 1_000 },
    });
    await b.clock.advance(60_000);
    expect(b.heard.logs).toEqual([
      {
        level: "warn",
        message: "a handler has not ended since its signal aborted; it keeps its place",
        fields: { signal: "DeadlineExceeded", sinceMs: 10_000, jobId: id, kind: "task", attempt: 1 },
      },
    ]);
    await b.stop();
  });

  it("is told of after an hour without an end, once; a kind may expect to take longer", async () => {
    const said = async (expectedMs: number | null): Promise<readonly string[]> => {
      const slow = fakeDefinition({ kind: "task", expectedMs });
      const { b } = await runOne(slow, () => new Promise(() => undefined), {
        worker: { shutdownTimeoutMs: 1_000 },
      });
      await b.clock.advance(3 * 3_600_000);
      const messages = b.heard.logs.map(({ message }) => message);
      await b.stop();
      return messages;
    };
    expect(await said(null)).toEqual([
      "a handler runs very long and keeps its place; deadlineMs would bound it",
    ]);
    expect(await said(3_600_000)).toEqual([]);
  });
});

describe("how large an output may be", () => {
  it("follows what the store takes, unless the policy says less; the sentence names who said it", async () => {
    const told = async (options: Partial<BenchOptions>): Promise<unknown> => {
      const { b, id, record } = await runOne(base, () => "x".repeat(2_000_000), options);
      const { status, failure } = await record();
      const output = await b.output(id);
      await b.stop();
      return status === "COMPLETED" ? output?.length : failure?.message;
    };
    expect(await told({})).toBe(2_000_002);
    expect(await told({ policy: { maxPayloadBytes: 1_000_000 } })).toBe(
      "The output cannot be stored: is more than 1000000 bytes of JSON (policy.maxPayloadBytes).",
    );
    expect(await told({ capabilities: { maxPayloadBytes: 400_000 } })).toBe(
      "The output cannot be stored: is more than 400000 bytes of JSON (what the store takes; policy.maxPayloadBytes can only be less).",
    );
  });
});
