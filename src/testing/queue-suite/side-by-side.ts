import assert from "node:assert/strict";
import { bodiesOf, type QueueTest } from "./queue-probe.js";

/** The port's, where a queue does not say otherwise. */
const USUAL_LANES = 2;
/** More than a batch of any broker that counts to ten. */
const HELD = 14;
const LATER_MS = 2_000;

/** What is asked for in one turn of the event loop, as a busy process does. */
export function sideBySideBehaviour(test: QueueTest): void {
  test("takes as many sends at once as it declares, and loses nothing of any", async (probe) => {
    const { sendLanes = USUAL_LANES, maxBatch } = probe.queue.capabilities;
    const size = Math.min(3, maxBatch);
    const calls = Array.from({ length: Math.min(sendLanes, 8) }, (_, lane) =>
      Array.from({ length: size }, (__, place) => probe.message(`message ${place} of call ${lane}`)),
    );
    const results = await Promise.all(calls.map((messages) => probe.queue.send(messages)));
    for (const [lane, answers] of results.entries())
      assert.deepEqual(
        answers.map(({ status }) => status),
        calls[lane]?.map(() => "sent"),
        `call ${lane} of ${calls.length} at once`,
      );
    const bodies = calls.flat().map(({ body }) => body);
    assert.deepEqual(bodiesOf(await probe.collect(bodies.length)).sort(), bodies.sort());
  });

  test("settles each of many at once in its own way", async (probe) => {
    const bodies = Array.from({ length: HELD }, (_, place) => `message ${place}`);
    await probe.send(...bodies);
    const held = await probe.collect(HELD);
    const [later, now, ...done] = held;
    assert.ok(later !== undefined && now !== undefined);
    await Promise.all([later.release(LATER_MS), now.release(0), ...done.map((delivery) => delivery.ack())]);
    const first = await probe.collectOne();
    assert.equal(first.body, now.body, "`release(afterMs)`: each after its own delay");
    await first.ack();
    if (!probe.time.isReal) await probe.expectNothing(`${later.body} was released for later`);
    await probe.passVisibly(LATER_MS);
    const second = await probe.collectOne();
    assert.equal(second.body, later.body, "`release(afterMs)`: each after its own delay");
    await second.ack();
    await probe.passVisibly(probe.fixture.visibilityMs ?? 0);
    await probe.expectNothing("`ack` removes the message for good: all others were acknowledged at once");
  });
}
