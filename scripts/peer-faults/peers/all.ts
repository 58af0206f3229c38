import type { Peer } from "../peer.js";
import { beeQueue } from "./bee-queue.js";
import { bullmqPostgres } from "./bullmq-postgres.js";
import { bullmqRedis } from "./bullmq-redis.js";
import { graphileWorker } from "./graphile-worker.js";
import { pgBoss } from "./pg-boss.js";
import { waybillPostgres } from "./waybill-postgres.js";
import { waybillRedis } from "./waybill-redis.js";

/** In the order of the table. */
export const PEERS: readonly Peer[] = [
  waybillRedis,
  bullmqRedis,
  beeQueue,
  waybillPostgres,
  bullmqPostgres,
  pgBoss,
  graphileWorker,
];

export function peerNamed(name: string): Peer {
  const peer = PEERS.find((one) => one.name === name);
  if (peer === undefined) throw new Error(`no peer ${name}`);
  return peer;
}
