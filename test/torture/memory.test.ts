import { describe, it } from "vitest";
import { expectClean, SHORT, TIMEOUT_MS } from "./expect-clean.js";
import { tortureInner } from "./torture-inner.js";

// This store has no process of its own: its workers are instances inside this one, cut off from their calls, answers and
// timers where others are killed, and held back where others are frozen.
describe("the memory store under workers that crash and freeze inside its process", () => {
  it("loses no job, ends each once, and tells of every change", { timeout: TIMEOUT_MS }, async () => {
    expectClean("the memory store", SHORT, await tortureInner(SHORT));
  });
});
