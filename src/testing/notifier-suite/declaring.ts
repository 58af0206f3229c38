import assert from "node:assert/strict";
import type { NotifierTest } from "./notifier-probe.js";

export function declaringBehaviour(test: NotifierTest): void {
  test("declares options that can be", async ({ notifier }) => {
    const { maxBatch, timeoutMs, retry } = notifier;
    assert.ok(
      maxBatch === undefined || (Number.isInteger(maxBatch) && maxBatch >= 1),
      `maxBatch is ${maxBatch}`,
    );
    assert.ok(timeoutMs === undefined || timeoutMs > 0, `timeoutMs is ${timeoutMs}`);
    const attempts = retry?.maxAttempts;
    assert.ok(
      attempts === undefined || (Number.isInteger(attempts) && attempts >= 1),
      `maxAttempts is ${attempts}`,
    );
  });

  test("can be closed twice", async ({ notifier }) => {
    await notifier.close?.();
    await notifier.close?.();
  });
}
