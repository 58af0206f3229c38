// Schemas of seven libraries: what each makes of an input is what the handler gets, and what it refuses is told by its place.
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { type } from "arktype";
import { Effect, Schema } from "effect";
import Joi from "joi";
import * as S from "sury";
import * as v from "valibot";
import { createWaybill, defineJob, memoryStore } from "waybill";
import * as y from "yup";
import { z } from "zod";
import { z as z3 } from "zod-3";
import * as mini from "zod/mini";

const effect = (fields) => Schema.toStandardSchemaV1(Schema.Struct(fields));

/**
 * Of each: `plain` takes `{ to }`, a text; `made` takes `{ n: "21" }` and makes a number of it; `defaulted` takes nothing and
 * makes `{ to: "ann" }`; `later`, where the library has it, answers `plain` with a promise.
 */
const LIBRARIES = {
  zod: {
    plain: z.object({ to: z.string() }),
    made: z.object({ n: z.coerce.number() }),
    defaulted: z.object({ to: z.string().default("ann") }),
    later: z.object({ to: z.string().refine(async (to) => to === "ann") }),
  },
  "zod/mini": {
    plain: mini.object({ to: mini.string() }),
    made: mini.object({ n: mini.pipe(mini.string(), mini.transform(Number)) }),
    defaulted: mini.object({ to: mini._default(mini.string(), "ann") }),
  },
  "zod 3": {
    plain: z3.object({ to: z3.string() }),
    made: z3.object({ n: z3.string().transform(Number) }),
    defaulted: z3.object({ to: z3.string().default("ann") }),
    later: z3.object({ to: z3.string().refine(async (to) => to === "ann") }),
  },
  valibot: {
    plain: v.object({ to: v.string() }),
    made: v.object({ n: v.pipe(v.string(), v.transform(Number)) }),
    defaulted: v.object({ to: v.optional(v.string(), "ann") }),
    later: v.objectAsync({
      to: v.pipeAsync(
        v.string(),
        v.checkAsync(async (to) => to === "ann"),
      ),
    }),
  },
  arktype: {
    plain: type({ to: "string" }),
    made: type({ n: "string.numeric.parse" }),
    defaulted: type({ to: "string = 'ann'" }),
  },
  effect: {
    plain: effect({ to: Schema.String }),
    made: effect({ n: Schema.FiniteFromString }),
    defaulted: effect({ to: Schema.String.pipe(Schema.withDecodingDefault(Effect.succeed("ann"))) }),
  },
  yup: {
    plain: y.object({ to: y.string().required() }),
    made: y.object({ n: y.number().required() }),
    defaulted: y.object({ to: y.string().default("ann") }),
  },
  joi: {
    plain: Joi.object({ to: Joi.string().required() }),
    made: Joi.object({ n: Joi.number().required() }),
    defaulted: Joi.object({ to: Joi.string().default("ann") }),
  },
  sury: {
    plain: S.schema({ to: S.string }),
    made: S.schema({ n: S.to(S.string, S.number) }),
    defaulted: S.schema({ to: S.optional(S.string, "ann") }),
  },
};
const CASES = {
  plain: [{ to: "ann" }, { to: "ann" }],
  made: [{ n: "21" }, { n: 21 }],
  defaulted: [{}, { to: "ann" }],
  later: [{ to: "ann" }, { to: "ann" }],
};

const all = Object.entries(LIBRARIES).flatMap(([library, schemas]) =>
  Object.entries(schemas).map(([form, schema]) => ({
    name: `${library}, ${form}`,
    form,
    def: defineJob({ kind: `${library.replace(/\W/g, "-")}.${form}`, input: schema, output: schema }),
  })),
);

describe("schemas", () => {
  const waybill = createWaybill({ jobs: all.map(({ def }) => def), store: memoryStore() });
  const got = new Map();
  const handlers = all.map(({ def, form }) =>
    def.handle(({ input }) => {
      got.set(def.kind, input);
      return CASES[form][0];
    }),
  );
  const running = waybill.worker(handlers).run();
  after(async () => {
    await waybill.close();
    await running;
  });

  it("are the number that is said", () => {
    assert.equal(all.length, 30);
  });

  for (const { name, form, def } of all) {
    it(`${name}: input and output are what it makes of them`, async () => {
      const [given, made] = CASES[form];
      const job = await waybill.submit(def, given).unwrap();
      assert.deepEqual({ ...(await waybill.result(def, job.id)) }, made);
      assert.deepEqual({ ...got.get(def.kind) }, made);
    });
    it(`${name}: what it refuses is told by its place, and not written`, async () => {
      const place = form === "made" ? "n" : "to";
      const refused = await waybill.submit(def, { [place]: {} });
      assert.equal(refused.ok, false);
      assert.equal(refused.error.code, "input.invalid");
      assert.equal(refused.error.issues[0].path, place);
      const { items } = await waybill.list({ kind: def.kind });
      assert.ok(items.length <= 1);
    });
  }
});
