import assert from "node:assert/strict";
import { bodiesOf, hasVisibility, type QueueTest } from "../queue-probe.js";

export function receivingBehaviour(test: QueueTest): void {
  nothingAhead(test);
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

  test("says of each message of one receive what is its own", async (probe) => {
    await probe.sendMessages([probe.message("a", { groupId: "group of a" })]);
    const first = await probe.collectOne();
    await first.release(0);
    await probe.time.pass(100);
    await probe.sendMessages([probe.message("b", { groupId: "group of b" })]);
    const both = await probe.collect(2);
    const [a, b] = ["a", "b"].map((wanted) => both.find(({ body }) => body === wanted));
    assert.ok(a !== undefined && b !== undefined, `a and b were sent, ${bodiesOf(both).join(", ")} came`);
    assert.deepEqual([a.receives, b.receives], [2, 1], "how often each has been received");
    assert.equal(a.sentAt, first.sentAt, "when a was first sent");
    if (a.sentAt !== null && b.sentAt !== null)
      assert.ok(b.sentAt > a.sentAt, `b was sent after a: sentAt is ${b.sentAt}, of a ${a.sentAt}`);
    assert.equal(a.groupId ?? null, first.groupId ?? null, "the group that a was sent in");
    if ((b.groupId ?? null) !== null) assert.notEqual(b.groupId, a.groupId, "the group that b was sent in");
  });

  test("hands a message to one of two receivers at a time", async (probe) => {
    await probe.send("a");
    const both = await Promise.all([1, 2].map(() => probe.receive(1, probe.time.isReal ? 1_000 : 0)));
    await probe.expectNothing("the message is held");
    assert.deepEqual(bodiesOf(both.flat()), ["a"]);
  });
}

function nothingAhead(test: QueueTest): void {
  test(
    "receives nothing ahead: what nobody was given is not hidden, and counts no receive",
    async (probe) => {
      await probe.send("a", "b");
      const first = await probe.collectOne();
      await first.ack();
      await probe.passVisibly(probe.visibilityMs);
      const second = await probe.collectOne();
      assert.equal(second.receives, 1, "`receives`: nobody was given it before");
      await probe.expectNothing("a message is hidden for its visibility from when it is handed over");
      await second.ack();
      await probe.passVisibly(probe.visibilityMs);
      await probe.expectNothing("both were acknowledged");
    },
    hasVisibility,
  );
}
