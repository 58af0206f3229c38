import { SQSClient } from "@aws-sdk/client-sqs";
import { describe, expect, it } from "vitest";
import { FakeEc2 } from "../../examples/server-actions/fake-ec2.js";
import { NaiveService } from "../../examples/server-actions/naive.js";
import { DOUBLE_KEYS, startAppSync } from "../doubles/appsync/double.js";
import { runExample } from "./run-example.js";

describe("the run", () => {
  it.concurrent(
    "tells every outcome, of which the naive build loses some",
    { timeout: 120_000 },
    async () => {
      const run = await runExample("server-actions", "--fast");
      expect(run.code, run.out).toBe(0);
      expect(run.lastLine).toBe(
        "✓ Each of 12 histories in the store was heard to its last entry; 0 events are undelivered.",
      );
      expect(run.row("done by EC2")).toEqual(["10 of 12", "10 of 12"]);
      expect(run.row("pushes heard")[1]).toMatch(/^37 of 37, /);
      const [neverHeard, ours] = run.row("outcomes never heard");
      expect(Number(neverHeard), run.out).toBeGreaterThan(0);
      expect(ours).toBe("0");
      expect(run.row("longest silence")[0]).toBe("for ever");
      expect(run.row("i-03 start  ben")[1]).toMatch(/^FAILED/);
    },
  );

  it.concurrent("without the fault, is passed by the naive build too", { timeout: 120_000 }, async () => {
    const run = await runExample("server-actions", "--fast", "--fault", "none");
    expect(run.code, run.out).toBe(0);
    expect(run.row("outcomes never heard")).toEqual(["0", "0"]);
  });
});

describe("the kindest naive build", () => {
  it("tries three times in the call, and loses the same outcome, later", async () => {
    const appsync = await startAppSync();
    const sqs = new SQSClient({ region: "us-east-1" });
    const lines: string[] = [];
    const service = new NaiveService({
      sqs,
      queueUrl: "http://127.0.0.1/none",
      ec2: new FakeEc2({ delayMs: 1 }),
      appsyncUrl: appsync.url,
      apiKey: DOUBLE_KEYS.apiKey,
      tries: 3,
      log: (line) => lines.push(line),
    });
    const message = JSON.stringify({ action: "start", instanceId: "i-01", userEmail: "ana@example.com" });
    appsync.faults.next("unavailable", { count: 2 });
    await service.process(message);
    expect(appsync.accepted.map(({ push }) => push["status"])).toEqual(["PROCESSING", "COMPLETED"]);
    appsync.faults.next("unavailable", { count: 3, where: ({ status }) => status === "COMPLETED" });
    await service.process(message);
    expect(appsync.accepted.map(({ push }) => push["status"])).toEqual([
      "PROCESSING",
      "COMPLETED",
      "PROCESSING",
    ]);
    expect(lines).toHaveLength(5);
    sqs.destroy();
    await appsync.close();
  });
});
