import { monotonicNow } from "../../environment/clock.js";
import type { Core } from "../context.js";
import { readSeen, type Seen, type Unshowable } from "./seen.js";

/** Who must hear when a job is found changed. */
export interface Holder {
  /** It looks at the job by its id: no list would find out what became of it. */
  readonly byId?: true;
  changed(job: WatchedJob): void;
}

/**
 * One job that somebody here looks at. However many do, a change costs one read: reads of a job go one after the other, and
 * what asks for one while another is under way shares the next.
 */
export class WatchedJob {
  readonly id: string;
  /** As it was last shown; `null`: not there, or not shown yet. */
  seen: Seen | null = null;
  /** Why it could not be shown when it was last read: `seen` is of before. `null`: it could, or is not there. */
  unshowable: Unshowable | null = null;
  readAt = Number.NEGATIVE_INFINITY;
  readonly holders = new Set<Holder>();
  readonly #core: Core;
  readonly #onTrouble: (error: unknown) => void;
  #kind: string | undefined;
  /** The newest version that a hint told of since the last read began. */
  #hinted = 0;
  /** Who waits for a read that begins after they asked. */
  #asking: Asking[] = [];
  #withOutput = false;
  #isReading = false;

  /** @param onTrouble - a read for nobody in particular failed; the next one repairs it */
  constructor(core: Core, id: string, onTrouble: (error: unknown) => void) {
    this.#core = core;
    this.id = id;
    this.#onTrouble = onTrouble;
  }

  /** A hint came. A version that is seen already is late news, or a store that lost writes: the re-read tells which. */
  hinted(version: number, kind: string): void {
    this.#kind ??= kind;
    this.#hinted = Math.max(this.#hinted, version);
    this.#withOutput = true;
    if (!this.#isReading) void this.#read();
  }

  /**
   * Resolves after a strong read that began after this call, also where what was read cannot be shown.
   *
   * @param withOutput - it may be COMPLETED by now
   * @throws StoreUnavailableError
   */
  fresh(withOutput: boolean): Promise<void> {
    const asking = asked();
    this.#asking.push(asking);
    this.#withOutput ||= withOutput;
    if (!this.#isReading) void this.#read();
    return asking.promise;
  }

  /** As `fresh`, for nobody in particular. */
  refresh(): void {
    this.fresh(false).catch(this.#onTrouble);
  }

  async #read(): Promise<void> {
    this.#isReading = true;
    while (this.holders.size > 0 && (this.#asking.length > 0 || this.#hinted > (this.seen?.version ?? 0))) {
      const asking = this.#asking;
      const withOutput = this.#withOutput;
      this.#asking = [];
      this.#withOutput = false;
      // A hint of a change that the store then lost must not be waited for: what came before this read is covered by it.
      this.#hinted = 0;
      this.readAt = monotonicNow(this.#core.clock);
      try {
        this.#found(
          await readSeen(this.#core, { id: this.id, known: this.seen, kind: this.#kind, withOutput }),
        );
        for (const { resolve } of asking) resolve();
      } catch (error) {
        if (asking.length === 0) this.#onTrouble(error);
        for (const { reject } of asking) reject(error);
      }
    }
    for (const { resolve } of this.#asking) resolve();
    this.#asking = [];
    this.#isReading = false;
  }

  #found(found: Seen | Unshowable | null): void {
    const before = this.seen;
    this.unshowable = found !== null && "error" in found ? found : null;
    if (found === null || "view" in found) this.seen = found;
    else this.#core.tellUnshowable(found, found.error);
    // Also what is not there, or not to be shown, is told: a candidate that turns out to be none is let go of.
    if (found === null || found !== before) for (const holder of [...this.holders]) holder.changed(this);
  }
}

/** One who waits for a read. */
interface Asking {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

function asked(): Asking {
  let resolve: () => void = () => undefined;
  let reject: (reason: unknown) => void = () => undefined;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
