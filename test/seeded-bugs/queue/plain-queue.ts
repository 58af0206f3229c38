// A queue whose ways can be changed one at a time: for bugs that no wrapper around a correct one can have.
import { WaybillError } from "../../../src/core/errors/errors.js";
import type { Clock } from "../../../src/core/environment/clock.js";
import type {
  Delivery,
  OutgoingMessage,
  Queue,
  ReceiveRequest,
  SendResult,
} from "../../../src/core/ports/queue.js";

export interface PlainMessage {
  readonly body: string;
  readonly groupId: string;
  sentAt: number;
  visibleAt: number;
  receives: number;
  /** Grows with each receive: only the newest acts. */
  receipt: number;
}

export const PLAIN_VISIBILITY_MS = 30_000;
const DEDUPLICATION_MS = 5 * 60_000;

export class PlainQueue implements Queue {
  readonly capabilities: Queue["capabilities"];
  readonly deadLetters = { receive: (request: ReceiveRequest) => this.take(request, this.dead) };
  protected readonly messages: PlainMessage[] = [];
  protected readonly dead: PlainMessage[] = [];
  protected readonly seen = new Map<string, number>();
  protected readonly clock: Clock;
  readonly #takeBreak: () => boolean;
  readonly #waiting = new Set<() => void>();
  #isClosed = false;

  constructor(clock: Clock, ordered = false, takeBreak: () => boolean = () => false) {
    this.clock = clock;
    this.#takeBreak = takeBreak;
    this.capabilities = {
      ...{ ordered, maxBatch: 10, maxReceives: 4 },
      ...{ maxDelayMs: 900_000, visibilityMs: PLAIN_VISIBILITY_MS },
    };
  }

  async send(messages: readonly OutgoingMessage[]): Promise<readonly SendResult[]> {
    this.#admit(messages.length);
    const results = messages.map((message): SendResult => {
      if (this.#takeBreak()) return { status: "unknown", reason: "a fault was injected" };
      if (!this.capabilities.ordered || !this.isRepeated(message)) this.keep(message);
      return { status: "sent" };
    });
    this.wake("send");
    return results;
  }

  async receive(request: ReceiveRequest): Promise<readonly Delivery[]> {
    return this.take(request, this.messages);
  }

  async backlog(): Promise<number> {
    this.bury(this.clock.now());
    return this.messages.length;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.wake("close");
  }

  protected isRepeated({ dedupId }: OutgoingMessage): boolean {
    const now = this.clock.now();
    const before = this.seen.get(dedupId);
    if (before !== undefined && now < before + DEDUPLICATION_MS) return true;
    this.seen.set(dedupId, now);
    return false;
  }

  protected keep({ body, groupId, delayMs }: OutgoingMessage): PlainMessage {
    const sentAt = this.clock.now();
    const kept = { body, groupId, sentAt, visibleAt: sentAt + delayMs, receives: 0, receipt: 0 };
    this.messages.push(kept);
    return kept;
  }

  protected async take(
    { max, waitMs, signal }: ReceiveRequest,
    from: PlainMessage[],
  ): Promise<readonly Delivery[]> {
    this.#admit(max);
    const deadline = this.clock.now() + waitMs;
    for (;;) {
      if (signal.aborted || this.#isClosed) return [];
      const now = this.clock.now();
      this.bury(now);
      const chosen = this.choose(from, now, max);
      for (const message of chosen) this.hold(message, now);
      if (chosen.length > 0 || now >= deadline) return chosen.map((message) => this.deliver(message, from));
      await this.#wait(Math.min(deadline, this.nextAt(from, now)), signal);
    }
  }

  protected choose(from: PlainMessage[], now: number, max: number): PlainMessage[] {
    return from.filter((message) => message.visibleAt <= now && this.isFree(message, from)).slice(0, max);
  }

  /** Whether nothing of its group is before it. */
  protected isFree(message: PlainMessage, from: PlainMessage[]): boolean {
    if (!this.capabilities.ordered || from === this.dead) return true;
    return from.find(({ groupId }) => groupId === message.groupId) === message;
  }

  protected hold(message: PlainMessage, now: number): void {
    message.receives += 1;
    message.receipt += 1;
    message.visibleAt = now + PLAIN_VISIBILITY_MS;
  }

  protected bury(now: number): void {
    for (const message of [...this.messages]) {
      if (message.receives < (this.capabilities.maxReceives ?? 0) || message.visibleAt > now) continue;
      this.remove(message, this.messages);
      this.dead.push(message);
    }
  }

  protected remove(message: PlainMessage, from: PlainMessage[]): void {
    const place = from.indexOf(message);
    if (place >= 0) from.splice(place, 1);
  }

  protected deliver(message: PlainMessage, from: PlainMessage[]): Delivery {
    const { body, receives, sentAt, groupId, receipt } = message;
    const isHeld = (): boolean =>
      message.receipt === receipt && from.includes(message) && message.visibleAt > this.clock.now();
    return {
      ...{ body, receives, sentAt, groupId },
      ack: async () => {
        if (isHeld()) this.acknowledge(message, from);
        this.wake("ack");
      },
      release: async (afterMs) => {
        if (isHeld()) this.giveBack(message, afterMs);
        this.wake("release");
      },
      extend: async (ms) => {
        if (isHeld()) message.visibleAt = this.clock.now() + ms;
      },
    };
  }

  protected acknowledge(message: PlainMessage, from: PlainMessage[]): void {
    this.remove(message, from);
  }

  protected giveBack(message: PlainMessage, afterMs: number): void {
    message.visibleAt = this.clock.now() + afterMs;
  }

  protected nextAt(from: PlainMessage[], now: number): number {
    return Math.min(...from.map(({ visibleAt }) => visibleAt).filter((at) => at > now), Infinity);
  }

  /** Lets those who wait look again. */
  protected wake(_why: "send" | "ack" | "release" | "close"): void {
    for (const look of [...this.#waiting]) look();
  }

  #wait(at: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        this.#waiting.delete(end);
        signal.removeEventListener("abort", end);
        resolve();
      };
      const cancel = this.clock.timer(at - this.clock.now(), end);
      this.#waiting.add(end);
      signal.addEventListener("abort", end, { once: true });
    });
  }

  #admit(size: number): void {
    if (this.#isClosed) throw new WaybillError("waybill.closed", "The queue is closed.");
    if (size < 1 || size > this.capabilities.maxBatch)
      throw new WaybillError("config.invalid", "No such batch.");
  }
}

/** As a bug of the collection puts it in. */
function portOf(queue: Queue): Partial<Queue> {
  return {
    capabilities: queue.capabilities,
    send: (messages) => queue.send(messages),
    receive: (request) => queue.receive(request),
    ...(queue.deadLetters && { deadLetters: queue.deadLetters }),
    ...(queue.backlog && { backlog: () => queue.backlog?.() ?? Promise.resolve(null) }),
    close: () => queue.close(),
  };
}

type Making = new (clock: Clock, ordered: boolean, takeBreak: () => boolean) => PlainQueue;

/** Puts a queue of other ways in. */
export function plain(Made: Making, ordered = false) {
  return ({ clock, takeBreak }: { readonly clock: Clock; takeBreak(): boolean }): Partial<Queue> =>
    portOf(new Made(clock, ordered, takeBreak));
}
