import { codeOf, type Core } from "../context.js";
import type { Snapshot } from "../../job/record.js";

/** Read in one call. */
const AT_ONCE = 100;
/** Beyond it a hint is dropped: the reconciler finds what it told of. */
const MOST_WAITING = 10_000;

/**
 * Reads the jobs that hints tell of and passes them on. Hints that come while a read is under way share the next one; a
 * read that fails is not repeated, since the wake-up of a record leads the reconciler to it.
 */
export class HintedJobs {
  readonly #core: Core;
  readonly #pass: (snapshot: Snapshot) => void;
  readonly #waiting = new Set<string>();
  #reading: Promise<void> | null = null;
  #failed = false;

  constructor(core: Core, pass: (snapshot: Snapshot) => void) {
    this.#core = core;
    this.#pass = pass;
  }

  hear(id: string): void {
    if (this.#waiting.size >= MOST_WAITING) return;
    this.#waiting.add(id);
    this.#reading ??= new Promise<void>((resolve) => {
      this.#core.clock.defer(resolve);
    }).then(() => this.#drain());
  }

  /** Resolves when every hint heard so far was read, or could not be. */
  async idle(): Promise<void> {
    await this.#reading;
  }

  async #drain(): Promise<void> {
    while (this.#waiting.size > 0) {
      const ids = [...this.#waiting].slice(0, AT_ONCE);
      for (const id of ids) this.#waiting.delete(id);
      await Promise.all(ids.map((id) => this.#read(id)));
    }
    this.#reading = null;
  }

  async #read(id: string): Promise<void> {
    try {
      const stored = await this.#core.gateway.read(id);
      this.#failed = false;
      if (stored !== null) this.#pass(stored);
    } catch (error) {
      if (!this.#failed)
        this.#core.logger.warn("hinted jobs could not be read; what is due to notifiers is found later", {
          code: codeOf(error),
        });
      this.#failed = true;
    }
  }
}
