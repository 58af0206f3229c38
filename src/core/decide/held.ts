import { isFinal } from "../job/lifecycle.js";
import type { RecordPatch, Snapshot } from "../job/record.js";
import {
  change,
  type Decision,
  type DecideContext,
  type EntryDraft,
  type Refusal,
  refuse,
} from "./change/change.js";

/**
 * What a handler has said since its last write: written together, with its outcome where that comes first. Progress is
 * absolute and replaces what was said before it; phases and warnings are entries and are never dropped.
 */
export interface Updates {
  readonly progress?: RecordPatch["progress"];
  readonly percent?: number | null;
  readonly etaAt?: number | null;
  readonly checkpoint?: RecordPatch["checkpoint"];
  /** The last phase entered. */
  readonly phase?: string;
  /** Phases and warnings in the order they were said. */
  readonly drafts?: readonly EntryDraft[];
}

export const NO_UPDATES: Updates = {};

const NOTHING_SAID = { patch: {}, drafts: [] };

/** Whether the claim under `token` is the current one. A record that came back with a refusal is judged here again. */
export function holdRefusal({ record }: Snapshot, token: string): Refusal | null {
  if (isFinal(record.status)) return refuse("already_final");
  if (record.status !== "PROCESSING" || record.token !== token) return refuse("lease_lost");
  return null;
}

declare const ENTITLED: unique symbol;

/**
 * A snapshot in the hands of somebody who may say how its work goes: under its claim, or as a witness of its outside work,
 * or once its lease has lapsed. Only who has shown that has one (`underClaim`, `entitled`), and what ends or reports work
 * takes nothing else: a decision that forgets to ask does not compile.
 */
export interface EntitledSnapshot extends Snapshot {
  readonly [ENTITLED]: true;
}

/** For the rules that judge something else than a token: a witness, a lapsed lease. */
export function entitled(snapshot: Snapshot): EntitledSnapshot {
  return snapshot as EntitledSnapshot;
}

/** What every decision under a claim is given: the token that it shows, and what was said since the last write. */
export interface Held {
  readonly token: string;
  readonly updates?: Updates;
}

/** The one way to a decision under a claim: it is made only where the token is the current claim's. */
export function underClaim<Given extends Held>(
  decide: (snapshot: EntitledSnapshot, held: Given, context: DecideContext) => Decision,
): (snapshot: Snapshot, held: Given, context: DecideContext) => Decision {
  return (snapshot, held, context) =>
    holdRefusal(snapshot, held.token) ?? decide(entitled(snapshot), held, context);
}

/** The patch and the entries of updates. Where a history is full, older entries make room (`trim.ts`). */
export function updatesEffect(
  snapshot: EntitledSnapshot,
  updates: Updates,
): { readonly patch: RecordPatch; readonly drafts: readonly EntryDraft[] } {
  if (updates === NO_UPDATES) return NOTHING_SAID;
  const { drafts = [], progress, percent, etaAt, checkpoint, phase } = updates;
  return {
    patch: {
      ...(progress === undefined ? {} : { progress }),
      ...(percent === undefined ? {} : { percent }),
      ...(etaAt === undefined ? {} : { etaAt }),
      ...(checkpoint === undefined ? {} : { checkpoint }),
      ...(phase === undefined ? {} : { phase }),
    },
    drafts,
  };
}

/** Updates of a running handler. Extends the lease in the same write. */
export const report = underClaim<Held & { readonly updates: Updates; readonly leaseMs: number }>(
  (snapshot, { updates, leaseMs }, context) =>
    change(snapshot, context, { ...updatesEffect(snapshot, updates), leaseMs }),
);
