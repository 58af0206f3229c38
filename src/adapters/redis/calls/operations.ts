import type {
  PulseRequest,
  PurgeReply,
  PurgeRequest,
  StoreHealth,
  StoreReply,
} from "../../../core/ports/store.js";
import { allOrUnknown, atOnce, latest } from "../client/batch.js";
import { PARKED_SHARD } from "./parked.js";
import type { Reply } from "../documents/reply.js";
import { HEALTH, PULSE, PURGE_SETTLED } from "../scripts/operations.js";
import type { Session } from "../client/session.js";
import { encodeCount } from "../documents/fixed-width.js";
import { countHeads } from "./wake.js";

const PULSE_SHARD = 0;

export async function pulse(session: Session, { unserved }: PulseRequest): Promise<StoreReply> {
  const { nowMs } = await session.run(PULSE, PULSE_SHARD, [String(unserved)], "writes");
  return { nowMs };
}

interface ShardHealth {
  readonly pulseAt: number | null;
  readonly unserved: number;
  readonly dueAt: number | null;
  readonly readyAt: number | null;
  readonly parked: number;
  readonly undeliverable: number;
  readonly lostCalls: number;
  readonly lostAt: number;
  readonly expiredAt: number | null;
}

export async function health(session: Session): Promise<StoreHealth> {
  const answers = await allOrUnknown(
    "reads",
    session.places.tags.map((_, shard) => session.run(HEALTH, shard, [], "reads")),
  );
  const shards = answers.map(({ reply }) => decode(reply));
  const pulsed = shards[PULSE_SHARD];
  const calls = sum(shards, "lostCalls");
  return {
    nowMs: latest(answers),
    lastPulseAt: pulsed?.pulseAt ?? null,
    unserved: pulsed?.unserved ?? 0,
    oldestDueAt: least(shards.map(({ dueAt }) => dueAt)),
    oldestReadyAt: least(shards.map(({ readyAt }) => readyAt)),
    oldestExpiredAt: least(shards.map(({ expiredAt }) => expiredAt)),
    parked: sum(shards, "parked"),
    undeliverable: sum(shards, "undeliverable"),
    ...(calls === 0
      ? {}
      : { lostWrites: { calls, lastSeenAt: Math.max(...shards.map(({ lostAt }) => lostAt)) } }),
  };
}

function decode(reply: Reply): ShardHealth {
  return {
    pulseAt: reply.numberOrNull(),
    unserved: reply.numberOrNull() ?? 0,
    dueAt: reply.numberOrNull(),
    readyAt: reply.numberOrNull(),
    parked: reply.number(),
    undeliverable: reply.number(),
    lostCalls: reply.numberOrNull() ?? 0,
    lostAt: reply.numberOrNull() ?? 0,
    expiredAt: reply.numberOrNull(),
  };
}

function sum(shards: readonly ShardHealth[], field: "parked" | "undeliverable" | "lostCalls"): number {
  return shards.reduce((total, shard) => total + shard[field], 0);
}

function least(instants: readonly (number | null)[]): number | null {
  const known = instants.filter((instant) => instant !== null);
  return known.length === 0 ? null : Math.min(...known);
}

export async function purge(session: Session, request: PurgeRequest): Promise<PurgeReply> {
  const { parkedBefore } = request;
  const limit = atOnce(request.limit);
  const counts = session.shards === 1 ? [limit] : (await countHeads(session, "p", limit)).counts;
  const wanted = counts
    .map((most, shard) => ({ most, shard }))
    .filter(({ most, shard }) => most > 0 || shard === PARKED_SHARD);
  const answers = await allOrUnknown(
    "writes",
    wanted.map(async ({ most, shard }) => {
      const before = shard === PARKED_SHARD ? encodeCount(Math.max(0, parkedBefore)) : "";
      const { nowMs, reply } = await session.run(PURGE_SETTLED, shard, [String(most), before], "writes");
      return { nowMs, jobs: reply.number(), parked: reply.number() };
    }),
  );
  return {
    nowMs: latest(answers),
    jobs: answers.reduce((total, { jobs }) => total + jobs, 0),
    parked: answers.reduce((total, { parked }) => total + parked, 0),
  };
}
