import { describe, expect, it } from "vitest";
import { createListening } from "../../../src/core/engine/wake/listening.js";
import type { Hints } from "../../../src/core/engine/read/watch.js";
import { fakeClock } from "../../../src/testing/fake-clock.js";

function begun() {
  const clock = fakeClock();
  let attached = 0;
  let attachments = 0;
  let begunAt: number | null = null;
  const hints: Hints = {
    bus: { onEveryHint: () => () => undefined } as unknown as Hints["bus"],
    isClosed: () => false,
    attach: () => {
      attached += 1;
      attachments += 1;
      return {
        attached: Promise.resolve(),
        isUp: () => true,
        letGo: () => {
          attached -= 1;
        },
      };
    },
  };
  const listening = createListening({
    hints,
    clock,
    hear: () => undefined,
    missed: () => undefined,
    longestMs: () => (begunAt === null ? 0 : clock.now() - begunAt),
  });
  return {
    clock,
    listening,
    ears: () => attached,
    attachments: () => attachments,
    /** A job runs from now on. */
    begin() {
      begunAt = clock.now();
    },
  };
}

/** It has found nothing to do, and listens. */
function bench() {
  const made = begun();
  made.listening.answered(0, false);
  return made;
}

describe("a worker's ear for other processes", () => {
  it("is closed after twenty full answers that came in a row", () => {
    const { listening, ears } = bench();
    for (let answer = 1; answer < 20; answer += 1) listening.answered(10, true);
    expect(ears()).toBe(1);
    listening.answered(10, true);
    expect([ears(), listening.isTold()]).toEqual([0, false]);
  });

  it("is closed after a thousand jobs of full answers", () => {
    const { listening, ears } = bench();
    listening.answered(500, true);
    expect(ears()).toBe(1);
    listening.answered(500, true);
    expect(ears()).toBe(0);
  });

  it("stays open where jobs are long, however many fill the worker", async () => {
    const { clock, listening, ears } = bench();
    for (let answer = 0; answer < 60; answer += 1) {
      listening.answered(500, true);
      await clock.advance(2_000);
    }
    expect(ears()).toBe(1);
  });

  it("is open again when the worker has run dry, and counts anew", () => {
    const { listening, ears } = bench();
    listening.answered(500, true);
    listening.answered(500, true);
    for (let empty = 0; empty < 3; empty += 1) listening.answered(0, false);
    listening.answered(500, true);
    expect(ears()).toBe(1);
  });

  it("is closed in a rush of jobs that leaves hands free, and opens when it is over", async () => {
    const { clock, listening, ears } = bench();
    const rush = async (answers: number): Promise<void> => {
      for (let answer = 0; answer < answers; answer += 1) {
        listening.answered(25, false);
        await clock.advance(10);
      }
    };
    await rush(40);
    expect(ears()).toBe(0);
    listening.answered(0, false);
    listening.answered(0, false);
    await rush(200);
    expect(ears(), "an answer or two may be empty").toBe(0);
    await clock.advance(500);
    listening.answered(25, false);
    expect(ears()).toBe(1);
  });

  it("stays open where jobs are fewer than five hundred in half a second", async () => {
    const { clock, listening, ears } = bench();
    for (let answer = 0; answer < 200; answer += 1) {
      listening.answered(9, false);
      await clock.advance(10);
      expect(ears()).toBe(1);
    }
  });

  it("is open within two seconds of a job that is not short, however busy the worker is with others", async () => {
    const { clock, listening, ears, attachments, begin } = bench();
    begin();
    for (let answer = 0; answer < 2; answer += 1) listening.answered(500, true);
    expect(ears()).toBe(0);
    await clock.advance(999);
    expect(ears()).toBe(0);
    await clock.advance(1_001);
    expect(ears(), "nothing was asked for meanwhile").toBe(1);
    for (let answer = 0; answer < 40; answer += 1) listening.answered(500, true);
    expect([ears(), attachments()], "it stays open").toEqual([1, 2]);
  });

  it("opens for the jobs that filled the worker at its beginning", async () => {
    const { clock, listening, ears, begin } = begun();
    begin();
    listening.answered(50, true);
    expect(ears()).toBe(0);
    await clock.advance(1_000);
    expect(ears()).toBe(1);
  });

  it("looks at nothing any more once it is stopped", async () => {
    const { clock, listening, ears, begin } = begun();
    begin();
    listening.stop();
    await clock.advance(5_000);
    expect(ears()).toBe(0);
  });
});
