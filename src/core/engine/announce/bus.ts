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
  hint(hint: FeedHint): void;
  close(): void;
}

const EVERY_JOB = "*";

export function createBus(logger: Logger, telemetry: Telemetry): Bus {
  const events = new EventEmitter<Record<string, [ServerEvent]>>();
  const neutral = neutralContext();
  const hints = new EventEmitter<Record<string, [FeedHint]>>();

  /** A listener that throws is its owner's fault and nobody else's trouble. */
  const isolated = <T>(listener: (value: T) => unknown) => {
    const troubled = (error: unknown): void => {
      count(telemetry, "listener_error");
      logger.error("a listener threw", framesOf(error));
    };
    return (value: T): void => {
      // What happened is not the affair of whoever made it happen: his context is not lent to listeners.
      neutral(() => {
        callHook(() => listener(value), troubled);
      });
    };
  };

  return {
    on(type, listener) {
      const safe = isolated(listener);
      events.on(type, safe);
      return () => {
        events.off(type, safe);
      };
    },
    hears: (type) => events.listenerCount(type) > 0,
    hearsAny: () => events.eventNames().length > 0,
    emit(event) {
      events.emit(event.type, event);
    },
    onHint(id, listener) {
      const safe = isolated(listener);
      hints.on(id ?? EVERY_JOB, safe);
      return () => {
        hints.off(id ?? EVERY_JOB, safe);
      };
    },
    hint(hint) {
      hints.emit(hint.id, hint);
      hints.emit(EVERY_JOB, hint);
    },
    close() {
      events.removeAllListeners();
      hints.removeAllListeners();
    },
  };
}
