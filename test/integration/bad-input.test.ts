import { type } from "arktype";
import * as v from "valibot";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import {
  createWaybill,
  defineJob,
  ERROR_CODES,
  isWaybillError,
  memoryQueue,
  memoryStore,
  StoreNotMigratedError,
  type WaybillError,
} from "../../src/index.js";
import { countingStore } from "../../src/testing/counting.js";
import { createFaults } from "../../src/testing/faults/faults.js";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { recordingLogger } from "../support/engine.js";

const CANARY = "CANARY-8f3a1c";

const mail = defineJob({ kind: "mail.send", input: z.object({ to: z.string().max(300_000) }) });
/** Takes anything, so that what is not JSON is refused by nothing but the check for it. */
const anything = defineJob({ kind: "any.thing", input: z.any() });
const strict = defineJob({
  kind: "strict.zod",
  input: z.object({ mode: z.enum(["a", "b"]), nested: z.object({ list: z.array(z.number()) }) }),
});
const byValibot = defineJob({
  kind: "strict.valibot",
  input: v.object({ email: v.pipe(v.string(), v.email()) }),
});
const byArktype = defineJob({ kind: "strict.arktype", input: type({ mode: "'a' | 'b'" }) });
const about = defineJob({
  kind: "about.it",
  input: z.object({ subject: z.string() }),
  subject: (input) => {
    if (input.subject === "throw") throw new Error(CANARY);
    return input.subject;
  },
});
const throwing = defineJob({
  kind: "schema.throws",
  input: z.string().refine(() => {
    throw new Error("a schema of the application's");
  }),
});

const jobs = [mail, anything, strict, byValibot, byArktype, about, throwing] as const;

/** Calls as a caller without types makes them. */
interface Untyped {
  submit(
    def: unknown,
    input: unknown,
    options?: unknown,
  ): Promise<{ readonly ok: boolean; readonly error?: WaybillError }>;
  cancel(id: unknown, options?: unknown): Promise<{ readonly ok: boolean; readonly error?: WaybillError }>;
  get(...given: readonly unknown[]): Promise<unknown>;
}

function bench() {
  const clock = fakeClock();
  const faults = createFaults({ clock });
  const trips = countingStore(faults.wrapStore(memoryStore()));
  const { logger, lines } = recordingLogger();
  const queue = memoryQueue({ clock });
  const waybill = createWaybill({ jobs, store: trips.store, queue, logger, clock });
  const untyped = waybill as unknown as Untyped;
  /** The code of a refusal or of what was thrown. */
  const asked = async (call: () => Promise<{ readonly ok: boolean; readonly error?: WaybillError }>) => {
    try {
      const result = await clock.runUntil(call());
      return result.error === undefined ? null : { error: result.error, thrown: false };
    } catch (error) {
      return isWaybillError(error) ? { error, thrown: true } : { error: error as WaybillError, thrown: true };
    }
  };
  return { clock, faults, trips, lines, queue, waybill, untyped, asked };
}

const cycle: Record<string, unknown> = { name: CANARY };
cycle["self"] = cycle;

class Money {
  readonly amount = CANARY;
}

let benches: ReturnType<typeof bench>[] = [];
const opened = () => {
  const it = bench();
  benches.push(it);
  return it;
};
afterEach(() => {
  // Whatever was refused or broke: no secret in a log.
  for (const { lines } of benches) expect(JSON.stringify(lines)).not.toContain(CANARY);
  benches = [];
});

/** One clear sentence about the call, the remedy of the code, the code; and nothing of the content. */
function expectClear(error: WaybillError): void {
  const { remedy } = ERROR_CODES[error.code];
  expect(error.message.endsWith(`${remedy} [${error.code}]`)).toBe(true);
  const sentence = error.message.slice(0, -`${remedy} [${error.code}]`.length).trim();
  expect(sentence).toMatch(/^[A-Za-z].{5,}\.$/s);
  expect(`${error.message} ${String(error.stack)} ${JSON.stringify(error)}`).not.toContain(CANARY);
}

describe("submit refuses an input that", () => {
  it.each<[string, unknown, unknown]>([
    ["does not match its schema", mail, { to: 7 }],
    ["is missing", mail, undefined],
    ["is null", mail, null],
    ["holds a value that is none of the allowed (zod)", strict, { mode: CANARY, nested: { list: [1] } }],
    ["is wrong deep inside", strict, { mode: "a", nested: { list: [1, CANARY] } }],
    ["is wrong by valibot", byValibot, { email: CANARY }],
    ["is wrong by arktype", byArktype, { mode: CANARY }],
    ["contains itself", anything, cycle],
    ["has a bigint", anything, { n: 7n, note: CANARY }],
    ["has a Date", anything, { at: new Date(), note: CANARY }],
    ["has NaN", anything, { n: NaN }],
    ["has Infinity", anything, [Infinity]],
    ["has a function", anything, { f: () => CANARY }],
    ["has a symbol", anything, { s: Symbol(CANARY) }],
    ["has a Map", anything, new Map([["k", CANARY]])],
    ["has an object of a class", anything, { price: new Money() }],
    ["has undefined in a list", anything, [undefined]],
    [
      "throws when it is read",
      anything,
      {
        get bad(): string {
          throw new Error(CANARY);
        },
      },
    ],
  ])("%s: input.invalid, as an answer, and nothing is written", async (_, def, input) => {
    const { untyped, asked, trips, queue } = opened();
    const refused = await asked(() => untyped.submit(def, input));
    expect(refused).toMatchObject({
      thrown: false,
      error: { code: "input.invalid", outcome: "not_applied" },
    });
    expectClear(refused!.error);
    expect([trips.calls, queue.depth()]).toEqual([[], 0]);
  });

  it("names the place of what is wrong", async () => {
    const { untyped, asked } = opened();
    const wrong = await asked(() => untyped.submit(strict, { mode: "a", nested: { list: [1, "x"] } }));
    expect(wrong!.error.message).toContain("at nested.list.1");
    const unsafe = await asked(() => untyped.submit(anything, { a: [{ b: 7n }] }));
    expect(unsafe!.error.message).toContain("at a.0.b");
  });

  it.each<[string, unknown, object]>([
    ["input", { to: CANARY.repeat(Math.ceil((16 * 1024 * 1024) / CANARY.length)) }, {}],
    ["metadata", { to: "ann" }, { metadata: { note: CANARY.repeat(1_000) } }],
  ])(
    "is too large (%s): input.too_large, as an answer, and nothing is written",
    async (what, input, options) => {
      const { untyped, asked, trips } = opened();
      const refused = await asked(() => untyped.submit(mail, input, options));
      expect(refused).toMatchObject({ thrown: false, error: { code: "input.too_large" } });
      expect(refused!.error.message).toContain(`The ${what} is too large`);
      expectClear(refused!.error);
      expect(trips.calls).toEqual([]);
    },
  );

  it("leaves metadata that is not JSON out of the store too", async () => {
    const { untyped, asked, trips } = opened();
    const refused = await asked(() => untyped.submit(mail, { to: "ann" }, { metadata: { at: new Date() } }));
    expect(refused).toMatchObject({ thrown: false, error: { code: "input.invalid" } });
    expect(refused!.error.message).toContain("The metadata is not safe as JSON at at");
    expect(trips.calls).toEqual([]);
  });

  it("does not call an input invalid when its schema itself throws", async () => {
    const { untyped, asked, trips } = opened();
    const thrown = await asked(() => untyped.submit(throwing, "x"));
    expect(thrown).toMatchObject({ thrown: true, error: { message: "a schema of the application's" } });
    expect(trips.calls).toEqual([]);
  });
});

describe("submit throws for misuse, and nothing is written", () => {
  it.each<[string, object, string]>([
    ["an id with a space", { id: "a b" }, "id.invalid"],
    ["an empty id", { id: "" }, "id.invalid"],
    ["an id that is no text", { id: 7 }, "id.invalid"],
    ["an id that is too long", { id: "x".repeat(129) }, "id.invalid"],
    ["an id and a key", { id: "a", idempotencyKey: "k" }, "config.invalid"],
    ["an empty key", { idempotencyKey: "" }, "config.invalid"],
    ["a key with NUL", { idempotencyKey: `${CANARY}\0` }, "config.invalid"],
    ["a key with half a character", { idempotencyKey: `${CANARY}\ud800` }, "config.invalid"],
    ["a key that is too long", { idempotencyKey: CANARY.repeat(100) }, "config.invalid"],
    ["a key that is no text", { idempotencyKey: 7 }, "config.invalid"],
    ["an empty owner", { owner: "" }, "config.invalid"],
    ["an owner with NUL", { owner: "a\0" }, "config.invalid"],
    ["an owner with half a character", { owner: "\udc00" }, "config.invalid"],
    ["an owner that is too long", { owner: CANARY.repeat(100) }, "config.invalid"],
    ["an owner that is undefined", { owner: undefined }, "config.invalid"],
    ["an empty subject", { subject: "" }, "config.invalid"],
    ["a subject that is too long", { subject: "x".repeat(257) }, "config.invalid"],
    ["a subject with NUL", { subject: "\0" }, "config.invalid"],
    ["an empty actor", { actor: "" }, "config.invalid"],
    ["a negative delay", { delayMs: -1 }, "config.invalid"],
    ["a delay of NaN", { delayMs: NaN }, "config.invalid"],
    ["a delay of half a millisecond", { delayMs: 0.5 }, "config.invalid"],
    ["a delay of for ever", { delayMs: Infinity }, "config.invalid"],
    ["a delay of more than a century", { delayMs: 4e12 }, "config.invalid"],
    ["a delay in words", { delayMs: "1s" }, "config.invalid"],
    ["a negative deadline", { deadlineMs: -1 }, "config.invalid"],
    ["a transaction where the store takes none", { tx: {} }, "config.capability_missing"],
  ])("%s", async (_, options, code) => {
    const { untyped, asked, trips, queue } = opened();
    const refused = await asked(() => untyped.submit(mail, { to: CANARY }, options));
    expect(refused).toMatchObject({ thrown: true, error: { code, outcome: "not_applied" } });
    expectClear(refused!.error);
    expect([trips.calls, queue.depth()]).toEqual([[], 0]);
  });

  it("a kind that this Waybill was not made with", async () => {
    const { untyped, asked, trips } = opened();
    const foreign = defineJob({ kind: "foreign.kind", input: z.any() });
    const refused = await asked(() => untyped.submit(foreign, {}));
    expect(refused).toMatchObject({ thrown: true, error: { code: "config.kind_unknown" } });
    expectClear(refused!.error);
    expect(trips.calls).toEqual([]);
  });

  it("a subject function that gives what is no subject, or throws", async () => {
    const { untyped, asked, trips } = opened();
    for (const subject of ["", "x".repeat(257), "throw", "a\0b"]) {
      const refused = await asked(() => untyped.submit(about, { subject }));
      expect(refused).toMatchObject({ thrown: true, error: { code: "config.invalid" } });
      expectClear(refused!.error);
    }
    expect(trips.calls).toEqual([]);
  });

  it("a maker of ids that makes none", async () => {
    const { logger } = recordingLogger();
    const clock = fakeClock();
    const trips = countingStore(memoryStore());
    for (const made of ["", "not an id", 7]) {
      const waybill = createWaybill({ jobs, store: trips.store, logger, clock, newId: () => made as string });
      await expect(clock.runUntil(waybill.submit(mail, { to: "ann" }))).rejects.toMatchObject({
        code: "id.invalid",
      });
    }
    expect(trips.calls).toEqual([]);
  });
});

describe("what was there before stays as it is", () => {
  it("another input under a used key is a conflict that tells nothing of the job", async () => {
    const { waybill, untyped, asked, clock } = opened();
    const key = `${CANARY}-key`;
    const first = await clock.runUntil(
      waybill.submit(mail, { to: CANARY }, { idempotencyKey: key }).unwrap(),
    );
    const refused = await asked(() => untyped.submit(mail, { to: "bob" }, { idempotencyKey: key }));
    expect(refused).toMatchObject({
      thrown: false,
      error: { code: "idempotency.conflict", jobId: undefined },
    });
    expectClear(refused!.error);
    expect(refused!.error.message).not.toContain(first.id);
    expect(await clock.runUntil(waybill.get(mail, first.id))).toMatchObject({
      input: { to: CANARY },
      version: 2,
    });
  });

  it.each(["ann", "bob"])("an id that is taken is a conflict, whatever the input: %s", async (to) => {
    const { waybill, untyped, asked, clock } = opened();
    await clock.runUntil(waybill.submit(mail, { to: "ann" }, { id: "mine" }).unwrap());
    const refused = await asked(() => untyped.submit(mail, { to }, { id: "mine" }));
    expect(refused).toMatchObject({ thrown: false, error: { code: "id.taken" } });
    expect(refused!.error.message).toContain("This id belongs to another job.");
  });
});

describe("a store that cannot be used", () => {
  it("does not let its schema's state be guessed", async () => {
    const inner = memoryStore();
    const { logger } = recordingLogger();
    const clock = fakeClock();
    inner.create = () => Promise.reject(new StoreNotMigratedError("The schema of the store is older."));
    const waybill = createWaybill({ jobs, store: inner, logger, clock });
    const call = clock.runUntil(waybill.submit(mail, { to: "ann" }));
    await expect(call).rejects.toMatchObject({ code: "store.not_migrated", outcome: "not_applied" });
  });

  it.each([
    ["not_applied", "not_applied"],
    ["response_lost", "unknown"],
  ] as const)("says what is known when it cannot be reached (%s)", async (fault, outcome) => {
    const { untyped, asked, faults, clock } = opened();
    faults.outage("store", fault);
    const failed = await asked(() => untyped.submit(mail, { to: CANARY }));
    expect(failed).toMatchObject({
      thrown: true,
      error: { code: "store.unavailable", outcome, retryable: true },
    });
    expectClear(failed!.error);
    expect(clock.pending()).toBe(0);
  });

  it("keeps what an adapter throws out of the message", async () => {
    const inner = memoryStore();
    const { logger, lines } = recordingLogger();
    const clock = fakeClock();
    inner.create = () => Promise.reject(new Error(`password=${CANARY}`));
    const waybill = createWaybill({ jobs, store: inner, logger, clock, policy: { unknownRetryMs: 0 } });
    const error: unknown = await clock
      .runUntil(waybill.submit(mail, { to: "ann" }))
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "store.unavailable", outcome: "unknown" });
    expect((error as Error).message).not.toContain(CANARY);
    expect(JSON.stringify(lines)).not.toContain(CANARY);
  });
});

describe("a Waybill that was closed", () => {
  it("says so at every call, and touches nothing", async () => {
    const { waybill, clock, trips } = opened();
    await clock.runUntil(waybill.close());
    await clock.runUntil(waybill.close());
    trips.reset();
    const calls: (() => unknown)[] = [
      () => waybill.submit(mail, { to: "ann" }),
      () => waybill.submitMany(mail, [{ input: { to: "ann" } }]),
      () => waybill.dispatch("a"),
      () => waybill.get("a"),
      () => waybill.get(mail, "a"),
      () => waybill.latest(mail, "s"),
      () => waybill.list({ kind: "mail.send" }),
      () => waybill.history("a"),
      () => waybill.undelivered(),
      () => waybill.cancel("a"),
      () => waybill.rerun("a"),
      () => waybill.rerun(mail, "a"),
      () => waybill.watch("a"),
      () => waybill.result(mail, "a"),
      () => waybill.on("job.created", () => undefined),
      () => waybill.worker([]),
      () => waybill.reconcile(),
      () => waybill.flush(),
      () => waybill.health(),
    ];
    for (const call of calls) {
      const error: unknown = await (async () => call())().catch((thrown: unknown) => thrown);
      expect([String(call), error]).toMatchObject([String(call), { code: "waybill.closed" }]);
    }
    expect(trips.calls).toEqual([]);
  });
});

describe("reads and commands", () => {
  it("find nothing under what is no id, and ask no store for it", async () => {
    const { untyped, asked, trips } = opened();
    for (const id of ["", "a b", 7, null, undefined, CANARY.repeat(20)]) {
      const cancelled = await asked(() => untyped.cancel(mail, id));
      expect(cancelled).toMatchObject({ thrown: false, error: { code: "job.not_found" } });
      expectClear(cancelled!.error);
      expect(await untyped.get(mail, id)).toBeNull();
    }
    expect(trips.calls).toEqual([]);
  });

  it("refuse options that there are not, with the nearest that there is", async () => {
    const { untyped, asked, trips } = opened();
    const refused = await asked(() => untyped.cancel("job-1", { resaon: CANARY }));
    expect(refused).toMatchObject({ thrown: true, error: { code: "config.invalid" } });
    expect(refused!.error.message).toContain('cancel has no option "resaon". Did you mean reason?');
    const misspelt = await asked(() => untyped.submit(mail, { to: "ann" }, { idempotencykey: CANARY }));
    expect(misspelt!.error.message).toContain("Did you mean idempotencyKey?");
    expect(misspelt!.error.message).not.toContain(CANARY);
    expect(trips.calls).toEqual([]);
  });
});
