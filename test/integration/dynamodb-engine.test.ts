import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { checkHistory, seededRandom } from "../../src/testing.js";
import { decodeHistory } from "../../src/core/job/history.js";
import { createWaybill, defineJob, memoryNotifier, memoryQueue } from "../../src/index.js";
import { dynamoDbBench } from "./dynamodb-bench.js";
import { dynamoDb } from "./dynamodb-server.js";

const engine = dynamoDb();

const render = defineJob({
  kind: "invoice.render",
  input: z.object({ number: z.number(), text: z.string() }),
  output: z.object({ text: z.string() }),
  retry: { maxAttempts: 20, baseMs: 50, capMs: 500 },
  leaseMs: 6_000,
});

/** `SEEDS=1,2,3` for other seeds than the two of the test command. */
const SEEDS = (process.env["SEEDS"] ?? "7,8").split(",").map(Number);

/** For what hangs: nothing of what is left to do waits for longer than `IMPATIENT` says. */
const PATIENCE = { timeout: 90_000, interval: 50 };

const IMPATIENT = {
  sendGraceMs: 500,
  notifyGraceMs: 200,
  redispatchAfterMs: 2_000,
  unknownRetryMs: 3_000,
  reconcileIdleMs: 500,
  // A pass that the network ends leaves what it took until its hold is over.
  takeDueHoldMs: 5_000,
};

const quiet = (): void => undefined;
const SILENT = { debug: quiet, info: quiet, warn: quiet, error: quiet };

describe("Waybill on DynamoDB", () => {
  it.each(SEEDS)(
    "ends each job once, and tells each of its changes, over a network that fails by chance (seed %i)",
    async (seed) => {
      const bench = await dynamoDbBench(await engine(), { retryForMs: 300 }, { maxAttempts: 2 });
      const random = seededRandom(seed);
      let faults = 0;
      bench.proxy.fate(() => {
        const drawn = random();
        if (drawn > 0.12) return "pass";
        faults += 1;
        if (drawn < 0.03) return "lose request";
        if (drawn < 0.06) return "lose response";
        return { error: drawn < 0.09 ? "ProvisionedThroughputExceededException" : "InternalServerError" };
      });
      const notifier = memoryNotifier();
      const waybill = createWaybill({
        jobs: [render],
        store: bench.store,
        queue: memoryQueue({ visibilityMs: 6_000 }),
        notifiers: { ui: notifier },
        policy: IMPATIENT,
        logger: SILENT,
      });
      const handler = render.handle(({ input }) => ({ text: input.text }));
      const worker = waybill.worker([handler], { concurrency: 5 });
      const running = worker.run();
      onTestFinished(async () => {
        bench.proxy.fate(() => "pass");
        await worker.stop();
        await running;
        await waybill.close();
      });
      const text = "long ".repeat(300);
      const ids = await Promise.all(
        Array.from({ length: 12 }, async (_, number) => {
          // As a caller does who hears that the store was out of reach: the same key again.
          for (;;) {
            const submitted = await waybill
              .submit(render, { number, text }, { idempotencyKey: `invoice-${String(number)}` })
              .then((result) => (result.ok ? result.value.id : null))
              .catch(() => null);
            if (submitted !== null) return submitted;
          }
        }),
      );
      await expect
        .poll(
          async () => (await bench.items()).filter((item) => item["status"]?.S === "COMPLETED").length,
          PATIENCE,
        )
        .toBe(12);
      bench.proxy.fate(() => "pass");
      expect(new Set(ids).size).toBe(12);
      expect(faults).toBeGreaterThan(10);
      const { jobs } = await bench.more().list({ nowMs: Date.now(), limit: 100, output: true });
      expect(jobs.map(({ record }) => record.id).sort()).toEqual([...ids].sort());
      for (const { record, output } of jobs) {
        const entries = decodeHistory(record.history);
        expect(checkHistory(entries)).toEqual([]);
        expect(entries.filter(({ edge }) => edge === "T5")).toHaveLength(1);
        expect(output).toBe(JSON.stringify({ text }));
      }
      const ended = (): number =>
        new Set(notifier.events.filter(({ type }) => type === "job.completed").map(({ id }) => id)).size;
      await expect.poll(ended, PATIENCE).toBe(12);
      await expect
        .poll(
          async () => (await bench.items()).filter((item) => item["wakeKey"] !== undefined).length,
          PATIENCE,
        )
        .toBe(0);
    },
    300_000,
  );

  it("does not compile without a queue, and says so to whom that does not stop", async () => {
    const { dynamodbStore } = await import("../../src/dynamodb.js");
    const store = dynamodbStore({ client: (await engine()).client(), table: "any" });
    // @ts-expect-error -- the store says in its type that it is no queue
    expect(() => createWaybill({ jobs: [render], store })).toThrow(/cannot be a queue/);
  });
});
