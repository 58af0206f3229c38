import assert from "node:assert/strict";
import { bodiesOf, hasVisibility, type QueueTest } from "./queue-probe.js";

/** Two whole seconds: brokers round to seconds. */
const DELAY_MS = 2_000;

export function settlingBehaviour(test: QueueTest): void {
  releasing(test);
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

  test("acknowledges a message alone, whatever was received before it", async (probe) => {
    await probe.send("a", "b", "c");
    const held = [await probe.collectOne(), await probe.collectOne(), await probe.collectOne()];
    const [first, second, last] = held;
    await last?.ack();
    await first?.release(0);
    await second?.release(0);
    const again = await probe.collect(2);
    assert.deepEqual(
      bodiesOf(again).sort(),
      [first?.body, second?.body].sort(),
      "`ack` removes the message, and none that was received before it",
    );
    for (const delivery of again) await delivery.ack();
    await probe.passVisibly(probe.fixture.visibilityMs ?? 0);
    await probe.expectNothing(
      "`ack` removes the message for good, also before those that were received earlier",
    );
  });

  test("leaves a message removed that is extended after it was acknowledged", async (probe) => {
    await probe.send("a");
    const delivery = await probe.collectOne();
    await delivery.ack();
    // A heartbeat that was under way. It may reject: it has nothing to act on.
    await delivery.extend(1_000).catch(() => undefined);
    await probe.passVisibly(1_000);
    await probe.expectNothing("`ack` removes the message for good, whatever extends it afterwards");
  });
}

function releasing(test: QueueTest): void {
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

  test("says of a message that comes again when it was first sent, and in which group", async (probe) => {
    await probe.send("a");
    const first = await probe.collectOne();
    if (first.sentAt !== null)
      assert.ok(first.sentAt > 1e12, `sentAt is Unix milliseconds, not ${first.sentAt}`);
    await first.release(0);
    await probe.time.pass(100);
    const again = await probe.collectOne();
    assert.equal(again.sentAt, first.sentAt, "when it was first sent");
    assert.equal(again.groupId ?? null, first.groupId ?? null, "the group that it was sent in");
  });

  test(
    "holds a released message back for longer than it would have been hidden",
    async (probe) => {
      await probe.send("a");
      await (await probe.collectOne()).release(probe.visibilityMs * 3);
      await probe.passVisibly(probe.visibilityMs);
      await probe.expectNothing("the message was released for three times its visibility");
      await probe.passVisibly(probe.visibilityMs * 2);
      assert.equal((await probe.collectOne()).receives, 2, "`release(afterMs)` counts as no receive");
    },
    hasVisibility,
  );
}
