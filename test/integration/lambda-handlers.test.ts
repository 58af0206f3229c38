import { describe, expect, it } from "vitest";
import { z } from "zod";
import { memoryNotifier } from "../../src/adapters/memory/notifier.js";
import { memoryQueue } from "../../src/adapters/memory/queue.js";
import { memoryStore } from "../../src/adapters/memory/store.js";
import { createWaybill } from "../../src/core/create-waybill.js";
import { defineJob } from "../../src/core/define/define-job.js";
import type { Handler } from "../../src/core/define/handler.js";
import type { BatchResponse, SqsRecord } from "../../src/lambda/event.js";
import {
  deadLetterHandler,
  scheduledHandler,
  sqsHandler,
  withFlush,
  type SqsHandlerOptions,
} from "../../src/lambda/handlers.js";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { createFaults } from "../../src/testing/faults/faults.js";
import { untilAborted } from "../support/worker-bench.js";

const work = defineJob({
  kind: "work",
  input: z.object({ fails: z.boolean().default(false) }),
  output: z.object({ done: z.literal(true) }),
});
const JOBS_ARN = "arn:aws:sqs:eu-west-1:123456789012:jobs";
const DEAD_ARN = `${JOBS_ARN}-dead`;
const doIt = work.handle(({ input }) => {
  if (input.fails) throw new Error("no");
  return { done: true as const };
});

const quiet = (): void => undefined;
const SILENT = { debug: quiet, info: quiet, warn: quiet, error: quiet };

/** A Waybill in memory whose queue has the ARNs above, and messages of it as Lambda hands them over. */
function world(handlers: readonly Pick<Handler, "kind">[] = [doIt]) {
  const clock = fakeClock();
  const faults = createFaults({ clock });
  const memory = memoryQueue({ clock });
  const queue = faults.wrapQueue({
    ...{ capabilities: memory.capabilities, close: () => memory.close() },
    send: (messages) => memory.send(messages),
    receive: (request) => memory.receive(request),
    isFrom: (arn) => arn === JOBS_ARN,
    deadLetters: {
      receive: (request) => memory.deadLetters.receive(request),
      isFrom: (arn) => arn === DEAD_ARN,
    },
  });
  const notifier = memoryNotifier();
  const waybill = createWaybill({
    jobs: [work],
    store: faults.wrapStore(memoryStore()),
    queue,
    notifiers: { ui: faults.wrapNotifier(notifier) },
    clock,
    logger: SILENT,
  });
  const within = (ms: number) => {
    const end = clock.now() + ms;
    return { getRemainingTimeInMillis: () => end - clock.now() };
  };
  return {
    ...{ clock, faults, notifier, waybill, within, queue: memory },
    submit: async (input: { fails?: boolean } = {}) =>
      (await clock.runUntil(waybill.submit(work, input).unwrap())).id,
    job: (id: string) => waybill.get(work, id),
    /** What waits in the queue, as records. */
    async records(over: Partial<SqsRecord["attributes"]> = {}, eventSourceARN = JOBS_ARN) {
      const signal = new AbortController().signal;
      const taken = await clock.runUntil(memory.receive({ max: 10, waitMs: 0, signal }));
      return taken.map(({ body }, place) => ({
        ...{ messageId: `m${String(place)}`, body, eventSourceARN },
        attributes: { ApproximateReceiveCount: "1", SentTimestamp: String(clock.now()), ...over },
      }));
    },
    invoke(records: readonly SqsRecord[], options: Partial<SqsHandlerOptions> = {}, ms = 30_000) {
      const made = sqsHandler(waybill, handlers as never, { reportBatchItemFailures: true, ...options });
      return clock.runUntil(made({ Records: records }, within(ms)));
    },
  };
}

const failed = (...ids: string[]): BatchResponse => ({
  batchItemFailures: ids.map((itemIdentifier) => ({ itemIdentifier })),
});

describe("sqsHandler", () => {
  it("reports nothing of a batch that is done, and tells notifiers before it returns", async () => {
    const w = world();
    const ids = [await w.submit(), await w.submit()];
    expect(await w.invoke(await w.records())).toEqual(failed());
    for (const id of ids) expect((await w.job(id))?.status).toBe("COMPLETED");
    expect(w.notifier.events.filter(({ type }) => type === "job.completed")).toHaveLength(2);
  });

  it("reports the message that is not done, and no other", async () => {
    const w = world();
    await w.submit();
    await w.submit();
    const records = await w.records();
    // Of two claims in one call the store refuses to answer one.
    const [first, second] = records as [SqsRecord, SqsRecord];
    expect(await w.invoke([first])).toEqual(failed());
    w.faults.outage("store");
    expect(await w.invoke([first, second])).toEqual(failed("m0", "m1"));
    w.faults.heal();
    expect(await w.invoke([first, second])).toEqual(failed());
  });

  it("acknowledges a failure that is recorded: what runs again is another message", async () => {
    const w = world();
    const id = await w.submit({ fails: true });
    expect(await w.invoke(await w.records())).toEqual(failed());
    expect(await w.job(id)).toMatchObject({ status: "QUEUED", attempt: 1 });
  });

  it("throws without partial responses when one message is not done, and says how many", async () => {
    const w = world();
    await w.submit();
    await w.submit();
    const records = await w.records();
    w.faults.outage("store");
    await expect(w.invoke(records, { reportBatchItemFailures: false })).rejects.toThrow(
      "2 of 2 messages are not done: the whole batch comes again.",
    );
    w.faults.heal();
    expect(await w.invoke(records, { reportBatchItemFailures: false })).toBeUndefined();
  });

  it("finds the queue by the ARN of its records, and refuses one that it does not know", async () => {
    const w = world();
    await w.submit();
    const [record] = (await w.records()) as [SqsRecord];
    const elsewhere = { ...record, eventSourceARN: "arn:aws:sqs:eu-west-1:123456789012:other" };
    await expect(w.invoke([elsewhere])).rejects.toMatchObject({
      code: "config.invalid",
      message: expect.stringContaining(
        "No queue of this Waybill is arn:aws:sqs:eu-west-1:123456789012:other: name it in queue.",
      ) as string,
    });
    expect(await w.invoke([elsewhere], { queue: "default" })).toEqual(failed());
  });

  it("runs the messages of a FIFO group in their order, and none after one that is not done", async () => {
    const w = world();
    const ids = [await w.submit(), await w.submit(), await w.submit()];
    const records = await w.records({ MessageGroupId: "g" });
    w.faults.store("claim", { fault: "request_lost", times: 1_000 });
    expect(await w.invoke(records)).toEqual(failed("m0", "m1", "m2"));
    w.faults.heal();
    expect(await w.invoke(records)).toEqual(failed());
    const times = await Promise.all(ids.map(async (id) => (await w.job(id))?.createdAt.getTime()));
    expect(times).toEqual([...times].sort());
  });

  it("tells a handler to stop at twice the reserve; a deaf one is given back, its attempt with it", async () => {
    let stoppedAt = 0;
    const listening = work.handle(async ({ signal }) => {
      await untilAborted(signal).catch(quiet);
      stoppedAt = w.clock.now();
      return { done: true as const };
    });
    const w = world([listening]);
    await w.submit();
    const from = w.clock.now();
    expect(await w.invoke(await w.records(), { reserveMs: 3_000 })).toEqual(failed());
    expect(stoppedAt - from).toBe(30_000 - 200 - 2 * 3_000);
    const deaf = world([work.handle(() => new Promise<never>(() => undefined))]);
    const id = await deaf.submit();
    expect(await deaf.invoke(await deaf.records())).toEqual(failed());
    expect(await deaf.job(id)).toMatchObject({ status: "QUEUED", attempt: 0 });
  });

  it.each(["store", "queue", "handler", "notifier"] as const)(
    "answers before the deadline with the %s hanging",
    async (part) => {
      const w = world();
      const hangs = work.handle(() => new Promise<never>(quiet));
      await w.submit();
      const records = await w.records();
      if (part !== "handler") w.faults.outage(part, "hang");
      const context = w.within(10_000);
      const made = sqsHandler(w.waybill, [part === "handler" ? hangs : doIt], {
        reportBatchItemFailures: true,
      });
      await w.clock.runUntil(made({ Records: records }, context));
      expect(context.getRemainingTimeInMillis()).toBeGreaterThan(0);
      w.faults.heal();
    },
  );

  it("does nothing with an empty batch", async () => {
    expect(await world().invoke([])).toEqual(failed());
  });

  it.each([
    undefined,
    {},
    { source: "aws.events", detail: { note: "CANARY" } },
    { Records: [{ EventSource: "aws:sns", Sns: { Message: "CANARY" } }] },
    { Records: [{ eventSource: "aws:kinesis", kinesis: { data: "CANARY" } }] },
    { Records: [null] },
  ])("says so when it is called with what is no batch of SQS: %j", async (event) => {
    const { waybill, within, queue } = world();
    const options = { reportBatchItemFailures: true };
    for (const [name, called] of [
      ["sqsHandler", sqsHandler(waybill, [doIt], options)],
      ["deadLetterHandler", deadLetterHandler(waybill, options)],
    ] as const) {
      const error: unknown = await called(event as never, within(30_000)).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        code: "config.invalid",
        message: expect.stringContaining(`${name} is for messages of SQS`) as string,
      });
      expect(String(error)).not.toContain("CANARY");
    }
    await queue.close();
  });

  it("refuses what it cannot work with, with a sentence that says what to pass", () => {
    const { waybill } = world();
    const refused = (options: unknown): unknown => {
      try {
        return sqsHandler(waybill, [doIt], options as never);
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(refused({})).toContain(
      "sqsHandler needs reportBatchItemFailures: whether the event source mapping has ReportBatchItemFailures.",
    );
    expect(refused({ reportBatchItemFailures: true, reserveMS: 1 })).toContain("reserveMs");
    expect(() => deadLetterHandler(waybill, {} as never)).toThrow("deadLetterHandler needs");
    expect(() => scheduledHandler(waybill, [doIt], { budgetMs: 1 } as never)).toThrow("budgetMs");
    const other = defineJob({ kind: "other", input: z.object({}) });
    expect(() =>
      sqsHandler(waybill, [other.handle(quiet)] as never, { reportBatchItemFailures: true }),
    ).toThrow("other");
  });
});

describe("deadLetterHandler", () => {
  it("finds the queue by the ARN of its dead letters, and hands over again what was never claimed", async () => {
    const w = world();
    const id = await w.submit();
    const records = await w.records({}, DEAD_ARN);
    const judge = deadLetterHandler(w.waybill, { reportBatchItemFailures: true });
    expect(await w.clock.runUntil(judge({ Records: records }, w.within(30_000)))).toEqual(failed());
    expect(await w.job(id)).toMatchObject({ status: "QUEUED", attempt: 0 });
    expect(await w.records()).toEqual([]);
    await w.clock.advance(60_000);
    expect(await w.invoke(await w.records())).toEqual(failed());
    expect(await w.job(id)).toMatchObject({ status: "COMPLETED" });
  });

  it("takes nothing of the queue itself: those messages are not dead", async () => {
    const w = world();
    await w.submit();
    const judge = deadLetterHandler(w.waybill, { reportBatchItemFailures: true });
    await expect(judge({ Records: await w.records() }, w.within(30_000))).rejects.toThrow(
      `No queue of this Waybill has its dead letters in ${JOBS_ARN}`,
    );
  });

  it("leaves a letter that it cannot judge, and throws for it without partial responses", async () => {
    const w = world();
    await w.submit();
    const records = await w.records({}, DEAD_ARN);
    w.faults.outage("store");
    const partly = deadLetterHandler(w.waybill, { reportBatchItemFailures: true });
    expect(await w.clock.runUntil(partly({ Records: records }, w.within(30_000)))).toEqual(failed("m0"));
    const wholly = deadLetterHandler(w.waybill, { reportBatchItemFailures: false });
    await expect(w.clock.runUntil(wholly({ Records: records }, w.within(30_000)))).rejects.toThrow("1 of 1");
  });
});

describe("scheduledHandler", () => {
  it.each([30_000, 3_000])(
    "sends what waited and tells what was not told, within %i ms",
    async (withinMs) => {
      const w = world();
      w.faults.outage("queue");
      const id = await w.submit();
      w.faults.heal();
      await w.clock.advance(60_000);
      const tick = scheduledHandler(w.waybill, [doIt]);
      await w.clock.runUntil(tick({}, w.within(withinMs)));
      expect((await w.job(id))?.status).toBe("QUEUED");
      expect(await w.invoke(await w.records())).toEqual(failed());
    },
  );

  it("returns before its end when the store hangs", async () => {
    const w = world();
    await w.submit();
    w.faults.outage("store", "hang");
    const end = Date.now() + 2_000;
    const context = { getRemainingTimeInMillis: () => end - Date.now() };
    await scheduledHandler(w.waybill, [doIt], { reserveMs: 1_900 })({}, context);
    expect(context.getRemainingTimeInMillis()).toBeGreaterThan(0);
    w.faults.heal();
  });
});

describe("withFlush", () => {
  it("tells what was submitted before it returns, and passes arguments, answers and errors through", async () => {
    const w = world();
    const create = withFlush(w.waybill, async (event: { readonly fails: boolean }, _context: unknown) => {
      await w.waybill.submit(work, {}).unwrap();
      if (event.fails) throw new TypeError("no");
      return { statusCode: 202 };
    });
    expect(await w.clock.runUntil(create({ fails: false }, {}))).toEqual({ statusCode: 202 });
    expect(w.notifier.events.length).toBeGreaterThan(0);
    const told = w.notifier.events.length;
    await expect(w.clock.runUntil(create({ fails: true }, {}))).rejects.toThrow(TypeError);
    expect(w.notifier.events.length).toBeGreaterThan(told);
  });

  it("does not keep an answer back for a notifier that hangs", async () => {
    const w = world();
    w.faults.outage("notifier", "hang");
    const from = w.clock.now();
    const create = withFlush(w.waybill, async () => (await w.waybill.submit(work, {}).unwrap()).id);
    expect(await w.clock.runUntil(create())).toEqual(expect.any(String));
    expect(w.clock.now() - from).toBeLessThanOrEqual(250);
    w.faults.heal();
  });
});

describe("one process through many invocations", () => {
  it("leaves no timer behind after 1,000 of them, some at once", async () => {
    const w = world();
    const handler = sqsHandler(w.waybill, [doIt], { reportBatchItemFailures: true });
    const before = w.clock.pending();
    for (let round = 0; round < 100; round += 1) {
      await w.clock.runUntil(w.waybill.submitMany(work, Array(10).fill({ input: {} })));
      const records = await w.records();
      const all = records.map((record) => handler({ Records: [record] }, w.within(30_000)));
      expect(await w.clock.runUntil(Promise.all(all))).toEqual(records.map(() => failed()));
    }
    expect(w.clock.pending()).toBe(before);
  });
});
