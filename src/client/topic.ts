import { isFinal, type JobStatus } from "../core/job/lifecycle.js";
import type { PublicView } from "../core/view/public-view.js";
import { type Aim, isWithin } from "./aim.js";
import { compareAge } from "./apply-newer.js";
import type { ClientError } from "./client-error.js";
import { reviveView } from "./revive.js";
import type { JobChanges } from "./snapshot.js";

/** What the client itself reads of a view; the rest is passed on as it came. */
export interface HeldView {
  readonly id: string;
  readonly kind: string;
  readonly subject: string | null;
  readonly status: JobStatus;
  readonly version: number;
  readonly createdAt: Date;
}

/** Changes as they come over the wire. */
export interface WireChanges extends JobChanges<PublicView> {
  /** They go on in the next frame. */
  readonly more?: boolean;
}

/** What was held when the server was asked: what came since is newer than its answer. */
export interface Asked {
  readonly versions: ReadonlyMap<string, number>;
  /** The server was told of it, and answers with what differs; else with all that there is. */
  readonly named: boolean;
}

/** How what is shown is kept up to date. `null`: as last seen. */
export type Freshness = "live" | "polling" | null;

export type Listener = (changes: JobChanges<HeldView>) => void;

export const NO_CHANGES = { jobs: [], gone: [], snapshot: false, reset: false } as const;

export function tellAll<T>(listeners: Iterable<(value: T) => void>, value: T): void {
  for (const listener of listeners) {
    try {
      listener(value);
    } catch (error) {
      // One listener's fault is not the next one's, nor the connection's; it is not swallowed either.
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}

/** Changes that came in several frames, as one. */
export function joined(parts: WireChanges | null, next: WireChanges): WireChanges {
  if (parts === null) return next;
  return { ...next, jobs: [...parts.jobs, ...next.jobs], gone: [...parts.gone, ...next.gone] };
}

/** A `JobSnapshot` or a `JobsSnapshot`, without the types of a kind. */
export interface Shown {
  readonly state: string;
  readonly job?: HeldView | null;
  readonly jobs?: readonly HeldView[];
  readonly error?: ClientError;
}

/** What is known about one aim, whoever looks at it and however it is heard. */
export class Topic {
  declare readonly aim: Aim;
  /** Shown as a list, else as one job. */
  declare readonly isList: boolean;
  /** What is shown alike has equal keys. */
  declare readonly key: string;
  readonly listeners = new Set<Listener>();
  /** What there is to see: the same frozen object until it is another. */
  shown: Shown;
  /** The server has said what there is, at least once. */
  loaded = false;
  #freshness: Freshness = null;
  #error: ClientError | null = null;
  readonly #held = new Map<string, HeldView>();
  #views: readonly HeldView[] | null = null;

  constructor(aim: Aim, isList = false) {
    this.aim = aim;
    this.isList = isList;
    this.key = JSON.stringify([isList, aim]);
    this.shown = this.#show();
  }

  /** Newest first; the same array until one of them changes. */
  get views(): readonly HeldView[] {
    return (this.#views ??= Object.freeze([...this.#held.values()].sort((a, b) => compareAge(b, a))));
  }

  /** Nothing can follow: a job that is COMPLETED or FAILED stays so. */
  get isOver(): boolean {
    return this.aim.jobId !== undefined && this.views.some(({ status }) => isFinal(status));
  }

  /** Notes what is held, before the server is asked. @param fewerThan - of so many jobs it can be told */
  ask(fewerThan: number): Asked {
    const versions = new Map(this.views.map(({ id, version }) => [id, version]));
    return { versions, named: versions.size < fewerThan };
  }

  /** Takes what the server says, and tells the listeners what of it was news. */
  apply(changes: WireChanges, asked: Asked, freshness: Freshness): void {
    const news = this.#merge(changes, asked);
    this.#freshness = freshness;
    this.#error = null;
    const first = changes.snapshot && !this.loaded;
    this.loaded ||= changes.snapshot;
    this.#tell(first ? { ...news, jobs: this.views, gone: [], snapshot: true } : news);
  }

  /** Takes a view that an answer to something else brought along. */
  offer(view: PublicView): void {
    // Before the first snapshot a list is not known: one job is no list.
    this.loaded ||= this.aim.jobId === view.id;
    this.#tell(this.#merge({ ...NO_CHANGES, jobs: [view] }, this.ask(0)));
  }

  /** What is shown is as last seen, from now on; `error`: and will stay so. */
  stale(error: ClientError | null = null): void {
    this.#freshness = null;
    this.#error = error;
    // Nothing that is to be seen is no news for ever.
    if (this.views.length === 0) this.loaded = false;
    this.#tell(NO_CHANGES);
  }

  #tell(changes: JobChanges<HeldView>): void {
    const before = Object.values(this.shown);
    const next = this.#show();
    if (Object.values(next).every((value, index) => value === before[index])) return;
    this.shown = next;
    tellAll(this.listeners, changes);
  }

  #show(): Shown {
    // What was offered to a list that is not known yet is held for it, and no list.
    const jobs = this.isList && !this.loaded ? NO_CHANGES.jobs : this.views;
    const [job = null] = jobs;
    const nothing = this.loaded ? "missing" : "loading";
    const hasSome = this.isList ? this.loaded : job !== null;
    const state = this.isOver ? "final" : hasSome ? (this.#freshness ?? "reconnecting") : nothing;
    // What is final needs nobody any more, whoever refuses.
    const error = this.isOver ? null : this.#error;
    return Object.freeze({
      state: error === null ? state : "error",
      ...(this.isList ? { jobs } : { job }),
      ...(error !== null && { error }),
    });
  }

  #merge({ jobs, gone, snapshot, reset }: WireChanges, asked: Asked): JobChanges<HeldView> {
    const held = this.#held;
    const isSince = (id: string): boolean => held.get(id)?.version !== asked.versions.get(id);
    const whole = snapshot && !asked.named;
    const isThere = (id: string): boolean => jobs.some((job) => job.id === id);
    const left = whole ? [...held.keys()].filter((id) => !isThere(id) && !isSince(id)) : [];
    const lost = new Set([...gone, ...left].filter((id) => held.delete(id)));
    const taken = new Map<string, HeldView>();
    let fell = reset;
    for (const wire of jobs) {
      const { id, version } = wire;
      const before = held.get(id)?.version ?? 0;
      // A whole answer with less than was held when it was asked for, or with another status of the same version: the
      // store lost writes, and has given their versions again.
      const other = version === before && wire.status !== held.get(id)?.status;
      const less = (version < before || other) && whole && !isSince(id);
      if (!isWithin(this.aim, wire) || !(reset || less || version > before)) continue;
      fell ||= less;
      const view = reviveView<HeldView>(wire);
      taken.set(id, view);
      held.set(id, view);
      lost.delete(id);
    }
    if (taken.size + lost.size > 0) this.#views = null;
    // A list holds no more than it was asked to; what falls out is the oldest.
    for (const { id } of this.views.slice(this.aim.limit ?? 1)) {
      held.delete(id);
      this.#views = null;
      if (!taken.delete(id)) lost.add(id);
    }
    return { jobs: [...taken.values()], gone: [...lost], snapshot: false, reset: fell };
  }
}
