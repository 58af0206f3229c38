/** Whether a run was told to end, and why. */
export interface AbortState {
  readonly aborted: boolean;
  readonly reason: unknown;
}

/** What the parts of a run need of an `AbortSignal`: real ones fit too. */
export interface AbortListening extends AbortState {
  addEventListener(event: "abort", heard: () => void, options: { readonly once: true }): void;
  removeEventListener(event: "abort", heard: () => void): void;
}

/**
 * The end of one run, told to whoever waits in it. The handler's `AbortSignal` is made when it is first looked at: making
 * one for each job was a tenth of what a short job costs (measured), and most handlers never look.
 */
export class LazyAbortSignal implements AbortListening {
  /** Most runs end with nobody listening, nearly all others with one. */
  #first: (() => void) | null = null;
  #others: Set<() => void> | null = null;
  #controller: AbortController | null = null;
  #aborted = false;
  #reason: unknown = undefined;

  get aborted(): boolean {
    return this.#aborted;
  }

  get reason(): unknown {
    return this.#reason;
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** The first reason stays. */
  abort(reason: unknown): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#reason = reason;
    const first = this.#first;
    const others = this.#others;
    this.#first = this.#others = null;
    first?.();
    for (const heard of others ?? []) heard();
    this.#controller?.abort(reason);
  }

  addEventListener(_event: "abort", heard: () => void): void {
    if (this.#first === null) this.#first = heard;
    else (this.#others ??= new Set()).add(heard);
  }

  removeEventListener(_event: "abort", heard: () => void): void {
    if (this.#first === heard) this.#first = null;
    else this.#others?.delete(heard);
  }
}
