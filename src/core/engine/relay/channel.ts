import { cursorOf } from "../../decide/cursors.js";
import { afterPublish, undelivered } from "../../decide/deliver.js";
import type { ServerEvent } from "../../event.js";
import { parseJsonText } from "../../json-text.js";
import type { Notifier } from "../../ports/notifier.js";
import type { Cursor } from "../../record.js";
import { count } from "../../telemetry.js";
import type { Core } from "../context.js";
import { eventsOf } from "../announce/events.js";
import type { RelayJob } from "./job.js";
import { type Offer, offerOf, resultsFor } from "./offer.js";
import { publishSafely } from "./publish.js";
import type { Stops } from "./stop.js";

/** Publishes to one notifier under way at once. One that hangs holds up nobody but its own jobs. */
const LANES = 10;
/** Jobs in line, each with its record: what does not fit is left to the reconciler. */
const MOST_WAITING = 5_000;
const DEFAULT_BATCH = 20;

/** A turn of one job is over. `null`: nothing was offered (the store could not be read, the history not decoded). */
type Finished = (job: RelayJob, name: string, cursor: Cursor | null) => void;

interface Turn {
  readonly job: RelayJob;
  readonly cursor: Cursor;
  readonly offer: Offer;
}

/** The line of jobs before one notifier. Of one job at most one publish is under way; jobs share a publish. */
export class Channel {
  readonly #core: Core;
  readonly #name: string;
  readonly #notifier: Notifier;
  readonly #finished: Finished;
  readonly #stops: Stops;
  readonly #maxBatch: number;
  readonly #line = new Set<RelayJob>();
  #underWay = 0;
  #scheduled = false;

  constructor(core: Core, name: string, notifier: Notifier, stops: Stops, finished: Finished) {
    this.#core = core;
    this.#name = name;
    this.#notifier = notifier;
    this.#stops = stops;
    this.#finished = finished;
    this.#maxBatch = Math.max(1, notifier.maxBatch ?? DEFAULT_BATCH);
  }

  /** Puts a job in line, unless the line is full. */
  add(job: RelayJob): void {
    if (this.#line.size >= MOST_WAITING) return;
    this.#line.add(job);
    job.waiting.add(this.#name);
    this.#schedule();
  }

  /** What is asked for in one turn of the event loop travels together. */
  #schedule(): void {
    if (this.#scheduled || this.#line.size === 0 || this.#underWay >= LANES) return;
    this.#scheduled = true;
    this.#core.clock.defer(() => {
      this.#scheduled = false;
      while (this.#line.size > 0 && this.#underWay < LANES) this.#start();
    });
  }

  #start(): void {
    const turns = this.#take();
    this.#underWay += 1;
    void this.#publish(turns).then(() => {
      this.#underWay -= 1;
      this.#schedule();
    });
  }

  /** The next turns, of as many jobs as fit into one publish. */
  #take(): readonly Turn[] {
    const turns: Turn[] = [];
    let room = this.#maxBatch;
    for (const job of this.#line) {
      const cursor = cursorOf(job.cursors, this.#name);
      // An event that makes the notifier throw must not use up the attempts of others: after a failure it goes alone.
      const alone = cursor.attempts > 0;
      if (alone && turns.length > 0) continue;
      this.#line.delete(job);
      job.waiting.delete(this.#name);
      const offer = offerOf(this.#notifier, job.record.kind, undelivered(job.snapshot, this.#name), room);
      job.publishing.add(this.#name);
      turns.push({ job, cursor, offer });
      room -= offer.wanted.length;
      if (alone || room <= 0) break;
    }
    return turns;
  }

  /** Never rejects. */
  async #publish(turns: readonly Turn[]): Promise<void> {
    const prepared = await Promise.all(
      turns.map(async (turn) => ({ turn, events: await this.#events(turn) })),
    );
    const events = prepared.flatMap((each) => each.events ?? []);
    const results =
      events.length === 0
        ? []
        : await publishSafely(this.#core, this.#name, this.#notifier, events, this.#stops);
    let used = 0;
    for (const { turn, events: own } of prepared) {
      if (own === null) {
        this.#finished(turn.job, this.#name, null);
        continue;
      }
      const moved = afterPublish(
        turn.cursor,
        turn.offer.entries,
        resultsFor(turn.offer, results.slice(used, used + own.length)),
        this.#core.policy.notifier,
        { now: this.#core.time.now(), random: this.#core.ids.random() },
      );
      used += own.length;
      this.#tellGivenUp(turn, moved);
      this.#finished(turn.job, this.#name, moved);
    }
  }

  async #events({ job, offer }: Turn): Promise<readonly ServerEvent[] | null> {
    if (offer.wanted.length === 0) return [];
    const { record } = job;
    const definition = this.#core.definitions.get(record.kind);
    try {
      const input = definition?.messagesReadInput === true ? await this.#input(job) : undefined;
      return eventsOf(definition, record, offer.wanted, input);
    } catch (error) {
      this.#core.logger.warn("a notification could not be prepared", {
        jobId: record.id,
        notifier: this.#name,
        error: error instanceof Error ? error.name : "not an Error",
      });
      return null;
    }
  }

  /** Read once for all notifiers of the job. */
  #input(job: RelayJob): Promise<unknown> {
    job.input ??= this.#core.gateway
      .read(job.record.id, { input: true })
      .then((stored) => (stored?.input === undefined ? undefined : parseJsonText(stored.input)))
      .catch((error: unknown) => {
        job.input = null;
        throw error;
      });
    return job.input;
  }

  #tellGivenUp({ job, cursor }: Turn, moved: Cursor): void {
    for (const version of moved.exhausted.slice(cursor.exhausted.length)) {
      count(this.#core.telemetry, "notification_exhausted");
      this.#core.logger.warn("a notification was given up", {
        jobId: job.record.id,
        notifier: this.#name,
        version,
      });
    }
  }
}
