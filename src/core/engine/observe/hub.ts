import { WaybillError } from "../../errors/errors.js";
import { ID_PATTERN } from "../../environment/ids.js";
import { checkOptions } from "../../options/options.js";
import { endable } from "../../live/endable.js";
import type { FeedHint } from "../../ports/feed.js";
import { inTime, monotonicNow } from "../../environment/clock.js";
import { codeOf, type Core } from "../context.js";
import type { HintAttachment, Hints } from "../read/watch.js";
import { type Aim, aimOf, isMeant, type ObserveFilter } from "./aim.js";
import { type Beginning, Observer, type RuntimeChanges, type Sight } from "./observer.js";
import { type JobTable, Room } from "./room.js";
import { type Holder, WatchedJob } from "./watched-job.js";

export interface ObserveOptions {
  readonly signal?: AbortSignal | undefined;
  /** Versions that the caller has: what is not newer is left out of the snapshot, what is not to be seen any more is `gone`. */
  readonly known?: Readonly<Record<string, number>> | undefined;
}

/** Everybody in this process who looks at many jobs, over one attachment to the feed. */
export interface Hub {
  observe(filter: ObserveFilter, options?: ObserveOptions): AsyncGenerator<RuntimeChanges, void>;
}

/** How often lists are read again where a feed tells of changes, and where none does. */
const LIST_EVERY_MS = 30_000;
const LIST_EVERY_MS_WITHOUT_FEED = 10_000;
/** How often unfinished jobs are read again while no feed tells of other processes; else at the pace of `watch`. */
const READ_EVERY_MS_WITHOUT_FEED = 2_000;
/** How often the log is told that reading fails. */
const TROUBLE_EVERY_MS = 30_000;
/** Looks per interval: how much later than due a read may be. */
const LOOKS = 5;

export function createHub(core: Core, hints: Hints): Hub {
  const looking = new Looking(core, hints);
  return {
    observe: (filter, options = {}) => {
      checkOptions("observe", options, ["signal", "known"]);
      const { signal, known = {} } = options;
      checkKnown(known);
      const aim = aimOf(core, filter);
      return endable((over) => looking.observe(aim, known, over), signal);
    },
  };
}

/** Most versions that a caller may say to know: as many as are shown. */
const MOST_KNOWN = 500;

function checkKnown(known: Readonly<Record<string, number>>): void {
  const entries = Object.entries(known);
  const isUsable = ([id, version]: readonly [string, unknown]): boolean =>
    ID_PATTERN.test(id) && Number.isSafeInteger(version) && (version as number) >= 0;
  if (entries.length <= MOST_KNOWN && entries.every(isUsable)) return;
  throw new WaybillError(
    "config.invalid",
    `known must map at most ${String(MOST_KNOWN)} job ids to versions.`,
  );
}

class Looking implements JobTable {
  readonly #core: Core;
  readonly #hints: Hints;
  readonly #observers = new Set<Observer>();
  readonly #jobs = new Map<string, WatchedJob>();
  readonly #rooms = new Map<string, Room>();
  /** By owner; those of anybody under `undefined`: a hint is compared with few. */
  readonly #roomsOf = new Map<string | null | undefined, Set<Room>>();
  #link: HintAttachment | null = null;
  #troubledAt = Number.NEGATIVE_INFINITY;
  #stopHearing: () => void = () => undefined;
  #cancelLook: () => void = () => undefined;

  constructor(core: Core, hints: Hints) {
    this.#core = core;
    this.#hints = hints;
  }

  /** Attaches, reads strongly, tells all there is, then what changes. @throws WaybillError `waybill.closed` */
  async *observe(
    aim: Aim,
    known: Readonly<Record<string, number>>,
    over: AbortSignal,
  ): AsyncGenerator<RuntimeChanges, void> {
    const place = aim.ids === null ? this.#enterRoom(aim, known) : this.#enterJobs(aim, aim.ids, known);
    const { observer } = place;
    const attached = this.#join(observer);
    const end = (): void => {
      observer.end();
    };
    over.addEventListener("abort", end);
    try {
      // A feed that does not answer is not waited for longer than one that lost a hint.
      await inTime(this.#core.clock, this.#core.policy.watchEveryMs, attached, undefined);
      this.#checkOpen();
      await place.read();
      yield observer.snapshot();
      while (!over.aborted) {
        this.#checkOpen();
        const changes = observer.changes();
        if (changes === null) await observer.waiting();
        else yield changes;
      }
    } finally {
      place.leave();
      this.#quit(observer);
    }
  }

  hold(id: string, holder: Holder): WatchedJob {
    let job = this.#jobs.get(id);
    if (job === undefined) {
      job = new WatchedJob(this.#core, id, (error) => {
        this.troubled(error);
      });
      this.#jobs.set(id, job);
    }
    job.holders.add(holder);
    return job;
  }

  letGo(id: string, holder: Holder): void {
    const job = this.#jobs.get(id);
    job?.holders.delete(holder);
    if (job?.holders.size === 0) this.#jobs.delete(id);
  }

  troubled(error: unknown): void {
    const now = monotonicNow(this.#core.clock);
    // Thousands of jobs share one trouble of the store.
    if (now - this.#troubledAt < TROUBLE_EVERY_MS) return;
    this.#troubledAt = now;
    this.#core.logger.warn("what is observed could not be read; it is read again", { code: codeOf(error) });
  }

  #begin(asked: readonly string[], known: Readonly<Record<string, number>>): Beginning {
    return { asked, known, isForgetful: this.#core.gateway.store.capabilities.durability === "weak" };
  }

  /** Looks at jobs by their ids. */
  #enterJobs(aim: Aim, ids: readonly string[], known: Readonly<Record<string, number>>) {
    const jobs = new Map<string, WatchedJob>();
    const sight: Sight = {
      seen: (id) => {
        const seen = jobs.get(id)?.seen;
        return seen === undefined || seen === null || !isMeant(aim, seen) ? undefined : seen;
      },
      ids: () => jobs.keys(),
    };
    const observer = new Observer(sight, this.#begin(ids, known));
    const holder: Holder = {
      byId: true,
      changed: ({ id }) => {
        observer.touched(id);
      },
    };
    // A malformed id is as unknown as none, and no store is asked for it.
    for (const id of ids) if (ID_PATTERN.test(id)) jobs.set(id, this.hold(id, holder));
    return {
      observer,
      read: async () => {
        await Promise.all([...jobs.values()].map((job) => job.fresh(true)));
        // Left out, it would be `gone`, which it is not. Of somebody else's nothing is told.
        for (const { unshowable } of jobs.values()) {
          if (unshowable !== null && isMeant(aim, unshowable)) throw unshowable.error;
        }
      },
      leave: () => {
        for (const id of jobs.keys()) this.letGo(id, holder);
      },
    };
  }

  /** Looks at the newest jobs that fit. */
  #enterRoom(aim: Aim, known: Readonly<Record<string, number>>) {
    const key = JSON.stringify([
      aim.owner === undefined ? [] : [aim.owner],
      aim.kinds,
      aim.subject ?? null,
      aim.limit,
    ]);
    const room = this.#rooms.get(key) ?? this.#openRoom(key, aim);
    const observer = new Observer(room, this.#begin([], known));
    room.lookers.add(observer);
    return {
      observer,
      read: () => room.list(true, Object.keys(known)),
      leave: () => {
        room.lookers.delete(observer);
        if (room.lookers.size > 0) return;
        this.#rooms.delete(key);
        this.#roomsOf.get(aim.owner)?.delete(room);
        if (this.#roomsOf.get(aim.owner)?.size === 0) this.#roomsOf.delete(aim.owner);
        room.close();
      },
    };
  }

  #openRoom(key: string, aim: Aim): Room {
    const room = new Room(this.#core, this, aim);
    this.#rooms.set(key, room);
    const rooms = this.#roomsOf.get(aim.owner) ?? new Set();
    this.#roomsOf.set(aim.owner, rooms.add(room));
    return room;
  }

  /** The first observer attaches for all. */
  #join(observer: Observer): Promise<void> {
    this.#observers.add(observer);
    if (this.#link === null) {
      this.#stopHearing = this.#hints.bus.onHint(null, (hint) => {
        this.#hear(hint);
      });
      this.#link = this.#hints.attach(
        () => {
          for (const each of this.#observers) each.end();
        },
        () => {
          this.#readAll();
        },
      );
      this.#lookLater();
    }
    return this.#link.attached;
  }

  /** The last one lets go for all. */
  #quit(observer: Observer): void {
    this.#observers.delete(observer);
    if (this.#observers.size > 0) return;
    this.#cancelLook();
    this.#stopHearing();
    this.#link?.letGo();
    this.#link = null;
  }

  #hear({ id, version, kind, owner, subject }: FeedHint): void {
    this.#jobs.get(id)?.hinted(version, kind);
    for (const rooms of [this.#roomsOf.get(owner), this.#roomsOf.get(undefined)]) {
      for (const room of rooms ?? []) {
        if (isMeant(room.aim, { owner, kind, subject })) room.hinted(id, version, kind);
      }
    }
  }

  /** Hints were lost: what they told of is found by reading. */
  #readAll(): void {
    for (const room of this.#rooms.values()) room.relist();
    for (const job of this.#jobs.values()) job.refresh();
  }

  #lookLater(): void {
    this.#cancelLook = this.#core.clock.timer(
      this.#readEveryMs() / LOOKS,
      () => {
        this.#look();
        this.#lookLater();
      },
      true,
    );
  }

  /** Reads again what is due: jobs that may change, and lists, for what no hint told of. */
  #look(): void {
    const now = monotonicNow(this.#core.clock);
    const readBefore = now - this.#readEveryMs();
    const listBefore = now - (this.#isTold() ? LIST_EVERY_MS : LIST_EVERY_MS_WITHOUT_FEED);
    for (const job of this.#jobs.values()) {
      // A store that lost writes takes back what was final: lists find that out, and for jobs looked at by id this.
      const dueBefore = job.seen?.isFinal === true ? listBefore : readBefore;
      if (job.readAt <= dueBefore && (job.seen?.isFinal !== true || isHeldById(job))) job.refresh();
    }
    for (const room of this.#rooms.values()) if (room.listedAt <= listBefore) room.relist();
  }

  #readEveryMs(): number {
    const { watchEveryMs } = this.#core.policy;
    return this.#isTold() ? watchEveryMs : Math.min(watchEveryMs, READ_EVERY_MS_WITHOUT_FEED);
  }

  /** Whether changes of other processes are told of, as far as one can know; where there are no others, they are. */
  #isTold(): boolean {
    return this.#link?.isUp() === true || !this.#core.gateway.store.capabilities.shared;
  }

  #checkOpen(): void {
    if (!this.#hints.isClosed()) return;
    throw new WaybillError("waybill.closed", "This Waybill was closed while jobs were observed.");
  }
}

function isHeldById(job: WatchedJob): boolean {
  return [...job.holders].some(({ byId }) => byId);
}
