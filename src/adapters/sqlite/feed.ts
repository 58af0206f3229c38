import { systemClock } from "../../core/environment/clock.js";
import { WaybillError } from "../../core/errors/errors.js";
import { defineFeed, type Feed, type FeedHint, type FeedSubscription } from "../../core/ports/feed.js";
import { HintListeners } from "../../core/wire/hints/listeners.js";
import type { Connection } from "./connection.js";
import { type HintLog, hintsBehind, newestHint } from "./hints.js";

/** After a commit of another process the file is looked at again soon: more may follow. */
const SHORTEST_PAUSE_MS = 4;
/** Of an idle process: half of it is what a job waits there, and fifty looks a second are a thousandth of a core. */
const LONGEST_PAUSE_MS = 20;
const GROWTH = 1.2;

interface Parts {
  readonly connection: Connection;
  readonly log: HintLog;
  /** Opens the file, or throws. */
  readonly admit: () => Promise<void>;
}

/**
 * Hints between the processes that share a file. That another one has committed is seen without a read of the file
 * (`data_version`, 2 µs); only then is read what was noted.
 */
export function sqliteFeed(parts: Parts): Feed {
  return defineFeed(new SqliteFeed(parts));
}

class SqliteFeed implements Feed {
  readonly #parts: Parts;
  readonly #listeners = new HintListeners();
  /** How to stop; a promise until the place to read from is known. */
  #looking: Promise<void> | null = null;
  #cancel: () => void = () => undefined;
  #pauseMs = SHORTEST_PAUSE_MS;
  #dataVersion: number | null = null;
  #upTo = 0;
  #closed = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async publish(hints: readonly FeedHint[]): Promise<void> {
    this.#checkOpen();
    if (hints.length === 0) return;
    const { connection, log, admit } = this.#parts;
    await admit();
    await connection.write((session) => {
      log.told(session, hints);
    });
  }

  async subscribe(
    listener: (hint: FeedHint) => void,
    options: FeedSubscription = {},
  ): Promise<() => Promise<void>> {
    this.#checkOpen();
    const leave = this.#listeners.add(listener, options);
    const looking = (this.#looking ??= this.#begin());
    try {
      await looking;
    } catch (error) {
      leave();
      if (this.#looking === looking) this.#looking = null;
      throw error;
    }
    return async () => {
      leave();
      if (this.#listeners.size === 0) this.#stop();
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#listeners.clear();
    this.#stop();
  }

  async #begin(): Promise<void> {
    const { connection, admit } = this.#parts;
    await admit();
    this.#dataVersion = connection.dataVersion();
    this.#upTo = await connection.read(newestHint);
    this.#pauseMs = SHORTEST_PAUSE_MS;
    if (this.#listeners.size > 0) this.#lookLater();
  }

  #stop(): void {
    this.#cancel();
    this.#looking = null;
  }

  #lookLater(): void {
    this.#cancel();
    this.#cancel = systemClock.timer(this.#pauseMs, () => void this.#look());
  }

  async #look(): Promise<void> {
    const looking = this.#looking;
    try {
      const dataVersion = this.#parts.connection.dataVersion();
      if (dataVersion !== this.#dataVersion) {
        await this.#read();
        this.#dataVersion = dataVersion;
        this.#pauseMs = SHORTEST_PAUSE_MS;
      } else this.#pauseMs = Math.min(LONGEST_PAUSE_MS, this.#pauseMs * GROWTH);
    } catch {
      // The file is locked, or in trouble: whoever needs it says so.
      this.#pauseMs = LONGEST_PAUSE_MS;
    }
    if (this.#looking === looking && looking !== null && !this.#closed) this.#lookLater();
  }

  async #read(): Promise<void> {
    for (let more = true; more;) {
      const read = await this.#parts.connection.read((session) => hintsBehind(session, this.#upTo));
      this.#upTo = read.upTo;
      more = read.more;
      this.#listeners.tell(read.hints);
      if (read.gap) this.#listeners.gap();
    }
  }

  #checkOpen(): void {
    if (this.#closed) throw new WaybillError("waybill.closed", "The feed of the SQLite store was closed.");
  }
}
