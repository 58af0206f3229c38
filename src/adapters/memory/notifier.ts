import type { ServerEvent } from "../../core/job/event.js";
import { checkNotifierOptions } from "../../core/ports/notifier-options.js";
import type { Notifier, NotifierOptions, PublishContext, PublishResult } from "../../core/ports/notifier.js";

/** What `memoryNotifier` takes beside the options of every notifier. */
export interface MemoryNotifierOptions<K extends string = string> extends NotifierOptions<K> {
  /** With whom an event shares its fate. @default all share one lane */
  readonly lane?: ((event: ServerEvent) => string) | undefined;
  /** Most events in one `publish`. @default 20 */
  readonly maxBatch?: number | undefined;
}

/**
 * How a memory notifier fails.
 * - `retry`, `held`, `rejected`: the event is answered so.
 * - `throw`: the whole `publish` rejects, nothing is delivered.
 * - `hang`: the whole `publish` gives no answer before its signal aborts.
 * - `ignore_signal`: the whole `publish` gives no answer before the notifier is healed or closed, whatever its signal says.
 */
export type NotifierFailure = "retry" | "held" | "rejected" | "throw" | "hang" | "ignore_signal";

/** Of `held`, where nobody says for how long. */
const HELD_MS = 1_000;

/** How often `failNext` fails, and for which events. */
export interface FailNextOptions {
  /** How many events; of `throw`, `hang` and `ignore_signal`, how many calls. @default 1 */
  readonly count?: number | undefined;
  /** Only events for which this holds. @default all */
  readonly where?: ((event: ServerEvent) => boolean) | undefined;
  /** Of `retry` and `held`: how long the receiver asks to wait. @default none for `retry`, 1_000 for `held` */
  readonly afterMs?: number | undefined;
}

/** A receiver in the memory of one process. */
export interface MemoryNotifier<K extends string = string> extends Notifier<K> {
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
  /** Ends the failures that are set. What hangs goes on hanging; what ignores its signal is answered as failed. */
  heal(): void;
  close(): Promise<void>;
}

const KNOWN = ["lane", "maxBatch"];

/** Makes a notifier that keeps what it is given, for tests and development. */
export function memoryNotifier<const K extends string = string>(
  options: MemoryNotifierOptions<K> = {},
): MemoryNotifier<K> {
  checkNotifierOptions("memoryNotifier", options, KNOWN);
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

class InMemoryNotifier<K extends string> implements MemoryNotifier<K> {
  readonly kinds: Notifier<K>["kinds"];
  readonly on: Notifier["on"];
  readonly giveUpAfterMs: Notifier["giveUpAfterMs"];
  readonly timeoutMs: Notifier["timeoutMs"];
  readonly maxBatch: Notifier["maxBatch"];
  // `declare`: a field would be there, undefined, also where no lane was given.
  declare readonly lane?: (event: ServerEvent) => string;
  readonly events: ServerEvent[] = [];
  #failures: PlannedFailure[] = [];
  /** How many events `nextEvent` has gone past. */
  #read = 0;
  #waiting: Waiting[] = [];
  /** Ends the calls that ignore their signal. */
  #ignoring: (() => void)[] = [];

  constructor(options: MemoryNotifierOptions<K>) {
    this.kinds = options.kinds;
    this.on = options.on;
    this.giveUpAfterMs = options.giveUpAfterMs;
    this.timeoutMs = options.timeoutMs;
    this.maxBatch = options.maxBatch;
    if (options.lane !== undefined) this.lane = options.lane;
  }

  async publish(
    events: readonly ServerEvent[],
    { signal }: Pick<PublishContext, "signal">,
  ): Promise<readonly PublishResult[]> {
    signal.throwIfAborted();
    const call = this.#takeFailure(["throw", "hang", "ignore_signal"], events);
    if (call?.failure === "hang") await aborted(signal);
    if (call?.failure === "ignore_signal") await new Promise<void>((resolve) => this.#ignoring.push(resolve));
    if (call) throw new Error("The memory notifier fails: a fault was injected.");
    const blocked = new Map<string, PublishResult>();
    return events.map((event) => this.#publishOne(event, blocked));
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
    this.#endIgnoring();
  }

  async close(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#endIgnoring();
    for (const { reject } of waiting) reject(new Error("The memory notifier was closed; no event came."));
  }

  /** @param blocked - by job, how an earlier event in this call failed: a later one must not overtake it */
  #publishOne(event: ServerEvent, blocked: Map<string, PublishResult>): PublishResult {
    const before = blocked.get(event.jobId);
    if (before !== undefined) return before;
    const failing = this.#takeFailure(["retry", "held", "rejected"], [event]);
    if (failing) {
      const result = failedResult(failing);
      // What is rejected is over, and holds up nothing.
      if (result.status !== "rejected") blocked.set(event.jobId, result);
      return result;
    }
    this.#deliver(event);
    return { status: "delivered" };
  }

  #endIgnoring(): void {
    for (const resolve of this.#ignoring.splice(0)) resolve();
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

function failedResult({ failure, afterMs }: PlannedFailure): PublishResult {
  const reason = "a fault was injected";
  if (failure === "rejected") return { status: "rejected", reason };
  if (failure === "held") return { status: "held", reason, afterMs: afterMs ?? HELD_MS };
  return { status: "retry", reason, ...(afterMs !== undefined && { afterMs }) };
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
