import assert from "node:assert/strict";
import { hasVisibility, type QueueTest } from "./queue-probe.js";

export function visibilityBehaviour(test: QueueTest): void {
  test(
    "hides a received message, then delivers it again and counts it",
    async (probe) => {
      await probe.send("a");
      await probe.collectOne();
      if (!probe.time.isReal) await probe.time.pass(probe.visibilityMs - 1);
      await probe.expectNothing("the message is hidden");
      await probe.passVisibly(probe.time.isReal ? probe.visibilityMs : 1);
      const again = await probe.collectOne();
      assert.deepEqual([again.body, again.receives], ["a", 2]);
    },
    hasVisibility,
  );

  test(
    "keeps a message hidden that is extended",
    async (probe) => {
      await probe.send("a");
      const delivery = await probe.collectOne();
      await probe.time.pass(probe.visibilityMs / 2);
      await delivery.extend(probe.visibilityMs * 3);
      await probe.passVisibly(probe.visibilityMs);
      await probe.expectNothing("the message was extended");
      await delivery.ack();
      await probe.passVisibly(probe.visibilityMs * 3);
      await probe.expectNothing("the message was acknowledged within its extension");
    },
    hasVisibility,
  );

  test("bears extend where nothing runs out", async (probe) => {
    await probe.send("a");
    const delivery = await probe.collectOne();
    await delivery.extend(5_000);
    await delivery.ack();
    await probe.expectNothing("the message was acknowledged");
  });
}
