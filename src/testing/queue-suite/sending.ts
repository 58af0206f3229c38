import assert from "node:assert/strict";
import { bodiesOf, type QueueTest } from "./queue-probe.js";

export function sendingBehaviour(test: QueueTest): void {
  test("confirms each message and delivers it", async (probe) => {
    await probe.send("a", "b", "c");
    assert.deepEqual(bodiesOf(await probe.collect(3)).sort(), ["a", "b", "c"]);
  });

  test("takes and delivers a full batch", async (probe) => {
    const bodies = Array.from(
      { length: probe.queue.capabilities.maxBatch },
      (_, place) => `message ${place}`,
    );
    await probe.send(...bodies);
    assert.deepEqual(bodiesOf(await probe.collect(bodies.length)).sort(), bodies.sort());
  });

  test("keeps every body as it was, character by character", async (probe) => {
    const bodies = [
      JSON.stringify({ v: 1, id: "job_1", kind: "mail.send", dispatch: 1, purpose: "run", trace: null }),
      JSON.stringify({ text: "Zürich 東京 🚂 \u2028 \u00a0 e\u0301" }),
      JSON.stringify({ text: "tab\tnewline\r\nquote\" backslash\\ <&> ' ; -- ${x} %s" }),
      '{\n\t"spaced" : true\n}',
      JSON.stringify({ id: "x".repeat(1024) }),
    ];
    await probe.send(...bodies);
    assert.deepEqual(bodiesOf(await probe.collect(bodies.length)).sort(), bodies.sort());
  });

  test(
    "rejects what it can never hold and sends the rest of the batch",
    async (probe) => {
      const unsendable = probe.fixture.unsendable ?? "";
      const results = await probe.sendAny(["a", unsendable, "b"].map((body) => probe.message(body)));
      assert.deepEqual(
        results.map(({ status }) => status),
        ["sent", "rejected", "sent"],
      );
      assert.deepEqual(bodiesOf(await probe.collect(2)).sort(), ["a", "b"]);
    },
    ({ fixture }) =>
      fixture.unsendable === undefined ? "the fixture names no body that has to be rejected" : null,
  );

  test("declares capabilities that can be", async ({ queue }) => {
    const { maxBatch, maxDelayMs, maxReceives } = queue.capabilities;
    assert.ok(Number.isInteger(maxBatch) && maxBatch >= 1, `maxBatch is ${maxBatch}`);
    assert.ok(Number.isInteger(maxDelayMs) && maxDelayMs >= 0, `maxDelayMs is ${maxDelayMs}`);
    assert.ok(maxReceives === null || (Number.isInteger(maxReceives) && maxReceives >= 1));
  });
}
