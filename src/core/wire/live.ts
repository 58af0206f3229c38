import { ID_PATTERN } from "../environment/ids.js";

// The frames of `docs/PROTOCOL.md`: names, limits, and the reader of what a client sends. Pure; a browser may load it.

/** The WebSocket sub-protocol; a change that breaks clients gets another name. */
export const LIVE_PROTOCOL = "waybill.jobs.v1";

export const LIVE_LIMITS = {
  /** Largest frame from a client. */
  maxFrameBytes: 16_384,
  maxSubscriptions: 100,
  /** Most jobs of a room, and most versions that a client may say to know. */
  maxJobs: 200,
  /** A client that hears nothing for so long asks; a server pings. */
  heartbeatMs: 25_000,
} as const;

/** Why a connection ends, where neither 1000 nor 1001 says it. */
export const CLOSE = {
  normal: 1000,
  goingAway: 1001,
  trouble: 1011,
  overloaded: 1013,
  badFrame: 4400,
  unauthenticated: 4401,
  initTimeout: 4408,
  duplicateId: 4409,
  tooMany: 4429,
} as const;

export type CloseCode = (typeof CLOSE)[keyof typeof CLOSE];

/** Why a subscription is refused or over. */
export type LiveErrorCode =
  "subscribe.invalid" | "subscribe.forbidden" | "subscribe.too_many" | "system_error";

/** What a client wants to see: one job, or the newest of an owner. */
export type LiveFilter =
  | { readonly jobId: string; readonly kind?: string }
  | {
      readonly owner: "self" | "any";
      readonly kind?: string;
      readonly subject?: string;
      readonly limit: number;
    };

/** Versions by job id. */
export type KnownVersions = Readonly<Record<string, number>>;

/** A frame from a client, as far as it can be taken. */
export type ClientFrame =
  | { readonly type: "init" | "renew"; readonly token: string }
  | {
      readonly type: "subscribe";
      readonly id: string;
      /** `null`: not one of this page; it is refused, and the connection goes on. */
      readonly filter: LiveFilter | null;
      readonly known: KnownVersions;
    }
  | { readonly type: "unsubscribe"; readonly id: string }
  | { readonly type: "ping" };

const SUBSCRIPTION_ID = /^[A-Za-z0-9_-]{1,64}$/;
const MAX_TEXT_CHARS = 256;

/** Reads a frame that may be anything. `null`: it is none, or of no known type. Never throws. */
export function decodeClientFrame(text: string): ClientFrame | null {
  // A character is at least a byte: what is too long in characters is so in bytes.
  if (text.length > LIVE_LIMITS.maxFrameBytes) return null;
  const frame = objectOf(parse(text));
  if (frame === null) return null;
  const { type, id, token } = frame;
  switch (type) {
    case "init":
    case "renew":
      return typeof token === "string" && token !== "" ? { type, token } : null;
    case "unsubscribe":
      return isSubscriptionId(id) ? { type, id } : null;
    case "subscribe":
      return isSubscriptionId(id) ? subscribeOf(id, frame) : null;
    case "ping":
      return { type };
    default:
      return null;
  }
}

function subscribeOf(id: string, frame: Fields): ClientFrame {
  const known = knownOf(frame["known"]);
  return {
    type: "subscribe",
    id,
    filter: known === null ? null : filterOf(frame["filter"]),
    known: known ?? {},
  };
}

/** An unknown field would widen what is asked for, if it were ignored. */
function filterOf(given: unknown): LiveFilter | null {
  const filter = objectOf(given);
  if (filter === null) return null;
  const { jobId, owner, kind, subject, limit = DEFAULT_LIMIT, ...rest } = filter;
  if (Object.keys(rest).length > 0) return null;
  if (kind !== undefined && !isText(kind)) return null;
  const ofKind = kind === undefined ? {} : { kind };
  if (jobId !== undefined) {
    const isAlone = owner === undefined && subject === undefined && !("limit" in filter);
    return isAlone && isText(jobId) ? { jobId, ...ofKind } : null;
  }
  if (owner !== "self" && owner !== "any") return null;
  if (subject !== undefined && !isText(subject)) return null;
  if (!isWhole(limit) || limit < 1 || limit > LIVE_LIMITS.maxJobs) return null;
  return { owner, ...ofKind, ...(subject === undefined ? {} : { subject }), limit };
}

const DEFAULT_LIMIT = 100;

function knownOf(given: unknown): KnownVersions | null {
  if (given === undefined) return {};
  const known = objectOf(given);
  if (known === null) return null;
  const entries = Object.entries(known);
  if (entries.length > LIVE_LIMITS.maxJobs) return null;
  if (!entries.every(([id, version]) => ID_PATTERN.test(id) && isWhole(version))) return null;
  return Object.fromEntries(entries) as KnownVersions;
}

/** The error of a subscription. */
export interface LiveError {
  readonly code: LiveErrorCode;
  readonly message: string;
  readonly retryable: boolean;
}

/** A frame from the server, apart from changes, which are written from views (`live-changes.ts`). */
export type ServerFrame =
  | {
      readonly type: "ready";
      readonly heartbeatMs: number;
      readonly maxFrameBytes: number;
      readonly maxSubscriptions: number;
      readonly expiresInMs: number | null;
    }
  | { readonly type: "complete"; readonly id: string }
  | { readonly type: "error"; readonly id: string; readonly error: LiveError }
  | { readonly type: "pong" };

export function encodeServerFrame(frame: ServerFrame): string {
  return JSON.stringify(frame);
}

type Fields = Readonly<Record<string, unknown>>;

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

function objectOf(value: unknown): Fields | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : null;
}

function isSubscriptionId(id: unknown): id is string {
  return typeof id === "string" && SUBSCRIPTION_ID.test(id);
}

/** Text that a store can hold and find: bounded, well-formed, without NUL. */
function isText(value: unknown): value is string {
  if (typeof value !== "string" || value === "" || value.length > MAX_TEXT_CHARS) return false;
  return !value.includes("\0") && !/\p{Surrogate}/u.test(value);
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
