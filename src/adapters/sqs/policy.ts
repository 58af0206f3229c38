import { WaybillError } from "../../core/errors/errors.js";
import { checkOneOf, requireOptions } from "../../core/options/options.js";

/** An IAM policy document, as data. */
export interface SqsPolicyDocument {
  readonly Version: "2012-10-17";
  readonly Statement: readonly {
    readonly Sid: string;
    readonly Effect: "Allow";
    readonly Action: readonly string[];
    readonly Resource: readonly string[];
  }[];
}

/** Whom `sqsIamPolicy` is for: which queues, and what the process does with them. */
export interface SqsPolicyOptions {
  /** `arn:aws:sqs:<region>:<account>:<name>` */
  readonly queueArn: string;
  /** The queue of `deadLetterQueueUrl`. */
  readonly deadLetterQueueArn?: string | undefined;
  /** `submit`: submits only. `work`: works or reconciles, and so sends too. */
  readonly role: "submit" | "work";
}

/** Without `SendMessage`: nothing is ever sent to dead letters. */
const RECEIVES = [
  "sqs:ChangeMessageVisibility",
  "sqs:DeleteMessage",
  "sqs:GetQueueAttributes",
  "sqs:ReceiveMessage",
];

/**
 * The least that a process needs: nothing that changes a queue itself. A queue with a key of your own needs permissions on
 * that key beside it.
 *
 * @throws WaybillError `config.invalid`
 */
export function sqsIamPolicy(options: SqsPolicyOptions): SqsPolicyDocument {
  requireOptions("sqsIamPolicy", options, ["queueArn", "deadLetterQueueArn", "role"]);
  const { queueArn, deadLetterQueueArn, role } = options;
  requireArn("queueArn", queueArn);
  if (deadLetterQueueArn !== undefined) requireArn("deadLetterQueueArn", deadLetterQueueArn);
  checkOneOf("role", role, ["submit", "work"]);
  const statement = (Sid: string, Action: readonly string[], resource: string) => ({
    Sid,
    Effect: "Allow" as const,
    Action,
    Resource: [resource],
  });
  if (role === "submit") {
    return {
      Version: "2012-10-17",
      Statement: [statement("WaybillQueue", ["sqs:SendMessage"], queueArn)],
    };
  }
  return {
    Version: "2012-10-17",
    Statement: [
      statement("WaybillQueue", [...RECEIVES, "sqs:SendMessage"], queueArn),
      ...(deadLetterQueueArn === undefined
        ? []
        : [statement("WaybillDeadLetters", RECEIVES, deadLetterQueueArn)]),
    ],
  };
}

/** Anything but an address: while a CDK stack is put together, its ARNs are tokens. */
function requireArn(option: string, arn: string): void {
  if (typeof arn === "string" && arn !== "" && !/^https?:/.test(arn)) return;
  throw new WaybillError("config.invalid", `${option} must be the ARN of the queue, not its URL.`);
}
