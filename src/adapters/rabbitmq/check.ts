import type { QueueExpectations, QueueFinding } from "../../core/ports/queue.js";
import { openChannel, type OpenChannel } from "./channel.js";
import { codeOf } from "./errors.js";
import type { Link } from "./link.js";
import { declareQueue, type QueueNames, rungNames } from "./topology.js";

export interface CheckedQueue extends QueueExpectations {
  readonly names: QueueNames;
  readonly declares: boolean;
  readonly maxReceives: number;
}

/** Fewer are used up by a consumer that is restarted a few times. */
const FEW_RECEIVES = 5;
const FORBIDDEN = 403;

/** Looks at how the queues are set up, each with a channel of its own: the broker closes one that asks for what is missing. */
export async function checkQueue(link: Link, checked: CheckedQueue): Promise<readonly QueueFinding[]> {
  const { names, declares, maxReceives } = checked;
  const findings: QueueFinding[] = [];
  if (maxReceives < FEW_RECEIVES) findings.push(fewReceives(maxReceives));
  const isThere = (queue: string): Promise<boolean> =>
    asks(link, async (open) => {
      await open.channel.checkQueue(queue);
    }).then((code) => code === null);
  const work = await isThere(names.queue);
  const dead = await isThere(names.deadLetters);
  if (!declares && !work) findings.push(missing(names.queue));
  if (!declares && !dead) findings.push(missing(names.deadLetters));
  // Declaring what is there changes nothing, and compares it.
  if (declares || (work && dead)) {
    const code = await asks(link, (open) => declareQueue(open, names, maxReceives));
    // Somebody else declares them: a user who may not is as it should be, and nothing is compared.
    const isExpected = code === null || (code === FORBIDDEN && !declares);
    if (!isExpected) findings.push(refused(code, names.queue, maxReceives));
  }
  if (!declares) {
    const rungs = await Promise.all(rungNames(names.queue).map(isThere));
    const lacking = rungs.filter((there) => !there).length;
    if (lacking > 0) findings.push(ladder(names.queue, lacking));
  }
  return findings;
}

/** What the broker answered; `null`: it did as it was asked. Rejects when it cannot be reached. */
async function asks(link: Link, ask: (open: OpenChannel) => Promise<void>): Promise<number | null> {
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
