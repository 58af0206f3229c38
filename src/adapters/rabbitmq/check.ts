import type { QueueExpectations, QueueFinding } from "../../core/ports/queue.js";
import { openChannel, type OpenChannel } from "./channel.js";
import { codeOf } from "./errors.js";
import type { Link } from "./link.js";
import { type QueueNames, rungNames } from "./topology.js";

export interface CheckedQueue extends QueueExpectations {
  readonly names: QueueNames;
  readonly declares: boolean;
  readonly maxReceives: number;
  /** Declares the queues as Waybill does: of those that are there it changes nothing, and compares them. */
  readonly declare: (open: OpenChannel) => Promise<void>;
}

/** Fewer are used up by a consumer that is restarted a few times. */
const FEW_RECEIVES = 5;
const FORBIDDEN = 403;

/** Looks at how the queues are set up. */
export async function checkQueue(link: Link, checked: CheckedQueue): Promise<readonly QueueFinding[]> {
  const { names, declares, maxReceives } = checked;
  const findings: QueueFinding[] = [];
  if (maxReceives < FEW_RECEIVES) findings.push(fewReceives(maxReceives));
  const code = declares ? await asks(link, checked.declare) : await comparedWith(link, checked, findings);
  if (code !== null) findings.push(refused(code, names.queue, maxReceives));
  return findings;
}

/** What somebody else declares is only asked for, each with a channel of its own: the broker closes one that asks in vain. */
async function comparedWith(
  link: Link,
  { names, declare }: CheckedQueue,
  findings: QueueFinding[],
): Promise<number | null> {
  const isThere = async (queue: string): Promise<boolean> =>
    (await asks(link, (open) => open.channel.checkQueue(queue))) === null;
  const [work, dead] = [await isThere(names.queue), await isThere(names.deadLetters)];
  if (!work) findings.push(missing(names.queue));
  if (!dead) findings.push(missing(names.deadLetters));
  const rungs = await Promise.all(rungNames(names.queue).map(isThere));
  const lacking = rungs.filter((there) => !there).length;
  if (lacking > 0) findings.push(ladder(names.queue, lacking));
  if (!work || !dead) return null;
  const code = await asks(link, declare);
  // A user who may not declare them is as it should be, and nothing is compared.
  return code === FORBIDDEN ? null : code;
}

/** What the broker answered; `null`: it did as it was asked. Rejects when it cannot be reached. */
async function asks(link: Link, ask: (open: OpenChannel) => Promise<unknown>): Promise<number | null> {
  const open = await openChannel(await link.session());
  try {
    await open.answer(ask(open));
    return null;
  } catch (error) {
    const code = codeOf(error);
    if (typeof code === "number") return code;
    throw error;
  } finally {
    await open.close();
  }
}

function fewReceives(maxReceives: number): QueueFinding {
  return {
    code: "rabbitmq.max_receives_low",
    severity: "warning",
    sentence: `maxReceives is ${maxReceives}: a consumer that is restarted a few times makes dead letters. Use ${FEW_RECEIVES} or more.`,
  };
}

function missing(queue: string): QueueFinding {
  return {
    code: "rabbitmq.queue_missing",
    severity: "error",
    sentence: `There is no queue ${queue}, or the user may not read it. Declare it, or leave declare out.`,
  };
}

function ladder(queue: string, lacking: number): QueueFinding {
  return {
    code: "rabbitmq.ladder_missing",
    severity: "error",
    sentence: `${lacking} of the queues ${queue}.delay.128 to ${queue}.delay.1048576 are missing: delays that need them fail.`,
  };
}

function refused(code: number, queue: string, maxReceives: number): QueueFinding {
  if (code === FORBIDDEN)
    return {
      code: "rabbitmq.permission_missing",
      severity: "error",
      sentence: `The user may not configure ${queue} and the queues that belong to it. Grant it, or declare them yourself and pass declare: false.`,
    };
  return {
    code: "rabbitmq.queue_differs",
    severity: "error",
    sentence: `${queue}, or its queue of dead letters, is declared otherwise than Waybill does: a quorum queue with x-delivery-limit ${maxReceives - 1} and at-least-once dead letters. Delete it when it is empty, or pass the maxReceives that it was declared with.`,
  };
}
