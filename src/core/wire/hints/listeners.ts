import type { FeedHint, FeedSubscription } from "../../ports/feed.js";
import { decodeHints } from "../hints.js";

type Listener = (hint: FeedHint) => void;

interface Listening {
  readonly listener: Listener;
  readonly onGap: (() => void) | undefined;
}

/** Who listens at one end of a feed. A listener that throws hurts neither the others nor the link. */
export class HintListeners {
  readonly #all = new Set<Listening>();

  get size(): number {
    return this.#all.size;
  }

  /** @returns how to stop; safe to call twice */
  add(listener: Listener, { onGap }: FeedSubscription = {}): () => void {
    // An entry of its own for each: one function may be passed twice.
    const entry: Listening = { listener, onGap };
    this.#all.add(entry);
    return () => {
      this.#all.delete(entry);
    };
  }

  /** A payload came, from anybody. Where nobody listens it is not even read. */
  hear(payload: string): void {
    if (this.#all.size > 0) this.tell(decodeHints(payload).hints);
  }

  tell(hints: readonly FeedHint[]): void {
    for (const entry of [...this.#all]) {
      for (const hint of hints) {
        // It may have left in the middle.
        if (this.#all.has(entry))
          isolated(() => {
            entry.listener(hint);
          });
      }
    }
  }

  /** Hints were lost, and the link works again. */
  gap(): void {
    for (const { onGap } of [...this.#all]) if (onGap !== undefined) isolated(onGap);
  }

  clear(): void {
    this.#all.clear();
  }
}

function isolated(call: () => void): void {
  try {
    call();
  } catch {
    // A listener's error is its own affair.
  }
}
