// Suites are worth what they catch. Each part without a bug passes; of the collection a share is put in here, and
// `scripts/proof-seeded-bugs.ts` puts in all of it and runs the suites whole.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { judge, SEEDED_BUGS } from "../seeded-bugs/campaign.js";

/** Every so many bugs of the collection, in its order. */
const STEP = 5;
const TIMEOUT_MS = 60_000;

beforeEach(() => {
  vi.spyOn(console, "info").mockImplementation(() => undefined);
});

afterEach(() => {
  vi.restoreAllMocks();
});

describe("the collection of seeded bugs", () => {
  it("covers all four ports, each bug with the sentence that it breaks", () => {
    const counts = new Map<string, number>();
    for (const { suite, name, breaks } of SEEDED_BUGS) {
      counts.set(suite, (counts.get(suite) ?? 0) + 1);
      expect(breaks, name).not.toBe("");
    }
    expect([...counts.keys()].sort()).toEqual(["feed", "notifier", "queue", "store"]);
    expect(SEEDED_BUGS.length).toBeGreaterThanOrEqual(300);
    const names = SEEDED_BUGS.map(({ suite, name }) => `${suite}: ${name}`);
    expect(new Set(names).size).toBe(names.length);
  });

  it.each(SEEDED_BUGS.filter((_, index) => index % STEP === 0))(
    "is noticed: $suite: $name",
    { timeout: TIMEOUT_MS },
    async (bug) => {
      const { caughtBy, said } = await judge(bug);
      expect(caughtBy).not.toBeNull();
      // The failure names the sentence that does not hold.
      expect(said).toContain(`does not keep "${String(caughtBy)}".`);
    },
  );
});
