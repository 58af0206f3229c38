// What a process's own clock says, how it is set and how late a reply is looked at: where the store has a clock, it decides.
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { memoryStore } from "../../src/adapters/memory/store.js";
import { systemClock } from "../../src/core/environment/clock.js";
import type { AnyStore } from "../../src/core/ports/store.js";
import { createWaybill, defineJob } from "../../src/index.js";
import { postgresStore } from "../../src/postgres.js";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { recordingLogger } from "../support/engine.js";
import { postgresMissing, postgresServer } from "../support/postgres-server.js";
import { withServerClock } from "../support/server-clock.js";
import { ENGINES } from "./engines.js";

const mail = defineJob({ kind: "mail.send", input: z.object({ to: z.string() }) });
/** Nobody here works on these. */
const letter = defineJob({ kind: "letter.send", input: z.object({ to: z.string() }) });

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const MINUTE = 60_000;

describe.each(ENGINES.filter(({ name }) => name === "Postgres" || name === "Redis"))(
  "the first call of a process on $name",
  ({ isMissing, open }) => {
    it.skipIf(isMissing).each([-10 * MINUTE, 10 * MINUTE])(
      "makes instants by the store's clock, its own being off by %i ms",
      async (offMs) => {
        const store = await open();
        closers.push(() => store.close());
        const nowOf = async () => (await store.read({ nowMs: 0, ids: [] })).nowMs;
        const process = () => {
          const clock = { ...systemClock, now: () => Date.now() + offMs };
          return createWaybill({ jobs: [mail], store, clock, logger: recordingLogger().logger });
        };
        const right = createWaybill({ jobs: [mail], store, logger: recordingLogger().logger });
        await right.submit(mail, { to: "older" }, { subject: "s" }).unwrap();
        const before = await nowOf();
        const strict = await process()
          .submit(mail, { to: "ann" }, { deadlineMs: MINUTE, subject: "s" })
          .unwrap();
        const [late] = await process().submitMany(mail, [{ input: { to: "bob" }, delayMs: MINUTE }]);
        const after = await nowOf();
        const { jobs } = await store.read({
          nowMs: 0,
          ids: [strict.id, late?.ok === true ? late.value.id : ""],
        });
        for (const job of jobs) {
          expect(job?.record.createdAt).toBeGreaterThanOrEqual(before - 250);
          expect(job?.record.createdAt).toBeLessThanOrEqual(after);
        }
        const [first, second] = jobs;
        expect(first?.record.deadlineAt).toBe((first?.record.createdAt ?? 0) + MINUTE);
        expect(second?.record.readyAt).toBe((second?.record.createdAt ?? 0) + MINUTE);
        expect((await right.latest(mail, "s"))?.id).toBe(strict.id);
      },
    );
  },
);

it.skipIf(postgresMissing() !== null)(
  "the first call of a process inside the only connection's transaction asks for the time in it",
  async () => {
    const server = await postgresServer();
    const pool = server.pool({ max: 1 });
    const store = postgresStore({ client: pool, schema: server.schema() });
    await store.migrate();
    const clock = { ...systemClock, now: () => Date.now() - 10 * MINUTE };
    const waybill = createWaybill({ jobs: [mail], store, clock, logger: recordingLogger().logger });
    const tx = await pool.connect();
    await tx.query("begin");
    const job = await waybill.submit(mail, { to: "ann" }, { tx, delayMs: MINUTE }).unwrap();
    await tx.query("commit");
    tx.release();
    const { nowMs, jobs } = await store.read({ nowMs: 0, ids: [job.id] });
    expect(jobs[0]?.record.createdAt).toBeGreaterThan(nowMs - 5 * MINUTE);
  },
);

/** A Waybill on a fake clock over a store with a clock of its own. */
function bench(inner: AnyStore = memoryStore()) {
  const clock = fakeClock();
  const server = withServerClock(inner, clock, 600_000);
  const { logger, lines } = recordingLogger();
  const waybill = createWaybill({ jobs: [mail, letter], store: server.store, logger, clock });
  const recordOf = async (id: string) => (await inner.read({ nowMs: 0, ids: [id] })).jobs[0]?.record;
  return { clock, server, waybill, lines, recordOf };
}

it("a first reply that is looked at 6 s late spoils no delay and no deadline", async () => {
  const { clock, server, waybill, recordOf } = bench();
  server.delays.back = 6_000;
  const submitting = waybill.submit(mail, { to: "ann" }, { delayMs: 5_000, deadlineMs: 6_000 });
  await clock.advance(5_999);
  server.delays.back = 0;
  const job = await clock.runUntil(submitting.unwrap());
  const record = await recordOf(job.id);
  expect(record?.createdAt).toBe(server.now());
  expect([record?.readyAt, record?.deadlineAt]).toEqual([server.now() + 5_000, server.now() + 6_000]);
});

it("a store that always takes long is asked for its time three times, and then no more", async () => {
  const { clock, server, waybill } = bench();
  server.delays.to = 400;
  const startedAt = clock.monotonic();
  await clock.runUntil(waybill.submit(mail, { to: "ann" }).unwrap());
  expect(clock.monotonic() - startedAt).toBe(4 * 400);
  await clock.runUntil(waybill.submit(mail, { to: "bob" }).unwrap());
  expect(clock.monotonic() - startedAt).toBe(5 * 400);
});

it("a store that cannot be asked for its time has stored nothing", async () => {
  const { clock, server, waybill } = bench();
  server.delays.to = 3_600_000;
  const error = await clock.runUntil(waybill.submit(mail, { to: "ann" }).catch((thrown: unknown) => thrown));
  expect(error).toMatchObject({ code: "store.unavailable", outcome: "not_applied" });
});

describe("a job that is run while the machine's clock is set", () => {
  it.each([60_000, -60_000, 3_600_000, -3_600_000])("by %i ms runs once, and ends", async (ms) => {
    const { clock, waybill, lines } = bench();
    let runs = 0;
    const handler = mail.handle(async ({ signal }) => {
      runs += 1;
      for (let second = 0; second < 100; second += 1) {
        await new Promise<void>((resolve) => clock.timer(1_000, resolve));
        if (signal.aborted) throw new Error("aborted");
        if (second === 40) clock.step(ms);
      }
      return null;
    });
    const worker = waybill.worker([handler]);
    const job = await clock.runUntil(waybill.submit(mail, { to: "ann" }, { deadlineMs: 300_000 }).unwrap());
    const running = worker.run();
    await clock.runUntil(waybill.result(mail, job.id, { timeoutMs: 200_000 }));
    expect(runs).toBe(1);
    expect(await clock.runUntil(waybill.get(mail, job.id))).toMatchObject({
      status: "COMPLETED",
      attempt: 1,
    });
    await clock.runUntil(waybill.close());
    await running;
    expect(lines.filter(({ level }) => level === "error")).toEqual([]);
  });

  it("and a delay that is waited for is as long as it was", async () => {
    const { clock, server, waybill, recordOf } = bench();
    await clock.runUntil(waybill.submit(mail, { to: "warm" }).unwrap());
    clock.step(-3_600_000);
    const job = await clock.runUntil(waybill.submit(mail, { to: "ann" }, { delayMs: 60_000 }).unwrap());
    expect((await recordOf(job.id))?.readyAt).toBe(server.now() + 60_000);
  });

  it.each([3_600_000, -3_600_000])(
    "by %i ms while its reconciler rests: what falls due is found no later",
    async (ms) => {
      const { clock, waybill, recordOf } = bench();
      const worker = waybill.worker([mail.handle(() => null)]);
      const running = worker.run();
      await clock.advance(60_000);
      const job = await clock.runUntil(
        waybill.submit(letter, { to: "ann" }, { deadlineMs: 60_000 }).unwrap(),
      );
      clock.step(ms);
      // A pass is asked for now and then, and by whoever told of the deadline at its instant.
      await clock.advance(60_000 + 40_000);
      expect((await recordOf(job.id))?.failure?.reason).toBe("deadline_exceeded");
      await clock.runUntil(waybill.close());
      await running;
    },
  );

  it("by a sleep of the machine costs what the store's clock asks for: nobody took the job, so it goes on", async () => {
    const { clock, server, waybill } = bench();
    let runs = 0;
    const handler = mail.handle(async () => {
      runs += 1;
      await new Promise<void>((resolve) => clock.timer(20_000, resolve));
      return null;
    });
    const worker = waybill.worker([handler], { reconcile: false });
    const job = await clock.runUntil(waybill.submit(mail, { to: "ann" }).unwrap());
    const running = worker.run();
    await clock.advance(5_000);
    // An hour passes everywhere but in this process.
    clock.step(3_600_000);
    server.step(3_600_000);
    await clock.runUntil(waybill.result(mail, job.id, { timeoutMs: 60_000 }));
    expect(runs).toBe(1);
    await clock.runUntil(waybill.close());
    await running;
  });
});
