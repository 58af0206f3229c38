import { monotonicNow } from "../../environment/clock.js";
import { type Aim, isMeant } from "./aim.js";
import type { Core } from "../context.js";
import type { ListReply, StoredJob } from "../../ports/store.js";
import { printOf, type Seen } from "./seen.js";
import type { Holder, WatchedJob } from "./watched-job.js";

/** Who looks into a room. */
export interface RoomLooker {
  /** A job of the room is there, changed, or is not in it any more. */
  touched(id: string): void;
}

/** The table of watched jobs, as a room uses it. */
export interface JobTable {
  hold(id: string, holder: Holder): WatchedJob;
  letGo(id: string, holder: Holder): void;
  /** Something was read for nobody in particular, and failed. */
  troubled(error: unknown): void;
}

/** Most that a store is asked to list at once. */
const PAGE = 100;

/**
 * The newest jobs that fit an aim, shared by all who look at the same. Lists say which jobs there may be; a strong read of
 * each decides.
 */
export class Room implements Holder {
  readonly aim: Aim;
  readonly lookers = new Set<RoomLooker>();
  listedAt = Number.NEGATIVE_INFINITY;
  readonly #core: Core;
  readonly #table: JobTable;
  /** Held: members, and candidates that are not read yet. */
  readonly #held = new Map<string, WatchedJob>();
  readonly #members = new Map<string, Seen>();
  #listing: Promise<void> | null = null;
  #next: { readonly listing: Promise<void>; isStrong: boolean } | null = null;

  constructor(core: Core, table: JobTable, aim: Aim) {
    this.#core = core;
    this.#table = table;
    this.aim = aim;
  }

  /** The jobs of the room, as they were last seen. */
  seen(id: string): Seen | undefined {
    return this.#members.get(id);
  }

  ids(): Iterable<string> {
    return this.#members.keys();
  }

  /** A hint came of a job that fits, by what it says. */
  hinted(id: string, version: number, kind: string): void {
    this.#hold(id).hinted(version, kind);
  }

  changed(job: WatchedJob): void {
    const { id, seen, unshowable } = job;
    // What cannot be shown keeps nobody from the other jobs.
    if (seen === null || unshowable !== null || !isMeant(this.aim, seen)) {
      this.#remove(id);
      return;
    }
    this.#members.set(id, seen);
    if (this.#members.size > this.aim.limit) {
      const [oldest] = [...this.#members.values()].sort(oldestFirst);
      if (oldest !== undefined) this.#remove(oldest.id);
    }
    this.#tell(id);
  }

  /**
   * Lists anew: a listing that begins after this call.
   *
   * @param isStrong - reads each job, also those that look unchanged
   * @throws StoreUnavailableError
   */
  list(isStrong: boolean, known: Iterable<string> = []): Promise<void> {
    for (const id of known) this.#hold(id);
    if (this.#next !== null) {
      this.#next.isStrong ||= isStrong;
      return this.#next.listing;
    }
    const listing = this.#afterThisOne();
    this.#next = { listing, isStrong };
    return listing;
  }

  /** Resolves when the listing after the one that is under way is done. */
  async #afterThisOne(): Promise<void> {
    await this.#listing?.catch(() => undefined);
    const isStrong = this.#next?.isStrong ?? true;
    this.#next = null;
    this.#listing = this.#listNow(isStrong);
    await this.#listing;
  }

  /** As `list`, for nobody in particular. */
  relist(): void {
    this.list(false).catch((error: unknown) => {
      this.#table.troubled(error);
    });
  }

  /** Nobody looks any more. */
  close(): void {
    for (const id of this.#held.keys()) this.#table.letGo(id, this);
    this.#held.clear();
    this.#members.clear();
  }

  async #listNow(isStrong: boolean): Promise<void> {
    this.listedAt = monotonicNow(this.#core.clock);
    const listed = await listJobs(this.#core, this.aim);
    const byId = new Map(listed.map((stored) => [stored.record.id, stored]));
    const ids = new Set([...byId.keys(), ...this.#held.keys()]);
    await Promise.all([...ids].map((id) => this.#check(id, byId.get(id), isStrong)));
  }

  /** Reads a job of the list, or one that the list does not have any more, unless nothing about it is new. */
  async #check(id: string, listed: StoredJob | undefined, isStrong: boolean): Promise<void> {
    // While the list was made the last looker may have left.
    if (this.lookers.size === 0) return;
    const job = this.#hold(id);
    const isUnchanged = listed !== undefined && job.seen?.print === printOf(listed.record);
    if (isStrong || !isUnchanged) await job.fresh(listed?.record.status === "COMPLETED");
    // What others had read before this room held it is told to nobody again.
    if (job.seen !== null && this.#held.has(id) && !this.#members.has(id)) this.changed(job);
  }

  #hold(id: string): WatchedJob {
    const held = this.#held.get(id);
    if (held !== undefined) return held;
    const job = this.#table.hold(id, this);
    this.#held.set(id, job);
    return job;
  }

  #remove(id: string): void {
    this.#members.delete(id);
    this.#held.delete(id);
    this.#table.letGo(id, this);
    this.#tell(id);
  }

  #tell(id: string): void {
    for (const looker of this.lookers) looker.touched(id);
  }
}

/** As lists are ordered, from the far end. */
function oldestFirst(a: Seen, b: Seen): number {
  return a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1);
}

/** The newest jobs that fit, page by page: a page may be short before the last. Neither input nor output is read. */
async function listJobs(core: Core, { owner, kinds, subject, limit }: Aim): Promise<readonly StoredJob[]> {
  if (kinds.length === 0) return [];
  const found: StoredJob[] = [];
  let after: ListReply["next"] = null;
  do {
    const place: ListReply["next"] = after;
    const page: ListReply = await core.gateway.call("list", (store, request) =>
      store.list({
        ...request,
        kinds,
        limit: Math.min(PAGE, limit - found.length),
        ...(owner === undefined ? {} : { owner }),
        ...(subject === undefined ? {} : { subject }),
        ...(place === null ? {} : { after: place }),
      }),
    );
    found.push(...page.jobs);
    after = page.next;
  } while (after !== null && found.length < limit);
  return found;
}
