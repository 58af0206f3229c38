import { describe, expect, it } from "vitest";
import type { ListRequest, StoredJob } from "waybill";
import { drain } from "./drain.js";

const PATIENCE_MS = 1_000;

/** Time that passes while somebody sleeps, and a store whose jobs are what `jobsAt` says. */
function bench(jobsAt: (nowMs: number) => readonly object[]) {
  let now = 0;
  const time = {
    now: () => now,
    sleep: async (ms: number): Promise<void> => {
      now += ms;
    },
  };
  const store = {
    list: async ({ statuses }: ListRequest) => {
      const jobs = (jobsAt(now) as readonly StoredJob[]).filter(
        ({ record }) => statuses?.includes(record.status) ?? true,
      );
      return { nowMs: now, jobs, next: null };
    },
  };
  return { drained: drain(store, PATIENCE_MS, time), now: () => now };
}

const job = (status: string, fence: number, upTo = 0, wakeAt: number | null = 1): object => ({
  record: { status, fence, wakeAt },
  cursors: { file: { upTo } },
});

describe("the end of a run is waited for", () => {
  it("as long as jobs are claimed, end and are told of, however slowly", async () => {
    // A step takes most of the patience.
    const steps: readonly (readonly object[])[] = [
      [job("QUEUED", 0), job("QUEUED", 0)],
      [job("PROCESSING", 1), job("QUEUED", 0)],
      [job("COMPLETED", 1), job("PROCESSING", 1)],
      [job("COMPLETED", 1, 2), job("COMPLETED", 1)],
    ];
    const over = [job("COMPLETED", 1, 4, null), job("COMPLETED", 1, 4, null)];
    const { drained, now } = bench((at) => steps[Math.floor(at / 750)] ?? over);
    await drained;
    expect(now()).toBe(3_000);
  });

  it("and not where nothing happens any more", async () => {
    const { drained, now } = bench(() => [job("QUEUED", 1), job("COMPLETED", 1, 4, null)]);
    await drained;
    expect(now()).toBe(PATIENCE_MS);
  });

  it("nor for ever where jobs are claimed and never end", async () => {
    const { drained, now } = bench((at) => [job("PROCESSING", at)]);
    await drained;
    expect(now()).toBe(4 * PATIENCE_MS);
  });
});
