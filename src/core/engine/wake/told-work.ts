import type { Clock } from "../../clock.js";
import type { FeedHint } from "../../ports/feed.js";

interface ToldWorkOptions {
  readonly clock: Clock;
  /** The store's time, which says what is due. */
  readonly now: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** When a job must be acted on; `null`: no more; `undefined`: it is none of this worker's. */
  readonly instantOf: (hint: FeedHint) => number | null | undefined;
  /** There is work to be asked for. */
  readonly wake: () => void;
}

/** Work in the store that this worker was told of, until somebody takes it. */
export interface ToldWork {
  readonly hear: (hint: FeedHint) => void;
  /** The store is being asked: what is due by now is no more to be woken for. */
  readonly asked: () => void;
  /** What the store answered. */
  answered(jobs: number): void;
  stop(): void;
}

/** Beyond it nothing is remembered: such a backlog is found by asking. */
const MOST_REMEMBERED = 1_000;
const SHORTEST_SPREAD_MS = 2;
const LONGEST_SPREAD_MS = 50;

/**
 * Decides when an idle worker asks for work that it was told of. All workers of a fleet are told, and one is enough: who
 * came in vain waits the next time, by chance and twice as long at most, and hears meanwhile that the job was taken; who
 * got something waits half as long. So one of them is always quick, and the others are quiet.
 */
export function createToldWork(options: ToldWorkOptions): ToldWork {
  return new Told(options);
}

const NEVER = Number.POSITIVE_INFINITY;

class Told implements ToldWork {
  readonly #options: ToldWorkOptions;
  readonly #due = new Map<string, number>();
  #spreadMs = 0;
  #isWoken = false;
  #armedFor = NEVER;
  #cancel: () => void = () => undefined;

  constructor(options: ToldWorkOptions) {
    this.#options = options;
  }

  readonly hear = (hint: FeedHint): void => {
    const at = this.#options.instantOf(hint);
    if (at === undefined) return;
    if (at === null) this.#due.delete(hint.id);
    else if (this.#due.size < MOST_REMEMBERED || this.#due.has(hint.id)) {
      this.#due.set(hint.id, at);
      this.#arm(at);
    }
  };

  readonly asked = (): void => {
    const now = this.#options.now();
    for (const [id, at] of this.#due) if (at <= now) this.#due.delete(id);
    if (this.#armedFor > now && this.#armedFor < NEVER) return;
    this.#disarm();
    if (this.#due.size > 0) this.#arm(Math.min(...this.#due.values()));
  };

  answered(jobs: number): void {
    if (!this.#isWoken) return;
    this.#isWoken = false;
    this.#spreadMs =
      jobs > 0
        ? Math.floor(this.#spreadMs / 2)
        : Math.min(LONGEST_SPREAD_MS, Math.max(SHORTEST_SPREAD_MS, this.#spreadMs * 2));
  }

  stop(): void {
    this.#due.clear();
    this.#disarm();
  }

  #arm(at: number): void {
    if (at >= this.#armedFor) return;
    this.#cancel();
    this.#armedFor = at;
    const { clock, now, random } = this.#options;
    const waitMs = Math.max(0, Math.ceil(at - now())) + Math.floor(this.#spreadMs * random());
    const ring = (): void => {
      this.#ring();
    };
    if (waitMs === 0) ring();
    else this.#cancel = clock.timer(waitMs, ring, true);
  }

  #ring(): void {
    this.#disarm();
    const now = this.#options.now();
    const instants = [...this.#due.values()];
    if (instants.some((at) => at <= now)) {
      this.#isWoken = true;
      this.#options.wake();
    }
    const next = Math.min(...instants.filter((at) => at > now));
    if (next < NEVER) this.#arm(next);
  }

  #disarm(): void {
    this.#cancel();
    this.#cancel = () => undefined;
    this.#armedFor = NEVER;
  }
}
