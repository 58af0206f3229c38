import { cursorOf } from "../../decide/change/cursors.js";
import { advance, retire } from "../../decide/deliver.js";
import { isSettled, undeliveredTo } from "../../decide/change/wake.js";
import { sleep } from "../../environment/clock.js";
import { neutralContext } from "../../environment/neutral-context.js";
import type { Cursor, Snapshot } from "../../job/record.js";
import { codeOf, type Core } from "../context.js";
import { Channel } from "./channel.js";
import { mergeCursors, RelayJob, type RelayMemory } from "./job.js";
import { createOneShot, type OneShot } from "../one-shot.js";

/** Durable push: what is in a history and above a notifier's cursor is published to it, in order, until it is delivered. */
export interface Relay {
  /**
   * A change was stored: publishes what its notifiers have not had. Never throws, never waits.
   *
   * @param names - the notifiers meant. @default all of this process
   */
  kick(snapshot: Snapshot, names?: ReadonlySet<string>): void;
  /**
   * Publishes everything that is due now for a job that was just read; resolves with what is known of it when all of it
   * was delivered and noted, or has to wait. Rejects only when the history cannot be read.
   */
  deliver(snapshot: Snapshot, names?: ReadonlySet<string>): Promise<Snapshot>;
  /** Whether a job was handed over here as it was at a version. What was long ago is forgotten. */
  knows(id: string, version: number): boolean;
  /** How long a call of the slowest notifier takes of late. */
  usualMs(): number;
  /** Resolves `true` when everything kicked so far was published and noted, or has to wait; `false` when time is over. */
  flush(timeoutMs: number): Promise<boolean>;
  /** Fires when whatever is still published is let go of. */
  readonly stops: OneShot;
  /** Takes nothing more, waits a little for what is under way, and lets go of the rest. Safe to call twice. */
  close(): Promise<void>;
}

/** Cursors remembered of jobs with nothing to do, so that news with older cursors repeats no delivery. */
const MOST_REMEMBERED = 10_000;
/** Jobs of which is remembered as what they were handed over: hints of the same change arrive soon. */
const MOST_KNOWN = 1_000;
const CLOSE_WAIT_MS = 2_000;
/** Advances of one job in a row; a store that refuses more often is left to the reconciler. */
const MOST_ADVANCES = 5;
const NO_MEMORY: RelayMemory = { cursors: {}, unsaved: {} };

export function createRelay(core: Core): Relay {
  return new CursorRelay(core);
}

class CursorRelay implements Relay {
  readonly #core: Core;
  readonly #channels = new Map<string, Channel>();
  readonly #jobs = new Map<string, RelayJob>();
  /** In order of last use. */
  readonly #memory = new Map<string, RelayMemory>();
  /** The version of a job that was last handed over, in that order. */
  readonly #known = new Map<string, number>();
  readonly stops = createOneShot();
  /** Whoever makes a change does not lend its context to those who are told of it. */
  readonly #neutral = neutralContext();
  #closing: Promise<void> | null = null;

  constructor(core: Core) {
    this.#core = core;
    for (const [name, notifier] of core.notifiers) {
      const channel = new Channel(core, name, notifier, this.stops, (job, of, cursor) => {
        this.#finished(job, of, cursor);
      });
      this.#channels.set(name, channel);
    }
  }

  kick(snapshot: Snapshot, names: Iterable<string> = this.#channels.keys()): void {
    if (this.#closing !== null) return;
    try {
      const memory = this.#memory.get(snapshot.record.id) ?? NO_MEMORY;
      this.#neutral(() => this.#take(snapshot, memory, names));
    } catch (error) {
      this.#warn("a change could not be published", snapshot.record.id, error);
    }
  }

  async deliver(snapshot: Snapshot, names: Iterable<string> = this.#channels.keys()): Promise<Snapshot> {
    if (this.#closing !== null) return snapshot;
    // The store's word on cursors counts here: after it lost writes, what was delivered is delivered again.
    const unsaved = this.#memory.get(snapshot.record.id)?.unsaved ?? {};
    const job = this.#take(snapshot, { cursors: {}, unsaved }, names);
    await job.idle;
    return job.snapshot;
  }

  knows(id: string, version: number): boolean {
    return (this.#known.get(id) ?? 0) >= version;
  }

  usualMs(): number {
    return Math.max(0, ...[...this.#channels.values()].map((channel) => channel.usualMs));
  }

  async flush(timeoutMs: number): Promise<boolean> {
    const done = Promise.all([...this.#jobs.values()].map((job) => job.idle)).then(() => true);
    const over = new AbortController();
    try {
      return await Promise.race([
        done,
        sleep(this.#core.clock, timeoutMs, over.signal, true).then(() => false),
      ]);
    } finally {
      over.abort();
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.flush(CLOSE_WAIT_MS).then(() => {
      this.stops.fire();
      for (const job of this.#jobs.values()) job.end();
      this.#jobs.clear();
    });
    return this.#closing;
  }

  #take(snapshot: Snapshot, memory: RelayMemory, names: Iterable<string>): RelayJob {
    const { id, version } = snapshot.record;
    this.#know(id, version);
    let job = this.#jobs.get(id);
    if (job === undefined) {
      job = new RelayJob(snapshot, memory);
      job.ask(names);
      this.#look(job);
      this.#jobs.set(id, job);
    } else {
      job.see(snapshot);
      job.ask(names);
      job.resting.clear();
      job.saveFailed = false;
      this.#look(job);
    }
    this.#restIfIdle(job);
    return job;
  }

  /** Puts the job in every line that it should stand in now. */
  #look(job: RelayJob): void {
    const now = this.#core.time.now();
    for (const name of undeliveredTo(job.record, job.cursors)) {
      const cursor = cursorOf(job.cursors, name);
      if (this.#core.retired.has(name)) job.move(name, retire(cursor));
      else if (job.waiting.has(name) || job.publishing.has(name) || job.resting.has(name)) continue;
      else if (job.asked.has(name) && (cursor.retryAt === null || cursor.retryAt <= now))
        this.#channels.get(name)?.add(job);
    }
    this.#scheduleSave(job);
  }

  #finished(job: RelayJob, name: string, cursor: Cursor | null): void {
    if (this.stops.fired) return;
    job.publishing.delete(name);
    if (cursor !== null) job.move(name, cursor);
    if (cursor === null || cursor.attempts > 0) job.resting.add(name);
    this.#look(job);
    this.#restIfIdle(job);
  }

  /** Cursors that move in one turn of the event loop share one write. */
  #scheduleSave(job: RelayJob): void {
    if (job.saving || job.saveFailed || Object.keys(job.unsaved).length === 0) return;
    job.saving = true;
    this.#core.clock.defer(() => {
      void this.#save(job).then(() => {
        job.saving = false;
        if (this.stops.fired) return;
        // A refusal may have brought a newer record.
        this.#look(job);
        this.#restIfIdle(job);
      });
    });
  }

  /** Never rejects: what could not be noted is noted later, or delivered once more. */
  async #save(job: RelayJob): Promise<void> {
    for (let round = 0; round < MOST_ADVANCES; round += 1) {
      const moved = job.unsaved;
      job.unsaved = {};
      try {
        if (!(await this.#advance(job, moved))) return;
      } catch (error) {
        job.unsaved = mergeCursors(moved, job.unsaved);
        job.saveFailed = true;
        this.#warn("a delivery could not be noted", job.record.id, error);
        return;
      }
    }
    job.saveFailed = true;
  }

  /** One write of cursors. @returns whether another is needed at once */
  async #advance(job: RelayJob, moved: RelayMemory["unsaved"]): Promise<boolean> {
    const { gateway, policy, time } = this.#core;
    const item = advance(job.snapshot, moved, { now: time.now(), policy });
    const result = await gateway.advance(item);
    if (result.status === "gone") return false;
    job.cursors = mergeCursors(job.cursors, result.cursors);
    if (result.status === "refused") {
      const stored = await gateway.read(item.id);
      if (stored === null) return false;
      job.see(stored);
      job.unsaved = mergeCursors(moved, job.unsaved);
      return true;
    }
    // Another relay noted the rest meanwhile: the wake-up just written waits for nobody.
    return result.wake === "written" && item.wakeAt !== null && isSettled(job.snapshot);
  }

  #restIfIdle(job: RelayJob): void {
    const { id } = job.record;
    if (!job.isIdle || this.#jobs.get(id) !== job) return;
    this.#jobs.delete(id);
    this.#memory.delete(id);
    const { cursors, unsaved } = job;
    if (Object.keys(unsaved).length > 0 || !isSettled(job.snapshot)) this.#remember(id, { cursors, unsaved });
    job.end();
  }

  #remember(id: string, memory: RelayMemory): void {
    this.#memory.set(id, memory);
    const [oldest] = this.#memory.keys();
    if (this.#memory.size > MOST_REMEMBERED && oldest !== undefined) this.#memory.delete(oldest);
  }

  #know(id: string, version: number): void {
    this.#known.delete(id);
    this.#known.set(id, version);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MOST_KNOWN && oldest !== undefined) this.#known.delete(oldest);
  }

  #warn(message: string, jobId: string, error: unknown): void {
    this.#core.logger.warn(message, { jobId, error: codeOf(error) });
  }
}
