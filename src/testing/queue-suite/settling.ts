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

  test("holds back what is released for less than a second", async (probe) => {
    await probe.send("a");
    await (await probe.collectOne()).release(600);
    if (!probe.time.isReal) await probe.time.pass(599);
    await probe.expectNothing("the message was released for 600 ms later");
    await probe.passVisibly(1_000);
    assert.equal((await probe.collectOne()).receives, 2);
  });

  test("says of a message that comes again when it was first sent", async (probe) => {
    await probe.send("a");
    const first = await probe.collectOne();
    if (first.sentAt !== null)
      assert.ok(first.sentAt > 1e12, `sentAt is Unix milliseconds, not ${first.sentAt}`);
    await first.release(0);
    await probe.time.pass(100);
    assert.equal((await probe.collectOne()).sentAt, first.sentAt, "when it was first sent");
  });
}
