import { describe, expect, it } from "vitest";
import { createListening } from "../../../src/core/engine/wake/listening.js";
import type { Hints } from "../../../src/core/engine/read/watch.js";
import { fakeClock } from "../../../src/testing/fake-clock.js";

function bench() {
  const clock = fakeClock();
  let attached = 0;
  const hints: Hints = {
    bus: { onHint: () => () => undefined } as unknown as Hints["bus"],
    isClosed: () => false,
    attach: () => {
      attached += 1;
      return {
        attached: Promise.resolve(),
        isUp: () => true,
        letGo: () => {
          attached -= 1;
        },
      };
    },
  };
  const listening = createListening({ hints, clock, hear: () => undefined, missed: () => undefined });
  listening.idle();
  return { clock, listening, ears: () => attached };
}

describe("a worker's ear for other processes", () => {
  it("is closed after twenty full answers that came in a row", () => {
    const { listening, ears } = bench();
    for (let answer = 1; answer < 20; answer += 1) listening.busy(10);
    expect(ears()).toBe(1);
    listening.busy(10);
    expect([ears(), listening.isTold()]).toEqual([0, false]);
  });

  it("is closed after a thousand jobs of full answers", () => {
    const { listening, ears } = bench();
    listening.busy(500);
    expect(ears()).toBe(1);
    listening.busy(500);
    expect(ears()).toBe(0);
  });

  it("stays open where jobs are long, however many fill the worker", async () => {
    const { clock, listening, ears } = bench();
    for (let answer = 0; answer < 60; answer += 1) {
      listening.busy(500);
      await clock.advance(2_000);
    }
    expect(ears()).toBe(1);
  });

  it("is open again when the worker has run dry, and counts anew", () => {
    const { listening, ears } = bench();
    listening.busy(500);
    listening.busy(500);
    listening.idle();
    listening.busy(500);
    expect(ears()).toBe(1);
  });
});
