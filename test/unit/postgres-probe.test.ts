// Whether a connection hears notifications is asked before anybody relies on it, by a process that may stand still meanwhile.
import { describe, expect, it } from "vitest";
import { type PostgresClient, postgresFeed } from "../../src/postgres.js";
import { fakeClock } from "../../src/testing/fake-clock.js";

/** A connection whose notifications are read when the process gets to it: with the answer of a later statement, or never. */
function connection(reads: "late" | "never") {
  let hear: (payload: string) => void = () => undefined;
  let sent: string[] = [];
  const query = async (_text: string, params?: readonly unknown[]) => {
    const arrived = sent;
    sent = JSON.parse(String(params?.[1])) as string[];
    if (reads === "late") for (const payload of arrived) hear(payload);
    return { rows: [] };
  };
  const client: PostgresClient = { query };
  const listen = async (_channel: string, onPayload: (payload: string) => void) => {
    hear = onPayload;
    return async () => undefined;
  };
  return { client, listen: { listen } };
}

describe("the look whether notifications come through", () => {
  it("is taken once more by a process that stood still for as long as it waits", async () => {
    const clock = fakeClock();
    const feed = postgresFeed({ ...connection("late"), clock });
    await clock.runUntil(feed.subscribe(() => undefined));
    await feed.close();
  });

  it("finds out within 5 s that none do", async () => {
    const clock = fakeClock();
    const feed = postgresFeed({ ...connection("never"), clock });
    const at = clock.now();
    const refused = feed.subscribe(() => undefined).catch((error: unknown) => error);
    expect(await clock.runUntil(refused)).toMatchObject({ code: "feed.unavailable" });
    expect(clock.now() - at).toBe(5_000);
    await feed.close();
  });
});
