// What the page says of the keys is what is there.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { redisStore } from "../../src/redis.js";
import {
  SAMPLE_END,
  sampleJob,
  sampleQueuedJob,
  sampleReadyJob,
  sampleWrite,
} from "../../src/testing/sample-jobs.js";
import { StoreProbe } from "../../src/testing/store-suite/store-probe.js";
import { redisMissing, redisServer } from "./redis-server.js";

const PAGE = readFileSync(new URL("../../docs/adapters/redis.md", import.meta.url), "utf8");

/** The keys in the first column of the table, as patterns. */
function documented(): readonly RegExp[] {
  const rows = PAGE.split("## Keys")[1]!
    .split("\n")
    .filter((line) => line.startsWith("| `"));
  return rows.flatMap((row) =>
    [...row.split(" | ")[0]!.matchAll(/`([^`]+)`/g)].map(
      ([, key = ""]) => new RegExp(`^${key.replaceAll(/<\w+>/g, ".+").replaceAll("⇥", "\t")}$`),
    ),
  );
}

describe.skipIf(redisMissing() !== null)("the page on Redis", () => {
  it("names every key, and the layout", async () => {
    const server = await redisServer();
    const client = server.client();
    const prefix = server.prefix();
    const probe = new StoreProbe({ store: redisStore({ client, prefix }), close: async () => undefined });
    const now = await probe.now();
    await probe.given(sampleReadyJob({ id: "ready", owner: "ann", subject: "s", scope: "x" }, now));
    await probe.given(sampleQueuedJob({ id: "queued" }, now));
    await probe.given(sampleJob({ id: "failed", status: "FAILED" }, now));
    const [job] = await probe.claimNext({ token: "one", limit: 1 });
    await probe.write(
      sampleWrite(job!.record, { edges: ["T5"], patch: SAMPLE_END, output: JSON.stringify("o".repeat(300)) }),
    );
    const tag = `{${prefix}:0}`;
    const keys = (await client.keys("*"))
      .filter((key) => key.startsWith(tag))
      .map((key) => key.slice(tag.length));
    const patterns = documented();
    expect(keys.filter((key) => !patterns.some((pattern) => pattern.test(key)))).toEqual([]);
    const layout = await client.hget(`${tag}:meta`, "layout");
    expect(PAGE).toContain(`\`:meta\` has the layout of\nall this, which is ${String(layout)};`);
  });
});
