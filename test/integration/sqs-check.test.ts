import { afterEach, describe, expect, it } from "vitest";
import { sqsCloudFormation, sqsIamPolicy, sqsQueue } from "../../src/sqs.js";
import { sqsBench, type SqsBench, type SqsBenchOptions } from "../doubles/sqs/bench.js";
import type { QueueAttributeTexts } from "../doubles/sqs/attributes.js";
import { DENIED } from "../doubles/sqs/faults.js";

const EXPECTED = { longestLeaseMs: 60_000, redispatchAfterMs: 600_000 };
const WELL = { attributes: { VisibilityTimeout: "60" }, maxReceiveCount: 10 };
const WELL_DEAD = { MessageRetentionPeriod: "1209600" };

let bench: SqsBench;

afterEach(() => bench.close());

async function open(options: SqsBenchOptions = {}): Promise<SqsBench> {
  bench = await sqsBench({
    ...WELL,
    deadLetterAttributes: WELL_DEAD,
    client: { maxAttempts: 1 },
    ...options,
  });
  return bench;
}

async function codes(): Promise<string[]> {
  return (await bench.queue.check(EXPECTED)).map(({ code }) => code);
}

describe("check", () => {
  it.each([false, true])("finds nothing when all is well (FIFO: %s), and takes no message", async (fifo) => {
    const { sqs, queue, name } = await open({ fifo });
    await queue.send([{ body: "a", delayMs: 0, dedupId: "1", groupId: "g" }]);
    expect(await codes()).toEqual([]);
    expect(sqs.counts(name)).toEqual({ visible: 1, inFlight: 0, delayed: 0 });
  });

  it("finds nothing in what its own template makes, at any lease", async () => {
    for (const queueName of ["jobs", "jobs.fifo"]) {
      for (const longestLeaseMs of [1_000, 60_000, 43_200_000]) {
        const { Resources } = sqsCloudFormation({ queueName, longestLeaseMs }) as never as Resources;
        const { maxReceiveCount } = Resources.WaybillQueue.Properties["RedrivePolicy"] as never;
        await open({
          fifo: queueName.endsWith(".fifo"),
          attributes: textsOf(Resources.WaybillQueue.Properties),
          deadLetterAttributes: textsOf(Resources.WaybillDeadLetters.Properties),
          maxReceiveCount,
        });
        expect(await bench.queue.check({ ...EXPECTED, longestLeaseMs })).toEqual([]);
        await bench.close();
      }
    }
    await open();
  });

  it.each<[string, SqsBenchOptions, string]>([
    ["sqs.visibility_short", { attributes: {} }, "30000 ms, less than the longest lease of 60000 ms"],
    ["sqs.visibility_short", { queue: { visibilityMs: 59_000 } }, "59000 ms, less than the longest lease"],
    [
      "sqs.retention_short",
      { attributes: { ...WELL.attributes, MessageRetentionPeriod: "1199" } },
      "1199000 ms, less than twice the pace of redispatch of 600000 ms",
    ],
    ["sqs.redrive_missing", { maxReceiveCount: undefined }, "jobs has no redrive policy"],
    ["sqs.max_receives_low", { maxReceiveCount: 4 }, "gives a message up after 4 receives"],
    ["sqs.max_receives_differ", { queue: { maxReceives: 9 } }, "maxReceives is 9"],
    [
      "sqs.dead_letters_retention_short",
      { deadLetterAttributes: { MessageRetentionPeriod: "345600" } },
      "jobs-dead keeps messages no longer than jobs",
    ],
  ])("finds %s", async (code, options, words) => {
    await open(options);
    const findings = await bench.queue.check(EXPECTED);
    expect(findings.map(({ code: each }) => each)).toEqual([code]);
    expect(findings[0]).toMatchObject({ severity: "warning" });
    expect(findings[0]?.sentence).toContain(words);
  });

  it("does not mind the retention of a FIFO queue's dead letters, whose age begins anew", async () => {
    await open({ fifo: true, deadLetterAttributes: { MessageRetentionPeriod: "345600" } });
    expect(await codes()).toEqual([]);
  });

  it("finds the retention of dead letters that it does not read itself", async () => {
    const { sqs, deadName } = await open({ queue: { deadLetterQueueUrl: undefined } });
    expect(await codes()).toEqual([]);
    sqs.setAttributes(deadName, { MessageRetentionPeriod: "345600" });
    expect(await codes()).toEqual(["sqs.dead_letters_retention_short"]);
  });

  it("finds dead letters that are another queue's, or of another type", async () => {
    const { sqs, client, name } = await open();
    sqs.createQueue("other", WELL_DEAD);
    sqs.createQueue("other.fifo", WELL_DEAD);
    const findings = async (dead: string): Promise<string[]> => {
      const urls = { queueUrl: sqs.queueUrl(name), deadLetterQueueUrl: sqs.queueUrl(dead) };
      return (await sqsQueue({ client, ...urls }).check(EXPECTED)).map(({ code }) => code);
    };
    expect(await findings("other")).toEqual(["sqs.dead_letters_elsewhere"]);
    expect(await findings("other.fifo")).toEqual([
      "sqs.dead_letters_elsewhere",
      "sqs.dead_letters_other_type",
    ]);
  });

  const actions: Readonly<Record<string, string>> = {
    "sqs:ChangeMessageVisibility": "ChangeMessageVisibilityBatch",
    "sqs:DeleteMessage": "DeleteMessageBatch",
    "sqs:GetQueueAttributes": "GetQueueAttributes",
    "sqs:ReceiveMessage": "ReceiveMessage",
    "sqs:SendMessage": "SendMessageBatch",
  };

  it.each(Object.entries(actions))("finds that %s is not permitted", async (permission, action) => {
    const { sqs } = await open({ queue: { deadLetterQueueUrl: undefined } });
    sqs.faults.always(action, DENIED);
    const findings = await bench.queue.check(EXPECTED);
    expect(findings).toEqual([
      {
        code: "sqs.permission_missing",
        severity: "error",
        sentence: `The credentials lack ${permission} on jobs: allow what sqsIamPolicy lists.`,
      },
    ]);
  });

  it("looks for just those permissions that the least policy lists", async () => {
    const { sqs } = await open();
    sqs.faults.always("*", DENIED);
    const sentences = (await bench.queue.check(EXPECTED)).map(({ sentence }) => sentence);
    const { Statement } = sqsIamPolicy({ queueArn: "arn:q", deadLetterQueueArn: "arn:d", role: "work" });
    expect(sentences).toEqual(
      Statement.map(
        ({ Action }, place) =>
          `The credentials lack ${[...Action].sort().join(", ")} on ${["jobs", "jobs-dead"][place] ?? ""}: allow what sqsIamPolicy lists.`,
      ),
    );
  });

  it("finds that a queue is missing", async () => {
    const { sqs, client } = await open();
    const gone = sqsQueue({ client, queueUrl: sqs.queueUrl("gone") });
    expect(await gone.check(EXPECTED)).toEqual([
      {
        code: "sqs.queue_missing",
        severity: "error",
        sentence: "There is no queue gone in this account and region: make it, or correct its URL.",
      },
    ]);
    const letters = sqsQueue({
      client,
      queueUrl: sqs.queueUrl("jobs"),
      deadLetterQueueUrl: sqs.queueUrl("gone"),
    });
    expect((await letters.check(EXPECTED)).map(({ code }) => code)).toEqual([
      "sqs.dead_letters_elsewhere",
      "sqs.queue_missing",
    ]);
  });

  it.each(["ExpiredToken", "InvalidClientTokenId", "RequestThrottled"])(
    "rejects when SQS refuses everything for what has nothing to do with the queue: %s",
    async (code) => {
      const { sqs } = await open();
      sqs.faults.always("*", { kind: "refuse", code, status: 403 });
      await expect(bench.queue.check(EXPECTED)).rejects.toThrow(
        `The queue could not be checked: SQS refused it (${code}).`,
      );
    },
  );

  it("rejects when nothing can be said: the queue is not reached", async () => {
    const { sqs } = await open();
    await sqs.close();
    await expect(bench.queue.check(EXPECTED)).rejects.toThrow(
      "The queue could not be checked: SQS could not be reached (ECONNREFUSED).",
    );
  });
});

interface Resources {
  readonly Resources: Readonly<
    Record<"WaybillQueue" | "WaybillDeadLetters", { readonly Properties: Readonly<Record<string, unknown>> }>
  >;
}

/** What CloudFormation makes of a queue's properties. */
function textsOf(properties: Readonly<Record<string, unknown>>): QueueAttributeTexts {
  const entries = Object.entries(properties).filter(
    ([name]) => name !== "QueueName" && !name.startsWith("Redrive"),
  );
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]));
}
