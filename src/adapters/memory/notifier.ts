import type { ServerEvent } from "../../core/event.js";
import type { Notifier, NotifierOptions, PublishResult } from "../../core/ports/notifier.js";

export interface MemoryNotifierOptions<K extends string = string> extends NotifierOptions<K> {
  /** Most events in one `publish`. @default 20 */
  readonly maxBatch?: number | undefined;
}

/**
 * How a memory notifier fails.
 * - `retry`, `rejected`: the event is answered so.
 * - `throw`: the whole `publish` rejects, nothing is delivered.
 * - `hang`: the whole `publish` gives no answer before its signal aborts.
 */
export type NotifierFailure = "retry" | "rejected" | "throw" | "hang";

export interface FailNextOptions {
  /** How many events; of `throw` and `hang`, how many calls. @default 1 */
  readonly count?: number;
  /** Only events for which this holds. @default all */
  readonly where?: (event: ServerEvent) => boolean;
  /** Of `retry`: how long the receiver asks to wait. */
  readonly afterMs?: number;
}

/** A receiver in the memory of one process. */
export interface MemoryNotifier extends Notifier {
  /** What was delivered, in order of arrival; an event that was delivered twice stands twice. */
  readonly events: readonly ServerEvent[];
  eventsOf(jobId: string): readonly ServerEvent[];
  /**
   * The next delivered event, or the next for which `where` holds: each call goes on behind the event that the last call
   * returned, and waits for one to come. Rejects when the notifier is closed meanwhile.
   */
  nextEvent(where?: (event: ServerEvent) => boolean): Promise<ServerEvent>;
  /** Lets deliveries fail, until they have failed as often as told. Failures come in the order in which they are set. */
  failNext(failure: NotifierFailure, options?: FailNextOptions): void;
  /** Ends the failures that are set; what hangs goes on hanging. */
  heal(): void;
  close(): Promise<void>;
}

/** Makes a notifier that keeps what it is given, for tests and development. */
export function memoryNotifier(options: MemoryNotifierOptions = {}): MemoryNotifier {
  return new InMemoryNotifier(options);
}

interface PlannedFailure {
  readonly failure: NotifierFailure;
  readonly where: (event: ServerEvent) => boolean;
  readonly afterMs: number | undefined;
  left: number;
}

interface Waiting {
  readonly where: (event: ServerEvent) => boolean;
  readonly resolve: (event: ServerEvent) => void;
  readonly reject: (error: Error) => void;
}

class InMemoryNotifier implements MemoryNotifier {
  readonly kinds: Notifier["kinds"];
  readonly on: Notifier["on"];
  readonly giveUpAfterMs: Notifier["giveUpAfterMs"];
  readonly timeoutMs: Notifier["timeoutMs"];
  readonly maxBatch: Notifier["maxBatch"];
  readonly events: ServerEvent[] = [];
  #failures: PlannedFailure[] = [];
  /** How many events `nextEvent` has gone past. */
  #read = 0;
  #waiting: Waiting[] = [];

  constructor(options: MemoryNotifierOptions) {
    this.kinds = options.kinds;
    this.on = options.on;
    this.giveUpAfterMs = options.giveUpAfterMs;
    this.timeoutMs = options.timeoutMs;
    this.maxBatch = options.maxBatch;
  }

  async publish(
    events: readonly ServerEvent[],
    { signal }: { readonly signal: AbortSignal },
  ): Promise<readonly PublishResult[]> {
    signal.throwIfAborted();
    const call = this.#takeFailure(["throw", "hang"], events);
    if (call?.failure === "hang") await aborted(signal);
    if (call) throw new Error("The memory notifier fails: a fault was injected.");
    const held = new Set<string>();
    return events.map((event) => this.#publishOne(event, held));
  }

  eventsOf(jobId: string): readonly ServerEvent[] {
    return this.events.filter((event) => event.jobId === jobId);
  }

  nextEvent(where: (event: ServerEvent) => boolean = () => true): Promise<ServerEvent> {
    while (this.#waiting.length === 0 && this.#read < this.events.length) {
      const event = this.events[this.#read++];
      if (event && where(event)) return Promise.resolve(event);
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ where, resolve, reject });
    });
  }

  failNext(failure: NotifierFailure, options: FailNextOptions = {}): void {
    const { count = 1, where = () => true, afterMs } = options;
    this.#failures.push({ failure, where, afterMs, left: count });
  }

  heal(): void {
    this.#failures = [];
  }

  async close(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { reject } of waiting) reject(new Error("The memory notifier was closed; no event came."));
  }

  /** @param held - jobs of which an earlier event in this call was not delivered: a later one must not overtake it */
  #publishOne(event: ServerEvent, held: Set<string>): PublishResult {
    if (held.has(event.jobId)) return { status: "retry", reason: "an earlier event of the job comes first" };
    const failing = this.#takeFailure(["retry", "rejected"], [event]);
    if (failing) {
      held.add(event.jobId);
      const reason = "a fault was injected";
      if (failing.failure === "rejected") return { status: "rejected", reason };
      return { status: "retry", reason, ...(failing.afterMs !== undefined && { afterMs: failing.afterMs }) };
    }
    this.#deliver(event);
    return { status: "delivered" };
  }

  #deliver(event: ServerEvent): void {
    this.events.push(event);
    const [first] = this.#waiting;
    if (!first) return;
    // Whoever waits has gone past all events before; those behind the first wait for the one after.
    this.#read = this.events.length;
    if (!first.where(event)) return;
    this.#waiting.shift();
    first.resolve(event);
  }

  #takeFailure(among: readonly NotifierFailure[], events: readonly ServerEvent[]): PlannedFailure | null {
    const found = this.#failures.find(({ failure, where }) => among.includes(failure) && events.some(where));
    if (!found) return null;
    found.left -= 1;
    if (found.left <= 0) this.#failures = this.#failures.filter((failure) => failure !== found);
    return found;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener(
      "abort",
      () => {
        resolve();
      },
      { once: true },
    );
  });
}
