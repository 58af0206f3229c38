import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  createWaybill,
  defineJob,
  memoryQueue,
  memoryStore,
  type Notifier,
  type Queue,
} from "../../src/index.js";
import { isWaybillError } from "../../src/core/errors/errors.js";
import { interceptStore } from "../../src/testing/faults/intercept-store.js";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { dynamodbIamPolicy } from "../../src/dynamodb.js";
import { type PostgresClient, postgresStore } from "../../src/postgres.js";
import { type SqliteDatabase, sqliteStore } from "../../src/sqlite.js";
import { recordingLogger } from "../support/engine.js";
import { openDatabase } from "./sqlite-driver.js";

// What people get wrong, and what they are told: what is wrong, where, and what to pass.

const greet = defineJob({
  kind: "greet",
  input: z.object({ name: z.string() }),
  output: z.number(),
  messages: { QUEUED: (job) => `Hello ${job.input.name}`, PROCESSING: (job) => `Greeting ${job.input.name}` },
});

function opened(given: object = {}) {
  const clock = fakeClock();
  const store = memoryStore();
  const waybill = createWaybill({ jobs: [greet], store, clock, ...given });
  return { clock, store, waybill, run: <T>(promise: Promise<T>) => clock.runUntil(promise) };
}

function told(misuse: () => unknown): string {
  try {
    misuse();
  } catch (error) {
    if (isWaybillError(error, "config.invalid")) return error.message;
    throw error;
  }
  return "nothing";
}

describe("a part that is none", () => {
  const part = (given: object) => () =>
    createWaybill({ jobs: [greet], store: memoryStore(), ...given } as never);
  it.each<[string, () => unknown, RegExp]>([
    [
      "a store without methods",
      part({ store: { capabilities: {} } }),
      /^store must be a store, .*this one has no create\./,
    ],
    ["a store that is nothing", part({ store: null }), /^store must be a store, such as memoryStore\(\)/],
    ["an empty queue", part({ queue: {} as Queue }), /^queue must be a queue, .*this one has no send\./],
    [
      "a named queue without capabilities",
      part({ queues: { q: { send: () => 1, receive: () => 1 } } }),
      /^queues\.q must be a queue, .*no capabilities\./,
    ],
    [
      "a notifier without publish",
      part({ notifiers: { ui: { on: ["job.failed"] } as unknown as Notifier } }),
      /^The notifier ui has no publish\./,
    ],
    [
      "a notifier of an event that does not exist",
      part({ notifiers: { ui: { publish: () => 1, on: ["job.finished"] } } }),
      /^The notifier ui names an event that does not exist\. Events are .*job\.completed/,
    ],
    [
      "a policy that does not exist",
      part({ policy: { leaseMS: 1 } }),
      /There is no policy\.leaseMS\. Did you mean leaseMs\?/,
    ],
    ["a database by itself", () => sqliteStore(openDatabase(":memory:") as never), /sqliteStore/],
    [
      "the path of a database",
      () => sqliteStore({ db: "jobs.db" as unknown as SqliteDatabase }),
      /^sqliteStore takes \{ db \}, an open connection/,
    ],
    [
      "a URL for a client",
      () => postgresStore({ client: "postgres://…" as unknown as PostgresClient }),
      /Pass a Pool or Client of pg/,
    ],
    [
      "a table that is no ARN",
      () => dynamodbIamPolicy({ table: "t" } as never),
      /dynamodbIamPolicy has no option "table"\. It takes tableArn\./,
    ],
    ["no table at all", () => dynamodbIamPolicy({} as never), /^tableArn must be the ARN of the table/],
  ])("%s", (_, misuse, sentence) => {
    expect(told(misuse)).toMatch(sentence);
  });
});

describe("a call that cannot be meant", () => {
  it("names a kind by its name, a handler that is none, an event that does not exist", async () => {
    const { waybill, run } = opened();
    await expect(run(waybill.submit("greet" as unknown as typeof greet, { name: "ann" }))).rejects.toThrow(
      /^What comes first must be a definition, as defineJob returns it/,
    );
    expect(told(() => waybill.worker([greet as never]))).toMatch(
      /^handlers must be a list of what def\.handle/,
    );
    expect(told(() => waybill.on("job.finished" as never, () => undefined))).toMatch(
      /^on names an event that does not exist\. Events are /,
    );
    expect(told(() => waybill.on("job.complete" as never, () => undefined))).toMatch(
      /Did you mean job\.completed\?/,
    );
  });

  it("has an id of another form, or a delay beyond its deadline", async () => {
    const { waybill, run } = opened();
    const input = { name: "ann" };
    await expect(run(waybill.submit(greet, input, { id: "a b" }))).rejects.toThrow(
      /^The job id must be 1 to 128 letters, digits, _ or -\./,
    );
    const late = { delayMs: 60_000, deadlineMs: 60_000 };
    await expect(run(waybill.submit(greet, input, late))).rejects.toThrow(
      /^delayMs must be less than deadlineMs \(60000\)/,
    );
    const { status } = await run(waybill.submit(greet, input, { ...late, delayMs: 59_999 }).unwrap());
    expect(status).toBe("QUEUED");
  });

  it("is told inside a handler too: progress goes on without the options, a token is refused", async () => {
    const launch = defineJob({
      kind: "launch",
      input: z.object({}),
      output: z.number(),
      progress: z.number(),
      external: z.object({ id: z.string() }),
    });
    const { logger, lines } = recordingLogger();
    const callbacks = { secrets: ["s".repeat(32)] } as const;
    const clock = fakeClock();
    const store = memoryStore();
    const waybill = createWaybill({ jobs: [launch], store, clock, logger, callbacks });
    const run = <T>(promise: Promise<T>): Promise<T> => clock.runUntil(promise);
    const tokens: unknown[] = [];
    const handler = launch.handle({
      run: async ({ progress, callbackToken, done }) => {
        progress(0.5, { allowDecreas: true } as never);
        tokens.push(await callbackToken({ ttlms: 5 } as never).catch((error: unknown) => error));
        return done(1);
      },
      poll: () => ({ state: "open" }),
    });
    const { id } = await run(waybill.submit(launch, {}).unwrap());
    const worker = waybill.worker([handler]);
    const running = worker.run();
    await run(waybill.result(launch, id));
    const { jobs } = await run(store.read({ nowMs: clock.now(), ids: [id] }));
    expect(jobs[0]?.record.progress).toBe(0.5);
    expect(JSON.stringify(lines)).toContain(
      'progress has no option \\"allowDecreas\\". Did you mean allowDecrease?',
    );
    expect(tokens).toMatchObject([
      { code: "config.invalid", message: expect.stringContaining("Did you mean ttlMs?") as string },
    ]);
    await run(worker.stop());
    await running;
  });

  it("gives a pool as transaction: it would run outside of it", async () => {
    const query = async () => ({ rows: [] });
    const pool = { query, totalCount: 1, options: {}, connect: async () => ({}) };
    const store = postgresStore({ client: pool, listen: false });
    const waybill = createWaybill({ jobs: [greet], store });
    await expect(waybill.submit(greet, { name: "ann" }, { tx: pool as never })).rejects.toThrow(
      /^tx is a pool, which runs each statement outside of your transaction/,
    );
  });
});

describe("answers", () => {
  it("an own id that is taken is called taken, also with the same input", async () => {
    const { waybill, run } = opened();
    await run(waybill.submit(greet, { name: "ann" }, { id: "mine" }).unwrap());
    const again = await run(waybill.submit(greet, { name: "ann" }, { id: "mine" }));
    expect(again).toMatchObject({ ok: false, error: { code: "id.taken" } });
  });

  it("a cancelled job says when that was asked for, before a claim and under one", async () => {
    const { waybill, run, clock } = opened();
    const { id } = await run(waybill.submit(greet, { name: "ann" }).unwrap());
    await clock.advance(5_000);
    const askedAt = new Date(clock.now());
    const job = await run(waybill.cancel(id).unwrap());
    expect([job.status, job.cancelRequestedAt]).toEqual(["FAILED", askedAt]);

    const { id: running } = await run(waybill.submit(greet, { name: "bob" }).unwrap());
    const worker = waybill.worker([
      greet.handle(
        ({ signal }) =>
          new Promise<number>((_, reject) => {
            signal.addEventListener("abort", () => {
              reject(signal.reason as Error);
            });
          }),
      ),
    ]);
    const working = worker.run();
    await clock.advance(1_000);
    const now = new Date(clock.now());
    await run(waybill.cancel(running).unwrap());
    await clock.advance(60_000);
    expect(await run(waybill.get(running))).toMatchObject({ status: "FAILED", cancelRequestedAt: now });
    await run(worker.stop());
    await working;
  });

  it("result with a signal that aborts rejects with the signal's reason, not with a timeout", async () => {
    const { waybill, run } = opened();
    const { id } = await run(waybill.submit(greet, { name: "ann" }).unwrap());
    const reason = new Error("the caller went away");
    await expect(run(waybill.result(greet, id, { signal: AbortSignal.abort(reason) }))).rejects.toBe(reason);
    await expect(run(waybill.result(greet, id, { timeoutMs: 5 }))).rejects.toMatchObject({
      code: "result.timeout",
    });
  });

  it("rerun twice under one key is one job", async () => {
    const { waybill, run } = opened();
    const { id } = await run(waybill.submit(greet, { name: "ann" }).unwrap());
    await run(waybill.cancel(id).unwrap());
    const one = await run(waybill.rerun(id, { idempotencyKey: "again" }).unwrap());
    const two = await run(waybill.rerun(id, { idempotencyKey: "again" }).unwrap());
    expect([two.id, one.origin]).toEqual([one.id, id]);
  });

  it("local events of a job come in its order, also where their messages read the input", async () => {
    const clock = fakeClock();
    let reads = 0;
    // The read for the first event takes longer than that for the second.
    const store = interceptStore(memoryStore(), async (method, _items, call) => {
      if (method === "read" && (reads += 1) === 1)
        await new Promise<void>((resolve) => clock.timer(50, resolve));
      return call();
    });
    const waybill = createWaybill({ jobs: [greet], store, queue: memoryQueue({ clock }), clock });
    const heard: string[] = [];
    for (const type of ["job.created", "job.queued", "job.started", "job.completed"] as const) {
      waybill.on(type, ({ version, message }) => heard.push(`${String(version)} ${message}`));
    }
    await clock.runUntil(waybill.submit(greet, { name: "ann" }).unwrap());
    await clock.advance(100);
    expect(heard).toEqual(["1 Recorded.", "2 Hello ann"]);
  });

  it("one text is said of a status, whether or not its kind is known here", async () => {
    const { waybill, store, run, clock } = opened();
    const plain = defineJob({ kind: "plain", input: z.object({ n: z.number() }) });
    const there = createWaybill({ jobs: [plain], store, clock });
    const { id } = await run(there.submit(plain, { n: 1 }).unwrap());
    expect((await run(waybill.get(id)))?.message).toBe("Queued.");
  });
});
