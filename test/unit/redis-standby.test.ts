import { afterEach, expect, it, vi } from "vitest";
import type { Session } from "../../src/adapters/redis/client/session.js";
import { SteadySession } from "../../src/adapters/redis/client/standby.js";
import { BEAT } from "../../src/adapters/redis/scripts/changes.js";

afterEach(() => {
  vi.useRealTimers();
});

it("opens another connection beside a silent one when that which stood in has ended", async () => {
  vi.useFakeTimers();
  const silent = { shards: 1, run: () => new Promise(() => undefined) } as unknown as Session;
  const ends: (() => void)[] = [];
  const steady = new SteadySession(silent, (over) => {
    const name = `connection ${String(ends.push(over))}`;
    return { session: { shards: 1, run: async () => name } as unknown as Session, close: () => undefined };
  });
  const run = () => steady.run(BEAT, 0, [], "writes");
  const first = run();
  await vi.advanceTimersByTimeAsync(2_000);
  expect([await first, await run()]).toEqual(["connection 1", "connection 1"]);
  ends[0]!();
  expect(await run()).toBe("connection 2");
  ends[0]!();
  expect(await run(), "the first says so twice").toBe("connection 2");
});
