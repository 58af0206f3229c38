import { codeOf, queueReasonOf } from "../../context.js";
import { sleep } from "../../../environment/clock.js";
import { backoffMs } from "../../../decide/backoff.js";
import type { Delivery, Queue } from "../../../ports/queue.js";
import type { WorkerParts } from "../parts.js";
import { handleDelivery } from "./delivery.js";
import { type GroupFate, inGroups, SKIPPED } from "./groups.js";
import { receiveInTime } from "./receive.js";
import { ReceivedMessage } from "./received-message.js";
import { roomFor } from "../slots.js";

/** The longest wait that brokers offer (SQS: 20 s). */
const LONG_WAIT_MS = 20_000;
/** A queue that is down is asked again after this, doubling. */
const PAUSE = { baseMs: 500, capMs: 15_000 };
const SHORTEST_PAUSE_MS = 100;

/**
 * Receives from one queue, as many messages as there are free slots: what is received is claimed and run at once, so
 * nothing waits here while its visibility runs out.
 *
 * @param alone - no other source of work shares the slots
 */
export async function queueLoop(
  parts: WorkerParts,
  name: string,
  queue: Queue,
  alone: boolean,
): Promise<void> {
  const { slots, stopping, breaker, settings, core } = parts;
  const { maxBatch } = queue.capabilities;
  let failures = 0;
  let found = true;
  while (!stopping.aborted) {
    // Nothing is received that could not be claimed: each receive brings a message nearer to the dead letters.
    await breaker.closed(stopping);
    // An idle source that shares the slots keeps one of them for itself while it waits, and not for long.
    const room = await roomFor(slots, core.clock, alone || found ? maxBatch : 1, stopping);
    if (room === 0) continue;
    const waitMs = alone ? LONG_WAIT_MS : found ? 0 : settings.pollIntervalMs;
    const askedAt = parts.now();
    try {
      const deliveries = await receive(parts, name, queue, { max: room, waitMs });
      failures = 0;
      found = deliveries.length > 0;
      slots.give(room - deliveries.length);
      for (const group of begin(parts, name, queue, deliveries)) parts.tasks.add("a delivery", group);
      // A queue that does not wait is not asked in a tight loop.
      const pauseMs = settings.pollIntervalMs - (parts.now() - askedAt);
      if (!found && waitMs > 0 && pauseMs > 0) await sleep(core.clock, pauseMs, stopping, true);
    } catch (error) {
      slots.give(room);
      failures += 1;
      found = true;
      if (failures === 1) {
        core.logger.warn("a queue could not be reached; it is asked again", {
          queue: name,
          code: codeOf(error),
          ...queueReasonOf(error),
        });
      }
      await sleep(
        core.clock,
        SHORTEST_PAUSE_MS + backoffMs(failures, PAUSE, core.ids.random()),
        stopping,
        true,
      );
    }
  }
}

function receive(
  { core, stopping, neutral }: WorkerParts,
  name: string,
  queue: Queue,
  { max, waitMs }: { readonly max: number; readonly waitMs: number },
): Promise<readonly Delivery[]> {
  // What a client makes current while it receives is not so for whatever the loop does next.
  return neutral(() => receiveInTime(core, `receive ${name}`, queue, { max, waitMs, signal: stopping }));
}

/** Begins what was received. Where the queue keeps order, those of one group run one after the other. */
function begin(
  parts: WorkerParts,
  name: string,
  queue: Queue,
  deliveries: readonly Delivery[],
): readonly Promise<void>[] {
  const given = <T>(work: Promise<T>): Promise<T> =>
    work.finally(() => {
      parts.slots.give(1);
    });
  const received = (delivery: Delivery): ReceivedMessage =>
    new ReceivedMessage(parts.core, name, queue, delivery);
  const run = {
    handle: (delivery: Delivery) => given(handOver(parts, received(delivery))),
    skip: (delivery: Delivery) => given(received(delivery).release(0, SKIPPED)),
  };
  if (queue.capabilities.ordered) return inGroups(deliveries, run);
  return deliveries.map(async (delivery) => {
    await run.handle(delivery);
  });
}

async function handOver(parts: WorkerParts, received: ReceivedMessage): Promise<GroupFate> {
  // Received while the worker was stopping: for somebody else, at once.
  if (!parts.stopping.aborted) return handleDelivery(parts, received);
  await received.release(0, "the worker is stopping");
  return "kept";
}
