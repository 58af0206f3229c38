import type { Ended } from "./evidence.js";

/** One life of a worker, as the nemesis holds it. */
export interface Life {
  readonly name: string;
  /** Resolves when it works; also when it ends before that. */
  readonly ready: Promise<void>;
  /** Ends it at once, wherever it is. */
  readonly kill: () => void;
  /** Nothing of it happens until `thaw`. */
  readonly freeze: () => void;
  readonly thaw: () => void;
  /** Tells it to stop in good order. */
  readonly stop: () => void;
  /** Takes its every connection to the store for something else, for longer than a lease. Left out where it has none. */
  readonly exhaust?: () => void;
  /** Resolves when nothing of it is left; `said`: why, where nobody ended it. */
  readonly ended: Promise<{ readonly said: string | null }>;
}

/** Begins lives: processes, or what stands for them. */
export type Begin = (name: string, seed: number) => Life;

interface Slot {
  readonly name: string;
  lives: number;
  life: Life;
  ready: boolean;
  frozen: boolean;
  /** Somebody is ending it. */
  doomed: Ended["by"] | null;
}

/** Some workers, each begun again as soon as it has ended. */
export class Workers {
  readonly ended: Ended[] = [];
  readonly #slots: Slot[];
  readonly #begin: Begin;
  readonly #seed: number;
  #over = false;

  constructor(begin: Begin, names: readonly string[], seed: number) {
    this.#begin = begin;
    this.#seed = seed;
    this.#slots = names.map((name) => this.#newSlot(name));
  }

  async allReady(): Promise<void> {
    await Promise.all(this.#slots.map(({ life }) => life.ready));
  }

  /** What there are, by the first letters of their names. */
  get roles(): readonly string[] {
    return [...new Set(this.#slots.map(({ name }) => name.slice(0, 1)))];
  }

  /** Those of a role that are at it now. */
  candidates(role: string): readonly string[] {
    return this.#slots
      .filter(({ ready, frozen, doomed }) => ready && !frozen && doomed === null)
      .map(({ name }) => name)
      .filter((name) => name.startsWith(role));
  }

  /** The name of the life that a worker is in. */
  lifeOf(name: string): string {
    return this.#slot(name).life.name;
  }

  /** Resolves when it is gone, and its follower begun. */
  async kill(name: string): Promise<void> {
    const slot = this.#slot(name);
    slot.doomed = "kill";
    const { life } = slot;
    life.kill();
    await life.ended;
  }

  freeze(name: string, forMs: number): void {
    const slot = this.#slot(name);
    const { life } = slot;
    slot.frozen = true;
    life.freeze();
    setTimeout(() => {
      if (slot.life !== life) return;
      slot.frozen = false;
      life.thaw();
    }, forMs);
  }

  /** Stops one in good order; its follower begins when it has ended. */
  stopOne(name: string): void {
    const slot = this.#slot(name);
    slot.doomed = "stop_orderly";
    slot.life.stop();
  }

  exhaust(name: string): void {
    this.#slot(name).life.exhaust?.();
  }

  /** Ends all, for good. */
  async end(): Promise<void> {
    this.#over = true;
    for (const slot of this.#slots) {
      slot.doomed ??= "kill";
      slot.life.kill();
    }
    await Promise.all(this.#slots.map(({ life }) => life.ended));
  }

  #slot(name: string): Slot {
    const slot = this.#slots.find((one) => one.name === name);
    if (slot === undefined) throw new Error(`no worker ${name}`);
    return slot;
  }

  #newSlot(name: string): Slot {
    const slot: Slot = {
      name,
      lives: 0,
      life: this.#begin(`${name}.1`, this.#seedOf(name, 1)),
      ready: false,
      frozen: false,
      doomed: null,
    };
    slot.lives = 1;
    this.#follow(slot);
    return slot;
  }

  #seedOf(name: string, life: number): number {
    return this.#seed * 1_000_000 + Number(name.slice(1)) * 10_000 + life;
  }

  #follow(slot: Slot): void {
    const { life } = slot;
    void life.ready.then(() => {
      if (slot.life === life) slot.ready = true;
    });
    void life.ended.then(({ said }) => {
      if (!this.#over || said !== null) this.#note(slot, said);
      if (this.#over) return;
      slot.lives += 1;
      slot.ready = false;
      slot.frozen = false;
      slot.doomed = null;
      slot.life = this.#begin(`${slot.name}.${slot.lives}`, this.#seedOf(slot.name, slot.lives));
      this.#follow(slot);
    });
  }

  #note({ life, doomed }: Slot, said: string | null): void {
    const by = doomed ?? "itself";
    // One that was told to stop must end well, too.
    const badly = by === "stop_orderly" && said !== null;
    const text = said ?? "nothing";
    this.ended.push({
      life: life.name,
      at: Date.now(),
      by: badly ? "itself" : by,
      ...(by === "itself" || badly ? { said: text } : {}),
    });
  }
}
