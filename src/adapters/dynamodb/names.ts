import { createHash } from "node:crypto";
import type { ItemKey } from "./client/client.js";

/**
 * Partitions of an index that every job goes through: one partition takes about a thousand writes a second. Fixed, since
 * a process that knew of fewer would never see the jobs in the others.
 */
export const SHARDS = 8;

/** Index names. Sparse are the wake-up and purge index, for a record without the
 * instant, and those by status. */
export const INDEXES = {
  wake: "waybill-wake",
  purge: "waybill-purge",
  all: "waybill-all",
  owner: "waybill-owner",
  subject: "waybill-subject",
  undeliverable: "waybill-undeliverable",
  unfinished: "waybill-unfinished",
  failed: "waybill-failed",
} as const;

/** The shard of parked messages in the purge index: their number is counted there without reading their bodies. */
export const PARKED_SHARD = "parked";

/** The attribute that DynamoDB's time to live looks at, seconds. */
export const TTL_ATTRIBUTE = "ttl";

const JOB = "job";
const INPUT = "input#";
const OUTPUT = "output#";

/** `#` is in no id: no item of another sort can have the key of a job's. */
export function jobKey(id: string): ItemKey {
  return { pk: id, sk: JOB };
}

/** Each write of a payload has a place of its own, and counts only when the job names it. */
export function payloadKey(id: string, part: "input" | "output", nonce: string): ItemKey {
  return { pk: id, sk: (part === "input" ? INPUT : OUTPUT) + nonce };
}

export function isPayloadKey({ sk }: ItemKey): boolean {
  return sk.startsWith(INPUT) || sk.startsWith(OUTPUT);
}

/** Hashed: a key has at most 2,048 bytes, and what is hashed may be longer. */
export function scopeKey(scope: string): ItemKey {
  return { pk: `scope#${sha256(scope)}`, sk: "scope" };
}

/** JSON keeps kind and key apart, whatever they hold. */
export function refPartition(kind: string, refKey: string): string {
  return `ref#${sha256(JSON.stringify([kind, refKey]))}`;
}

export function parkedKey(id: string): ItemKey {
  return { pk: "parked#", sk: id };
}

export const PULSE_KEY: ItemKey = { pk: "pulse#", sk: "pulse" };

function sha256(text: string): string {
  return createHash("sha256").update(text, "utf16le").digest("hex");
}

/** Instants up to the year 10,000 and beyond, as text that sorts. */
const DIGITS = 16;

/** An instant and an id as one text that sorts as the pair does: an index alone leaves ties in any order. */
export function place(atMs: number, id: string): string {
  return `${digits(atMs)}.${id}`;
}

export function atOfPlace(text: string): number {
  return Number(text.slice(0, DIGITS));
}

export function idOfPlace(text: string): string {
  return text.slice(DIGITS + 1);
}

/** Behind every place of this instant. */
export function endOf(atMs: number): string {
  return `${digits(atMs)}~`;
}

/** Right behind a place: `!` sorts before every character of an id. */
export function behind(atMs: number, id: string): string {
  return `${place(atMs, id)}!`;
}

/** Before every place of this instant. */
export function startOf(atMs: number): string {
  return digits(atMs);
}

function digits(atMs: number): string {
  return String(atMs).padStart(DIGITS, "0");
}

export function shardOf(id: string): string {
  let hash = 0;
  for (let index = 0; index < id.length; index += 1) hash = (hash * 31 + id.charCodeAt(index)) >>> 0;
  return shardName(hash % SHARDS);
}

function shardName(index: number): string {
  return String(index);
}

export const SHARD_NAMES: readonly string[] = Array.from({ length: SHARDS }, (_, index) => shardName(index));
