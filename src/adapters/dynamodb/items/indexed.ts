import type { JobStatus } from "../../../core/job/lifecycle.js";
import { type Cursors, type JobRecord, statusIndexOf } from "../../../core/job/record.js";
import type { AttributeValue } from "../client/client.js";
import type { Attributes } from "./fields.js";
import { numeric } from "./fields.js";
import { place, shardOf, TTL_ATTRIBUTE } from "../names.js";
import type { Session } from "../settings.js";

const DAY_MS = 86_400_000;
/** DynamoDB mostly removes within two days, and at no charge: only what is left by then is removed by `purge`. */
const PURGE_AFTER_TTL_MS = 3 * DAY_MS;

/** The wake-up and its place in the wake-up index. */
export function wakeAttributes(id: string, wakeAt: number | null): Attributes {
  return {
    wakeAt: wakeAt === null ? null : numeric(wakeAt),
    wakeShard: wakeAt === null ? null : { S: shardOf(id) },
    wakeKey: wakeAt === null ? null : { S: place(wakeAt, id) },
  };
}

/** When a settled record may go, its place in the purge index, and the instant that DynamoDB looks at. */
export function purgeAttributes({ timeToLive }: Session, id: string, purgeAt: number | null): Attributes {
  const dueAt = purgeAt === null ? null : purgeAt + (timeToLive ? PURGE_AFTER_TTL_MS : 0);
  return {
    purgeAt: purgeAt === null ? null : numeric(purgeAt),
    ...purgePlace(id, dueAt),
    ...(timeToLive ? { [TTL_ATTRIBUTE]: purgeAt === null ? null : ttlOf(purgeAt) } : {}),
  };
}

export function purgePlace(id: string, dueAt: number | null): Attributes {
  return {
    purgeShard: dueAt === null ? null : { S: shardOf(id) },
    purgeKey: dueAt === null ? null : { S: place(dueAt, id) },
  };
}

/** Seconds, as DynamoDB wants them. */
export function ttlOf(purgeAt: number): AttributeValue {
  return numeric(Math.ceil(purgeAt / 1000));
}

/** The places in the indexes of `list`, written once. */
export function listAttributes({ id, createdAt }: JobRecord): Attributes {
  return { listShard: { S: shardOf(id) }, listKey: { S: place(createdAt, id) } };
}

/** The place in the sparse indexes by status: entered at create, changed once, at the end. */
export function statusAttributes(id: string, status: JobStatus): Attributes {
  const index = statusIndexOf(status);
  return {
    unfinishedShard: index === "unfinished" ? { S: shardOf(id) } : null,
    failedShard: index === "failed" ? { S: shardOf(id) } : null,
  };
}

/** The cursors, and the mark by which jobs are found that a notifier gave up on. */
export function cursorAttributes(cursors: Cursors): Attributes {
  const gaveUp = Object.values(cursors).some((cursor) => cursor.exhausted.length > 0);
  return {
    cursors: Object.keys(cursors).length === 0 ? null : { S: JSON.stringify(cursors) },
    undeliverable: gaveUp ? { S: UNDELIVERABLE } : null,
  };
}

export const UNDELIVERABLE = "yes";
