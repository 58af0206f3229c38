import { type } from "arktype";
import fc from "fast-check";
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { defineJob } from "../../src/core/define/define-job.js";
import type { Facts } from "../../src/core/definition.js";
import { isWaybillError } from "../../src/core/errors/errors.js";
import { STATUSES } from "../../src/core/job/lifecycle.js";

const input = z.object({ planId: z.string() });

const recover = defineJob({
  kind: "dr.recover",
  input,
  output: z.object({ ready: z.number() }),
  progress: z.object({ total: z.number(), ready: z.number() }),
  phases: ["submitted", "launching", "converting"],
  external: z.object({ drsJobIds: z.array(z.string()) }),
  refKeys: ({ drsJobIds }) => drsJobIds,
  words: {
    PENDING: "IN_PROGRESS",
    QUEUED: "IN_PROGRESS",
    PROCESSING: { default: "SUBMITTED", launching: "LAUNCHING", converting: "CONVERTING" },
    COMPLETED: "COMPLETED",
    FAILED: { default: "FAILED", cancelled: "CANCELLED" },
  },
  messages: {
    QUEUED: (job) => `Recovery of ${job.input.planId} queued`,
    PROCESSING: { default: "Recovering", launching: (job) => `Launching (${String(job.phase)})` },
    FAILED: { cancelled: "Recovery cancelled" },
  },
  subject: (given) => `plan:${given.planId}`,
  percent: (progress) => progress.ready / progress.total,
  expectedMs: 900_000,
  retry: { maxAttempts: 5, baseMs: 1_000, capMs: 300_000 },
  leaseMs: 30_000,
  deadlineMs: 3_600_000,
  retainMs: 604_800_000,
  queue: "slow",
});
const engine = recover["~definition"];

const plain = defineJob({ kind: "plain", input });

function facts(part: Partial<Facts>): Facts {
  return { status: "PENDING", phase: null, failureReason: null, ...part };
}

describe("a definition", () => {
  it("carries to the engine what it was given", () => {
    expect(engine).toMatchObject({
      kind: "dr.recover",
      external: true,
      phases: ["submitted", "launching", "converting"],
      queue: "slow",
      handOver: null,
      retry: { maxAttempts: 5, baseMs: 1_000, capMs: 300_000 },
      leaseMs: 30_000,
      deadlineMs: 3_600_000,
      retainMs: 604_800_000,
      expectedMs: 900_000,
      messagesReadInput: true,
    });
  });

  it("leaves to the policy what it was not given, and takes undefined for that", () => {
    const undefinedOptions = defineJob({
      kind: "plain",
      input,
      output: undefined,
      progress: undefined,
      phases: undefined,
      external: undefined,
      words: undefined,
      messages: { PENDING: undefined, PROCESSING: { default: undefined } },
      subject: undefined,
      percent: undefined,
      expectedMs: undefined,
      retry: { maxAttempts: undefined },
      leaseMs: undefined,
      deadlineMs: undefined,
      retainMs: undefined,
      queue: undefined,
      refKeys: undefined,
    });
    for (const def of [plain, undefinedOptions]) {
      expect(def["~definition"]).toMatchObject({
        external: false,
        phases: [],
        queue: null,
        retry: {},
        leaseMs: null,
        deadlineMs: null,
        retainMs: null,
        expectedMs: null,
        messagesReadInput: false,
      });
      expect(def["~definition"].subjectOf({ planId: "1" })).toBeNull();
      expect(def["~definition"].percentOf({ ready: 1 })).toBeNull();
    }
  });
});

describe("schemas", () => {
  const schemas = {
    zod: z.object({ name: z.string(), n: z.number().default(1) }),
    valibot: v.object({ name: v.string(), n: v.optional(v.number(), 1) }),
    "valibot, async": v.pipeAsync(
      v.object({ name: v.string(), n: v.optional(v.number(), 1) }),
      v.checkAsync(async () => true),
    ),
    arktype: type({ name: "string", n: "number = 1" }),
    "zod, async": z.object({ name: z.string(), n: z.number().default(1) }).refine(async () => true),
  };

  it.each(Object.entries(schemas))(
    "of %s check, complete, and name the place of what is wrong",
    async (_, schema) => {
      const { checkInput } = defineJob({ kind: "k", input: schema })["~definition"];
      expect(await checkInput({ name: "Ana" })).toEqual({ ok: true, value: { name: "Ana", n: 1 } });
      const refused = await checkInput({ name: 5 });
      expect(refused).toMatchObject({
        ok: false,
        issues: [{ path: "name", message: expect.stringMatching(/string/) }],
      });
    },
  );

  it.each(Object.entries(schemas))(
    "of %s never repeat the value in what they say is wrong",
    async (_, schema) => {
      const { checkInput } = defineJob({ kind: "k", input: schema })["~definition"];
      expect(JSON.stringify(await checkInput({ name: 77123, n: "s3cret" }))).not.toMatch(/s3cret|77123/);
      expect(JSON.stringify(await checkInput("s3cret"))).not.toContain("s3cret");
    },
  );

  it("are asked for output, progress and reference", async () => {
    expect(await engine.checkOutput({ ready: 6 })).toEqual({ ok: true, value: { ready: 6 } });
    expect(await engine.checkOutput({})).toMatchObject({ ok: false, issues: [{ path: "ready" }] });
    expect(await engine.checkProgress({ total: 6, ready: "1" })).toMatchObject({
      ok: false,
      issues: [{ path: "ready" }],
    });
    expect(await engine.checkRef({ drsJobIds: ["a", 1] })).toMatchObject({
      ok: false,
      issues: [{ path: "drsJobIds.1" }],
    });
  });

  it("that are left out take nothing: no output is null", async () => {
    const { checkOutput, checkProgress, checkRef } = plain["~definition"];
    expect(await checkOutput(undefined)).toEqual({ ok: true, value: null });
    expect(await checkOutput(null)).toEqual({ ok: true, value: null });
    expect(await checkOutput(12)).toEqual({
      ok: false,
      issues: [{ path: "", message: "is there, but the kind has no output" }],
    });
    expect(await checkProgress({})).toMatchObject({
      ok: false,
      issues: [{ message: "is there, but the kind has no progress" }],
    });
    expect(await checkRef("r")).toMatchObject({
      ok: false,
      issues: [{ message: "is there, but the kind has no external" }],
    });
  });

  it("that throw say nothing about the value: the check rejects", async () => {
    const broken = z.string().refine(() => {
      throw new Error("database away");
    });
    await expect(defineJob({ kind: "k", input: broken })["~definition"].checkInput("x")).rejects.toThrow(
      "database away",
    );
  });

  it("written by hand may give paths of both forms, no path, and endless text", async () => {
    const issues: object[] = [
      { message: "m".repeat(1000), path: ["a", { key: 0 }, Symbol("s")] },
      { message: "plain" },
      { message: 'was "s3cret" here', actual: '"s3cret"' },
      { message: "expected string but received undefined", received: "undefined" },
      ...Array.from({ length: 50 }, () => ({ message: "more" })),
    ];
    const schema = { "~standard": { version: 1 as const, vendor: "hand", validate: () => ({ issues }) } };
    const checked = await defineJob({ kind: "k", input: schema as never })["~definition"].checkInput(1);
    if (checked.ok) throw new Error("accepted");
    expect(checked.issues.map(({ path }) => path).slice(0, 2)).toEqual(["a.0.Symbol(s)", ""]);
    expect(checked.issues.map(({ message }) => message).slice(1, 4)).toEqual([
      "plain",
      "was … here",
      "expected string but received undefined",
    ]);
    expect(checked.issues).toHaveLength(20);
    expect(checked.issues[0]?.message).toHaveLength(300);
  });

  it("that fail without a reason are given one", async () => {
    const schema = { "~standard": { version: 1 as const, vendor: "hand", validate: () => ({ issues: [] }) } };
    const checked = await defineJob({ kind: "k", input: schema as never })["~definition"].checkInput(1);
    expect(checked).toEqual({ ok: false, issues: [{ path: "", message: "is not valid" }] });
  });
});

describe("words", () => {
  it("are the application's, by phase and by reason of a failure", () => {
    expect(engine.wordOf(facts({ status: "QUEUED" }))).toBe("IN_PROGRESS");
    expect(engine.wordOf(facts({ status: "PROCESSING" }))).toBe("SUBMITTED");
    expect(engine.wordOf(facts({ status: "PROCESSING", phase: "launching" }))).toBe("LAUNCHING");
    expect(engine.wordOf(facts({ status: "PROCESSING", phase: "submitted" }))).toBe("SUBMITTED");
    expect(engine.wordOf(facts({ status: "PROCESSING", phase: "toString" }))).toBe("SUBMITTED");
    expect(engine.wordOf(facts({ status: "FAILED", failureReason: "cancelled" }))).toBe("CANCELLED");
    expect(engine.wordOf(facts({ status: "FAILED", failureReason: "error", phase: "launching" }))).toBe(
      "FAILED",
    );
  });

  it("of a phase that is left undefined are the default", () => {
    const PROCESSING = { default: "working", writing: undefined };
    const words = { PENDING: "p", QUEUED: "q", PROCESSING, COMPLETED: "c", FAILED: "f" };
    // Untyped callers build such objects from optional settings.
    const options = { kind: "k", input, phases: ["writing"], words } as never;
    const { wordOf, statusesOf } = (defineJob(options) as typeof plain)["~definition"];
    expect(wordOf(facts({ status: "PROCESSING", phase: "writing" }))).toBe("working");
    expect([statusesOf("working"), statusesOf("undefined")]).toEqual([["PROCESSING"], []]);
  });

  it("are told from a job, or its view", () => {
    expect(recover.word({ status: "PROCESSING", phase: "converting" })).toBe("CONVERTING");
    expect(recover.word({ status: "FAILED", failure: { reason: "cancelled" } })).toBe("CANCELLED");
    expect(recover.word({ status: "PENDING" })).toBe("IN_PROGRESS");
  });

  it("lead back to the statuses that they may stand for", () => {
    expect(recover.statuses("IN_PROGRESS")).toEqual(["PENDING", "QUEUED"]);
    expect(recover.statuses("LAUNCHING")).toEqual(["PROCESSING"]);
    expect(engine.statusesOf("nonsense")).toEqual([]);
    expect(engine.statusesOf("toString")).toEqual([]);
  });

  it("are the statuses themselves where none were given", () => {
    for (const status of STATUSES) {
      expect(plain["~definition"].wordOf(facts({ status }))).toBe(status);
      expect(plain.statuses(status)).toEqual([status]);
    }
  });

  it("of every status lead back to it, whatever the vocabulary", () => {
    const word = fc.constantFrom("a", "b", "c", "__proto__", "toString");
    fc.assert(
      fc.property(
        fc.tuple(word, word, word, word, word),
        ([PENDING, QUEUED, PROCESSING, COMPLETED, FAILED]) => {
          const { wordOf, statusesOf } = defineJob({
            kind: "k",
            input,
            words: { PENDING, QUEUED, PROCESSING, COMPLETED, FAILED },
          })["~definition"];
          for (const status of STATUSES) expect(statusesOf(wordOf(facts({ status })))).toContain(status);
        },
      ),
    );
  });
});

describe("messages", () => {
  it("are the kind's own, for a phase, a reason, or the status", () => {
    expect(engine.messageOf(facts({ status: "QUEUED" }), { planId: "42" })).toBe("Recovery of 42 queued");
    expect(engine.messageOf(facts({ status: "PROCESSING", phase: "launching" }), {})).toBe(
      "Launching (launching)",
    );
    expect(engine.messageOf(facts({ status: "PROCESSING", phase: "converting" }), {})).toBe("Recovering");
    expect(engine.messageOf(facts({ status: "FAILED", failureReason: "cancelled" }), {})).toBe(
      "Recovery cancelled",
    );
  });

  it("have a plain default where nothing was given", () => {
    expect(engine.messageOf(facts({ status: "FAILED", failureReason: "error" }), {})).toBe("Failed.");
    expect(engine.messageOf(facts({ status: "FAILED" }), {})).toBe("Failed.");
    expect(engine.messageOf(facts({ status: "FAILED", failureReason: "external_timeout" }), {})).toContain(
      "unknown",
    );
    for (const status of STATUSES)
      expect(plain["~definition"].messageOf(facts({ status }), undefined)).toMatch(/^[A-Z].*\.$/);
  });

  it("never throw: a function that does, or gives no text, is as good as none", () => {
    for (const given of [
      () => {
        throw new Error("no");
      },
      () => "",
      () => 5 as never,
    ]) {
      const { messageOf, messagesReadInput } = defineJob({
        kind: "k",
        input,
        messages: { COMPLETED: given },
      })["~definition"];
      expect(messageOf(facts({ status: "COMPLETED" }), undefined)).toBe("Completed.");
      expect(messagesReadInput).toBe(true);
    }
  });

  it("of text alone do not read the input", () => {
    const texts = defineJob({
      kind: "k",
      input,
      messages: { COMPLETED: "Ready", PROCESSING: { default: "On it" } },
    });
    expect(texts["~definition"].messagesReadInput).toBe(false);
    expect(texts["~definition"].messageOf(facts({ status: "COMPLETED" }), undefined)).toBe("Ready");
  });
});

describe("subject, percent and reference keys", () => {
  it("are derived", () => {
    expect(engine.subjectOf({ planId: "42" })).toBe("plan:42");
    expect(engine.percentOf({ total: 4, ready: 1 })).toBe(0.25);
    expect(engine.refKeysOf({ drsJobIds: ["j-1", "j-2"] })).toEqual(["j-1", "j-2"]);
  });

  it("no subject is none; a broken one is the definition's fault", () => {
    const subjectOf = (subject: (given: { planId: string }) => string | null | undefined): string | null =>
      defineJob({ kind: "k", input, subject })["~definition"].subjectOf({ planId: "1" });
    expect(subjectOf(() => null)).toBeNull();
    expect(subjectOf(() => undefined)).toBeNull();
    expect(subjectOf(() => "s".repeat(256))).toHaveLength(256);
    for (const bad of [() => "", () => "s".repeat(257), () => 7 as never]) {
      expect(() => subjectOf(bad)).toThrow("subject must give a text of 1 to 256 characters");
    }
    const threw = (): never => {
      throw new Error("s3cret");
    };
    expect(() => subjectOf(threw)).toThrow(
      /^The job "k": subject threw for a valid input\. .*\[config\.invalid\]$/,
    );
  });

  it("percent is between 0 and 1, or not known; never throws", () => {
    const percentOf = (given: unknown): number | null => {
      const progress = z.object({ v: z.unknown() });
      return defineJob({
        kind: "k",
        input,
        progress,
        percent: typeof given === "function" ? (given as () => number) : () => given as number,
      })["~definition"].percentOf({});
    };
    expect([0, 0.5, 1, -3, 7, Infinity].map(percentOf)).toEqual([0, 0.5, 1, 0, 1, 1]);
    expect([NaN, null, undefined, "0.5"].map(percentOf)).toEqual([null, null, null, null]);
    const threw = (): never => {
      throw new Error("no");
    };
    expect(percentOf(threw)).toBeNull();
  });

  const keysOf = (refKeys: unknown): readonly string[] =>
    defineJob({ kind: "k", input, external: z.json(), refKeys: refKeys as never })["~definition"].refKeysOf({
      region: "eu",
    });

  it("reference keys are what is declared, once each, within bounds", () => {
    expect(keysOf(() => ["x", 5, "x", true, null, "", "z".repeat(257)])).toEqual(["x", "5"]);
    expect(keysOf(() => Array.from({ length: 500 }, (_, i) => i))).toHaveLength(100);
  });

  it("a key that no store can hold is none", () => {
    expect(keysOf(() => ["a\0", "\ud800", "b\udfff", "\u{1f600}"])).toEqual(["\u{1f600}"]);
  });

  it("no part of a reference is a key that nobody declared, also where the declaration fails", () => {
    expect(keysOf(undefined)).toEqual([]);
    expect(keysOf(() => "no list")).toEqual([]);
    expect(
      keysOf(() => {
        throw new Error("no");
      }),
    ).toEqual([]);
  });
});

describe("a definition that cannot be used is refused with a sentence that names the option", () => {
  const schema = input;
  const words = { PENDING: "p", QUEUED: "q", PROCESSING: "r", COMPLETED: "c", FAILED: "f" };
  it.each<[string, unknown]>([
    ["defineJob takes an object with kind and input.", null],
    ["kind must be a name", { input: schema }],
    ["kind must be a name", { kind: "a..b", input: schema }],
    ["kind must be a name", { kind: ".a", input: schema }],
    ["kind must be a name", { kind: "a b", input: schema }],
    ["kind must be a name", { kind: "a\n", input: schema }],
    ["kind must be a name", { kind: "k".repeat(129), input: schema }],
    ['The job "k" needs input, a Standard Schema', { kind: "k" }],
    ['The job "k" needs input, a Standard Schema', { kind: "k", input: { type: "object" } }],
    ['The job "k" needs input, a Standard Schema', { kind: "k", input: { "~standard": null } }],
    ['The job "k" needs input, a Standard Schema', { kind: "k", input: { "~standard": { version: 1 } } }],
    ['The job "k" has no option "ouput"', { kind: "k", input: schema, ouput: schema }],
    ["output must be a Standard Schema", { kind: "k", input: schema, output: "string" }],
    ["progress must be a Standard Schema", { kind: "k", input: schema, progress: 5 }],
    ["external must be a Standard Schema", { kind: "k", input: schema, external: null }],
    ["phases must be a list of names", { kind: "k", input: schema, phases: "a" }],
    ["phases must be a list of names", { kind: "k", input: schema, phases: [] }],
    ["each of phases must be a name", { kind: "k", input: schema, phases: [""] }],
    ["each of phases must be a name", { kind: "k", input: schema, phases: [5] }],
    ["each of phases must be a name", { kind: "k", input: schema, phases: ["p".repeat(129)] }],
    ['"default" cannot be the name of a phase', { kind: "k", input: schema, phases: ["default"] }],
    ['"__proto__" cannot be the name of a phase', { kind: "k", input: schema, phases: ["__proto__"] }],
    ['the phase "a" is there twice', { kind: "k", input: schema, phases: ["a", "b", "a"] }],
    ["words must be an object", { kind: "k", input: schema, words: [] }],
    ["words.QUEUED must be a word", { kind: "k", input: schema, words: { ...words, QUEUED: undefined } }],
    [
      "words.QUEUED must be a word",
      { kind: "k", input: schema, words: { ...words, QUEUED: { default: "x" } } },
    ],
    ["words.COMPLETED must be a word", { kind: "k", input: schema, words: { ...words, COMPLETED: "" } }],
    [
      "words.FAILED must be a word",
      { kind: "k", input: schema, words: { ...words, FAILED: "w".repeat(101) } },
    ],
    [
      "words.PROCESSING.default must be a word",
      { kind: "k", input: schema, words: { ...words, PROCESSING: {} } },
    ],
    [
      'words.PROCESSING has no option "x"',
      { kind: "k", input: schema, words: { ...words, PROCESSING: { default: "d", x: "y" } } },
    ],
    [
      "words.FAILED.cancelled must be a word",
      { kind: "k", input: schema, words: { ...words, FAILED: { default: "d", cancelled: 5 } } },
    ],
    ['words has no option "DONE"', { kind: "k", input: schema, words: { ...words, DONE: "d" } }],
    ["messages must be an object", { kind: "k", input: schema, messages: "m" }],
    ['messages has no option "DONE"', { kind: "k", input: schema, messages: { DONE: "m" } }],
    ["messages.QUEUED must be a text", { kind: "k", input: schema, messages: { QUEUED: "" } }],
    [
      "messages.FAILED.error must be a text",
      { kind: "k", input: schema, messages: { FAILED: { error: 5 } } },
    ],
    [
      'messages.FAILED has no option "oops"',
      { kind: "k", input: schema, messages: { FAILED: { oops: "m" } } },
    ],
    ["subject must be a function", { kind: "k", input: schema, subject: "plan" }],
    ["percent must be a function", { kind: "k", input: schema, percent: 1 }],
    ["percent needs progress", { kind: "k", input: schema, percent: () => 1 }],
    ["refKeys must be a function", { kind: "k", input: schema, refKeys: [] }],
    ["refKeys needs external", { kind: "k", input: schema, refKeys: () => [] }],
    [
      "expectedMs must be a whole number of milliseconds above 0",
      { kind: "k", input: schema, expectedMs: -1 },
    ],
    ["leaseMs must be a whole number of milliseconds above 0", { kind: "k", input: schema, leaseMs: 0 }],
    [
      "deadlineMs must be a whole number of milliseconds above 0",
      { kind: "k", input: schema, deadlineMs: 1.5 },
    ],
    ["retainMs must be a whole number of milliseconds above 0", { kind: "k", input: schema, retainMs: "7d" }],
    ["retry must be an object", { kind: "k", input: schema, retry: 3 }],
    ['retry has no option "attempts"', { kind: "k", input: schema, retry: { attempts: 3 } }],
    [
      "retry.maxAttempts must be a whole number above 0",
      { kind: "k", input: schema, retry: { maxAttempts: 0 } },
    ],
    ["retry.baseMs must be a whole number", { kind: "k", input: schema, retry: { baseMs: NaN } }],
    [
      "retry.baseMs must not be longer than retry.capMs",
      { kind: "k", input: schema, retry: { baseMs: 2, capMs: 1 } },
    ],
    ["queue must be the name of one of the queues", { kind: "k", input: schema, queue: "" }],
    ["queue must be the name of one of the queues", { kind: "k", input: schema, queue: "q".repeat(129) }],
    ["queue must be the name of one of the queues", { kind: "k", input: schema, queue: {} }],
  ])("%s", (sentence, options) => {
    let thrown: unknown;
    try {
      defineJob(options as never);
    } catch (error) {
      thrown = error;
    }
    expect(isWaybillError(thrown, "config.invalid") && thrown.message).toContain(sentence);
  });

  it.each(["a", "a.b", "server.start", "A-1_b.c"])("and %s is a good kind", (kind) => {
    expect(defineJob({ kind, input }).kind).toBe(kind);
  });
});
