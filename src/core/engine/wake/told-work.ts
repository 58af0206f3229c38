import type { Clock } from "../../environment/clock.js";
import type { FeedHint } from "../../ports/feed.js";
import type { NextReady } from "../../ports/store.js";

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
  /** What the store answered. @param next - what it says is ready next: as good as being told of it */
  answered(jobs: number, next?: NextReady | null): void;
  stop(): void;
}

/** Beyond it nothing is remembered: such a backlog is found by asking. */
const MOST_REMEMBERED = 1_000;
const SHORTEST_SPREAD_MS = 2;
const LONGEST_SPREAD_MS = 50;
/**
 * The store's time is known here to within a part of a round trip. Who asks at the very instant may be early by the store's own
 * clock, and is told that nothing is due: so long after it, it is asked once more.
 */
const CLOCKS_DIFFER_MS = 100;

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
  /** What the store is being asked for. */
  readonly #asked = new Map<string, number>();
  /** What is asked for once more. */
  readonly #doubted = new Set<string>();
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
    this.#asked.delete(hint.id);
    this.#doubted.delete(hint.id);
    if (at === null) this.#due.delete(hint.id);
    else this.#remember(hint.id, at);
  };

  readonly asked = (): void => {
    const now = this.#options.now();
    this.#asked.clear();
    for (const [id, at] of this.#due) {
      if (at > now) continue;
      this.#due.delete(id);
      this.#asked.set(id, at);
    }
    if (this.#armedFor > now && this.#armedFor < NEVER) return;
    this.#disarm();
    if (this.#due.size > 0) this.#arm(Math.min(...this.#due.values()));
  };

  answered(jobs: number, next: NextReady | null = null): void {
    if (jobs === 0) this.#askOnceMore();
    else for (const id of this.#asked.keys()) this.#doubted.delete(id);
    this.#asked.clear();
    if (next !== null) this.#toCome(next);
    if (!this.#isWoken) return;
    this.#isWoken = false;
    this.#spreadMs =
      jobs > 0
        ? Math.floor(this.#spreadMs / 2)
        : Math.min(LONGEST_SPREAD_MS, Math.max(SHORTEST_SPREAD_MS, this.#spreadMs * 2));
  }

  stop(): void {
    this.#due.clear();
    this.#asked.clear();
    this.#doubted.clear();
    this.#disarm();
  }

  /** Whether there was room for it. */
  #remember(id: string, at: number): boolean {
    if (this.#due.size >= MOST_REMEMBERED && !this.#due.has(id)) return false;
    this.#due.set(id, at);
    this.#arm(at);
    return true;
  }

  #askOnceMore(): void {
    const now = this.#options.now();
    for (const [id, at] of this.#asked) {
      if (this.#doubted.delete(id) || now - at >= CLOCKS_DIFFER_MS) continue;
      if (this.#remember(id, at + CLOCKS_DIFFER_MS)) this.#doubted.add(id);
    }
  }

  /** Said to be to come by the store's clock: where it is past by this one, it is not asked for without rest. */
  #toCome({ id, readyAt }: NextReady): void {
    if (this.#due.has(id)) return;
    const now = this.#options.now();
    this.#remember(id, readyAt > now ? readyAt : now + CLOCKS_DIFFER_MS);
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
