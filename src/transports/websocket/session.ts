import type { Principal } from "../../core/view/access.js";
import { isFinal } from "../../core/job/lifecycle.js";
import {
  type ClientFrame,
  CLOSE,
  type CloseCode,
  encodeServerFrame,
  type KnownVersions,
  LIVE_LIMITS,
  type LiveErrorCode,
} from "../../core/wire/live.js";
import { nextPart, type Unwritten, unwritten } from "../../core/wire/live-changes.js";
import { aimOf, type LiveAim, type LiveChanges, resumed } from "./aim.js";

/** What happens to a session. */
export type SessionInput =
  /** A frame came; `null`: something that is none. */
  | { readonly type: "frame"; readonly frame: ClientFrame | null }
  /** `authorize` answered. */
  | { readonly type: "authorized"; readonly principal: Principal | null }
  /** `authorize` failed, or this owner has too many connections. */
  | { readonly type: "refused"; readonly code: CloseCode }
  | { readonly type: "changes"; readonly room: number; readonly changes: LiveChanges }
  /** What a room shows cannot be read. */
  | { readonly type: "broken"; readonly room: number }
  /** So many bytes wait to be sent. */
  | { readonly type: "buffered"; readonly bytes: number }
  /** The other side has given a sign of life. */
  | { readonly type: "alive" }
  /** Time passed; at least every second. */
  | { readonly type: "tick" }
  | { readonly type: "shutdown" };

/** What is to be done. */
export type SessionEffect =
  | { readonly type: "send"; readonly text: string }
  | { readonly type: "ping" }
  | { readonly type: "authorize"; readonly token: string }
  | { readonly type: "observe"; readonly room: number; readonly aim: LiveAim; readonly known: KnownVersions }
  | { readonly type: "unobserve"; readonly room: number }
  /** Nothing is to be done afterwards. `null`: the other side is gone, and would not answer a close. */
  | { readonly type: "close"; readonly code: CloseCode | null };

interface Subscription {
  readonly room: number;
  /** `null`: a room by owner, which does not end. */
  readonly jobId: string | null;
  readonly known: KnownVersions;
}

/** Changes that wait their turn. */
interface Outgoing {
  readonly id: string;
  readonly room: number;
  readonly unwritten: Unwritten;
  /** The job is final: the subscription is over when this is sent. */
  readonly isLast: boolean;
}

export interface SessionState {
  readonly kinds: readonly string[];
  readonly isClosed: boolean;
  readonly principal: Principal | null;
  /** What is being found out; frames wait meanwhile. */
  readonly authorizing: "init" | "renew" | null;
  readonly held: readonly ClientFrame[];
  readonly startedAt: number;
  readonly subscriptions: ReadonlyMap<string, Subscription>;
  readonly nextRoom: number;
  readonly outbox: readonly Outgoing[];
  readonly buffered: number;
  /** When something of what waits was last sent, or began to wait. */
  readonly movedAt: number;
  readonly pingedAt: number;
  readonly unanswered: number;
  /** Frames that may still come, at `allowedAt`. */
  readonly allowed: number;
  readonly allowedAt: number;
}

const INIT_WITHIN_MS = 10_000;
const MOST_HELD = 128;
const BURST = 200;
const FRAMES_PER_MS = 20 / 1_000;
/** Above it changes are held back, and the newest of each job is kept where they come from. */
const HOLD_ABOVE_BYTES = 256 * 1024;
const CLOSE_ABOVE_BYTES = 1024 * 1024;
const CLOSE_UNMOVED_AFTER_MS = 30_000;
const MISSES = 2;

/** The next state, and what is to be done, in order. */
export interface Step {
  readonly state: SessionState;
  readonly effects: readonly SessionEffect[];
}

/**
 * A connection begins.
 *
 * @param principal - who is calling, by what came with the upgrade; `null`: they are to say with `init`
 * @param kinds - those that are shown
 */
export function beginSession(kinds: readonly string[], principal: Principal | null, now: number): Step {
  const state: SessionState = {
    kinds,
    isClosed: false,
    principal,
    authorizing: null,
    held: [],
    startedAt: now,
    subscriptions: new Map(),
    nextRoom: 1,
    outbox: [],
    buffered: 0,
    movedAt: now,
    pingedAt: now,
    unanswered: 0,
    allowed: BURST,
    allowedAt: now,
  };
  return principal === null ? { state, effects: [] } : ready(state, now);
}

/** One input, one step. Pure: the same state, input and instant give the same. */
export function stepSession(state: SessionState, input: SessionInput, now: number): Step {
  if (state.isClosed) return { state, effects: [] };
  switch (input.type) {
    case "frame":
      return onFrame(state, input.frame, now);
    case "authorized":
      return onAuthorized(state, input.principal, now);
    case "refused":
      return close(state, input.code);
    case "changes":
      return onChanges(state, input.room, input.changes, now);
    case "broken":
      return onBroken(state, input.room);
    case "buffered":
      return onBuffered(state, input.bytes, now);
    case "alive":
      return { state: { ...state, unanswered: 0 }, effects: [] };
    case "tick":
      return onTick(state, now);
    case "shutdown":
      return close(state, CLOSE.goingAway);
  }
}

/** Whether the next changes of a room are wanted: not before the last ones are on their way. */
export function wantsChanges({ isClosed, outbox }: SessionState, room: number): boolean {
  return !isClosed && !outbox.some((outgoing) => outgoing.room === room);
}

function onFrame(state: SessionState, frame: ClientFrame | null, now: number): Step {
  const allowed = Math.min(BURST, state.allowed + (now - state.allowedAt) * FRAMES_PER_MS) - 1;
  const next = { ...state, unanswered: 0, allowed, allowedAt: now };
  if (allowed < 0) return close(next, CLOSE.tooMany);
  if (frame === null) return close(next, CLOSE.badFrame);
  return take(next, frame, now);
}

function take(state: SessionState, frame: ClientFrame, now: number): Step {
  if (state.authorizing !== null) {
    if (state.held.length >= MOST_HELD) return close(state, CLOSE.tooMany);
    return { state: { ...state, held: [...state.held, frame] }, effects: [] };
  }
  switch (frame.type) {
    case "init":
      // Rooms that were opened as somebody else would stay open.
      return state.nextRoom > 1 ? close(state, CLOSE.badFrame) : authorize(state, "init", frame.token);
    case "renew":
      return state.principal === null ? close(state, CLOSE.badFrame) : authorize(state, "renew", frame.token);
    case "subscribe":
      return subscribe(state, frame, now);
    case "unsubscribe":
      return leave(state, frame.id);
    case "ping":
      return { state, effects: [{ type: "send", text: encodeServerFrame({ type: "pong" }) }] };
  }
}

function authorize(state: SessionState, authorizing: "init" | "renew", token: string): Step {
  return { state: { ...state, authorizing }, effects: [{ type: "authorize", token }] };
}

function onAuthorized(state: SessionState, principal: Principal | null, now: number): Step {
  const { authorizing, principal: before } = state;
  if (principal === null) return close(state, CLOSE.unauthenticated);
  const isSame = before?.owner === principal.owner && (before.sees ?? "own") === (principal.sees ?? "own");
  // What is shown was granted to somebody else; after a new connection the resume tells what is out of sight.
  if (authorizing === "renew" && !isSame) return close(state, CLOSE.unauthenticated);
  const { held } = state;
  let step = ready({ ...state, principal, authorizing: null, held: [] }, now);
  for (const frame of held) {
    if (step.state.isClosed) break;
    const next = take(step.state, frame, now);
    step = { state: next.state, effects: [...step.effects, ...next.effects] };
  }
  return step;
}

function ready(state: SessionState, now: number): Step {
  const expiresAt = state.principal?.expiresAt?.getTime();
  if (expiresAt !== undefined && expiresAt <= now) return close(state, CLOSE.unauthenticated);
  const text = encodeServerFrame({
    type: "ready",
    heartbeatMs: LIVE_LIMITS.heartbeatMs,
    maxFrameBytes: LIVE_LIMITS.maxFrameBytes,
    maxSubscriptions: LIVE_LIMITS.maxSubscriptions,
    expiresInMs: expiresAt === undefined ? null : expiresAt - now,
  });
  return { state, effects: [{ type: "send", text }] };
}

function subscribe(
  state: SessionState,
  frame: ClientFrame & { readonly type: "subscribe" },
  now: number,
): Step {
  const { principal, subscriptions, nextRoom: room, kinds } = state;
  const { id, filter, known } = frame;
  if (principal === null) return close(state, CLOSE.unauthenticated);
  if (subscriptions.has(id)) return close(state, CLOSE.duplicateId);
  if (subscriptions.size >= LIVE_LIMITS.maxSubscriptions) return refuse(state, id, "subscribe.too_many");
  const aim = aimOf(filter, principal, kinds);
  if (typeof aim === "string") return refuse(state, id, aim);
  const jobId = filter !== null && "jobId" in filter ? filter.jobId : null;
  const next = {
    ...state,
    nextRoom: room + 1,
    subscriptions: new Map(subscriptions).set(id, { room, jobId, known }),
    movedAt: isIdle(state) ? now : state.movedAt,
  };
  return { state: next, effects: [{ type: "observe", room, aim, known: jobId === null ? known : {} }] };
}

const MESSAGES: Readonly<Record<LiveErrorCode, string>> = {
  "subscribe.invalid": "The filter is not one of the protocol, or names a kind that is not shown.",
  "subscribe.forbidden": "Other people's jobs are not shown to this caller.",
  "subscribe.too_many": `At most ${String(LIVE_LIMITS.maxSubscriptions)} subscriptions are open at once.`,
  system_error: "The jobs could not be read.",
};

function refuse(state: SessionState, id: string, code: LiveErrorCode): Step {
  const error = { code, message: MESSAGES[code], retryable: code === "system_error" };
  return { state, effects: [{ type: "send", text: encodeServerFrame({ type: "error", id, error }) }] };
}

/** Forgets a subscription, with what waits of it. */
function leave(state: SessionState, id: string): Step {
  const subscription = state.subscriptions.get(id);
  if (subscription === undefined) return { state, effects: [] };
  const { room } = subscription;
  const subscriptions = new Map(state.subscriptions);
  subscriptions.delete(id);
  const outbox = state.outbox.filter((outgoing) => outgoing.room !== room);
  return { state: { ...state, subscriptions, outbox }, effects: [{ type: "unobserve", room }] };
}

function idOf({ subscriptions }: SessionState, room: number): string | undefined {
  for (const [id, subscription] of subscriptions) if (subscription.room === room) return id;
  return undefined;
}

function onBroken(state: SessionState, room: number): Step {
  const id = idOf(state, room);
  if (id === undefined) return { state, effects: [] };
  const left = leave(state, id);
  const told = refuse(left.state, id, "system_error");
  return { state: told.state, effects: [...left.effects, ...told.effects] };
}

function onChanges(state: SessionState, room: number, changes: LiveChanges, now: number): Step {
  const id = idOf(state, room);
  const subscription = id === undefined ? undefined : state.subscriptions.get(id);
  if (id === undefined || subscription === undefined) return { state, effects: [] };
  const { jobId, known } = subscription;
  const told = jobId === null ? changes : resumed(changes, jobId, known);
  const isLast = jobId !== null && changes.jobs.some(({ status }) => isFinal(status));
  const outgoing = { id, room, unwritten: unwritten(told), isLast };
  const movedAt = isIdle(state) ? now : state.movedAt;
  return flush({ ...state, outbox: [...state.outbox, outgoing], movedAt }, []);
}

function isIdle({ outbox, buffered }: SessionState): boolean {
  return outbox.length === 0 && buffered === 0;
}

function onBuffered(state: SessionState, bytes: number, now: number): Step {
  if (bytes > CLOSE_ABOVE_BYTES) return close(state, CLOSE.overloaded);
  const movedAt = bytes < state.buffered || bytes === 0 ? now : state.movedAt;
  return flush({ ...state, buffered: bytes, movedAt }, []);
}

/** Sends what waits, as far as there is room. */
function flush(from: SessionState, before: readonly SessionEffect[]): Step {
  let state = from;
  const effects = [...before];
  for (let [head] = state.outbox; head !== undefined; [head] = state.outbox) {
    const { id, room, isLast } = head;
    const part = nextPart(head.unwritten);
    const text = `{"type":"changes","id":${JSON.stringify(id)},${part.members}}`;
    if (state.buffered > 0 && state.buffered + text.length > HOLD_ABOVE_BYTES) break;
    effects.push({ type: "send", text });
    const behind = state.outbox.slice(1);
    const rest = part.rest === null ? [] : [{ ...head, unwritten: part.rest }];
    state = { ...state, buffered: state.buffered + text.length, outbox: [...rest, ...behind] };
    if (part.rest !== null || !isLast) continue;
    const left = leave(state, id);
    state = left.state;
    effects.push(
      { type: "send", text: encodeServerFrame({ type: "complete", id }) },
      { type: "unobserve", room },
    );
  }
  return { state, effects };
}

function onTick(state: SessionState, now: number): Step {
  const { principal, startedAt, movedAt, pingedAt, unanswered } = state;
  if (principal === null && now - startedAt >= INIT_WITHIN_MS) return close(state, CLOSE.initTimeout);
  const expiresAt = principal?.expiresAt?.getTime();
  if (expiresAt !== undefined && expiresAt <= now) return close(state, CLOSE.unauthenticated);
  if (!isIdle(state) && now - movedAt >= CLOSE_UNMOVED_AFTER_MS) return close(state, CLOSE.overloaded);
  if (now - pingedAt < LIVE_LIMITS.heartbeatMs) return { state, effects: [] };
  if (unanswered >= MISSES) return close(state, null);
  return { state: { ...state, pingedAt: now, unanswered: unanswered + 1 }, effects: [{ type: "ping" }] };
}

function close(state: SessionState, code: CloseCode | null): Step {
  const rooms = [...state.subscriptions.values()].map(({ room }) => ({ type: "unobserve", room }) as const);
  const next = { ...state, isClosed: true, subscriptions: new Map(), outbox: [], held: [] };
  return { state: next, effects: [...rooms, { type: "close", code }] };
}
