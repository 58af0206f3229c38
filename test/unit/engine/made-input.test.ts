import { randomUUID } from "node:crypto";
import { defineJob } from "waybill";
import { testWaybill } from "waybill/testing";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { memoryStore } from "../../../src/adapters/memory/store.js";
import type { Definition } from "../../../src/core/definition.js";
import { rerun } from "../../../src/core/engine/command/commands.js";
import { get } from "../../../src/core/engine/read/reads.js";
import { submit, submitMany } from "../../../src/core/engine/submit/submit.js";
import { parseJsonText } from "../../../src/core/json/json-text.js";
import { claimed, failedFor, stored, submitted, type World, world } from "../../support/engine.js";

const made = z.string().default(() => randomUUID());

function kindOf(input: z.ZodType): Definition {
  const kind = {
    kind: "mail.send",
    input,
    subject: (value: unknown) => `id:${(value as { id: string }).id}`,
  };
  return (defineJob(kind as never) as unknown as { "~definition": Definition })["~definition"];
}

const order = kindOf(z.object({ to: z.string(), id: made }));

function worldOf(definition: Definition, options: Parameters<typeof world>[0] = {}): World {
  return world({ ...options, jobs: [definition] });
}

const inputOf = async (at: World, id: string): Promise<unknown> =>
  parseJsonText((await stored(at, id)).input ?? "null");

/** What the schema makes of what is stored: what a handler gets. */
const checkedOf = async (at: World, definition: Definition, id: string): Promise<unknown> => {
  const checked = await definition.checkInput(await inputOf(at, id));
  return checked.ok ? checked.value : checked.issues;
};

describe("a default of the schema that is another one each time", () => {
  it("is made once: in the job, its subject, its message and every attempt", async () => {
    const job = defineJob({
      kind: "order",
      input: z.object({ id: made }),
      subject: ({ id }) => id,
      retry: { maxAttempts: 3, baseMs: 1_000, capMs: 1_000 },
      messages: { QUEUED: ({ input }) => `Order ${String((input as { id?: string }).id)}` },
    });
    const seen: string[] = [];
    const handler = job.handle(({ input }) => {
      seen.push(input.id);
      throw new Error("not yet");
    });
    const t = testWaybill({ jobs: [job], handlers: [handler] });
    const submittedJob = await t.submit(job, {}).unwrap();
    const id = submittedJob.input.id ?? "none";
    await t.settle();
    for (let pass = 0; pass < 3; pass += 1) await t.advance(5_000);
    const read = await t.get(job, submittedJob.id);
    expect(seen).toEqual([id, id, id]);
    expect(read).toMatchObject({ status: "FAILED", subject: id, input: { id } });
    expect([submittedJob.subject, submittedJob.message]).toEqual([id, `Order ${id}`]);
    await t.close();
  });

  it("is the first one's for a repeat under the same key, whatever became of the job", async () => {
    const at = worldOf(order);
    const key = { idempotencyKey: "k-1" };
    const first = await submitted(at, { to: "ann" }, key, order);
    const again = await submitted(at, { to: "ann" }, key, order);
    expect([again.id, again.input, again.subject]).toEqual([first.id, first.input, first.subject]);
    await failedFor(at, await claimed(at, first.id));
    expect(await submitted(at, { to: "ann" }, key, order)).toMatchObject({
      id: first.id,
      status: "FAILED",
      input: first.input,
    });
  });

  it("makes no conflict of a repeat, and does not hide one", async () => {
    const at = worldOf(order);
    const key = { idempotencyKey: "k-1" };
    await submitted(at, { to: "ann" }, key, order);
    const other = await at.run(submit(at.core, at.dispatcher, order, { to: "bob" }, key));
    expect(other).toMatchObject({ ok: false, error: { code: "idempotency.conflict" } });
  });

  it("is invented for nobody: a repeat that cannot see the first shows what it was given", async () => {
    const at = worldOf(order);
    const key = { idempotencyKey: "k-1" };
    const first = await submitted(at, { to: "ann" }, key, order);
    const core: World["core"] = { ...at.core, gateway: { ...at.core.gateway, read: async () => null } };
    const again = await at.run(submit(core, at.dispatcher, order, { to: "ann" }, key));
    expect(again).toMatchObject({ ok: true, value: { id: first.id } });
    expect(again.ok && again.value.input).toEqual({ to: "ann" });
  });

  it("is not read inside the caller's transaction, which holds a connection already", async () => {
    const inner = memoryStore();
    const capabilities = { ...inner.capabilities, transactions: true };
    Object.defineProperty(inner, "capabilities", { value: capabilities });
    const at = world({ jobs: [order] }, inner);
    const key = { idempotencyKey: "k-1", tx: "tx" };
    const first = await submitted(at, { to: "ann" }, key, order);
    expect(await submitted(at, { to: "ann" }, key, order)).toMatchObject({ id: first.id });
    expect((await submitted(at, { to: "ann" }, key, order)).input).toEqual({ to: "ann" });
    expect(at.trips.counts).toMatchObject({ create: 3 });
    expect(at.trips.calls.filter(({ method }) => method === "read")).toEqual([]);
  });

  it("costs a repeat no read where the schema made nothing", async () => {
    const at = worldOf(order);
    const key = { idempotencyKey: "k-1" };
    for (let time = 0; time < 2; time += 1) await submitted(at, { to: "ann", id: "own" }, key, order);
    expect(at.trips.calls.map(({ method }) => method)).toEqual(["create", "create"]);
  });

  it("is made once for each of several jobs", async () => {
    const at = worldOf(order);
    const items = [{ input: { to: "ann" } }, { input: { to: "ann" } }];
    const results = await at.run(submitMany(at.core, at.dispatcher, order, items));
    const jobs = results.map((result) => (result.ok ? result.value : null));
    const inputs: unknown[] = [];
    for (const job of jobs) inputs.push(await inputOf(at, job?.id ?? ""));
    expect(jobs.map((job) => job?.input)).toEqual(inputs);
    expect(jobs.map((job) => job?.subject)).toEqual(
      inputs.map((input) => `id:${(input as { id: string }).id}`),
    );
    expect(new Set(jobs.map((job) => job?.subject)).size).toBe(2);
  });

  it("is the failed job's own when that runs again", async () => {
    const at = worldOf(order);
    const first = await submitted(at, { to: "ann" }, {}, order);
    await failedFor(at, await claimed(at, first.id));
    const again = await at.run(rerun(at.core, at.dispatcher, first.id, null, {}));
    expect(again).toMatchObject({ ok: true, value: { origin: first.id, input: first.input } });
  });

  it("is what a later read gives", async () => {
    const at = worldOf(order);
    const job = await submitted(at, { to: "ann" }, {}, order);
    expect(await at.run(get(at.core, job.id, null))).toMatchObject({ input: job.input });
  });
});

describe("what is stored of an input", () => {
  it.each([
    [
      "a default by a transform",
      { id: null },
      z.object({
        id: z
          .string()
          .nullish()
          .transform((id) => id ?? randomUUID()),
      }),
    ],
    ["a value in place of a wrong one", { id: 7 }, z.object({ id: z.string().catch(() => randomUUID()) })],
    ["a schema that takes its time", {}, z.object({ id: made }).refine(async () => true)],
  ])("is what the schema made of it: %s", async (_, input, schema) => {
    const definition = kindOf(schema);
    const at = worldOf(definition);
    const job = await submitted(at, input, {}, definition);
    const checked = await checkedOf(at, definition, job.id);
    expect(checked).toEqual(job.input);
    expect(job.subject).toBe(`id:${(checked as { id: string }).id}`);
  });

  it("is what was given, and what it lacked, where the schema makes of it what JSON does not carry", async () => {
    const rows = z.array(z.object({ id: made, on: z.coerce.date() }));
    const definition = kindOf(
      z.object({ id: made, at: z.coerce.date(), rows, deep: z.object({ id: made }) }),
    );
    const at = worldOf(definition);
    const given = { at: "2026-01-01", rows: [{ on: "2026-01-02" }], deep: {} };
    const job = await submitted(at, given, {}, definition);
    const one = { id: expect.any(String) as string };
    expect(job.input).toEqual({ ...one, at: "2026-01-01", rows: [{ ...one, on: "2026-01-02" }], deep: one });
    expect(job.subject).toBe(`id:${(job.input as { id: string }).id}`);
    expect(await checkedOf(at, definition, job.id)).toMatchObject({
      id: (job.input as { id: string }).id,
      at: new Date("2026-01-01"),
    });
  });

  it.each([
    ["turns into something else", z.object({ id: z.string().transform((id) => id.length) }), '{"id":"ann"}'],
    ["adds to each time", z.object({ id: z.string().transform((id) => `${id}!`) }), '{"id":"ann"}'],
    [
      "takes no key that it makes",
      z.strictObject({ id: z.string() }).transform((o) => ({ ...o, n: 1 })),
      '{"id":"ann"}',
    ],
    [
      "fails over what it made",
      z.object({ id: z.any().transform((id) => (id as string).trim().length) }),
      '{"id":"ann"}',
    ],
  ])("is what was given where the schema %s", async (_, schema, text) => {
    const definition = kindOf(schema);
    const at = worldOf(definition);
    const job = await submitted(at, { id: "ann" }, {}, definition);
    expect([(await stored(at, job.id)).input, job.input]).toEqual([text, { id: "ann" }]);
  });

  it("is never longer than an input may be: what was given is stored then", async () => {
    const definition = kindOf(z.object({ id: z.string().default("long".repeat(50)) }));
    const at = worldOf(definition, { policy: { maxPayloadBytes: 100 } });
    const job = await submitted(at, {}, {}, definition);
    expect((await stored(at, job.id)).input).toBe("{}");
  });

  it("is checked once where the schema makes nothing else of it", async () => {
    let checks = 0;
    const counting = z.object({ id: z.string() }).refine(() => (checks += 1) > 0);
    const definition = kindOf(counting);
    await submitted(worldOf(definition), { id: "ann" }, {}, definition);
    expect(checks).toBe(1);
  });
});
