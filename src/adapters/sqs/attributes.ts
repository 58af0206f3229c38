import type { Requests } from "./requests.js";

/** How a queue is set up, and how much it holds. */
export interface QueueAttributes {
  readonly arn: string;
  readonly visibilityMs: number;
  readonly retentionMs: number;
  /** Its redrive policy; `null`: it has none. */
  readonly redrive: { readonly deadLetterArn: string; readonly maxReceives: number } | null;
  /** Waiting, hidden and delayed; about right, which is all that SQS promises. */
  readonly backlog: number;
}

export async function readAttributes(requests: Requests): Promise<QueueAttributes> {
  const { Attributes = {} } = await requests.attributes();
  const number = (name: keyof typeof Attributes, otherwise = 0): number => {
    const text = Attributes[name];
    return text === undefined ? otherwise : Number(text);
  };
  return {
    arn: Attributes.QueueArn ?? "",
    visibilityMs: number("VisibilityTimeout", 30) * 1_000,
    retentionMs: number("MessageRetentionPeriod", 345_600) * 1_000,
    redrive: redriveOf(Attributes.RedrivePolicy),
    backlog:
      number("ApproximateNumberOfMessages") +
      number("ApproximateNumberOfMessagesNotVisible") +
      number("ApproximateNumberOfMessagesDelayed"),
  };
}

function redriveOf(text: string | undefined): QueueAttributes["redrive"] {
  if (text === undefined || text === "") return null;
  const { deadLetterTargetArn, maxReceiveCount } = JSON.parse(text) as Record<string, unknown>;
  // The console writes the number as one, older tools as text.
  return typeof deadLetterTargetArn === "string"
    ? { deadLetterArn: deadLetterTargetArn, maxReceives: Number(maxReceiveCount) }
    : null;
}
