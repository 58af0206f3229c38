import assert from "node:assert/strict";
import { coded, type QueueTest } from "./queue-probe.js";

export function closingBehaviour(test: QueueTest): void {
  test("can be closed twice", async ({ queue }) => {
    await queue.close();
    await queue.close();
  });

  test("ends waiting receives when it is closed", async (probe) => {
    const receiving = probe.time.watch(probe.receive(1, 15_000));
    await probe.time.pass(100);
    await probe.queue.close();
    assert.ok(await probe.time.until(() => receiving.settled, 2_000), "the receive goes on");
    // It may return nothing or reject: the queue is gone.
    assert.deepEqual(await receiving.promise.catch(() => []), []);
  });

  test("rejects what is sent and received after close", async (probe) => {
    await probe.queue.close();
    const closed = coded("waybill.closed");
    await assert.rejects(probe.queue.send([probe.message("a")]), closed, "send rejects after close");
    await assert.rejects(probe.receive(1, 0), closed, "receive rejects after close");
  });

  test("lets what is out be settled after close", async (probe) => {
    await probe.send("a", "b");
    const [first, second] = await probe.collect(2);
    await probe.queue.close();
    // Where closing ends the connection that the deliveries came over, they have come back by that.
    if (probe.fixture.visibilityMs === null) return;
    const settling = probe.time.watch(Promise.all([first?.ack(), second?.release(0)]));
    assert.ok(
      await probe.time.until(() => settling.settled, 5_000),
      "settling a delivery after close does not end",
    );
    await settling.promise;
  });
}
