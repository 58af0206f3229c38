import { cursorOf } from "../../decide/change/cursors.js";
import { afterPublish } from "../../decide/deliver.js";
import { lastEntryVersion } from "../../decide/change/wake.js";
import type { NotifierRetry } from "../../defaults.js";
import { neutralContext } from "../../environment/neutral-context.js";
import type { Notifier, PublishResult } from "../../ports/notifier.js";
import type { Cursor } from "../../job/record.js";
import type { Core } from "../context.js";
import type { Permit } from "./lanes/breaker.js";
import type { RelayJob } from "./job.js";
import type { Lane } from "./lanes/lane.js";
import { Lanes } from "./lanes/lanes.js";
import { type Offer, resultsFor } from "./offer.js";
import { type Prepared, Preparer, withinLane } from "./prepare.js";
import { type Published, publishSafely } from "./publish.js";
import { cleanReason } from "./reason.js";
import type { OneShot } from "../one-shot.js";
import { PublishTeller } from "./teller.js";

/** Publishes to one notifier under way at once. */
const CALLS = 10;
/** With those whose time is over and that the notifier has not let go of: what it ignores must not pile up. */
const MOST_OPEN = 20;
/** How long jobs are put back whose lane is full of such calls. */
const STUCK_MS = 60_000;
const DEFAULT_BATCH = 20;
/** Jobs that are remembered for having been in a call that threw or timed out. */
const MOST_SUSPECTS = 10_000;

/** What is left of an earlier call's duration when the next one is over: one slow call is soon forgotten. */
const REMEMBERED_SHARE = 0.8;

/** A turn of one job is over. `null`: nothing was offered (the store could not be read, the history not decoded). */
type Finished = (job: RelayJob, name: string, cursor: Cursor | null) => void;

interface Turn {
  readonly job: RelayJob;
  readonly offer: Offer;
}

interface PreparedTurn extends Turn {
  /** `null`: they cannot be made now. */
  readonly events: Prepared["events"] | null;
  /** Its next event became one of another lane. */
  readonly foreign: boolean;
}

/**
 * The jobs in line before one notifier, in lanes. Of one job at most one publish is under way; jobs of one lane share a
 * publish; one lane that fails or hangs takes up two of the notifier's calls and holds up nobody but its own jobs.
 */
export class Channel {
  readonly #core: Core;
  readonly #name: string;
  readonly #notifier: Notifier;
  readonly #finished: Finished;
  readonly #stops: OneShot;
  readonly #maxBatch: number;
  readonly #retry: NotifierRetry;
  readonly #lanes: Lanes;
  readonly #preparer: Preparer;
  readonly #teller: PublishTeller;
  /** Whatever broke their call, one of their events may have been it: they go alone, event by event, until all is told. */
  readonly #suspects = new Set<string>();
  /** Publishes of several owners follow one another: none lends its context to the next. */
  readonly #neutral = neutralContext();
  #underWay = 0;
  #usualMs = 0;
  /** Calls whose time is over and that the notifier has not let go of. */
  #stuck = 0;
  #scheduled = false;

  constructor(core: Core, name: string, notifier: Notifier, stops: OneShot, finished: Finished) {
    this.#core = core;
    this.#name = name;
    this.#notifier = notifier;
    this.#stops = stops;
    this.#finished = finished;
    this.#maxBatch = Math.max(1, notifier.maxBatch ?? DEFAULT_BATCH);
    const { notifier: retry } = core.policy;
    this.#retry = { ...retry, giveUpAfterMs: notifier.giveUpAfterMs ?? retry.giveUpAfterMs };
    this.#lanes = new Lanes(notifier);
    this.#preparer = new Preparer(core, name, notifier);
    this.#teller = new PublishTeller(core, name);
  }

  /** How long a call takes of late. */
  get usualMs(): number {
    return this.#usualMs;
  }

  /** Puts a job in line, unless the line is full. */
  add(job: RelayJob): void {
    job.waiting.add(this.#name);
    if (this.#notifier.lane === undefined) this.#stand("", job);
    else void this.#findLane(job);
  }

  /** Which lane is known of the next event only. */
  async #findLane(job: RelayJob): Promise<void> {
    const prepared = await this.#preparer.prepare(job, this.#preparer.offer(job, 1));
    const [first] = prepared?.events ?? [];
    const stands = prepared !== null && this.#stand(first === undefined ? "" : this.#lanes.keyOf(first), job);
    if (!stands) this.#finished(job, this.#name, null);
  }

  #stand(key: string, job: RelayJob): boolean {
    const stands = this.#lanes.add(key, job) !== null;
    if (stands) this.#schedule();
    else job.waiting.delete(this.#name);
    return stands;
  }

  /** What is asked for in one turn of the event loop travels together. */
  #schedule(): void {
    if (this.#scheduled || this.#stops.fired) return;
    this.#scheduled = true;
    this.#core.clock.defer(() => {
      this.#scheduled = false;
      while (this.#round());
    });
  }

  /** One turn for every lane. @returns whether another may start something */
  #round(): boolean {
    let started = false;
    for (const lane of this.#lanes.inTurn()) {
      const permit = this.#permit(lane);
      if (permit.may === "hold") this.#putBack(lane, permit);
      else if (permit.may === "pause") this.#wakeLater(lane, permit.until);
      else if (lane.hasRoom && this.#hasRoom()) {
        this.#start(lane, permit.may === "probe");
        started = true;
      }
    }
    return started;
  }

  #hasRoom(): boolean {
    return this.#underWay < CALLS && this.#underWay + this.#stuck < MOST_OPEN;
  }

  #permit(lane: Lane): Permit {
    const now = this.#core.time.now();
    if (lane.isStuck || this.#stuck >= MOST_OPEN) {
      return { may: "hold", until: now + STUCK_MS, reason: "earlier calls have not ended" };
    }
    return lane.breaker.permit(now);
  }

  #wakeLater(lane: Lane, until: number): void {
    if (lane.wake !== null || until === Number.POSITIVE_INFINITY) return;
    lane.wake = this.#core.clock.timer(Math.max(1, until - this.#core.time.now()), () => {
      lane.wake = null;
      this.#schedule();
    });
  }

  /** What is not wanted anyway need not wait for anybody. */
  #putBack(lane: Lane, { until, reason }: Permit & { readonly may: "hold" }): void {
    const held: PublishResult = {
      status: "held",
      reason: cleanReason(`waits for its receiver: ${reason}`, reason),
      afterMs: until - this.#core.time.now(),
    };
    for (const job of [...lane.line]) {
      this.#leaveLine(lane, job);
      const offer = this.#preparer.offer(job, 1);
      this.#finished(job, this.#name, this.#moved(lane, job, offer, [held]));
    }
  }

  #moved(
    { breaker: { probeAt } }: Lane,
    job: RelayJob,
    offer: Offer,
    results: readonly PublishResult[],
  ): Cursor {
    const now = this.#core.time.now();
    const cursor = cursorOf(job.cursors, this.#name);
    // What fails with its receiver comes back with it, however long it has failed.
    const capMs = probeAt === null ? this.#retry.capMs : Math.min(this.#retry.capMs, probeAt - now);
    const retry = { ...this.#retry, capMs };
    const at = { now, random: this.#core.ids.random() };
    return afterPublish(cursor, offer.entries, resultsFor(offer, results), retry, at);
  }

  #leaveLine(lane: Lane, job: RelayJob): void {
    this.#lanes.remove(lane, job);
    job.waiting.delete(this.#name);
  }

  #start(lane: Lane, probe: boolean): void {
    const turns = this.#take(lane, probe);
    const events = turns.reduce((sum, { offer }) => sum + offer.wanted.length, 0);
    if (events > 0) lane.breaker.started(this.#core.time.now(), events);
    this.#lanes.served(lane);
    this.#underWay += 1;
    lane.open += 1;
    void this.#publish(lane, turns).then((published) => {
      this.#underWay -= 1;
      if (published?.late !== true) {
        lane.open -= 1;
        this.#schedule();
      } else this.#keepUntilSettled(lane, published);
    });
  }

  /** A call that ignores its signal keeps its place in its lane. */
  #keepUntilSettled(lane: Lane, { settled }: Published): void {
    this.#stuck += 1;
    lane.stuck += 1;
    void settled.then(() => {
      this.#stuck -= 1;
      lane.stuck -= 1;
      lane.open -= 1;
      this.#schedule();
    });
    this.#schedule();
  }

  /** The next turns, of as many jobs of the lane as fit into one publish. */
  #take(lane: Lane, probe: boolean): readonly Turn[] {
    const turns: Turn[] = [];
    let room = probe ? 1 : this.#maxBatch;
    for (const job of lane.line) {
      const alone = this.#suspects.has(job.record.id);
      if (alone && turns.length > 0) continue;
      this.#leaveLine(lane, job);
      const offer = this.#preparer.offer(job, alone ? 1 : room);
      job.publishing.add(this.#name);
      turns.push({ job, offer });
      room -= offer.wanted.length;
      if ((alone && offer.wanted.length > 0) || room <= 0) break;
    }
    return turns;
  }

  /** Never rejects. @returns `null`: nothing was published */
  async #publish(lane: Lane, turns: readonly Turn[]): Promise<Published | null> {
    const prepared = await Promise.all(turns.map((turn) => this.#prepare(lane, turn)));
    const events = prepared.flatMap(({ events }) => events ?? []);
    if (events.length === 0) {
      lane.breaker.dropped();
      for (const turn of prepared) this.#end(lane, turn, [], null);
      return null;
    }
    const published = await this.#neutral(() =>
      publishSafely(this.#core, this.#name, this.#notifier, events, this.#stops),
    );
    this.#usualMs = Math.max(published.durationMs, this.#usualMs * REMEMBERED_SHARE);
    if (!this.#stops.fired) this.#judge(lane, published);
    let used = 0;
    for (const turn of prepared) {
      const results = published.results.slice(used, used + (turn.events?.length ?? 0));
      used += results.length;
      this.#end(lane, turn, results, published);
    }
    return published;
  }

  #end(
    lane: Lane,
    { job, offer, events, foreign }: PreparedTurn,
    results: readonly PublishResult[],
    published: Published | null,
  ): void {
    if (events === null) this.#finished(job, this.#name, null);
    else if (foreign) this.#lineUpAgain(job);
    else {
      const moved = this.#moved(lane, job, offer, results);
      if (published !== null && events.length > 0 && !this.#stops.fired) {
        this.#suspect(job, published, moved);
        const { durationMs } = published;
        this.#teller.tell({ job, lane: lane.key, events, results, moved, durationMs });
      }
      this.#finished(job, this.#name, moved);
    }
  }

  async #prepare(lane: Lane, { job, offer }: Turn): Promise<PreparedTurn> {
    const prepared = await this.#preparer.prepare(job, offer);
    if (prepared === null) return { job, offer, events: null, foreign: false };
    if (this.#notifier.lane === undefined) return { job, ...prepared, foreign: false };
    const own = withinLane(prepared, (event) => this.#lanes.keyOf(event) === lane.key);
    return { job, ...own, foreign: prepared.events.length > 0 && own.events.length === 0 };
  }

  /** Its next event became another one, of another lane, while it stood in line. */
  #lineUpAgain(job: RelayJob): void {
    job.publishing.delete(this.#name);
    this.add(job);
  }

  #suspect({ record }: RelayJob, { answered }: Published, moved: Cursor): void {
    if (!answered) {
      if (this.#suspects.size < MOST_SUSPECTS) this.#suspects.add(record.id);
    } else if (moved.upTo >= lastEntryVersion(record)) this.#suspects.delete(record.id);
  }

  /** What a call says of the receiver of its lane. */
  #judge(lane: Lane, { results }: Published): void {
    const { breaker, key } = lane;
    const now = this.#core.time.now();
    const waits = results.filter((result) => result.status === "retry" || result.status === "held");
    const failed = waits.find((result) => result.status === "retry");
    const [held] = waits.flatMap((result) => (result.status === "held" ? [result] : []));
    if (waits.length < results.length) {
      if (breaker.succeeded(now)) this.#teller.receiverIsBack(key);
    } else if (failed !== undefined) {
      if (breaker.failed(now, failed.reason)) this.#teller.receiverFails(key, failed.reason);
    } else if (held !== undefined) breaker.held(now, held.afterMs, held.reason);
  }
}
