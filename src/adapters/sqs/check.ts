import type { QueueExpectations, QueueFinding } from "../../core/ports/queue.js";
import { neighbourOf, type QueueAddress } from "./address.js";
import { readAttributes, type QueueAttributes } from "./attributes.js";
import { explained, isAnswer, isDenied, isMissing } from "./errors.js";
import type { Requests } from "./requests.js";
import type { Settings } from "./settings.js";

/** Fewer, and an overload or a deployment of some minutes sends good messages to the dead letters. */
const LEAST_RECEIVES = 5;

const READS = "sqs:GetQueueAttributes";

interface Checked {
  readonly findings: readonly QueueFinding[];
  /** `null`: they could not be read. */
  readonly attributes: QueueAttributes | null;
}

/**
 * Looks at how a queue is set up, and at what its credentials may do.
 *
 * @param requestsTo - requests to the queue of this URL
 */
export async function checkQueue(
  settings: Settings,
  requestsTo: (url: string) => Requests,
  expected: QueueExpectations,
): Promise<Checked> {
  const { address, deadLetters } = settings;
  try {
    const queue = await examine(requestsTo(address.url), true);
    if (queue.missing) return { findings: [missing(address)], attributes: null };
    const { attributes } = queue;
    const findings = permissionFindings(address, queue.denied);
    if (attributes !== null) {
      findings.push(...queueFindings(settings, attributes, expected));
      findings.push(...(await deadLetterFindings(settings, requestsTo, attributes)));
    }
    if (deadLetters !== null) {
      const dead = await examine(requestsTo(deadLetters.url), false);
      findings.push(
        ...(dead.missing ? [missing(deadLetters)] : permissionFindings(deadLetters, dead.denied)),
      );
    }
    return { findings, attributes };
  } catch (error) {
    throw explained(error, "The queue could not be checked");
  }
}

interface Examined {
  readonly missing: boolean;
  readonly attributes: QueueAttributes | null;
  /** The permissions that are lacking. */
  readonly denied: readonly string[];
}

/**
 * Reads the attributes, and tries each other permission by a request that cannot have an effect: an empty batch, or a
 * receive of no message. SQS refuses all of these, and by its word for it says whether it would have let them through.
 */
async function examine(requests: Requests, sends: boolean): Promise<Examined> {
  let attributes: QueueAttributes | null = null;
  const probes: Readonly<Record<string, () => Promise<unknown>>> = {
    [READS]: async () => {
      attributes = await readAttributes(requests);
    },
    ...(sends ? { "sqs:SendMessage": () => requests.send({ Entries: [] }) } : {}),
    // Hidden for no time: who answers with messages all the same takes them from nobody.
    "sqs:ReceiveMessage": () => requests.receive({ MaxNumberOfMessages: 0, VisibilityTimeout: 0 }),
    "sqs:DeleteMessage": () => requests.delete({ Entries: [] }),
    "sqs:ChangeMessageVisibility": () => requests.hide({ Entries: [] }),
  };
  const denied: string[] = [];
  let isGone = false;
  await Promise.all(
    Object.entries(probes).map(async ([permission, probe]) => {
      try {
        await probe();
      } catch (error) {
        if (isDenied(error)) denied.push(permission);
        else if (isMissing(error)) isGone = true;
        // Only what reads is asked for what SQS has no reason to refuse: a token that has expired says nothing of the queue.
        else if (permission === READS || !isAnswer(error)) throw error;
      }
    }),
  );
  return { missing: isGone, attributes, denied };
}

function queueFindings(
  { address: { name }, maxReceives, visibilityMs: asked }: Settings,
  { visibilityMs: own, retentionMs, redrive }: QueueAttributes,
  { longestLeaseMs, redispatchAfterMs }: QueueExpectations,
): QueueFinding[] {
  const findings: QueueFinding[] = [];
  const visibilityMs = asked ?? own;
  if (visibilityMs < longestLeaseMs) {
    findings.push(
      warning(
        "sqs.visibility_short",
        `Messages of ${name} are hidden for ${visibilityMs} ms, less than the longest lease of ${longestLeaseMs} ms: raise its VisibilityTimeout, or pass visibilityMs.`,
      ),
    );
  }
  if (retentionMs < 2 * redispatchAfterMs) {
    findings.push(
      warning(
        "sqs.retention_short",
        `Messages of ${name} are kept for ${retentionMs} ms, less than twice the pace of redispatch of ${redispatchAfterMs} ms: raise its MessageRetentionPeriod.`,
      ),
    );
  }
  if (redrive === null) {
    findings.push(
      warning(
        "sqs.redrive_missing",
        `${name} has no redrive policy: a message that nobody can work on comes again until its retention ends; give it a dead letter queue.`,
      ),
    );
  } else {
    if (redrive.maxReceives < LEAST_RECEIVES) {
      findings.push(
        warning(
          "sqs.max_receives_low",
          `${name} gives a message up after ${redrive.maxReceives} receives, and a refusal for being busy is one: allow ${LEAST_RECEIVES} or more.`,
        ),
      );
    }
    if (maxReceives !== null && maxReceives !== redrive.maxReceives) {
      findings.push(
        warning(
          "sqs.max_receives_differ",
          `maxReceives is ${maxReceives}, and ${name} gives a message up after ${redrive.maxReceives}: leave the option out, or make them equal.`,
        ),
      );
    }
  }
  return findings;
}

/** What the queue and its dead letter queue are to each other. */
async function deadLetterFindings(
  { address, deadLetters }: Settings,
  requestsTo: (url: string) => Requests,
  { redrive, retentionMs }: QueueAttributes,
): Promise<QueueFinding[]> {
  const { name, fifo } = address;
  const target = redrive?.deadLetterArn.split(":").pop() ?? null;
  const deadName = deadLetters?.name ?? target;
  if (deadName === null) return [];
  const findings: QueueFinding[] = [];
  if (target !== null && target !== deadName) {
    findings.push(
      failing(
        "sqs.dead_letters_elsewhere",
        `deadLetterQueueUrl names ${deadName}, and ${name} moves its dead letters to ${target}: pass the URL of that one.`,
      ),
    );
  }
  if (deadName.endsWith(".fifo") !== fifo) {
    findings.push(
      failing(
        "sqs.dead_letters_other_type",
        `${name} and its dead letter queue ${deadName} must both be FIFO queues, or both be standard queues.`,
      ),
    );
  }
  // Of a FIFO queue the age of a message begins anew in the dead letters.
  if (!fifo) {
    const url = deadLetters?.url ?? neighbourOf(address, deadName);
    // Nobody needs the permission to look there; that what is needed is lacking is said by its own finding.
    const dead = await readAttributes(requestsTo(url)).catch(() => null);
    if (dead !== null && dead.retentionMs <= retentionMs) {
      findings.push(
        warning(
          "sqs.dead_letters_retention_short",
          `${deadName} keeps messages no longer than ${name}, and their age counts from their first send: raise its MessageRetentionPeriod above ${retentionMs} ms.`,
        ),
      );
    }
  }
  return findings;
}

function permissionFindings({ name }: QueueAddress, denied: readonly string[]): QueueFinding[] {
  if (denied.length === 0) return [];
  const all = [...denied].sort().join(", ");
  return [
    failing(
      "sqs.permission_missing",
      `The credentials lack ${all} on ${name}: allow what sqsIamPolicy lists.`,
    ),
  ];
}

function missing({ name }: QueueAddress): QueueFinding {
  return failing(
    "sqs.queue_missing",
    `There is no queue ${name} in this account and region: make it, or correct its URL.`,
  );
}

function failing(code: string, sentence: string): QueueFinding {
  return { code, severity: "error", sentence };
}

function warning(code: string, sentence: string): QueueFinding {
  return { code, severity: "warning", sentence };
}
