import type { StoredRow } from "../../../src/adapters/memory/store-semantics.js";
import type { Cursor, Snapshot } from "../../../src/core/job/record.js";

/** A process of the model: where it stands and what it remembers. */
export interface Actor {
  readonly at: string;
  /** The record as it last saw it. */
  readonly seen: Snapshot | null;
  readonly token: string | null;
  /** The transition id of the change that it is about. */
  readonly change: string | null;
  /** The dispatch of the message that it holds, or sends. */
  readonly message: number | null;
  readonly outcome: string | null;
  readonly moved: Cursor | null;
  /** For the monitors only: the store accepted its change. The actor itself does not know. */
  readonly applied: boolean;
}

export const IDLE: Actor = {
  at: "idle",
  seen: null,
  token: null,
  change: null,
  message: null,
  outcome: null,
  moved: null,
  applied: false,
};

export const GONE: Actor = { ...IDLE, at: "gone" };

/** What is allowed a limited number of times; everything else is free. */
export interface Budget {
  readonly release: number;
  readonly notifierFails: number;
  /** A message sent again on mere age; `null`: free. */
  readonly resend: number | null;
}

/** One job and everybody around it. */
export interface State {
  readonly row: StoredRow | null;
  /** It was stored and is not any more. */
  readonly gone: boolean;
  /** Dispatches of the messages that can be received. A copy beyond one is a delivery that leaves it in place. */
  readonly queue: readonly number[];
  readonly deadLetters: readonly number[];
  readonly submitter: Actor;
  readonly workers: readonly Actor[];
  readonly reconcilers: readonly Actor[];
  readonly relays: readonly Actor[];
  readonly canceller: Actor;
  readonly undertaker: Actor;
  /** How many entries the notifier has had, from the first on. By place: a broken variant gives two one version. */
  readonly delivered: number;
  readonly left: Budget;
  /** What a store that loses acknowledged writes goes back to. */
  readonly backup: StoredRow | null;
  /** For the monitors: the store has lost acknowledged writes. */
  readonly rolledBack: boolean;
}

export type Group = "workers" | "reconcilers" | "relays";

/** Everybody whose memory time and encoding have to visit. */
export function actorsOf(state: Omit<State, "gone" | "left">): readonly Actor[] {
  const { submitter, canceller, undertaker, workers, reconcilers, relays } = state;
  return [submitter, canceller, undertaker, ...workers, ...reconcilers, ...relays];
}

export function withActor(state: State, group: Group, index: number, actor: Actor): State {
  return { ...state, [group]: state[group].map((each, place) => (place === index ? actor : each)) };
}

export function withMessage(list: readonly number[], dispatch: number | null): readonly number[] {
  return dispatch === null || list.includes(dispatch) ? list : [...list, dispatch].sort((a, b) => a - b);
}

export function withoutMessage(list: readonly number[], dispatch: number): readonly number[] {
  return list.filter((each) => each !== dispatch);
}

/** What is stored now, as somebody who reads it sees it. */
export function snapshotOf({ record, cursors }: StoredRow): Snapshot {
  return { record, cursors };
}
