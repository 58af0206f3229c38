// One process of Lambda through many invocations, with the real client of SQS and a store in a file: what it holds is counted.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, expect, it } from "vitest";
import { createWaybill, defineJob } from "waybill";
import { sqsHandler } from "waybill/lambda";
import { sqliteStore } from "waybill/sqlite";
import { z } from "zod";
import { sqsBench } from "../doubles/sqs/bench.js";
import { openDatabase, temporaryFile } from "./sqlite-driver.js";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const AT_ONCE = 10;
const ROUNDS = 100;
/** After these the sockets are open and the code is compiled. */
const WARM = 30;

const work = defineJob({
  kind: "work",
  input: z.object({ n: z.number() }),
  output: z.object({ n: z.number() }),
});

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function held(): { readonly sockets: number; readonly timers: number; readonly bytes: number } {
  const resources = process.getActiveResourcesInfo();
  const count = (type: string): number => resources.filter((each) => each === type).length;
  collect();
  return {
    sockets: count("TCPSocketWrap"),
    timers: count("Timeout"),
    bytes: process.memoryUsage().heapUsed,
  };
}

it("keeps no sockets, timers or memory of 1,000 invocations, ten at a time", async () => {
  const bench = await sqsBench({ attributes: { VisibilityTimeout: "120" } });
  const file = temporaryFile();
  const db = openDatabase(file.path);
  const waybill = createWaybill({ jobs: [work], store: sqliteStore({ db }), queue: bench.queue });
  closers.push(
    () => {
      file.remove();
    },
    () => {
      db.close();
    },
    () => bench.close(),
    () => waybill.close(),
  );
  const doIt = work.handle(({ input }) => ({ n: input.n }));
  const handler = sqsHandler(waybill, [doIt], { reportBatchItemFailures: true });
  const context = { getRemainingTimeInMillis: () => 30_000 };
  const signal = new AbortController().signal;

  async function round(): Promise<void> {
    const inputs = Array.from({ length: AT_ONCE }, (_, n) => ({ input: { n } }));
    await waybill.submitMany(work, inputs);
    // As the event source mapping does: it receives, hands over, and deletes what was done.
    const deliveries = await bench.queue.receive({ max: AT_ONCE, waitMs: 0, signal });
    expect(deliveries).toHaveLength(AT_ONCE);
    const answers = deliveries.map(({ body }, place) =>
      handler(
        {
          Records: [
            {
              messageId: `m-${String(place)}`,
              body,
              eventSourceARN: bench.sqs.queueArn(bench.name),
              attributes: { ApproximateReceiveCount: "1", SentTimestamp: String(Date.now()) },
            },
          ],
        },
        context,
      ),
    );
    expect(await Promise.all(answers)).toEqual(deliveries.map(() => ({ batchItemFailures: [] })));
    await Promise.all(deliveries.map((delivery) => delivery.ack()));
    // What the double remembers is not the process's.
    bench.sqs.requests.clear();
  }

  for (let done = 0; done < WARM; done += 1) await round();
  const warm = held();
  for (let done = WARM; done < ROUNDS; done += 1) await round();
  const end = held();

  // Both ends of a connection are in this process, and no more calls than these were under way at a time.
  expect(end.sockets).toBeLessThanOrEqual(2 * AT_ONCE);
  expect(end.timers).toBeLessThanOrEqual(warm.timers);
  const perInvocation = (end.bytes - warm.bytes) / ((ROUNDS - WARM) * AT_ONCE);
  // Caches fill for a while. A job that was kept, with what ran it, would be several times as much.
  expect(perInvocation).toBeLessThan(4_096);
}, 120_000);
