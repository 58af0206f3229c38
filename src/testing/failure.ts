// `waybill/testing` runs where tests run, which is Node: its assertions are there already and show what differs.
import assert from "node:assert/strict";

/** Fails with a sentence, and with what came beside what should have. Runners show the two again by their own means. */
export function differs(sentence: string, actual: unknown, expected: unknown): never {
  const { message } = new assert.AssertionError({ actual, expected, operator: "deepStrictEqual" });
  throw new assert.AssertionError({
    message: `${sentence}\n${message}`,
    actual,
    expected,
    operator: "differs",
  });
}
