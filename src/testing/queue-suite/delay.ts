import assert from "node:assert/strict";
import { bodiesOf, hasDelay, type QueueProbe, type QueueTest } from "./queue-probe.js";

/** Two whole seconds where the queue can delay that long: brokers round to seconds. */
function delayOf({ queue }: QueueProbe): number {
  return Math.min(2_000, queue.capabilities.maxDelayMs);
}

export function delayBehaviour(test: QueueTest): void {
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
    "lets a message without delay overtake one with",
    async (probe) => {
      await probe.sendMessages([probe.message("later", { delayMs: delayOf(probe) }), probe.message("now")]);
      assert.deepEqual(bodiesOf(await probe.collect(1)), ["now"]);
      await probe.passVisibly(delayOf(probe));
      assert.deepEqual(bodiesOf(await probe.collect(1)), ["later"]);
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
