import assert from "node:assert/strict";
import { hasDelay, type QueueProbe, type QueueTest } from "./queue-probe.js";

/** Two whole seconds where the queue can delay that long: brokers round to seconds. */
function delayOf({ queue }: QueueProbe): number {
  return Math.min(2_000, queue.capabilities.maxDelayMs);
}

/** More than an adapter looks through at once that looks at the first ones only. */
const MANY = 25;

export function delayBehaviour(test: QueueTest): void {
  besideDelayed(test);
  test(
    "delivers a delayed message not before its time, and then",
    async (probe) => {
      const delayMs = delayOf(probe);
      await probe.sendMessages([probe.message("a", { delayMs })]);
      await probe.expectNothing("the message is delayed");
      await probe.time.pass(probe.time.isReal ? delayMs / 4 : delayMs - 1);
      await probe.expectNothing("the message is delayed");
      await probe.passVisibly(probe.time.isReal ? delayMs : 1);
      assert.equal((await probe.collectOne()).body, "a");
    },
    hasDelay,
  );

  test(
    "takes the longest delay that it declares",
    async (probe) => {
      await probe.sendMessages([probe.message("a", { delayMs: probe.queue.capabilities.maxDelayMs })]);
      await probe.expectNothing("the message is delayed");
      if (probe.time.isReal) return;
      await probe.time.pass(probe.queue.capabilities.maxDelayMs - 1);
      await probe.expectNothing("the message is delayed for as long as the queue declares");
      await probe.time.pass(1);
      assert.equal((await probe.collectOne()).body, "a");
    },
    hasDelay,
  );

  test(
    "delivers a message that is delayed for less than a second not before its time",
    async (probe) => {
      const delayMs = Math.min(600, probe.queue.capabilities.maxDelayMs);
      await probe.sendMessages([probe.message("a", { delayMs })]);
      if (!probe.time.isReal) await probe.time.pass(delayMs - 1);
      await probe.expectNothing(`the message is delayed by ${delayMs} ms`);
      await probe.passVisibly(1_000);
      assert.equal((await probe.collectOne()).body, "a");
    },
    hasDelay,
  );
}

function besideDelayed(test: QueueTest): void {
  test(
    "lets a message without delay overtake one with",
    async (probe) => {
      await probe.sendMessages([probe.message("later", { delayMs: delayOf(probe) }), probe.message("now")]);
      const now = await probe.collectOne();
      assert.equal(now.body, "now");
      await probe.passVisibly(delayOf(probe));
      const later = await probe.collectOne();
      assert.deepEqual([later.body, later.receives], ["later", 1], "a delay is no receive");
      if (now.sentAt !== null && later.sentAt !== null)
        assert.ok(
          later.sentAt - now.sentAt < delayOf(probe) / 2,
          `both were sent at once: sentAt is ${now.sentAt}, and ${later.sentAt} of the delayed one`,
        );
    },
    hasDelay,
  );

  test(
    "delivers what is sent behind many delayed messages",
    async (probe) => {
      const { maxDelayMs } = probe.queue.capabilities;
      const delayed = Array.from({ length: MANY }, (_, place) =>
        probe.message(`later ${place}`, { delayMs: Math.min(60_000, maxDelayMs) }),
      );
      await probe.sendMessages(delayed);
      await probe.send("now");
      assert.equal((await probe.collectOne()).body, "now", "what is delayed holds up no other");
    },
    hasDelay,
  );
}
