import { EventEmitter } from "eventemitter3";
import type { EventType, ServerEvent } from "../../job/event.js";
import { callHook } from "../../environment/hook.js";
import type { Logger } from "../../environment/logger.js";
import { neutralContext } from "../../environment/neutral-context.js";
import type { FeedHint } from "../../ports/feed.js";
import { count, type Telemetry } from "../../environment/telemetry.js";
import { framesOf } from "../run/stack.js";

type Listener = (event: ServerEvent) => void;
type HintListener = (hint: FeedHint) => void;

/** Those who hear. Who is told may stop listening, or another begin, meanwhile: a set takes both. */
class Ears {
  readonly #listeners = new Set<{ readonly hear: HintListener }>();
  readonly #troubled: (error: unknown) => void;

  constructor(troubled: (error: unknown) => void) {
    this.#troubled = troubled;
  }

  get size(): number {
    return this.#listeners.size;
  }

  /** @returns how to stop */
  add(hear: HintListener): () => void {
    // One of its own for each: two may pass the same function.
    const listener = { hear };
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  tell(hint: FeedHint): void {
    for (const { hear } of this.#listeners) {
      try {
        hear(hint);
      } catch (error) {
        this.#troubled(error);
      }
    }
  }

  clear(): void {
    this.#listeners.clear();
  }
}

/** What happens in this process, for those who listen here. Delivered after the change is stored; nothing is kept. */
export interface Bus {
  /** Calls `listener` for every event of a type, whoever made it in this process. Returns how to stop. */
  on(type: EventType, listener: Listener): () => void;
  /** Whether anybody would hear an event: building it is saved otherwise. */
  hears(type: EventType): boolean;
  /** Whether anybody listens for any. */
  hearsAny(): boolean;
  emit(event: ServerEvent): void;
  /** Hears of every change of one job (`id`), or of all. Returns how to stop. */
  onHint(id: string | null, listener: HintListener): () => void;
  /**
   * Hears of every change, in the context of whoever made it: for parts that begin nothing in it but by the clock, since to
   * leave it costs more than what they do. Returns how to stop.
   */
  onEveryHint(listener: HintListener): () => void;
  hint(hint: FeedHint): void;
  close(): void;
}

export function createBus(logger: Logger, telemetry: Telemetry): Bus {
  const events = new EventEmitter<Record<string, [ServerEvent]>>();
  // What happened is not the affair of whoever made it happen: his context is not lent to listeners.
  const neutral = neutralContext();

  /** A listener that throws is its owner's fault and nobody else's trouble. */
  const troubled = (error: unknown): void => {
    count(telemetry, "listener_error");
    logger.error("a listener threw", framesOf(error));
  };

  // A map, not an emitter: there are as many names as jobs, and hardly ever a listener for one.
  const earsOf = new Map<string, Ears>();
  const earsOfAll = new Ears(troubled);
  const earsWithin = new Ears(troubled);

  return {
    on(type, listener) {
      // What it returns may be a promise, whatever its type says.
      const called: (event: ServerEvent) => unknown = listener;
      const safe = (event: ServerEvent): void => {
        callHook(() => called(event), troubled);
      };
      events.on(type, safe);
      return () => {
        events.off(type, safe);
      };
    },
    hears: (type) => events.listenerCount(type) > 0,
    hearsAny: () => events.eventNames().length > 0,
    emit(event) {
      neutral(() => events.emit(event.type, event));
    },
    onHint(id, listener) {
      if (id === null) return earsOfAll.add(listener);
      const ears = earsOf.get(id) ?? new Ears(troubled);
      earsOf.set(id, ears);
      const stop = ears.add(listener);
      return () => {
        stop();
        if (ears.size === 0 && earsOf.get(id) === ears) earsOf.delete(id);
      };
    },
    onEveryHint: (listener) => earsWithin.add(listener),
    hint(hint) {
      earsWithin.tell(hint);
      const ears = earsOf.get(hint.id);
      if (ears === undefined && earsOfAll.size === 0) return;
      neutral(() => {
        ears?.tell(hint);
        earsOfAll.tell(hint);
      });
    },
    close() {
      events.removeAllListeners();
      earsOf.clear();
      earsOfAll.clear();
      earsWithin.clear();
    },
  };
}
