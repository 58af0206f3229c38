import { describe, it } from "vitest";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { queueSuite, type QueueFixture } from "../../src/testing/queue-suite/queue-suite.js";
import { networkSettles, sqsBench, type SqsBenchOptions } from "../doubles/sqs/bench.js";

/** What the adapter asks of SQS for each call of the port. */
const REQUESTS = {
  send: "SendMessageBatch",
  receive: "ReceiveMessage",
  ack: "DeleteMessageBatch",
  release: "ChangeMessageVisibilityBatch",
  extend: "ChangeMessageVisibilityBatch",
} as const;

/** On the double, whose time is moved; the requests are real. */
function fixture(options: SqsBenchOptions): () => Promise<QueueFixture> {
  return async () => {
    const clock = fakeClock();
    const { queue, sqs, close } = await sqsBench({ clock, ...options });
    // What the options leave out is read here, as a worker's check reads it.
    await queue.backlog();
    return {
      queue,
      visibilityMs: 30_000,
      unsendable: "a\u0000b",
      advance: async (ms) => {
        await clock.advance(ms);
        await networkSettles();
      },
      breakNextSend: () => {
        sqs.faults.next("SendMessageBatch", { kind: "fail_entries", places: [0], code: "InternalError" });
      },
      outage: (on) => {
        if (on) sqs.faults.always("*", { kind: "lost_before" });
        else sqs.faults.heal();
      },
      hangNext: (call) => {
        sqs.faults.next(REQUESTS[call], { kind: "hang" });
      },
      close,
    };
  };
}

describe("SQS, standard with dead letters, on the double", () => {
  queueSuite({ describe, it }, { create: fixture({ maxReceiveCount: 3 }) });
});

describe("SQS, FIFO with dead letters, on the double", () => {
  queueSuite({ describe, it }, { create: fixture({ fifo: true, maxReceiveCount: 4 }) });
});
