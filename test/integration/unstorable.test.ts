// What a store can keep at no time: it is the affair of the item that holds it, it is said once, and it ends.
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { memoryStore } from "../../src/adapters/memory/store.js";
import type { AnyStore, StoreRequest } from "../../src/core/ports/store.js";
import { createWaybill, defineJob, WaybillError } from "../../src/index.js";
import { postgresStore } from "../../src/postgres.js";
import { SAMPLE_END, sampleReadyJob, sampleWrite } from "../../src/testing/sample-jobs.js";
import { StoreProbe } from "../../src/testing/store-suite/store-probe.js";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { recordingLogger } from "../support/engine.js";
import { postgresMissing, postgresServer } from "../support/postgres-server.js";
import { ENGINES } from "./engines.js";

const work = defineJob({
  kind: "work.do",
  input: z.object({ text: z.string() }),
  output: z.object({ text: z.string() }),
  phases: ["begun"],
});
const BAD = "€";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A store that can hold everything but one character: what holds it spoils the whole call, as an encoder does. */
function withoutEuro(inner: AnyStore, thrown: () => Error): AnyStore {
  return new Proxy(inner, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      const method = value.bind(target) as (request?: StoreRequest) => unknown;
      return async (request?: StoreRequest) => {
        if (["create", "write"].includes(String(name)) && JSON.stringify(request).includes(BAD))
          throw thrown();
        return method(request);
      };
    },
  });
}

const REFUSALS = [
  ["store.unstorable", () => new WaybillError("store.unstorable", "The store lacks a character.")],
  ["a type error", () => new TypeError("Cannot convert a value.")],
] as const;

describe.each(REFUSALS)("an item that the store refuses with %s", (_, thrown) => {
  it("is alone in its refusal: those that were submitted with it are stored", async () => {
    const clock = fakeClock();
    const store = withoutEuro(memoryStore(), thrown);
    const waybill = createWaybill({
      jobs: [work],
      store,
      clock,
      logger: recordingLogger().logger,
      policy: { unknownRetryMs: 0 },
    });
    const texts = ["a", "b", BAD, "c", "d", "e"];
    const settled = await clock.runUntil(
      Promise.allSettled(texts.map((text) => waybill.submit(work, { text }).unwrap())),
    );
    expect(settled.map(({ status }) => status)).toEqual(
      texts.map((text) => (text === BAD ? "rejected" : "fulfilled")),
    );
    const { items } = await clock.runUntil(waybill.list({ kind: "work.do" }));
    expect(items).toHaveLength(5);
  });
});

describe("an outcome that the store cannot keep", () => {
  async function ended(
    says: (context: { phase: (name: "begun", message: string) => void; text: string }) => unknown,
    texts: readonly string[],
  ) {
    const clock = fakeClock();
    const { logger, lines } = recordingLogger();
    const store = withoutEuro(memoryStore(), REFUSALS[0][1]);
    const waybill = createWaybill({ jobs: [work], store, clock, logger });
    let runs = 0;
    const handler = work.handle(async ({ phase, input }) => {
      runs += 1;
      await Promise.resolve();
      return (await says({ phase, text: input.text })) as { text: string };
    });
    const worker = waybill.worker([handler]);
    const ids: string[] = [];
    for (const text of texts) ids.push((await clock.runUntil(waybill.submit(work, { text }).unwrap())).id);
    const running = worker.run();
    await clock.advance(20_000);
    const jobs = await clock.runUntil(Promise.all(ids.map((id) => waybill.get(work, id))));
    await clock.runUntil(waybill.close());
    await running;
    return { jobs, runs, lines };
  }

  it("ends its job FAILED at once, says why, and costs its neighbours nothing", async () => {
    const { jobs, runs, lines } = await ended(
      ({ text }) => ({ text: text === "bad" ? BAD : text }),
      ["a", "bad", "c"],
    );
    expect(jobs.map((job) => job?.status)).toEqual(["COMPLETED", "FAILED", "COMPLETED"]);
    const message = expect.stringContaining("The store lacks a character.") as string;
    expect(jobs[1]).toMatchObject({ failure: { reason: "result_unstorable", attempts: 1, message } });
    expect(runs).toBe(3);
    expect(lines.filter(({ level }) => level === "error")).toHaveLength(1);
  });

  it("fails for an error that cannot be kept, too", async () => {
    const { jobs, runs } = await ended(() => {
      throw new Error(`no ${BAD} left`);
    }, ["a"]);
    expect(jobs[0]).toMatchObject({ status: "FAILED", failure: { reason: "result_unstorable" } });
    expect(runs).toBe(1);
  });

  it("is not spoilt by what was said on the way", async () => {
    const { jobs, runs } = await ended(
      ({ phase, text }) => {
        phase("begun", `for ${BAD}`);
        return { text };
      },
      ["a"],
    );
    expect(jobs[0]).toMatchObject({ status: "COMPLETED", output: { text: "a" } });
    expect(runs).toBe(1);
  });
});

describe.each(ENGINES)("on $name", ({ name, isMissing, open }) => {
  it.skipIf(isMissing || name === "memory")(
    "an instant that cannot be kept is that item's alone, and no doubt",
    async () => {
      const store = await open();
      closers.push(() => store.close());
      const probe = new StoreProbe({ store, close: async () => undefined });
      const now = await probe.now();
      const record = sampleReadyJob({ id: "bad" }, now);
      const items = [{ record: { ...record, retainMs: 1.5, readyAt: now + 0.5 }, input: "{}" }];
      await expect(store.create({ ...probe.at, items })).rejects.toMatchObject({
        code: "store.unstorable",
        outcome: "not_applied",
      });
      const { record: held } = await probe.processing({ id: "job-1" });
      const write = sampleWrite(held, { edges: ["T5"], patch: { ...SAMPLE_END, purgeAt: now + 0.5 } });
      await expect(store.write({ ...probe.at, items: [write] })).rejects.toMatchObject({
        code: "store.unstorable",
      });
    },
  );
});

describe.skipIf(postgresMissing() !== null)("a Postgres database that is not encoded as UTF-8", () => {
  const bench = async () => {
    const server = await postgresServer();
    const admin = server.pool({ max: 1 });
    const database = `latin_${server.schema()}`;
    await admin.query(`create database ${database} encoding 'LATIN1' locale 'C' template template0`);
    const pool = server.pool({ database, max: 3 });
    return { pool, store: postgresStore({ client: pool }) };
  };

  it("is refused by ready and by migrate", async () => {
    const { store, pool } = await bench();
    const refused = { code: "config.invalid", message: expect.stringContaining("LATIN1") as string };
    await expect(store.migrate()).rejects.toMatchObject(refused);
    await expect(store.ready()).rejects.toMatchObject(refused);
    const { rows } = await pool.query("select 1 from pg_namespace where nspname = 'waybill'");
    expect(rows).toEqual([]);
  });
});
