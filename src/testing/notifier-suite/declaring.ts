import assert from "node:assert/strict";
import type { NotifierTest } from "./notifier-probe.js";

export function declaringBehaviour(test: NotifierTest): void {
  test("declares options that can be", async ({ notifier }) => {
    const { maxBatch, timeoutMs, giveUpAfterMs } = notifier;
    assert.ok(
      maxBatch === undefined || (Number.isInteger(maxBatch) && maxBatch >= 1),
      `maxBatch is ${maxBatch}`,
    );
    assert.ok(timeoutMs === undefined || timeoutMs > 0, `timeoutMs is ${timeoutMs}`);
    assert.ok(giveUpAfterMs === undefined || giveUpAfterMs >= 0, `giveUpAfterMs is ${giveUpAfterMs}`);
  });

  test("can be closed twice", async ({ notifier }) => {
    await notifier.close?.();
    await notifier.close?.();
  });
}
