import type { StoredRow } from "../../src/adapters/memory/store-semantics.js";
import { isFinal } from "../../src/core/job/lifecycle.js";
import { parseMessage } from "../../src/core/job/message.js";
import type { Delivery } from "../../src/core/ports/queue.js";
import type { JobLog } from "./job-log.js";
import type { World } from "./world.js";

export interface AckFacts {
  readonly world: World;
  readonly rows: ReadonlyMap<string, StoredRow>;
  readonly logs: ReadonlyMap<string, JobLog>;
  readonly maxReceives: number;
  /** Bodies of parked messages. */
  readonly isParked: (body: string) => boolean;
}

/** A message goes only with proof that nothing is left to do for it. */
export function judgeAck(facts: AckFacts, queue: string, delivery: Delivery, dead: boolean): void {
  const { world, rows, logs, maxReceives, isParked } = facts;
  const parsed = parseMessage(delivery.body);
  world.trace(`ack ${queue}${dead ? " dead" : ""} ${delivery.body.slice(0, 90)}`);
  const fail = (text: string): void => {
    world.fail("S10", `a message was acknowledged: ${text}`);
  };
  if (parsed.status !== "ok") {
    if (!isParked(delivery.body)) fail("it cannot be read and is not parked");
    return;
  }
  const { id, dispatch, purpose } = parsed.message;
  if (purpose === "wake") return;
  const record = rows.get(id)?.record;
  const log = logs.get(id);
  if (log?.lostWrites === true) return;
  if (record === undefined) {
    if (log?.purged !== true && !isParked(delivery.body)) fail(`${id} is unknown and it is not parked`);
    return;
  }
  if (isFinal(record.status) || dispatch < record.dispatch) return;
  if (record.status === "PROCESSING") {
    // Its own claim ended in waiting; or a dead letter of what somebody runs; or spent, just before it would be one.
    if (record.awaiting !== null || dead || delivery.receives >= maxReceives - 1) return;
    fail(`${id} is being run at the same dispatch`);
    return;
  }
  fail(`${id} is ${record.status} at dispatch ${String(record.dispatch)}, and this was ${String(dispatch)}`);
}
