import assert from "node:assert/strict";
import type { Delivery } from "../../../core/ports/queue.js";
import { hasVisibility, type QueueTest } from "../queue-probe.js";

/** What a worker may still do that was held up for too long. */
export const LATE: Readonly<Record<string, (delivery: Delivery, visibilityMs: number) => Promise<void>>> = {
  acknowledged: (delivery) => delivery.ack(),
  released: (delivery) => delivery.release(0),
  extended: (delivery, visibilityMs) => delivery.extend(visibilityMs * 3),
};

export function visibilityBehaviour(test: QueueTest): void {
  extending(test);
  settlingExtended(test);
  settlingLate(test);
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
      await probe.send("a", "b");
      const [delivery, other] = await probe.collect(2);
      assert.ok(delivery !== undefined && other !== undefined);
      await probe.time.pass(probe.visibilityMs / 2);
      await delivery.extend(probe.visibilityMs * 3);
      await probe.passVisibly(probe.visibilityMs);
      const again = await probe.collectOne();
      assert.equal(again.body, other.body, "`extend` keeps its own message hidden, and no other");
      await again.ack();
      await probe.expectNothing("the message was extended");
      await delivery.ack();
      await probe.passVisibly(probe.visibilityMs * 3);
      await probe.expectNothing("the message was acknowledged within its extension");
    },
    hasVisibility,
  );
}

function extending(test: QueueTest): void {
  test(
    "makes the time that a message is hidden shorter, too",
    async (probe) => {
      await probe.send("a");
      await (await probe.collectOne()).extend(probe.visibilityMs / 2);
      if (!probe.time.isReal) await probe.time.pass(probe.visibilityMs / 2 - 1);
      await probe.expectNothing("the message is hidden");
      await probe.passVisibly(probe.time.isReal ? probe.visibilityMs / 2 : 1);
      const again = await probe.collectOne();
      assert.deepEqual(
        [again.body, again.receives],
        ["a", 2],
        '"Keeps it hidden for this long from now": a shorter extend',
      );
    },
    hasVisibility,
  );

  test(
    "counts each of several extends from its own now",
    async (probe) => {
      await probe.send("a");
      const delivery = await probe.collectOne();
      await delivery.extend(probe.visibilityMs);
      await probe.time.pass(probe.visibilityMs / 2);
      await delivery.extend(probe.visibilityMs);
      await probe.time.pass((probe.visibilityMs * 3) / 4 - (probe.time.isReal ? 300 : 0));
      if (!probe.time.isReal) await probe.expectNothing("the second extend keeps it hidden");
      await probe.passVisibly(probe.visibilityMs / 4);
      const again = await probe.collectOne();
      assert.deepEqual(
        [again.body, again.receives],
        ["a", 2],
        '"Keeps it hidden for this long from now": extended twice',
      );
    },
    hasVisibility,
  );
}

function settlingExtended(test: QueueTest): void {
  test(
    "lets a message be released that was extended, once the visibility that it had at first is over",
    async (probe) => {
      await probe.send("a");
      const delivery = await probe.collectOne();
      await delivery.extend(probe.visibilityMs * 3);
      await probe.passVisibly(probe.visibilityMs);
      await delivery.release(0);
      const again = await probe.collectOne();
      assert.deepEqual([again.body, again.receives], ["a", 2], "`release(0)` gives it back at once");
    },
    hasVisibility,
  );

  test(
    "keeps a message hidden for a fraction of a second, too",
    async (probe) => {
      const ms = probe.visibilityMs / 2 + 600;
      await probe.send("a");
      await (await probe.collectOne()).extend(ms);
      if (!probe.time.isReal) await probe.time.pass(ms - 1);
      await probe.expectNothing(`the message was extended by ${ms} ms`);
      await probe.passVisibly(1_000);
      await probe.passVisibly(probe.time.isReal ? ms : 0);
      assert.equal((await probe.collectOne()).receives, 2);
    },
    hasVisibility,
  );
}

function settlingLate(test: QueueTest): void {
  for (const [how, settle] of Object.entries(LATE)) {
    test(
      `lets nothing that is ${how} after its visibility touch the message of a newer receive`,
      async (probe) => {
        await probe.send("a");
        const late = await probe.collectOne();
        await probe.passVisibly(probe.visibilityMs);
        assert.equal((await probe.collectOne()).receives, 2);
        // It may reject: it has nothing to act on.
        await settle(late, probe.visibilityMs).catch(() => undefined);
        await probe.expectNothing("the newer receive holds it");
        // Neither removed nor kept for longer.
        await probe.passVisibly(probe.visibilityMs);
        const again = await probe.collectOne();
        assert.deepEqual([again.body, again.receives], ["a", 3]);
        await again.ack();
      },
      hasVisibility,
    );
  }

  test("bears extend where nothing runs out", async (probe) => {
    await probe.send("a");
    const delivery = await probe.collectOne();
    await delivery.extend(5_000);
    await delivery.ack();
    await probe.expectNothing("the message was acknowledged");
  });
}
