import assert from "node:assert/strict";
import { hasDelay, type QueueProbe, type QueueTest } from "./queue-probe.js";

/** Brokers count with a delay. */
const PATIENCE_MS = 5_000;

function hasBacklog({ queue }: QueueProbe): string | null {
  return queue.backlog === undefined ? "the queue cannot count what it holds" : null;
}

async function expectBacklog(probe: QueueProbe, expected: number, why: string): Promise<void> {
  let last: number | null | undefined = null;
  const counted = async (): Promise<boolean> => {
    last = await probe.queue.backlog?.();
    // It may not be able to say now; it must not say anything else for long.
    return last === null || last === expected;
  };
  assert.ok(await probe.time.until(counted, PATIENCE_MS), `${why}: it says ${String(last)}, not ${expected}`);
}

export function backlogBehaviour(test: QueueTest): void {
  test(
    "counts what waits and what is held, until it is acknowledged",
    async (probe) => {
      await expectBacklog(probe, 0, "nothing was sent");
      await probe.send("a", "b", "c");
      await expectBacklog(probe, 3, "three were sent");
      const delivery = await probe.collectOne();
      await expectBacklog(probe, 3, "one of them is held");
      await delivery.ack();
      await expectBacklog(probe, 2, "one was acknowledged");
    },
    hasBacklog,
  );

  test(
    "counts what is delayed",
    async (probe) => {
      await probe.sendMessages([
        probe.message("a", { delayMs: Math.min(60_000, probe.queue.capabilities.maxDelayMs) }),
      ]);
      await expectBacklog(probe, 1, "one is delayed");
    },
    (probe) => hasBacklog(probe) ?? hasDelay(probe),
  );
}
