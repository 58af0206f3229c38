import type { FeedHint } from "../ports/feed.js";

/**
 * How feeds write hints: compact JSON, many in one payload, `[[id, kind, version, owner, subject], …]`, with `readyAt` and
 * `wakeAt` behind where a job has one of them. A list without hints is a sign of life, by which a subscriber knows that its
 * link works.
 */
export const HEARTBEAT = "[]";

/** What a payload says. Neither hints nor a heartbeat: it was none of ours. */
export interface DecodedHints {
  readonly hints: readonly FeedHint[];
  readonly heartbeat: boolean;
}

type Instant = number | null;
type Short = readonly [string, string, number, string | null, string | null];
type Tuple = Short | readonly [...Short, Instant, Instant];

const NOTHING: DecodedHints = { hints: [], heartbeat: false };
/** The brackets around the tuples. */
const FRAME_BYTES = 2;

/**
 * As few payloads as the hints fit in, in their order. A hint that fits in none is dropped: hints may be lost, and whoever
 * watches reads the store anyway.
 *
 * @param maxBytes - most bytes of one payload, as UTF-8
 */
export function encodeHints(hints: readonly FeedHint[], maxBytes: number): readonly string[] {
  const payloads: string[] = [];
  let parts: string[] = [];
  let bytes = FRAME_BYTES;
  const flush = (): void => {
    if (parts.length > 0) payloads.push(`[${parts.join(",")}]`);
    parts = [];
    bytes = FRAME_BYTES;
  };
  for (const hint of hints) {
    const part = JSON.stringify(tupleOf(hint));
    const size = bytesOf(part);
    if (FRAME_BYTES + size > maxBytes) continue;
    const comma = parts.length > 0 ? 1 : 0;
    if (bytes + comma + size > maxBytes) flush();
    bytes += size + (parts.length > 0 ? 1 : 0);
    parts.push(part);
  }
  flush();
  return payloads;
}

/** Reads a payload, which anybody may have sent. Total: never throws; what is no hint is left out. */
export function decodeHints(payload: string): DecodedHints {
  let tuples: unknown;
  try {
    tuples = JSON.parse(payload);
  } catch {
    return NOTHING;
  }
  if (!Array.isArray(tuples)) return NOTHING;
  const hints = (tuples as readonly unknown[]).filter(isTuple).map(hintOf);
  return { hints, heartbeat: tuples.length === 0 };
}

function tupleOf({ id, kind, version, owner, subject, readyAt = null, wakeAt = null }: FeedHint): Tuple {
  if (readyAt === null && wakeAt === null) return [id, kind, version, owner, subject];
  return [id, kind, version, owner, subject, readyAt, wakeAt];
}

function hintOf([id, kind, version, owner, subject, readyAt = null, wakeAt = null]: Tuple): FeedHint {
  const hint = { id, kind, version, owner, subject };
  return readyAt === null && wakeAt === null ? hint : { ...hint, readyAt, wakeAt };
}

/** More behind what is known here is of a newer version, and left. */
function isTuple(value: unknown): value is Tuple {
  if (!Array.isArray(value) || value.length < 5) return false;
  const [id, kind, version, owner, subject, readyAt = null, wakeAt = null] = value as readonly unknown[];
  return (
    isInstant(readyAt) &&
    isInstant(wakeAt) &&
    typeof id === "string" &&
    typeof kind === "string" &&
    Number.isSafeInteger(version) &&
    isTextOrNull(owner) &&
    isTextOrNull(subject)
  );
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === "string";
}

function isInstant(value: unknown): value is Instant {
  return value === null || Number.isSafeInteger(value);
}

const encoder = new TextEncoder();

function bytesOf(text: string): number {
  return encoder.encode(text).length;
}
