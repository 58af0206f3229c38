import { WaybillError } from "../../core/errors/errors.js";
import { checkWhole, requireOptions } from "../../core/options/options.js";
import { LONGEST_HIDDEN_MS } from "./settings.js";

/** Which queue `sqsCloudFormation` describes. */
export interface SqsTemplateOptions {
  /** The name of the queue; one that ends in `.fifo` is a FIFO queue. Its dead letter queue is named after it. */
  readonly queueName: string;
  /** The longest lease of the kinds that go through it; the visibility of its messages. @default 30_000 // 30 s */
  readonly longestLeaseMs?: number | undefined;
}

const DAY_S = 86_400;

/** Receives before a message is given up: a busy worker and a deployment use some, each. */
const MAX_RECEIVES = 10;

/** A message that waits longer has nobody to work on it. */
const LONG_WAIT_S = 900;

/**
 * A CloudFormation template of a queue, its dead letter queue and an alarm for each, as data. Its outputs are `QueueUrl`,
 * `QueueArn`, `DeadLetterQueueUrl` and `DeadLetterQueueArn`. It passes `check`.
 *
 * @throws WaybillError `config.invalid`
 */
export function sqsCloudFormation(options: SqsTemplateOptions): Readonly<Record<string, unknown>> {
  requireOptions("sqsCloudFormation", options, ["queueName", "longestLeaseMs"]);
  const { queueName, longestLeaseMs = 30_000 } = options;
  const { deadLetterName, fifo } = namesOf(queueName);
  checkWhole("longestLeaseMs", longestLeaseMs);
  if (longestLeaseMs === 0 || longestLeaseMs > LONGEST_HIDDEN_MS) {
    throw new WaybillError(
      "config.invalid",
      `longestLeaseMs must be above 0, and at most the 12 hours that SQS hides a message (${LONGEST_HIDDEN_MS}).`,
    );
  }
  const common = {
    SqsManagedSseEnabled: true,
    ReceiveMessageWaitTimeSeconds: 20,
    VisibilityTimeout: Math.max(30, Math.ceil(longestLeaseMs / 1_000)),
    // By group, so that neither order nor repeats of one group wait for those of another.
    ...(fifo
      ? { FifoQueue: true, DeduplicationScope: "messageGroup", FifoThroughputLimit: "perMessageGroupId" }
      : {}),
  };
  return {
    AWSTemplateFormatVersion: "2010-09-09",
    Description: "A queue of Waybill, and its dead letters.",
    Resources: {
      WaybillQueue: {
        Type: "AWS::SQS::Queue",
        Properties: {
          QueueName: queueName,
          ...common,
          MessageRetentionPeriod: 4 * DAY_S,
          RedrivePolicy: { deadLetterTargetArn: arnOf("WaybillDeadLetters"), maxReceiveCount: MAX_RECEIVES },
        },
      },
      WaybillDeadLetters: {
        Type: "AWS::SQS::Queue",
        Properties: {
          QueueName: deadLetterName,
          ...common,
          MessageRetentionPeriod: 14 * DAY_S,
          // Of this queue alone: Waybill removes what it reads there. By text, since the two name each other.
          RedriveAllowPolicy: {
            redrivePermission: "byQueue",
            sourceQueueArns: [
              { "Fn::Sub": `arn:\${AWS::Partition}:sqs:\${AWS::Region}:\${AWS::AccountId}:${queueName}` },
            ],
          },
        },
      },
      ...alarms(queueName, deadLetterName),
    },
    Outputs: {
      QueueUrl: { Value: { Ref: "WaybillQueue" } },
      QueueArn: { Value: arnOf("WaybillQueue") },
      DeadLetterQueueUrl: { Value: { Ref: "WaybillDeadLetters" } },
      DeadLetterQueueArn: { Value: arnOf("WaybillDeadLetters") },
    },
  };
}

function alarms(queueName: string, deadLetterName: string): Readonly<Record<string, unknown>> {
  return {
    WaybillQueueWaits: alarm(
      `Messages of ${queueName} have waited for longer than ${LONG_WAIT_S} s.`,
      "WaybillQueue",
      "ApproximateAgeOfOldestMessage",
      LONG_WAIT_S,
    ),
    WaybillDeadLettersWait: alarm(
      `${deadLetterName} holds messages that nobody has read.`,
      "WaybillDeadLetters",
      "ApproximateNumberOfMessagesVisible",
      0,
    ),
  };
}

function namesOf(queueName: string): { readonly deadLetterName: string; readonly fifo: boolean } {
  const name = typeof queueName === "string" ? queueName : "";
  const fifo = name.endsWith(".fifo");
  const base = fifo ? name.slice(0, -".fifo".length) : name;
  const deadLetterName = `${base}-dead${fifo ? ".fifo" : ""}`;
  // SQS: up to 80 letters, digits, hyphens and underscores, the ending included.
  if (/^[A-Za-z0-9_-]+$/.test(base) && deadLetterName.length <= 80) return { deadLetterName, fifo };
  throw new WaybillError(
    "config.invalid",
    "queueName must be up to 75 letters, digits, hyphens and underscores, and may end in .fifo.",
  );
}

function arnOf(resource: string): unknown {
  return { "Fn::GetAtt": [resource, "Arn"] };
}

function alarm(description: string, queue: string, metric: string, above: number): unknown {
  return {
    Type: "AWS::CloudWatch::Alarm",
    Properties: {
      AlarmDescription: description,
      Namespace: "AWS/SQS",
      MetricName: metric,
      Dimensions: [{ Name: "QueueName", Value: { "Fn::GetAtt": [queue, "QueueName"] } }],
      Statistic: "Maximum",
      Period: 60,
      EvaluationPeriods: 5,
      Threshold: above,
      ComparisonOperator: "GreaterThanThreshold",
      TreatMissingData: "notBreaching",
    },
  };
}
