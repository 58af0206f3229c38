import assert from "node:assert/strict";
import { bodiesOf, hasDelay, type QueueTest } from "../queue-probe.js";

/** "At once", with room for a network. */
const PROMPTLY_MS = 2_000;

const LONG_WAIT_MS = 15_000;

export function waitingBehaviour(test: QueueTest): void {
  test("waits for a message and returns as soon as one is sent", async (probe) => {
    const receiving = probe.time.watch(probe.receive(1, LONG_WAIT_MS));
    await probe.time.pass(100);
    assert.equal(receiving.settled, false, "it returned before there was a message");
    await probe.send("a");
    assert.ok(await probe.time.until(() => receiving.settled, PROMPTLY_MS), "it did not wake up");
    assert.deepEqual(bodiesOf(await receiving.promise), ["a"]);
  });

  test("returns nothing when the wait is over", async (probe) => {
    const receiving = probe.time.watch(probe.receive(1, 1_000));
    assert.ok(await probe.time.until(() => receiving.settled, 1_000 + PROMPTLY_MS), "it did not return");
    assert.deepEqual(await receiving.promise, []);
  });

  test(
    "wakes up for a message whose delay ends during the wait",
    async (probe) => {
      const delayMs = Math.min(1_000, probe.queue.capabilities.maxDelayMs);
      const receiving = probe.time.watch(probe.receive(1, LONG_WAIT_MS));
      await probe.sendMessages([probe.message("a", { delayMs })]);
      assert.ok(await probe.time.until(() => receiving.settled, delayMs + PROMPTLY_MS), "it did not wake up");
      assert.deepEqual(bodiesOf(await receiving.promise), ["a"]);
    },
    hasDelay,
  );

  test("gives each message to one of those who wait", async (probe) => {
    const receiving = [1, 2, 3].map(() => probe.time.watch(probe.receive(1, LONG_WAIT_MS)));
    await probe.time.pass(100);
    await probe.send("a");
    await probe.send("b");
    await probe.send("c");
    const all = (): boolean => receiving.every(({ settled }) => settled);
    assert.ok(await probe.time.until(all, PROMPTLY_MS), "not everybody got a message");
    const bodies = bodiesOf((await Promise.all(receiving.map(({ promise }) => promise))).flat());
    assert.deepEqual(bodies.sort(), ["a", "b", "c"]);
  });
}
