import assert from "node:assert/strict";
import type { Delivery } from "../../core/ports/queue.js";
import type { HungCall, QueueProbe, QueueTest } from "./queue-probe.js";

/** Each call as it is made once the service has stopped to answer it; `held` is a delivery that nobody settles otherwise. */
const HANG: Readonly<Record<HungCall, (probe: QueueProbe, held: Delivery) => Promise<unknown>>> = {
  send: (probe) => probe.queue.send([probe.message("never heard of")]),
  receive: (probe) => probe.receive(1, 0),
  ack: (_, held) => held.ack(),
  release: (_, held) => held.release(0),
  extend: (probe, held) => held.extend((probe.fixture.visibilityMs ?? 10_000) * 2),
};

export function hangingBehaviour(test: QueueTest): void {
  for (const [call, begin] of Object.entries(HANG) as [HungCall, (typeof HANG)[HungCall]][]) {
    test(
      `goes on beside a call of ${call} that is never answered, and loses nothing by it`,
      async (probe) => {
        await probe.send("a", "b");
        const [held, other] = await probe.collect(2);
        assert.ok(held !== undefined && other !== undefined);
        probe.fixture.hangNext?.(call);
        // It may reject when the queue is closed.
        const hung = probe.time.watch(begin(probe, held).catch(() => undefined));
        await probe.time.pass(100);
        assert.equal(hung.settled, false, "the call was answered");
        await other.ack();
        await probe.send("c");
        const next = await probe.collectOne();
        assert.equal(next.body, "c");
        await next.extend(probe.fixture.visibilityMs ?? 10_000);
        await next.release(0);
        await (await probe.collectOne()).ack();
        await probe.passVisibly(probe.fixture.visibilityMs ?? 0);
        if (probe.fixture.visibilityMs === null) return;
        const again = await probe.collectOne();
        assert.deepEqual([again.body, again.receives], [held.body, 2]);
      },
      ({ fixture }) => (fixture.hangNext === undefined ? "nothing makes a call of it hang" : null),
    );
  }
}
