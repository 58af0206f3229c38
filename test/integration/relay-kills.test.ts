// The small version of `scripts/proof-relay.ts`: real processes on one Redis.
import { describe, expect, it } from "vitest";
import { orderAndCompleteness } from "../relay/order.js";
import { redisMissing } from "./redis-server.js";

const isMissing = redisMissing() !== null;

describe.skipIf(isMissing)("between real processes", () => {
  it("a relay that is killed, and receivers that fail, hang, come late and hear twice, miss nothing", async () => {
    const run = await orderAndCompleteness("redis", { jobs: 10, kills: 1, killEveryMs: 500 });
    expect(run).toMatchObject({ transitions: 10 * 6, wrongEnd: 0, missing: 0, outOfOrder: 0 });
    // Four receivers, one of which hears everything twice.
    expect(run.heard).toBeGreaterThanOrEqual(10 * 6 * 5);
  });
});
