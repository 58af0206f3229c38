import { inTime } from "../../../environment/clock.js";
import { WaybillError } from "../../../errors/errors.js";
import type { Delivery, ReceiveRequest } from "../../../ports/queue.js";
import { observe } from "../../../environment/telemetry.js";
import type { Core } from "../../context.js";

/** What a queue may take beyond the wait that it was asked for. */
const RECEIVE_PATIENCE_MS = 10_000;

/** Where messages come from: a queue, or its dead letters. */
export interface Source {
  receive(request: ReceiveRequest): Promise<readonly Delivery[]>;
}

/**
 * Receives, within the wait and ten seconds more: a call that hangs would keep its slots for ever. What it brings after that
 * is given back at once, since nobody waits for it.
 *
 * @throws WaybillError `queue.unavailable` when it takes longer, and whatever the queue throws
 */
export async function receiveInTime(
  core: Core,
  what: string,
  source: Source,
  request: ReceiveRequest,
): Promise<readonly Delivery[]> {
  const answer = observe(core.telemetry, { port: "queue", operation: what, items: request.max }, () =>
    source.receive(request),
  );
  const received = await inTime(core.clock, request.waitMs + RECEIVE_PATIENCE_MS, answer, null);
  if (received !== null) return received;
  void answer.then(giveBack, () => undefined);
  throw new WaybillError("queue.unavailable", "The queue did not answer a receive in time.");
}

function giveBack(deliveries: readonly Delivery[]): void {
  // One that cannot be given back is visible again by itself.
  for (const delivery of deliveries) delivery.release(0).catch(() => undefined);
}
