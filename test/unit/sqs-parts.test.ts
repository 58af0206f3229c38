import type { SQSClient } from "@aws-sdk/client-sqs";
import { describe, expect, it } from "vitest";
import { sqsCloudFormation, sqsIamPolicy, sqsQueue, type SqsQueueOptions } from "../../src/sqs.js";

const client = { send: () => Promise.reject(new Error("nothing is sent")) } as unknown as SQSClient;
const URL_OF_AWS = "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs";

function queueOf(over: Partial<SqsQueueOptions> = {}) {
  return sqsQueue({ client, queueUrl: URL_OF_AWS, ...over });
}

function sentenceOf(make: () => unknown): string {
  try {
    make();
  } catch (error) {
    expect(error).toMatchObject({ code: "config.invalid" });
    return (error as Error).message;
  }
  throw new Error("nothing was thrown");
}

describe("sqsQueue, at construction", () => {
  it.each<[Partial<SqsQueueOptions>, string]>([
    [
      { queueUrl: "arn:aws:sqs:eu-west-1:123456789012:jobs" },
      "queueUrl must be the URL of the queue, not its ARN.",
    ],
    [{ deadLetterQueueUrl: URL_OF_AWS }, "deadLetterQueueUrl is the queue itself."],
    [{ queueUrl: "jobs" }, "queueUrl must be the URL of a queue, such as"],
    [{ queueUrl: "ftp://host/123456789012/jobs" }, "queueUrl must be the URL of a queue, such as"],
    [{ queueUrl: "https://sqs.eu-west-1.amazonaws.com/" }, "queueUrl must be the URL of a queue, such as"],
    [{ queueUrl: undefined as never }, "queueUrl must be the URL of a queue, such as"],
    [
      { deadLetterQueueUrl: "arn:aws:sqs:x" },
      "deadLetterQueueUrl must be the URL of the queue, not its ARN.",
    ],
    [{ client: {} as never }, "client must be a SQSClient of @aws-sdk/client-sqs."],
    [{ maxReceives: 0 }, "maxReceives must be a whole number from 1 to 1000."],
    [{ visibilityMs: 1_500 }, "visibilityMs must be whole seconds, from 1_000 to 43200000 milliseconds."],
    [{ visibilityMs: 43_201_000 }, "visibilityMs must be whole seconds"],
    [{ visibilityMS: 1_000 } as never, "Did you mean visibilityMs?"],
  ])("refuses %j", (over, sentence) => {
    expect(sentenceOf(() => queueOf(over))).toContain(sentence);
  });

  it("refuses an address with credentials, and does not repeat them", () => {
    for (const option of ["queueUrl", "deadLetterQueueUrl"]) {
      const sentence = sentenceOf(() =>
        queueOf({ [option]: "https://user:canary@sqs.eu-west-1.amazonaws.com/1/jobs" }),
      );
      expect(sentence).toContain(`${option} must hold no user and no password`);
      expect(sentence).not.toContain("canary");
    }
  });

  it("takes an option that is undefined for one that is left out", () => {
    const queue = queueOf({ deadLetterQueueUrl: undefined, maxReceives: undefined, visibilityMs: undefined });
    expect(queue.deadLetters).toBeUndefined();
    expect(queue.capabilities).toMatchObject({ maxReceives: null, visibilityMs: 30_000 });
  });

  it("tells FIFO from standard by the name", () => {
    expect(queueOf().capabilities).toMatchObject({ ordered: false, maxDelayMs: 900_000, maxBatch: 10 });
    expect(queueOf({ queueUrl: `${URL_OF_AWS}.fifo` }).capabilities).toMatchObject({
      ordered: true,
      maxDelayMs: 0,
    });
  });

  it("declares what it is given", () => {
    expect(queueOf({ maxReceives: 7, visibilityMs: 60_000 }).capabilities).toMatchObject({
      maxReceives: 7,
      visibilityMs: 60_000,
    });
  });

  it("reads dead letters only where their address is given", () => {
    expect(queueOf().deadLetters).toBeUndefined();
    expect(queueOf({ deadLetterQueueUrl: `${URL_OF_AWS}-dead` }).deadLetters).toBeDefined();
  });
});

describe("isFrom", () => {
  const arn = "arn:aws:sqs:eu-west-1:123456789012:jobs";

  it.each([
    URL_OF_AWS,
    "https://eu-west-1.queue.amazonaws.com/123456789012/jobs",
    "https://sqs-fips.eu-west-1.amazonaws.com/123456789012/jobs",
    "https://sqs.eu-west-1.api.aws/123456789012/jobs",
    "https://vpce-0a1b-2c.sqs.eu-west-1.vpce.amazonaws.com/123456789012/jobs",
    // Says no region: the rest decides.
    "http://127.0.0.1:4566/123456789012/jobs",
    "http://localhost:9324/queue/jobs",
  ])("knows the queue by its ARN from %s", (queueUrl) => {
    const queue = queueOf({ queueUrl });
    expect(queue.isFrom(arn)).toBe(true);
    expect(queue.isFrom("arn:aws:sqs:eu-west-1:123456789012:jobs2")).toBe(false);
    expect(queue.isFrom("arn:aws:sns:eu-west-1:123456789012:jobs")).toBe(false);
    expect(queue.isFrom(`${arn}:more`)).toBe(false);
    expect(queue.isFrom(queueUrl)).toBe(false);
  });

  it("compares region and account where the address has them", () => {
    const queue = queueOf();
    expect(queue.isFrom("arn:aws:sqs:eu-west-2:123456789012:jobs")).toBe(false);
    expect(queue.isFrom("arn:aws:sqs:eu-west-1:999999999999:jobs")).toBe(false);
  });

  it.each([
    ["https://queue.amazonaws.com/123456789012/jobs", "arn:aws:sqs:us-east-1:123456789012:jobs"],
    [
      "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/jobs",
      "arn:aws-cn:sqs:cn-north-1:123456789012:jobs",
    ],
    [
      "https://sqs.us-gov-west-1.amazonaws.com/123456789012/jobs.fifo",
      "arn:aws-us-gov:sqs:us-gov-west-1:123456789012:jobs.fifo",
    ],
  ])("knows %s as %s", (queueUrl, itsArn) => {
    expect(queueOf({ queueUrl }).isFrom(itsArn)).toBe(true);
    expect(queueOf({ queueUrl }).isFrom(arn)).toBe(false);
  });

  it("does not take its dead letter queue for itself", () => {
    const queue = queueOf({ deadLetterQueueUrl: `${URL_OF_AWS}-dead` });
    expect(queue.isFrom(`${arn}-dead`)).toBe(false);
  });
});

describe("sqsIamPolicy", () => {
  const queueArn = "arn:aws:sqs:eu-west-1:123456789012:jobs";
  const actionsOf = (options: Parameters<typeof sqsIamPolicy>[0]) =>
    sqsIamPolicy(options).Statement.map(({ Action, Resource }) => [Resource, Action]);

  it("lets who submits send, and nothing else", () => {
    expect(actionsOf({ queueArn, deadLetterQueueArn: `${queueArn}-dead`, role: "submit" })).toEqual([
      [[queueArn], ["sqs:SendMessage"]],
    ]);
  });

  it("lets who works receive and send, and read dead letters where it is to", () => {
    const receives = [
      "sqs:ChangeMessageVisibility",
      "sqs:DeleteMessage",
      "sqs:GetQueueAttributes",
      "sqs:ReceiveMessage",
    ];
    expect(actionsOf({ queueArn, role: "work" })).toEqual([[[queueArn], [...receives, "sqs:SendMessage"]]]);
    expect(actionsOf({ queueArn, deadLetterQueueArn: `${queueArn}-dead`, role: "work" })).toEqual([
      [[queueArn], [...receives, "sqs:SendMessage"]],
      [[`${queueArn}-dead`], receives],
    ]);
  });

  it("takes what stands for an ARN in a stack, and refuses an address", () => {
    expect(actionsOf({ queueArn: "${Token[TOKEN.12]}", role: "submit" })).toHaveLength(1);
    expect(sentenceOf(() => sqsIamPolicy({ queueArn: URL_OF_AWS, role: "work" }))).toContain(
      "queueArn must be the ARN of the queue, not its URL.",
    );
    expect(
      sentenceOf(() => sqsIamPolicy({ queueArn, deadLetterQueueArn: URL_OF_AWS, role: "work" })),
    ).toContain("deadLetterQueueArn must be the ARN of the queue, not its URL.");
  });
});

describe("sqsCloudFormation", () => {
  it("is plain data, the same after JSON", () => {
    const template = sqsCloudFormation({ queueName: "jobs" });
    expect(JSON.parse(JSON.stringify(template))).toEqual(template);
  });

  it("names a FIFO queue and its dead letter queue as SQS wants them", () => {
    expect(sqsCloudFormation({ queueName: "jobs.fifo", longestLeaseMs: 600_500 })).toMatchObject({
      Resources: {
        WaybillQueue: {
          Properties: { QueueName: "jobs.fifo", FifoQueue: true, VisibilityTimeout: 601 },
        },
        WaybillDeadLetters: { Properties: { QueueName: "jobs-dead.fifo", FifoQueue: true } },
      },
    });
  });

  it.each([
    [{ queueName: "jobs queue" }, "queueName must be"],
    [{ queueName: "x".repeat(76) }, "queueName must be"],
    [{ queueName: ".fifo" }, "queueName must be"],
    [{ queueName: "jobs", longestLeaseMs: 0 }, "longestLeaseMs must be above 0"],
    [{ queueName: "jobs", longestLeaseMs: 43_200_001 }, "longestLeaseMs must be above 0"],
    [{ queueName: "jobs", longestLease: 1 }, "Did you mean longestLeaseMs?"],
  ])("refuses %j", (options, sentence) => {
    expect(sentenceOf(() => sqsCloudFormation(options))).toContain(sentence);
  });
});
