import type { Clock } from "../../src/core/environment/clock.js";
import { seededRandom } from "../../src/testing/seeded-ids.js";
import { EventHeap, type Owner, type Scheduled } from "./events.js";

/** What a monitor saw that must never be. */
export interface Violation {
  readonly rule: string;
  readonly text: string;
  readonly step: number;
}

const START_MS = Date.UTC(2025, 0, 1);

const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

/**
 * One thread, one clock, one source of chance. A step is one event: a timer of a process, work that it deferred, a request
 * that arrives, an answer that comes back. Between two steps every promise continuation has run, so a crash between
 * steps can fall between any two effects of a process.
 */
export class World {
  readonly random: () => number;
  readonly injected: Record<string, number> = {};
  readonly violations: Violation[] = [];
  now = START_MS;
  steps = 0;
  readonly #heap = new EventHeap();
  readonly #deferred: Scheduled[] = [];
  readonly #lines: string[] = [];
  readonly #keptLines: number;
  #hash = 0x811c9dc5;
  #order = 0;

  /** @param keptLines - how much of the trace is kept */
  constructor(seed: number, keptLines = 40) {
    this.random = seededRandom(seed);
    this.#keptLines = keptLines;
  }

  chance(probability: number): boolean {
    return probability > 0 && this.random() < probability;
  }

  /** A whole number from `least` to `most`. */
  between(least: number, most: number): number {
    return least + Math.floor(this.random() * (most - least + 1));
  }

  pick<T>(from: readonly T[]): T {
    const found = from[Math.floor(this.random() * from.length)];
    if (found === undefined) throw new RangeError("nothing to pick from");
    return found;
  }

  /** Counts a fault that took place. */
  count(fault: string): void {
    this.injected[fault] = (this.injected[fault] ?? 0) + 1;
  }

  fail(rule: string, text: string): void {
    this.violations.push({ rule, text, step: this.steps });
    this.trace(`VIOLATION ${rule} ${text}`);
  }

  trace(text: string): void {
    const line = `${String(this.steps)} ${String(this.now - START_MS)} ${text}`;
    for (let index = 0; index < line.length; index += 1) {
      this.#hash = Math.imul(this.#hash ^ line.charCodeAt(index), 0x01000193);
    }
    this.#lines.push(line);
    if (this.#lines.length > 2 * this.#keptLines) this.#lines.splice(0, this.#keptLines);
  }

  /** Of every line so far: equal hashes, equal runs. */
  hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, "0");
  }

  lastLines(): readonly string[] {
    return this.#lines.slice(-this.#keptLines);
  }

  after(ms: number, to: Owner | null, run: () => void): () => void {
    const event: Scheduled = {
      at: this.now + Math.max(0, Math.ceil(ms)),
      order: this.#order++,
      run,
      to,
      cancelled: false,
    };
    this.#heap.push(event);
    return () => {
      event.cancelled = true;
    };
  }

  /** The clock of one process, off by what `skewMs` says at the moment. */
  clockOf(owner: Owner, skewMs: () => number): Clock {
    return {
      now: () => this.now + skewMs(),
      timer: (ms, fn) => this.after(ms, owner, fn),
      defer: (run) => {
        this.#deferred.push({ at: this.now, order: this.#order++, run, to: owner, cancelled: false });
      },
    };
  }

  /** The clock of what belongs to no process: brokers, receivers. */
  readonly clock: Clock = {
    now: () => this.now,
    timer: (ms, fn) => this.after(ms, null, fn),
    defer: (run) => {
      this.#deferred.push({ at: this.now, order: this.#order++, run, to: null, cancelled: false });
    },
  };

  resume(owner: Owner): void {
    const held = owner.held ?? [];
    owner.held = null;
    for (const event of held) this.#deferred.push(event);
  }

  /** Runs until `enough`, or until nothing is left to happen. Violations end it at once. */
  async run(enough: () => boolean): Promise<void> {
    await turn();
    while (this.violations.length === 0 && !enough()) {
      const event = this.#next();
      if (event === undefined) return;
      if (event.cancelled || event.to?.alive === false) continue;
      if (event.at > this.now) this.now = event.at;
      if (event.to !== null && event.to.held !== null) {
        event.to.held.push(event);
        continue;
      }
      this.steps += 1;
      event.run();
      await turn();
    }
  }

  #next(): Scheduled | undefined {
    return this.#deferred.shift() ?? this.#heap.pop();
  }
}
