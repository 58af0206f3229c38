import assert from "node:assert/strict";
import { bodiesOf, type QueueTest } from "../queue-probe.js";

export function receivingBehaviour(test: QueueTest): void {
  test("returns nothing from an empty queue", async (probe) => {
    await probe.expectNothing("the queue is empty");
  });

  test("returns at most as many as asked for", async (probe) => {
    const count = Math.min(3, probe.queue.capabilities.maxBatch);
    for (let place = 0; place < 3; place += 1) await probe.send(`message ${place}`);
    for (let left = 3; left > 0;) {
      const deliveries = await probe.receive(Math.min(count, 2), probe.time.isReal ? 1_000 : 0);
      assert.ok(deliveries.length <= Math.min(count, 2), `${deliveries.length} came`);
      left -= deliveries.length;
    }
  });

  test("counts receives from 1 and says when it was sent, or null", async (probe) => {
    await probe.send("a");
    const delivery = await probe.collectOne();
    assert.equal(delivery.receives, 1);
    assert.ok(delivery.sentAt === null || (Number.isInteger(delivery.sentAt) && delivery.sentAt > 0));
    await delivery.ack();
  });

  test("tells groups apart and the messages of one together, where it tells groups at all", async (probe) => {
    const groups = new Map<string, string | null>();
    await probe.sendMessages([
      probe.message("a1", { groupId: "Zürich 1" }),
      probe.message("a2", { groupId: "Zürich 1" }),
      probe.message("b", { groupId: "Zürich 2" }),
    ]);
    for (let left = 3; left > 0; left -= 1) {
      const delivery = await probe.collectOne();
      groups.set(delivery.body, delivery.groupId ?? null);
      await delivery.ack();
    }
    const [a1, a2, b] = ["a1", "a2", "b"].map((body) => groups.get(body));
    assert.equal(a1, a2);
    if (a1 !== null) assert.notEqual(a1, b);
  });

  test("hands a message to one of two receivers at a time", async (probe) => {
    await probe.send("a");
    const both = await Promise.all([1, 2].map(() => probe.receive(1, probe.time.isReal ? 1_000 : 0)));
    await probe.expectNothing("the message is held");
    assert.deepEqual(bodiesOf(both.flat()), ["a"]);
  });
}
