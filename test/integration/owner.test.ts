import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createWaybill, defineJob, type Job, memoryStore, type Result } from "../../src/index.js";
import { countingStore } from "../../src/testing/counting.js";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { recordingLogger } from "../support/engine.js";

const mail = defineJob({
  kind: "mail.send",
  input: z.object({ to: z.string() }),
  subject: (input) => `to:${input.to}`,
});
const recover = defineJob({
  kind: "dr.recover",
  input: z.object({ plan: z.string() }),
  external: z.object({ id: z.string() }),
  refKeys: ({ id }) => [id],
  retry: { maxAttempts: 1 },
});

function bench() {
  const clock = fakeClock();
  const { logger } = recordingLogger();
  const trips = countingStore(memoryStore());
  const waybill = createWaybill({ jobs: [mail, recover], store: trips.store, logger, clock });
  const run = <T>(promise: Promise<T>): Promise<T> => clock.runUntil(promise);
  const submitted = (owner: string | null, options = {}) =>
    run(waybill.submit(mail, { to: "ann" }, { owner, ...options }).unwrap());
  return { clock, trips, waybill, run, submitted };
}
type Bench = ReturnType<typeof bench>;

/** Every method about one job, by what it answers. */
const METHODS: Readonly<
  Record<string, (at: Bench, id: string, options: { readonly owner?: string | null }) => Promise<unknown>>
> = {
  get: ({ waybill }, id, options) => waybill.get(id, options),
  "get of a kind": ({ waybill }, id, options) => waybill.get(mail, id, options),
  history: ({ waybill }, id, options) => waybill.history(id, options),
  "history of a kind": ({ waybill }, id, options) => waybill.history(mail, id, options),
  cancel: ({ waybill }, id, options) => waybill.cancel(id, options),
  "cancel of a kind": ({ waybill }, id, options) => waybill.cancel(mail, id, options),
  rerun: ({ waybill }, id, options) => waybill.rerun(id, options),
  "rerun of a kind": ({ waybill }, id, options) => waybill.rerun(mail, id, options),
  dispatch: ({ waybill }, id, options) => waybill.dispatch(id, options),
  "dispatch of a kind": ({ waybill }, id, options) => waybill.dispatch(mail, id, options),
  watch: async ({ waybill }, id, options) => waybill.watch(id, options)[Symbol.asyncIterator]().next(),
  result: ({ waybill }, id, options) => waybill.result(mail, id, { ...options, timeoutMs: 0 }),
};

/** What a call came to, without the id that it was asked for. */
async function outcome(at: Bench, call: () => Promise<unknown>, id: string): Promise<string> {
  const told = await at.run(
    call().then(
      (value) =>
        (value as Result<unknown, Error> | null)?.ok === false
          ? String((value as { error: Error }).error)
          : JSON.stringify(value),
      (error: unknown) => String(error),
    ),
  );
  return told.replaceAll(id, "ID");
}

describe.each(Object.entries(METHODS))("%s", (_, call) => {
  it("knows no more of another owner's job than of one that is not there", async () => {
    const at = bench();
    const { id } = await at.submitted("ann");
    const unknown = await outcome(at, () => call(at, "none", { owner: "bob" }), "none");
    for (const owner of ["bob", "Ann", "ann ", "*", "%", null]) {
      expect(await outcome(at, () => call(at, id, { owner }), id)).toBe(unknown);
    }
    expect((await at.run(at.waybill.get(id)))?.version).toBe(2);
    expect(await outcome(at, () => call(at, id, { owner: "ann" }), id)).not.toBe(unknown);
    expect(unknown).not.toContain("config.invalid");
  });

  it("takes null for jobs of nobody, and what is left out for anybody's", async () => {
    const at = bench();
    const unknown = await outcome(at, () => call(at, "none", {}), "none");
    const { id } = await at.submitted(null);
    expect(await outcome(at, () => call(at, id, { owner: "ann" }), id)).toBe(unknown);
    expect(await outcome(at, () => call(at, id, { owner: null }), id)).not.toBe(unknown);
    const other = await at.submitted("ann");
    expect(await outcome(at, () => call(at, other.id, {}), other.id)).not.toBe(unknown);
  });

  it("refuses an owner that is there but undefined, and asks no store", async () => {
    const at = bench();
    const { id } = await at.submitted("ann");
    at.trips.reset();
    const told = await outcome(at, async () => call(at, id, { owner: undefined } as never), id);
    expect(told).toContain(
      "owner is there but undefined: pass the owner's id, null for jobs of nobody, or leave owner out",
    );
    expect(await outcome(at, async () => call(at, id, { owner: "" }), id)).toContain("[config.invalid]");
    expect(at.trips.calls).toEqual([]);
  });
});

describe("the other methods about jobs", () => {
  it("latest and list show jobs of the owner who is named", async () => {
    const { waybill, run, submitted } = bench();
    const anns = await submitted("ann");
    const nobodys = await submitted(null);
    const bobs = await submitted("bob");
    const latest = async (options?: { readonly owner: string | null }) =>
      (await run(waybill.latest(mail, "to:ann", options)))?.id;
    expect([await latest({ owner: "ann" }), await latest({ owner: null }), await latest()]).toEqual([
      anns.id,
      nobodys.id,
      bobs.id,
    ]);
    expect(await latest({ owner: "eve" })).toBeUndefined();
    const listed = async (filter: object) =>
      (await run(waybill.list({ subject: "to:ann", ...filter }))).items.map(({ id }) => id);
    expect(await listed({ owner: "ann" })).toEqual([anns.id]);
    expect(await listed({ owner: null })).toEqual([nobodys.id]);
    expect(await listed({ owner: "%" })).toEqual([]);
    expect(await listed({})).toHaveLength(3);
    await expect(latest({ owner: undefined } as never)).rejects.toThrow("owner is there but undefined");
    await expect(listed({ owner: undefined })).rejects.toThrow("owner is there but undefined");
  });

  it("submit takes null for nobody's, and refuses undefined, which would widen the scope of a key", async () => {
    const { waybill, run, submitted, trips } = bench();
    const first = await submitted(null, { idempotencyKey: "k" });
    const same = await run(waybill.submit(mail, { to: "ann" }, { idempotencyKey: "k" }).unwrap());
    expect(same).toMatchObject({ id: first.id, owner: null });
    expect((await submitted("ann", { idempotencyKey: "k" })).id).not.toBe(first.id);
    trips.reset();
    const options = { owner: undefined, idempotencyKey: "k" } as never;
    await expect(run(waybill.submit(mail, { to: "ann" }, options))).rejects.toThrow(
      "owner is there but undefined",
    );
    const item = { input: { to: "ann" }, owner: undefined } as never;
    await expect(run(waybill.submitMany(mail, [item]))).rejects.toThrow("owner is there but undefined");
    expect(trips.calls).toEqual([]);
  });

  it("report finds external work of the owner who is named", async () => {
    const at = bench();
    const { clock, waybill, run } = at;
    const { id } = await run(waybill.submit(recover, { plan: "p" }, { owner: "ann" }).unwrap());
    const worker = waybill.worker([
      recover.handle({ run: ({ track }) => track({ id: "i-1" }), poll: () => ({ state: "open" }) }),
    ]);
    const running = worker.run();
    while ((await run(waybill.get(recover, id)))?.status !== "PROCESSING") await clock.advance(100);
    await clock.advance(1_000);
    const done = { state: "done" } as const;
    const told = (options: object) => run(waybill.report(recover, { ref: "i-1" }, done, options));
    expect(await told({ owner: "bob" })).toMatchObject({ ok: false, error: { code: "job.not_found" } });
    expect(await told({ owner: null })).toMatchObject({ ok: false, error: { code: "job.not_found" } });
    await expect(told({ owner: undefined })).rejects.toThrow("owner is there but undefined");
    expect(await told({ owner: "ann" })).toMatchObject({ ok: true, value: { status: "COMPLETED" } });
    await run(Promise.all([worker.stop(), running]));
  });
});

describe("a method about one job, called with a kind", () => {
  it("knows no more of a job of another kind than of one that is not there", async () => {
    const { waybill, run, submitted } = bench();
    const { id } = await submitted("ann");
    expect(await run(waybill.get(recover, id))).toBeNull();
    expect(await run(waybill.history(recover, id))).toBeNull();
    const notFound = { ok: false, error: { code: "job.not_found" } };
    expect(await run(waybill.cancel(recover, id))).toMatchObject(notFound);
    expect(await run(waybill.dispatch(recover, id))).toMatchObject(notFound);
    expect(await run(waybill.rerun(recover, id))).toMatchObject(notFound);
    const seen: Job<typeof mail> = await run(waybill.cancel(mail, id, { reason: "no" }).unwrap());
    expect(seen).toMatchObject({ status: "FAILED", message: "no" });
    expect((await run(waybill.history(mail, id)))?.events).toHaveLength(3);
  });
});
