import assert from "node:assert/strict";
import type { EventType } from "../../core/job/event.js";
import type { NotifierTest } from "./notifier-probe.js";
import { SAMPLE_TYPES } from "./sample-event.js";

export function declaringBehaviour(test: NotifierTest): void {
  test("declares options that can be", async ({ notifier }) => {
    const { maxBatch, timeoutMs, giveUpAfterMs, kinds = [], on = [] } = notifier;
    assert.ok(Array.isArray(kinds), `kinds is a ${typeof kinds}, not a list`);
    assert.ok(Array.isArray(on), `on is a ${typeof on}, not a list`);
    for (const type of on as readonly EventType[])
      assert.ok(SAMPLE_TYPES.includes(type), `on names ${type}, which is no event`);
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
