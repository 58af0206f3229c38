import type { Delivery, Queue } from "../../ports/queue.js";
import type { WorkerParts } from "./parts.js";
import { codeOf } from "../run/text.js";

/** A delivery and where it came from. */
export interface ReceivedMessage {
  readonly name: string;
  readonly queue: Queue;
  readonly delivery: Delivery;
}

/** Removes a message. One that stays is received again and judged by its record. */
export async function ack({ core }: WorkerParts, delivery: Delivery): Promise<void> {
  await delivery.ack().catch((error: unknown) => {
    core.logger.debug("a message could not be acknowledged; it will come again", {
      code: codeOf(error),
    });
  });
}

/** Gives a message back. One that is not is visible again by itself. */
export async function release({ core }: WorkerParts, delivery: Delivery, afterMs: number): Promise<void> {
  await delivery.release(Math.ceil(afterMs)).catch((error: unknown) => {
    core.logger.debug("a message could not be given back; its visibility will end", {
      code: codeOf(error),
    });
  });
}

/** Keeps a message hidden while its job runs. Where the broker refuses, the job goes on under its lease. */
export function extend({ core, tasks }: WorkerParts, delivery: Delivery, ms: number): void {
  const extended = delivery.extend(ms).catch((error: unknown) => {
    core.logger.debug("a message could not be kept hidden; its job goes on", {
      code: codeOf(error),
    });
  });
  tasks.add("the extension of a message", extended);
}
