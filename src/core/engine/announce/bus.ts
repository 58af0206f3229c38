import type { EventType, ServerEvent } from "../../event.js";
import type { Logger } from "../../logger.js";
import type { FeedHint } from "../../ports/feed.js";
import { count, type Telemetry } from "../../telemetry.js";
import { Listeners } from "./listeners.js";
import { isError, isThenable } from "../../foreign.js";

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
  const events = new Listeners<ServerEvent>();
  const hints = new Listeners<FeedHint>();

  /** A listener that throws is its owner's fault and nobody else's trouble. */
  const isolated = <T>(listener: (value: T) => unknown) => {
    const troubled = (error: unknown): void => {
      count(telemetry, "listener_error");
      logger.error("a listener threw", { error: isError(error) ? error.message : "not an Error" });
    };
    return (value: T): void => {
      try {
        // An async function is taken for a listener too; unheard, its rejection would end the process.
        const returned = listener(value);
        if (isThenable(returned)) returned.then(undefined, troubled);
      } catch (error) {
        troubled(error);
      }
    };
  };

  return {
    on: (type, listener) => events.add(type, isolated(listener)),
    hears: (type) => events.has(type),
    hearsAny: () => events.hasAny(),
    emit(event) {
      events.call(event.type, event);
    },
    onHint: (id, listener) => hints.add(id ?? EVERY_JOB, isolated(listener)),
    hint(hint) {
      hints.call(hint.id, hint);
      hints.call(EVERY_JOB, hint);
    },
    close() {
      events.clear();
      hints.clear();
    },
  };
}
