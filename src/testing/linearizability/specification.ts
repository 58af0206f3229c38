// What the port says of one job, in the order in which calls take effect. Written apart from the memory store, so that a
// fault of that store is not taken for the contract.
import { fillTemplate } from "../../core/job/history.js";
import { isFinal } from "../../core/job/lifecycle.js";
import type { PlannedOn, WriteGuard } from "../../core/ports/store.js";
import { type Cursors, isBehind, mergeCursor, START } from "../../core/job/record.js";
import {
  ABSENT,
  agree,
  ANYTHING,
  cursorsKey,
  type JobState,
  keyOf,
  lastEntryOf,
  type Possible,
} from "./job-state.js";
import type { ClaimFacts, JobAnswer, JobCall, StoreOperation } from "./operation.js";

type CallOf<Op extends JobCall["op"]> = Extract<JobCall, { readonly op: Op }>;

/** Whether something holds; `null`: it depends on a clock that is not known. */
type Holds = boolean | null;

/**
 * What is stored after an operation took effect on a state.
 *
 * @returns `null`: it cannot take effect here with this answer; without an answer, it would change nothing
 */
export function apply(state: Possible, operation: StoreOperation): Possible | null {
  const { answer } = operation;
  return answer === null || answer.status === "perhaps"
    ? unanswered(state, operation)
    : answered(state, operation, answer);
}

/** A call that nobody heard the end of matters only where it changes something. */
function unanswered(state: Possible, operation: StoreOperation): Possible | null {
  // What is not known does not get less known.
  if (state === ANYTHING) return null;
  const after = effect(state, operation);
  return after === null || after.holds === false || keyOf(after.state) === keyOf(state) ? null : after.state;
}

interface Effect {
  /** Whether the guard holds. */
  readonly holds: Holds;
  /** What is stored if it does. */
  readonly state: Possible;
}

/** What a call would do; `null`: nothing, it only looks. */
function effect(state: JobState | typeof ABSENT, { call, nowMs }: StoreOperation): Effect | null {
  if (call.op === "create") return { holds: state === ABSENT, state: call.state };
  if (state === ABSENT) return null;
  switch (call.op) {
    case "write":
      return { holds: guardHolds(state, call.guard, nowMs), state: written(state, call, nowMs) };
    case "beat":
      return {
        holds: canBeat(state, call.token),
        state: { ...state, leaseUntil: after(nowMs, call.leaseMs) },
      };
    case "claim":
      return claimByMessage(state, call, nowMs);
    case "claimNext":
      return claimNext(state, call, nowMs);
    case "advance":
      return { holds: true, state: advanced(state, call, isCurrent(state, call)) };
    case "purge":
      return { holds: and(isFinal(state.status), isPast(state.purgeAt, nowMs)), state: ABSENT };
    case "read":
    case "takeDue":
      return null;
  }
}

function answered(state: Possible, operation: StoreOperation, answer: JobAnswer): Possible | null {
  const { call } = operation;
  switch (answer.status) {
    case "advanced":
      return call.op === "advance" ? afterAdvance(state, call, answer) : null;
    case "beaten":
      return call.op === "beat" ? afterBeat(state, operation, answer) : null;
    case "refused":
      return afterRefusal(state, operation, answer.seen);
    case "ok":
      return afterOk(state, operation, answer);
    case "perhaps":
      return null;
  }
}

/** Nothing was done, and what was seen does not let it be done. */
function afterRefusal(state: Possible, operation: StoreOperation, seen: JobState | null): Possible | null {
  const pinned = agree(state, seen);
  if (pinned === null || pinned === ABSENT || pinned === ANYTHING) return pinned;
  const { op } = operation.call;
  // A create is told of the job that is there already.
  if (op === "create") return pinned;
  if ((op === "claim" || op === "claimNext") && isHeldBy(pinned, operation.call.facts.token)) return null;
  return effect(pinned, operation)?.holds === true ? null : pinned;
}

function afterOk(
  state: Possible,
  operation: StoreOperation,
  { seen, leaseUntil }: Extract<JobAnswer, { readonly status: "ok" }>,
): Possible | null {
  const { call } = operation;
  switch (call.op) {
    case "create":
      return state === ABSENT || state === ANYTHING ? call.state : null;
    case "read":
    case "takeDue":
      return agree(state, seen ?? null);
    case "claim":
    case "claimNext":
      return afterClaim(state, operation, call.facts, seen ?? null);
    case "write":
      if (state === ABSENT || state === ANYTHING) return state === ANYTHING ? ANYTHING : null;
      if (guardHolds(state, call.guard, operation.nowMs) === false) return null;
      return withLease(written(state, call, operation.nowMs), leaseUntil);
    case "beat":
    case "advance":
    case "purge":
      return null;
  }
}

/** A claim shows what it left, and so does the same claim asked again. */
function afterClaim(
  state: Possible,
  operation: StoreOperation,
  { token }: ClaimFacts,
  seen: JobState | null,
): Possible | null {
  if (seen === null || state === ABSENT) return null;
  if (state === ANYTHING) return isHeldBy(seen, token) ? seen : null;
  if (isHeldBy(state, token)) return agree(state, seen);
  const claimed = effect(state, operation);
  return claimed === null || claimed.holds === false ? null : agree(claimed.state, seen);
}

function afterBeat(
  state: Possible,
  operation: StoreOperation,
  answer: Extract<JobAnswer, { readonly status: "beaten" }>,
): Possible | null {
  if (state === ABSENT || state === ANYTHING) return state === ANYTHING ? ANYTHING : null;
  if (state.version !== answer.version || state.cancelRequested !== answer.cancelRequested) return null;
  const beaten = effect(state, operation);
  if (beaten?.holds !== true || typeof beaten.state === "string") return null;
  return withLease(beaten.state, answer.leaseUntil);
}

function afterAdvance(
  state: Possible,
  call: CallOf<"advance">,
  { wake, cursors }: Extract<JobAnswer, { readonly status: "advanced" }>,
): Possible | null {
  if (state === ABSENT || state === ANYTHING) return state === ANYTHING ? ANYTHING : null;
  const isWritten = wake === "written";
  if (isCurrent(state, call) !== isWritten) return null;
  const next = wake === "refused" ? state : advanced(state, call, isWritten);
  return cursorsKey(next.cursors) === cursorsKey(cursors) ? next : null;
}

function guardHolds(state: JobState, guard: WriteGuard, nowMs: number | null): Holds {
  if (state.status !== guard.status || state.version !== guard.version) return false;
  if (state.token !== guard.token) return false;
  if (guard.dispatch !== undefined && state.dispatch !== guard.dispatch) return false;
  if (guard.expiredLease === undefined) return true;
  if (state.leaseUntil === undefined) return null;
  return and(state.leaseUntil === guard.expiredLease, isPast(guard.expiredLease, nowMs));
}

function written(state: JobState, { patch, leaseMs }: CallOf<"write">, nowMs: number | null): JobState {
  const next = { ...state, ...patch };
  return leaseMs === null ? next : { ...next, leaseUntil: after(nowMs, leaseMs) };
}

/** The store says until when: where that could be foretold it must be the same. */
function withLease(state: JobState, leaseUntil: number | undefined): JobState | null {
  if (leaseUntil === undefined || state.leaseUntil === leaseUntil) return state;
  return state.leaseUntil === undefined ? { ...state, leaseUntil } : null;
}

function canBeat(state: JobState, token: string): boolean {
  return isHeldBy(state, token) && !state.awaiting;
}

function isHeldBy(state: JobState, token: string): boolean {
  return state.status === "PROCESSING" && state.token === token;
}

function claimByMessage(state: JobState, call: CallOf<"claim">, nowMs: number | null): Effect {
  const { facts, dispatch, leaseMs } = call;
  const fits = state.recordVersion <= facts.recordVersion && dispatch >= state.dispatch;
  const isOpen =
    state.status === "QUEUED" ? true : and(state.status === "PENDING", isPast(state.sendAt, nowMs));
  return { holds: and(fits, isOpen), state: claimed(state, facts, dispatch, leaseMs, nowMs) };
}

function claimNext(state: JobState, call: CallOf<"claimNext">, nowMs: number | null): Effect {
  const { facts, leaseMsByKind } = call;
  const leaseMs = Object.hasOwn(leaseMsByKind, state.kind) ? leaseMsByKind[state.kind] : undefined;
  if (leaseMs === undefined) return { holds: false, state };
  const isInLine = state.status === "QUEUED" && state.inStore && state.recordVersion <= facts.recordVersion;
  return {
    holds: and(isInLine, isPast(state.readyAt, nowMs)),
    state: claimed(state, facts, state.dispatch, leaseMs, nowMs),
  };
}

function claimed(
  state: JobState,
  { token, started }: ClaimFacts,
  dispatch: number,
  leaseMs: number,
  nowMs: number | null,
): JobState {
  const version = state.version + (state.status === "PENDING" ? 2 : 1);
  const attempt = state.attempt + 1;
  return {
    ...state,
    status: "PROCESSING",
    version,
    dispatch: Math.max(state.dispatch, dispatch),
    fence: state.fence + 1,
    attempt,
    token,
    leaseUntil: after(nowMs, leaseMs),
    readyAt: null,
    sendAt: null,
    lastEntry: nowMs === null ? undefined : lastEntryOf(fillTemplate(started, version, nowMs, attempt)),
  };
}

/** The record that an advance was planned on, and no cursor that has moved on since. */
function isCurrent(state: JobState, { plannedOn, cursors }: CallOf<"advance">): boolean {
  if (!isPlannedOn(state, plannedOn)) return false;
  return Object.entries(cursors).every(([name, cursor]) => !isBehind(cursor, cursorOf(state.cursors, name)));
}

function isPlannedOn(state: JobState, { status, version, token }: PlannedOn): boolean {
  return state.status === status && state.version === version && state.token === token;
}

function advanced(state: JobState, { purgeAt, cursors }: CallOf<"advance">, isWritten: boolean): JobState {
  const merged = Object.entries(cursors).map(([name, cursor]) => [
    name,
    mergeCursor(cursorOf(state.cursors, name), cursor),
  ]);
  return {
    ...state,
    ...(isWritten ? { purgeAt } : {}),
    cursors: { ...state.cursors, ...(Object.fromEntries(merged) as Cursors) },
  };
}

function cursorOf(cursors: Cursors, name: string): Cursors[string] {
  return Object.hasOwn(cursors, name) ? (cursors[name] ?? START) : START;
}

function isPast(instant: number | null, nowMs: number | null): Holds {
  if (instant === null) return false;
  return nowMs === null ? null : instant <= nowMs;
}

function after(nowMs: number | null, ms: number): number | undefined {
  return nowMs === null ? undefined : nowMs + ms;
}

function and(first: boolean, second: Holds): Holds {
  return first && second;
}
