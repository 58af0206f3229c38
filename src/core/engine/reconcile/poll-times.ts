import type { FeedHint } from "../../ports/feed.js";
import type { StoredJob } from "../../ports/store.js";
import type { JobRecord } from "../../job/record.js";
import type { Handlers } from "./record.js";

/** Beyond it a job's next poll is found by the passes, some seconds late. */
const MOST_KNOWN = 10_000;
/** The store's clock is known to a round trip: looked for this much later, what is due here is due there. */
const CLOCK_MARGIN_MS = 20;

interface NextPoll {
  readonly kind: string;
  readonly at: number;
  readonly version: number;
}

/**
 * When the next polls are due of which this process has heard: those of work that it tracked, looked at, or was told of.
 * The wake-up index finds all of them; asked every few seconds, it finds them late, and asked all the time it costs a read
 * for nothing. Instants are the store's.
 */
export class PollTimes {
  readonly #read: (id: string) => Promise<Pick<StoredJob, "record"> | null>;
  readonly #next = new Map<string, NextPoll>();
  readonly #listeners = new Set<() => void>();

  /** @param read - one job, as it is stored */
  constructor(read: (id: string) => Promise<Pick<StoredJob, "record"> | null>) {
    this.#read = read;
  }

  /** A change that is stored. Nothing is kept while nobody polls here. */
  note({ id, kind, version, awaiting, poll }: JobRecord): void {
    if (this.#listeners.size === 0) return;
    if (awaiting === null) {
      this.#next.delete(id);
      return;
    }
    if (this.#next.size >= MOST_KNOWN && !this.#next.has(id)) return;
    this.#next.set(id, { kind, version, at: poll?.until ?? awaiting.nextPollAt });
    for (const listener of this.#listeners) listener();
  }

  /** A change of another process, such as an event that brings a poll nearer: a hint does not say what, so it is read. */
  hear({ id, version }: Pick<FeedHint, "id" | "version">): void {
    const known = this.#next.get(id);
    if (known === undefined || known.version >= version) return;
    this.#next.set(id, { ...known, version });
    this.#read(id).then(
      (stored) => {
        if (stored === null) this.#next.delete(id);
        else this.note(stored.record);
      },
      // What could not be read is found by the passes.
      () => undefined,
    );
  }

  /** From when on the next poll of these kinds is to be looked for; `null`: none is known. */
  nextAt(handlers: Handlers): number | null {
    let earliest: number | null = null;
    for (const { kind, at } of this.#next.values()) {
      if ((earliest === null || at < earliest) && handlers.has(kind)) earliest = at;
    }
    return earliest === null ? null : earliest + CLOCK_MARGIN_MS;
  }

  /** What was to be looked for until then has been: it was found, or is another process's by now. */
  lookedAt(now: number): void {
    for (const [id, { at }] of this.#next) if (at + CLOCK_MARGIN_MS <= now) this.#next.delete(id);
  }

  /** Hears that an instant has changed, and keeps them known. Returns how to stop. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#next.clear();
    };
  }
}
