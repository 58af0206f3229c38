import assert from "node:assert/strict";
import { hasDelay, hasVisibility, type QueueProbe, type QueueTest } from "./queue-probe.js";

/** Brokers count with a delay. */
const PATIENCE_MS = 5_000;

export function hasBacklog({ queue }: QueueProbe): string | null {
  return queue.backlog === undefined ? "the queue cannot count what it holds" : null;
}

export async function expectBacklog(probe: QueueProbe, expected: number, why: string): Promise<void> {
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
    "counts what was released for later",
    async (probe) => {
      await probe.send("a");
      await (await probe.collectOne()).release(60_000);
      await expectBacklog(probe, 1, "it holds what waits, is hidden or delayed: one was released for later");
    },
    hasBacklog,
  );

  test(
    "counts one acknowledgement of a message, however many were tried, and takes nothing by counting",
    async (probe) => {
      await probe.send("a");
      await expectBacklog(probe, 1, "one was sent");
      const late = await probe.collectOne();
      assert.equal(late.receives, 1, "backlog counts, and receives nothing");
      await probe.passVisibly(probe.visibilityMs);
      const newer = await probe.collectOne();
      await late.ack().catch(() => undefined);
      await expectBacklog(probe, 1, "the newer receive holds it: the late acknowledgement removed nothing");
      await newer.ack();
      await expectBacklog(probe, 0, "it was acknowledged");
    },
    (probe) => hasBacklog(probe) ?? hasVisibility(probe),
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
