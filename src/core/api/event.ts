import type { AnyDef, KindOf, WordOf } from "../define/any-def.js";
import type { EventType, ServerEvent } from "../job/event.js";

/** An event of one of some kinds: what happened to a job, in the past tense. For code of the server: it names who did it. */
export type EventOf<D extends AnyDef, E extends EventType = EventType> = ServerEvent & {
  readonly type: E;
  readonly kind: KindOf<D>;
  readonly word: WordOf<D>;
};

/** The audit trail of a job. */
export interface JobHistory<D extends AnyDef> {
  /** One for each entry, oldest first: what every notifier is told. */
  readonly events: readonly EventOf<D>[];
  /** Older entries, trimmed and handed to `onTrim`. */
  readonly trimmed: number;
}
