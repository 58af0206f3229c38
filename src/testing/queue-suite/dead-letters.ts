import assert from "node:assert/strict";
import type { Queue } from "../../core/ports/queue.js";
import { hasVisibility, type QueueProbe, type QueueTest } from "./queue-probe.js";

function hasDeadLetters({ queue }: QueueProbe): string | null {
  if (queue.capabilities.maxReceives === null) return "the queue declares maxReceives: null";
  return queue.deadLetters === undefined ? "the adapter cannot read the dead letters" : null;
}

function deadLettersOf(queue: Queue): {
  readonly maxReceives: number;
  readonly dead: Pick<Queue, "receive">;
} {
  const { maxReceives } = queue.capabilities;
  assert.ok(maxReceives !== null && queue.deadLetters !== undefined);
  return { maxReceives, dead: queue.deadLetters };
}

/** Receives a message as often as the queue permits, and gives it back each time. */
async function useUp(probe: QueueProbe, maxReceives: number): Promise<void> {
  for (let receives = 1; receives <= maxReceives; receives += 1) {
    const delivery = await probe.collectOne();
    assert.equal(delivery.receives, receives);
    await delivery.release(0);
  }
}

export function deadLettersBehaviour(test: QueueTest): void {
  test(
    "moves a message that was given back after its last receive to the dead letters",
    async (probe) => {
      const { maxReceives, dead } = deadLettersOf(probe.queue);
      await probe.send("poison");
      await useUp(probe, maxReceives);
      await probe.expectNothing("the message has been received as often as permitted");
      const letter = await probe.collectOne(dead);
      assert.equal(letter.body, "poison");
      await letter.ack();
    },
    hasDeadLetters,
  );

  test(
    "moves a message whose visibility ended after its last receive to the dead letters",
    async (probe) => {
      const { maxReceives, dead } = deadLettersOf(probe.queue);
      await probe.send("poison");
      for (let receives = 1; receives <= maxReceives; receives += 1) {
        assert.equal((await probe.collectOne()).receives, receives);
        await probe.passVisibly(probe.visibilityMs);
      }
      await probe.expectNothing("the message has been received as often as permitted");
      const letter = await probe.collectOne(dead);
      assert.equal(letter.body, "poison");
      await letter.ack();
    },
    (probe) => hasDeadLetters(probe) ?? hasVisibility(probe),
  );

  test(
    "keeps a dead letter until it is acknowledged",
    async (probe) => {
      const { maxReceives, dead } = deadLettersOf(probe.queue);
      await probe.send("poison");
      await useUp(probe, maxReceives);
      // Some brokers move a message only when somebody asks for it.
      await probe.expectNothing("the message has been received as often as permitted");
      await (await probe.collectOne(dead)).release(0);
      await (await probe.collectOne(dead)).ack();
      await probe.passVisibly(probe.fixture.visibilityMs ?? 0);
      const { signal } = new AbortController();
      assert.deepEqual(await dead.receive({ max: 1, waitMs: probe.time.isReal ? 300 : 0, signal }), []);
    },
    hasDeadLetters,
  );

  test(
    "has no dead letters of messages that were acknowledged in time",
    async (probe) => {
      const { maxReceives, dead } = deadLettersOf(probe.queue);
      await probe.send("a");
      if (maxReceives > 1) await (await probe.collectOne()).release(0);
      await (await probe.collectOne()).ack();
      await probe.expectNothing("the message was acknowledged");
      const { signal } = new AbortController();
      assert.deepEqual(await dead.receive({ max: 1, waitMs: probe.time.isReal ? 300 : 0, signal }), []);
    },
    hasDeadLetters,
  );
}
