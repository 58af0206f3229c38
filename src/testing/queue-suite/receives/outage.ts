import assert from "node:assert/strict";
import type { Delivery } from "../../../core/ports/queue.js";
import { coded, type QueueProbe, type QueueTest } from "../queue-probe.js";

/** Longer than a client tries before it gives up. */
const PATIENCE_MS = 30_000;
const STEP_MS = 500;
const TURN_MS = 20;

function canFail({ fixture }: QueueProbe): string | null {
  return fixture.outage === undefined ? "the fixture cannot keep the queue from its service" : null;
}

/** What came of a call, for which time is moved on: clients try again for a while. */
async function ended<T>(probe: QueueProbe, call: Promise<T>): Promise<PromiseSettledResult<T>> {
  const watched = probe.time.watch(call);
  for (let passed = 0; passed < PATIENCE_MS && !watched.settled; passed += STEP_MS) {
    await probe.time.pass(STEP_MS);
    // The time of a client may be its own.
    await new Promise((resolve) => setTimeout(resolve, probe.time.isReal ? 0 : TURN_MS));
  }
  assert.ok(watched.settled, "the call does not end");
  const [result] = await Promise.allSettled([watched.promise]);
  return result;
}

/** A service that cannot be reached is nobody's message's fault. */
export function outageBehaviour(test: QueueTest): void {
  test(
    "says that it cannot be reached, and goes on when it can",
    async (probe) => {
      await probe.send("before");
      await probe.fixture.outage?.(true);
      const receiving = await ended(probe, probe.receive(1, 0));
      assert.equal(receiving.status, "rejected", "receive rejects when the queue cannot be reached");
      coded("queue.unavailable")(receiving.reason);
      const messages = ["a", "b"]
        .slice(0, probe.queue.capabilities.maxBatch)
        .map((body) => probe.message(body));
      const sending = await ended(probe, probe.queue.send(messages));
      assert.deepEqual(
        sending.status === "fulfilled" ? sending.value.map(({ status }) => status) : sending.status,
        messages.map(() => "unknown"),
        "everything about the queue is `unknown`: send answers per message and never rejects for it",
      );
      await probe.fixture.outage?.(false);
      let delivery: Delivery | undefined;
      const recovered = async (): Promise<boolean> => {
        // A client takes its time to come back.
        const came = await probe.receive(1, probe.time.isReal ? 1_000 : 0).catch(() => []);
        delivery ??= came[0];
        return delivery !== undefined;
      };
      assert.ok(await probe.time.until(recovered, PATIENCE_MS), "it does not go on when it can be reached");
      assert.equal(delivery?.body, "before", "what was confirmed before is held");
      await delivery.ack();
      await probe.send("after");
    },
    canFail,
  );

  test(
    "cannot count what it cannot reach",
    async (probe) => {
      await probe.send("a");
      await probe.fixture.outage?.(true);
      const counting = await ended(probe, probe.queue.backlog?.() ?? Promise.resolve(null));
      await probe.fixture.outage?.(false);
      if (counting.status === "rejected") coded("queue.unavailable")(counting.reason);
      else
        assert.equal(counting.value, null, "backlog rejects when the queue cannot be reached, or cannot say");
    },
    (probe) =>
      canFail(probe) ?? (probe.queue.backlog === undefined ? "the queue cannot count what it holds" : null),
  );
}
