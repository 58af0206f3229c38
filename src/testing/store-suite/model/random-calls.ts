import { type EdgeId, isFinal, STATUSES } from "../../../core/job/lifecycle.js";
import type {
  AdvanceItem,
  ClaimNext,
  CreateItem,
  ListRequest,
  StoredJob,
  WriteGuard,
  WriteItem,
} from "../../../core/ports/store.js";
import {
  type Cursor,
  type JobRecord,
  type RecordPatch,
  RECORD_VERSION,
  START,
} from "../../../core/job/record.js";
import {
  sampleHistory,
  sampleJob,
  sampleQueuedJob,
  sampleReadyJob,
  sampleTerms,
  sampleWrite,
} from "../../sample-jobs.js";
import type { Call } from "./call.js";
import type { Chance } from "./chance.js";
import {
  KINDS,
  OWNERS,
  SCOPES,
  NOTIFIERS,
  REF_KEYS,
  FAR_MS,
  NEAR_MS,
  NO_CLAIM,
  EDGES_FROM,
} from "./choices.js";

/** What calls are made about. */
export interface Known {
  readonly nowMs: number;
  /** What was stored of each job, the newest last. */
  readonly seen: ReadonlyMap<string, readonly StoredJob[]>;
  readonly ids: readonly string[];
  /** Whether an instant may lie close to now: not on a clock that goes on by itself. */
  readonly isStill: boolean;
  /** Most items in one call. */
  readonly maxBatch: number;
}

/** Calls made by chance about jobs that are known, as the core would make them and a little beside. */
export class RandomCalls {
  readonly #chance: Chance;
  readonly #known: Known;

  constructor(chance: Chance, known: Known) {
    this.#chance = chance;
    this.#known = known;
  }

  /** Makes each of several ids something that is worth asking about. */
  first(): Call {
    return this.#create(this.#known.ids.slice(0, this.#known.maxBatch));
  }

  next(): Call {
    const make = this.#chance.of<() => Call>(
      () => this.#create(this.#picked(4)),
      () => this.#write(),
      () => this.#write(),
      () => this.#write(),
      () => this.#beat(),
      () => this.#claim(),
      () => this.#claim(),
      () => this.#claimNext(),
      () => this.#claimNext(),
      () => this.#takeDue(),
      () => ({ method: "advance", request: { items: this.#picked(3).map((id) => this.#plan(id)) } }),
      () => ({ method: "advance", request: { items: this.#picked(3).map((id) => this.#plan(id)) } }),
      () => this.#park(),
      () => ({ method: "purge", request: { limit: 100, parkedBefore: this.#at() } }),
      () => ({ method: "pulse", request: { unserved: this.#chance.below(9) } }),
    );
    return make();
  }

  /** A question about what is found by something else than ids. */
  question(): Call {
    const { of, oneIn, some } = bound(this.#chance);
    if (oneIn(3))
      return { method: "byRef", request: { kind: of(...tuple(KINDS)), refKey: of(...tuple(REF_KEYS)) } };
    const request: Omit<ListRequest, "nowMs"> = {
      limit: 1 + this.#chance.below(7),
      ...(oneIn(3) ? { owner: of(...tuple(OWNERS)) } : {}),
      ...(oneIn(5) ? { subject: `subject ${String(this.#chance.below(3))}` } : {}),
      ...(oneIn(2) ? { kinds: some(KINDS) } : {}),
      ...(oneIn(2) ? { statuses: some(STATUSES) } : {}),
      ...(oneIn(5) ? { undeliverable: true } : {}),
      ...(oneIn(2) ? { input: true } : {}),
      ...(oneIn(2) ? { output: true } : {}),
    };
    return { method: "list", request };
  }

  #at(): number {
    const { isStill, nowMs } = this.#known;
    return (
      nowMs + (isStill && this.#chance.oneIn(2) ? this.#chance.of(...NEAR_MS) : this.#chance.of(...FAR_MS))
    );
  }

  #perhapsAt(): number | null {
    return this.#chance.oneIn(3) ? null : this.#at();
  }

  /** Different ids, mostly few. */
  #picked(usually: number): readonly string[] {
    const many = this.#chance.oneIn(6) ? this.#known.ids.length : 1 + this.#chance.below(usually);
    return this.#chance.shuffled(this.#known.ids).slice(0, Math.min(many, this.#known.maxBatch));
  }

  /** A job as it was seen, mostly lately. */
  #seen(id: string): JobRecord {
    const all = this.#known.seen.get(id) ?? [];
    const back = this.#chance.oneIn(4) ? 1 + this.#chance.below(2) : 0;
    return (
      (all[all.length - 1 - back] ?? all[all.length - 1])?.record ?? sampleJob({ id }, this.#known.nowMs)
    );
  }

  /** Which of several jobs of one scope it goes to is the store's affair, where they come in one call. */
  #create(ids: readonly string[]): Call {
    const given = ids.map((id) => this.#item(id));
    const at = (scope: string | null) => given.findIndex(({ record }) => record.scope === scope);
    const items = given.filter(({ record: { scope } }, index) => scope === null || at(scope) === index);
    return { method: "create", request: { items } };
  }

  #item(id: string): CreateItem {
    const { of, oneIn, some } = bound(this.#chance);
    const now = this.#known.nowMs;
    const scope = of(...tuple(SCOPES));
    const fields = {
      id,
      scope,
      kind: of(...tuple(KINDS)),
      owner: of(...tuple(OWNERS)),
      subject: oneIn(3) ? null : `subject ${String(this.#chance.below(3))}`,
      inputHash: scope === null ? null : "hash",
      metadata: oneIn(2) ? null : { note: 'é "\u0001', list: [1, null] },
      notifiers: oneIn(2) ? [] : some(NOTIFIERS),
      deadlineAt: this.#perhapsAt(),
      createdAt: now - this.#chance.below(3),
      recordVersion: oneIn(8) ? RECORD_VERSION + 1 : RECORD_VERSION,
      wakeAt: this.#at(),
    };
    const input = JSON.stringify({ of: id, text: "x".repeat(this.#chance.below(200)) });
    const status = this.#chance.below(5);
    if (status === 0) return { record: sampleJob({ ...fields, sendAt: this.#at() }, now), input };
    if (status === 1)
      return { record: sampleQueuedJob({ ...fields, dispatch: 2, retryAt: now }, now), input };
    return {
      record: sampleReadyJob(
        { ...fields, readyAt: this.#at(), wakeAt: null, retryAt: this.#perhapsAt() },
        now,
      ),
      input,
    };
  }

  #write(): Call {
    const items = this.#picked(3).map((id) => this.#change(this.#seen(id)));
    return { method: "write", request: { items } };
  }

  #change(seen: JobRecord): WriteItem {
    const { of, oneIn } = bound(this.#chance);
    const edges = of(...tuple(EDGES_FROM[seen.status]));
    const patch = this.#patch(seen, edges);
    const isHeld = seen.status === "PROCESSING" && seen.token !== null && patch.token === undefined;
    return sampleWrite(seen, {
      edges,
      patch,
      transitionId: `change ${String(this.#chance.below(1_000))}`,
      guard: this.#guard(seen),
      ...(oneIn(5) ? { replace: sampleHistory(["T1"], { nowMs: 5, version: 1 }) } : {}),
      ...(isHeld && oneIn(3) ? { leaseMs: 60_000 } : {}),
      ...(edges.includes("T5") ? { output: JSON.stringify({ done: seen.id }) } : {}),
    });
  }

  #guard(seen: JobRecord): Partial<WriteGuard> {
    const { leaseUntil, status, dispatch } = seen;
    switch (this.#chance.below(12)) {
      case 0:
        return { token: "forged" };
      case 1:
        return { token: null };
      case 2:
        return { status: status === "PENDING" ? "QUEUED" : "PENDING" };
      case 3:
        return { dispatch: dispatch + 1 };
      case 4:
        return { dispatch };
      case 5:
        return leaseUntil === null ? {} : { expiredLease: leaseUntil - 1 };
      case 6:
      case 7:
        return leaseUntil === null ? {} : { expiredLease: leaseUntil };
      default:
        return {};
    }
  }

  #patch(seen: JobRecord, edges: readonly EdgeId[]): RecordPatch {
    const now = this.#known.nowMs;
    const at = this.#at();
    const wakeAt = { wakeAt: this.#perhapsAt(), updatedAt: now };
    const last = edges[edges.length - 1];
    if (last === undefined) {
      return {
        progress: { done: this.#chance.below(9) },
        percent: 0.5,
        etaAt: at,
        send: seen.send + 1,
        checkpoint: null,
      };
    }
    switch (last) {
      case "T2":
        return seen.queue === null
          ? { ...NO_CLAIM, dispatch: seen.dispatch + 1, readyAt: at, sendAt: null, wakeAt: null, retryAt: at }
          : { ...NO_CLAIM, queuedAt: now, sendAt: at, ...wakeAt };
      case "T3":
      case "T7":
        return {
          ...NO_CLAIM,
          dispatch: seen.dispatch + 1,
          sendAt: at,
          readyAt: null,
          phase: null,
          ...wakeAt,
        };
      case "T5":
      case "T6":
      case "T8":
      case "T9":
        return {
          ...NO_CLAIM,
          readyAt: null,
          sendAt: null,
          finishedAt: now,
          wakeAt: null,
          purgeAt: this.#perhapsAt(),
        };
      case "waiting":
        return { token: null, leaseUntil: null, awaiting: this.#awaiting(), ...wakeAt };
      case "cancel":
        return { cancel: { at: now, actor: "ann", reason: null }, ...wakeAt };
      case "T1":
      case "T4":
      case "phase":
      case "warning":
        return {
          phase: `phase ${String(this.#chance.below(9))}`,
          checkpoint: [this.#chance.below(9)],
          ...wakeAt,
        };
    }
  }

  #awaiting(): NonNullable<JobRecord["awaiting"]> {
    const now = this.#known.nowMs;
    return {
      ref: { launch: 1 },
      refKeys: this.#chance.some(REF_KEYS),
      since: now,
      deadlineAt: now + 60_000,
      nextPollAt: now + 1_000,
      fence: 1,
      pollErrors: 0,
      cancellable: true,
      cancelSent: false,
    };
  }

  #beat(): Call {
    const items = this.#picked(3).map((id) => ({
      id,
      token: this.#seen(id).token ?? "nobody",
      leaseMs: this.#leaseMs(),
    }));
    return { method: "beat", request: { items } };
  }

  #leaseMs(): number {
    return this.#known.isStill ? this.#chance.of(1, 1_000, 60_000) : 60_000;
  }

  #claim(): Call {
    const { of, oneIn } = bound(this.#chance);
    const items = this.#picked(3).map((id) => ({
      id,
      dispatch: (this.#known.seen.get(id)?.at(-1)?.record.dispatch ?? 1) + of(0, 0, 0, 0, 1, -1),
      token: `message ${String(this.#chance.below(3))} of ${id}`,
      leaseMs: this.#leaseMs(),
    }));
    const terms = sampleTerms({
      worker: 'worker "],[" é',
      transitionId: `claim ${String(this.#chance.below(1_000))}`,
      ...(oneIn(6) ? { recordVersion: RECORD_VERSION + 1 } : {}),
    });
    return { method: "claim", request: { byMessage: { terms, items } } };
  }

  #claimNext(): Call {
    const token = this.#chance.below(4);
    const next: ClaimNext = {
      terms: sampleTerms({ notifyGraceMs: this.#chance.of(1, 5_000, 120_000) }),
      token: `next ${String(token)}`,
      kinds: this.#chance.some(KINDS).map((kind) => ({ kind, leaseMs: this.#leaseMs() })),
      // As many under each token as ever: what a token holds is then never more than is asked for.
      limit: [1, 2, 5, 40][token] ?? 1,
    };
    return { method: "claim", request: { next } };
  }

  #takeDue(): Call {
    const { oneIn, of } = bound(this.#chance);
    const [id = ""] = this.#picked(1);
    const wakeAt = this.#known.seen.get(id)?.at(-1)?.record.wakeAt ?? null;
    const after = wakeAt === null || oneIn(2) ? {} : { after: { wakeAt, id } };
    return { method: "takeDue", request: { limit: of(1, 3, 40), holdMs: of(5_000, 30_000), ...after } };
  }

  #plan(id: string): AdvanceItem {
    const { oneIn } = bound(this.#chance);
    const seen = this.#seen(id);
    const { status, version } = seen;
    const names = this.#chance.oneIn(4) ? [] : this.#chance.some(NOTIFIERS);
    return {
      id,
      plannedOn: { status, version, token: oneIn(8) ? "forged" : seen.token },
      wakeAt: this.#perhapsAt(),
      // Nothing but a final record is ever removed.
      purgeAt: isFinal(status) ? this.#perhapsAt() : null,
      latestWakeAt: this.#at(),
      cursors: Object.fromEntries(names.map((name) => [name, this.#cursor(seen)])),
    };
  }

  #cursor({ version }: JobRecord): Cursor {
    const attempts = this.#chance.below(3);
    return {
      ...START,
      upTo: Math.max(0, version - this.#chance.below(3)),
      attempts,
      retryAt: this.#perhapsAt(),
      ...(attempts === 0 ? {} : { since: this.#known.nowMs, reason: "busy" }),
      exhausted: this.#chance.oneIn(4) ? [1, 2] : [],
    };
  }

  #park(): Call {
    const ids = this.#picked(3).map((id) => `message-${id}`);
    const { of } = bound(this.#chance);
    const make = of<() => Call>(
      () => ({
        method: "park",
        request: {
          messages: ids.map((id) => ({
            id,
            queue: "work",
            body: `of ${id}`,
            reason: "unparsable",
            at: this.#at(),
          })),
        },
      }),
      () => ({ method: "unpark", request: { ids } }),
      () => ({ method: "parked", request: { limit: 3, ...(ids[0] === undefined ? {} : { after: ids[0] }) } }),
      () => ({ method: "parked", request: { limit: 100 } }),
    );
    return make();
  }
}

/** For calls without the object in front. */
function bound(chance: Chance): Pick<Chance, "of" | "oneIn" | "some"> {
  return {
    of: chance.of.bind(chance),
    oneIn: (count) => chance.oneIn(count),
    some: (all) => chance.some(all),
  };
}

function tuple<T>(all: readonly T[]): readonly [T, ...T[]] {
  return all as readonly [T, ...T[]];
}
