import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { makeDefinition } from "../../src/core/define/definition-of.js";
import { cancel } from "../../src/core/engine/command/commands.js";
import { PermanentError } from "../../src/core/errors/errors.js";
import type { Checked } from "../../src/core/definition.js";
import { type RunContext, track } from "../../src/core/handler.js";
import { pollAnswerOf } from "../../src/core/engine/reconcile/poll-answer.js";
import { jobOf } from "../../src/core/engine/read/job.js";
import { metadataOf, projected } from "../../src/core/view/shown.js";
import { fakeDefinition, fakeHandler } from "../support/core.js";
import { bench, type BenchOptions, untilAborted } from "../support/worker-bench.js";

// What handlers forget, and what on-call people are told of what they throw.

const kind = fakeDefinition({ kind: "task", retry: { maxAttempts: 2 }, phases: ["launching", "converting"] });

let unheard: unknown[] = [];
const hear = (error: unknown): void => {
  unheard.push(error);
};
beforeEach(() => {
  unheard = [];
  process.on("unhandledRejection", hear);
});
afterEach(() => {
  process.off("unhandledRejection", hear);
});

/** Unhandled rejections are told of when the turn is over. */
async function turnIsOver(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
}

async function runOne(run: (context: RunContext) => unknown, options: Partial<BenchOptions> = {}) {
  const b = bench({ handlers: [fakeHandler(options.definitions?.[0] ?? kind, run)], ...options });
  const id = await b.submit(options.definitions?.[0] ?? kind, { secret: "hunter2" });
  void b.start();
  await b.clock.settle();
  return { b, id };
}

describe("a checkpoint that nobody awaits", () => {
  const slips: readonly (readonly [string, (context: RunContext) => unknown])[] = [
    ["before the handler returns", (context) => void context.checkpoint({ at: 1 })],
    [
      "before the handler throws",
      (context) => {
        void context.checkpoint({ at: 1 });
        throw new Error("boom");
      },
    ],
    ["of a value that cannot be stored", (context) => void context.checkpoint(10n)],
    [
      "of a handler that has ended",
      (context) => {
        setImmediate(() => void context.checkpoint({ at: 1 }));
      },
    ],
  ];
  for (const [what, run] of slips) {
    it(`${what} ends no process`, async () => {
      const { b } = await runOne(run);
      await turnIsOver();
      expect(unheard).toEqual([]);
      await b.stop();
    });
  }

  it("of a job that is cancelled ends no process", async () => {
    const { b, id } = await runOne(async (context) => {
      try {
        await untilAborted(context.signal);
      } finally {
        void context.checkpoint({ at: 2 });
      }
    });
    await b.clock.runUntil(cancel(b.core, b.dispatcher, id, {}));
    await b.clock.advance(30_000);
    await turnIsOver();
    expect(unheard).toEqual([]);
    expect((await b.record(id)).failure?.reason).toBe("cancelled");
    await b.stop();
  });

  it("is stored with the outcome, and `null` is a value too", async () => {
    const seen: unknown[] = [];
    const { b, id } = await runOne(
      (context) => {
        seen.push(context.lastCheckpoint);
        void context.checkpoint(context.attempt === 1 ? { at: 1 } : null);
        throw new Error("boom");
      },
      { definitions: [fakeDefinition({ kind: "task", retry: { maxAttempts: 3, baseMs: 0, capMs: 0 } })] },
    );
    await b.clock.advance(10_000);
    expect([seen, (await b.record(id)).status]).toEqual([[null, { at: 1 }, null], "FAILED"]);
    await b.stop();
  });

  it("that cannot be stored is told of in the log", async () => {
    const { b } = await runOne((context) => void context.checkpoint(10n));
    expect(b.heard.logs.map(({ message }) => message)).toContain(
      "a checkpoint that cannot be stored was ignored",
    );
    await b.stop();
  });
});

describe("an exception of a handler", () => {
  it("is logged once an attempt, with stack, causes, job and attempt, and never the input", async () => {
    const { b, id } = await runOne(function launchServers() {
      throw new Error("no capacity", { cause: new TypeError("zone is full") });
    });
    await b.clock.advance(60_000);
    const said = b.heard.logs.filter(({ message }) => message.startsWith("a handler threw"));
    expect(said.map(({ level, message, fields }) => [level, message, fields])).toEqual([
      ["warn", "a handler threw; its job is tried again", expect.objectContaining({ jobId: id, attempt: 1 })],
      ["error", "a handler threw; its job failed", expect.objectContaining({ jobId: id, attempt: 2 })],
    ]);
    const { stack } = said[0]?.fields as { readonly stack: string };
    expect(stack).toMatch(/no capacity[\s\S]*launchServers[\s\S]*caused by: TypeError: zone is full/);
    expect(JSON.stringify(b.heard.logs)).not.toContain("hunter2");
    await b.stop();
  });

  it("that is permanent is an error at its first attempt; one that cannot be shown is told of too", async () => {
    const one = await runOne(() => {
      throw new PermanentError("card expired");
    });
    const revoked = Proxy.revocable({}, {});
    revoked.revoke();
    const other = await runOne(() => {
      throw revoked.proxy as Error;
    });
    expect(one.b.heard.logs.map(({ level }) => level)).toEqual(["error"]);
    expect(other.b.heard.logs).toMatchObject([
      { level: "warn", fields: { stack: "The handler threw something that cannot be shown." } },
    ]);
    await one.b.stop();
    await other.b.stop();
  });

  it("is none where the handler gave in to its signal", async () => {
    const { b, id } = await runOne((context) => untilAborted(context.signal));
    await b.clock.runUntil(cancel(b.core, b.dispatcher, id, {}));
    await b.clock.advance(30_000);
    expect(b.heard.logs).toEqual([]);
    await b.stop();
  });

  it("of its output's schema is logged with its stack", async () => {
    const strict = fakeDefinition({
      kind: "task",
      checkOutput: () => {
        throw new Error("schema broke");
      },
    });
    const { b } = await runOne(() => 1, { definitions: [strict] });
    expect(b.heard.logs).toMatchObject([
      { level: "error", fields: { stack: expect.stringContaining("schema broke") as unknown } },
    ]);
    await b.stop();
  });
});

/** A schema that strips a key. */
const stripped = (value: unknown): Checked => {
  const { passwordHash: _gone, ...rest } = value as Readonly<Record<string, unknown>>;
  return { ok: true, value: rest };
};

describe("what the schema strips", () => {
  const strict = fakeDefinition({
    kind: "task",
    checkOutput: stripped,
    checkProgress: async (value) => stripped(value),
    checkRef: async (value) => stripped(value),
    external: false,
  });

  it("is not stored with the output, nor with progress", async () => {
    const { b, id } = await runOne(
      (context) => {
        context.progress({ done: 1, passwordHash: "x" });
        return { id: 7, passwordHash: "x" };
      },
      { definitions: [strict] },
    );
    expect([await b.output(id), (await b.record(id)).progress]).toEqual(['{"id":7}', { done: 1 }]);
    await b.stop();
  });

  it("is not stored with a reference, nor with what a poll says", async () => {
    const external = { ...strict, external: true };
    const answers = [
      { state: "open", progress: { done: 1, passwordHash: "x" } },
      { state: "done", output: { id: 7, passwordHash: "x" } },
    ] as const;
    let looks = 0;
    const handler = fakeHandler(external, () => track({ server: "i-1", passwordHash: "x" }), {
      poll: async () => answers[looks++] ?? answers[1],
      pollEveryMs: 1_000,
    });
    const b = bench({ handlers: [handler], worker: { reconcile: true } });
    const id = await b.submit(external, {});
    void b.start();
    await b.clock.settle();
    const { awaiting } = await b.record(id);
    await b.clock.advance(30_000);
    expect([awaiting?.ref, (await b.record(id)).progress, await b.output(id)]).toEqual([
      { server: "i-1" },
      { done: 1 },
      '{"id":7}',
    ]);
    await b.stop();
  });
});

describe("what is said of a phase", () => {
  it("holds while the work that was started in it is awaited", async () => {
    const external = fakeDefinition({
      kind: "task",
      external: true,
      phases: ["launching"],
      messageOf: () => "the default",
    });
    const handler = fakeHandler(
      external,
      (context) => {
        context.phase("launching", "Launching 6 servers");
        return track({ a: 1 });
      },
      { poll: async () => ({ state: "open" }) },
    );
    const b = bench({ handlers: [handler] });
    const id = await b.submit(external, {});
    void b.start();
    await b.clock.settle();
    const record = await b.record(id);
    expect(jobOf(external, { record, cursors: {} }).message).toBe("Launching 6 servers");
    expect(await b.edges(id)).toEqual(["T1", "T2", "T4", "phase", "waiting"]);
    await b.stop();
  });
});

describe("an await that was forgotten", () => {
  const late = () => Promise.reject(new Error("nobody awaits this"));
  const external = fakeDefinition({ kind: "task", external: true });
  const slips: readonly (readonly [string, (context: RunContext) => unknown])[] = [
    ["in done", (context) => context.done(late())],
    ["in a part of an output", (context) => context.done({ pages: late() })],
    ["in track", (context) => context.track(late())],
    ["in a part of a reference", () => track({ id: late() })],
    [
      "in a checkpoint",
      (context) => {
        void context.checkpoint(late());
        void context.checkpoint({ at: late() });
        return context.done(null);
      },
    ],
    [
      "in progress, phases and warnings",
      (context) => {
        context.progress(late());
        context.progress({ pages: late() });
        context.phase(late() as never, late() as never);
        context.warn("code", late() as never);
        return context.done(null);
      },
    ],
    [
      "in the details of a failure",
      () => {
        throw new PermanentError("It is broken.", { details: { pages: late() } as never });
      },
    ],
  ];
  for (const [what, run] of slips) {
    it(`${what} ends no process`, async () => {
      const { b, id } = await runOne(run, { definitions: [external] });
      await b.clock.advance(1_000);
      await turnIsOver();
      expect(unheard).toEqual([]);
      expect((await b.record(id)).status).toMatch(/^(COMPLETED|FAILED)$/);
      await b.stop();
    });
  }

  it("in what a definition derives ends no process", async () => {
    const definition = makeDefinition({
      ...{ kind: "derived", input: z.object({}), output: z.any(), progress: z.any(), external: z.object({}) },
      subject: (() => late()) as never,
      refKeys: (() => [late()]) as never,
      percent: (() => late()) as never,
      messages: { PENDING: (() => late()) as never },
      project: { output: (() => late()) as never, metadata: (() => ({ part: late() })) as never },
    });
    expect(() => definition.subjectOf({})).toThrow("subject must give a text");
    expect(definition.refKeysOf({})).toEqual([]);
    expect(definition.percentOf({})).toBeNull();
    const waiting = { status: "PENDING", phase: null, failureReason: null } as const;
    expect(definition.messageOf({ ...waiting }, {})).toBeTypeOf("string");
    expect(() => projected(definition, "output", {})).toThrow("must give JSON");
    expect(() => metadataOf(definition, {})).toThrow("must give JSON");
    await turnIsOver();
    expect(unheard).toEqual([]);
  });

  it("in what a poll answers ends no process", async () => {
    const { core } = bench({ handlers: [fakeHandler(kind, () => null)], definitions: [kind] });
    const external = makeDefinition({
      ...{
        kind: "polled",
        input: z.object({}),
        output: z.object({ pages: z.number() }),
        external: z.object({}),
      },
      progress: z.object({ pages: z.number() }),
    });
    for (const answer of [
      () => ({ state: "done", output: late() }),
      () => ({ state: "done", output: { pages: late() } }),
      () => ({ state: "open", progress: { pages: late() }, message: late() }),
      () => ({ state: "failed", message: late(), details: { pages: late() }, progress: late() }),
    ])
      await pollAnswerOf(core, external, { pollEveryMs: null }, answer() as never);
    await turnIsOver();
    expect(unheard).toEqual([]);
  });
});
