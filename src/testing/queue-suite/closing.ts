import assert from "node:assert/strict";
import type { QueueTest } from "./queue-probe.js";

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
}
