/** What a client is told when no answer came: the call may or may not have taken effect. */
export class NoAnswer extends Error {
  readonly applied: boolean;
  constructor(applied: boolean) {
    super("The store did not answer in time.");
    this.applied = applied;
  }
}

/** A place where a process stops. */
export interface Held {
  /** Whether it has come that far. */
  readonly reached: boolean;
  release(): void;
}

interface Hold {
  readonly from: number;
  reached: boolean;
  readonly released: Promise<void>;
}

/** The way of one process to its store. Calls are counted alike for every build: one call, one round trip. */
export class Link {
  #calls = 0;
  #hold: Hold | null = null;
  readonly #lost = new Map<number, { reached: boolean }>();
  #cut = false;
  #thawed: { readonly promise: Promise<void>; readonly resolve: () => void } | null = null;

  /** Keeps the n-th call from now (from 1), and all that follow, before they reach the store. */
  holdFrom(n: number): Held {
    const { promise, resolve } = latch();
    const hold: Hold = { from: this.#calls + n, reached: false, released: promise };
    this.#hold = hold;
    return {
      get reached() {
        return hold.reached;
      },
      release: resolve,
    };
  }

  /** The n-th call from now takes effect, and its answer is lost. */
  loseAnswerAt(n: number): { readonly reached: boolean } {
    const loss = { reached: false };
    this.#lost.set(this.#calls + n, loss);
    return loss;
  }

  /** Nothing reaches the store until `mend`. */
  cut(): void {
    this.#cut = true;
  }

  mend(): void {
    this.#cut = false;
  }

  freeze(): void {
    this.#thawed ??= latch();
  }

  thaw(): void {
    this.#thawed?.resolve();
    this.#thawed = null;
  }

  /** Carries one call. @throws NoAnswer */
  async carry<T>(call: () => Promise<T>): Promise<T> {
    this.#calls += 1;
    const place = this.#calls;
    const hold = this.#hold;
    if (hold !== null && place >= hold.from) {
      hold.reached = true;
      await hold.released;
    }
    await this.#thawed?.promise;
    if (this.#cut) throw new NoAnswer(false);
    const answer = await call();
    // A process that stands still hears the answer when it goes on.
    await this.#thawed?.promise;
    const loss = this.#lost.get(place);
    if (loss === undefined) return answer;
    loss.reached = true;
    throw new NoAnswer(true);
  }
}

function latch(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
