import assert from "node:assert/strict";
import { coded, type QueueTest } from "./queue-probe.js";

const misused = coded("config.invalid");

export function misuseBehaviour(test: QueueTest): void {
  test("rejects a batch outside 1 to maxBatch, and does nothing of it", async (probe) => {
    const { maxBatch } = probe.queue.capabilities;
    const tooMany = Array.from({ length: maxBatch + 1 }, (_, place) => probe.message(`message ${place}`));
    await assert.rejects(probe.queue.send([]), misused, "send rejects when misused: a batch of none");
    await assert.rejects(
      probe.queue.send(tooMany),
      misused,
      `send rejects when misused: a batch of ${tooMany.length} where maxBatch is ${maxBatch}`,
    );
    await probe.expectNothing("a batch that is refused leaves nothing");
    await probe.send("a");
    await assert.rejects(probe.receive(0, 0), misused, "receive rejects when misused: max 0");
    await assert.rejects(
      probe.receive(maxBatch + 1, 0),
      misused,
      `receive rejects when misused: max ${maxBatch + 1} where maxBatch is ${maxBatch}`,
    );
    assert.equal((await probe.collectOne()).receives, 1, "a receive that is refused takes nothing");
  });
}
