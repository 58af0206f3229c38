import assert from "node:assert/strict";
import { bodiesOf, type QueueTest } from "./queue-probe.js";

/** Two whole seconds: brokers round to seconds. */
const DELAY_MS = 2_000;

export function settlingBehaviour(test: QueueTest): void {
  test("never delivers again what was acknowledged", async (probe) => {
    await probe.send("a");
    await (await probe.collectOne()).ack();
    await probe.passVisibly(probe.fixture.visibilityMs ?? 0);
    await probe.expectNothing("the message was acknowledged");
  });

  test("acknowledges one message of several and leaves the others", async (probe) => {
    await probe.send("a", "b", "c");
    for (const delivery of await probe.collect(3)) {
      if (delivery.body === "b") await delivery.ack();
      else await delivery.release(0);
    }
    assert.deepEqual(bodiesOf(await probe.collect(2)).sort(), ["a", "c"]);
  });

  test("delivers a released message again and counts it", async (probe) => {
    await probe.send("a");
    await (await probe.collectOne()).release(0);
    const again = await probe.collectOne();
    assert.deepEqual([again.body, again.receives], ["a", 2]);
    await again.ack();
  });

  test("holds a released message back for as long as it was told, and counts one receive", async (probe) => {
    await probe.send("a");
    await (await probe.collectOne()).release(DELAY_MS);
    await probe.expectNothing("the message was released for later");
    // In real time some of the delay has passed already: stay well before its end.
    await probe.time.pass(probe.time.isReal ? DELAY_MS / 4 : DELAY_MS - 1);
    await probe.expectNothing("the message was released for later");
    await probe.passVisibly(probe.time.isReal ? DELAY_MS : 1);
    const again = await probe.collectOne();
    assert.deepEqual([again.body, again.receives], ["a", 2]);
  });
}
