import assert from "node:assert/strict";
import type { Queue, QueueFinding } from "../../core/ports/queue.js";
import type { QueueProbe, QueueTest } from "./queue-probe.js";

/** By the port: "Stable, lower case, dotted". */
const CODE = /^[a-z0-9_]+(\.[a-z0-9_]+)+$/;
/** Of no queue. */
const NO_ADDRESSES = ["", "not the address of any queue", "arn:aws:sqs:eu-west-1:000000000000:no-such-queue"];

function hasCheck({ queue }: QueueProbe): string | null {
  return queue.check === undefined ? "the queue does not look at how it is set up" : null;
}

function expectFinding({ code, severity, sentence }: QueueFinding): void {
  assert.ok(typeof code === "string" && CODE.test(code), `a code is lower case and dotted, not ${code}`);
  assert.ok(["error", "warning"].includes(severity), `a severity is error or warning, not ${severity}`);
  assert.ok(typeof sentence === "string" && sentence !== "", `${code} says in a sentence what is wrong`);
}

export function checkingBehaviour(test: QueueTest): void {
  test(
    "finds what can be logged, and leaves the messages alone",
    async (probe) => {
      await probe.send("a");
      const longestLeaseMs = (probe.fixture.visibilityMs ?? 2_000) / 2;
      const found: unknown = await probe.queue.check?.({ longestLeaseMs, redispatchAfterMs: 60_000 });
      assert.ok(Array.isArray(found), `check answers a list of findings, not ${String(found)}`);
      for (const finding of found as QueueFinding[]) expectFinding(finding);
      const delivery = await probe.collectOne();
      assert.deepEqual([delivery.body, delivery.receives], ["a", 1], "check looks, and receives nothing");
      await probe.expectNothing("check looks, and sends nothing");
    },
    hasCheck,
  );

  test(
    "says of an address that is not its own that it is not",
    async ({ queue }) => {
      const asked: readonly (readonly [string, Pick<Queue, "isFrom">])[] = [
        ["isFrom", queue],
        ["deadLetters.isFrom", queue.deadLetters ?? {}],
      ];
      for (const [name, part] of asked)
        for (const address of NO_ADDRESSES)
          if (part.isFrom !== undefined)
            assert.equal(part.isFrom(address), false, `${name}(${JSON.stringify(address)}): whose it is`);
    },
    ({ queue }) =>
      queue.isFrom === undefined && queue.deadLetters?.isFrom === undefined
        ? "the queue knows no addresses"
        : null,
  );
}
