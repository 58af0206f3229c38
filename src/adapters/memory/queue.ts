import { systemClock, type Clock } from "../../core/environment/clock.js";
import { WaybillError } from "../../core/errors/errors.js";
import { checkCount, checkOptions, checkWhole } from "../../core/options/options.js";
import type { Delivery, OutgoingMessage, Queue, ReceiveRequest, SendResult } from "../../core/ports/queue.js";
import { QueueFaultState, type MemoryQueueFaults, type MessageFaultRates } from "./queue-faults.js";
import { MessageList, type Receipt, type TakeDeviation } from "./queue-messages.js";
import { Waiters } from "./queue-waiters.js";

export type { BrokenSend, MemoryQueueFaults, MessageFault, MessageFaultRates } from "./queue-faults.js";

/** Which broker `memoryQueue` behaves like: its limits, its order, its faults. */
export interface MemoryQueueOptions {
  /** How long a received message is hidden. @default 30_000 // 30 s */
  readonly visibilityMs?: number | undefined;
  /** The longest delay of a message. @default 900_000 // 15 min */
  readonly maxDelayMs?: number | undefined;
  /** Receives after which a message that comes back goes to the dead letters; `null`: never. @default null */
  readonly maxReceives?: number | null | undefined;
  /**
   * Keeps the order within a group, one message of it in flight at a time, and swallows a repeated deduplication id for
   * five minutes. @default false
   */
  readonly ordered?: boolean | undefined;
  /** Most messages in one `send` or `receive`. @default 10 */
  readonly maxBatch?: number | undefined;
  /** @default the system clock */
  readonly clock?: Clock | undefined;
  /** Uniform in [0, 1); decides about faults. @default Math.random */
  readonly random?: (() => number) | undefined;
  /** Probabilities of faults from the start on. @default none */
  readonly faults?: MessageFaultRates | undefined;
}

/** A queue in the memory of one process, gone with it. */
export interface MemoryQueue extends Queue {
  readonly deadLetters: { receive(request: ReceiveRequest): Promise<readonly Delivery[]> };
  backlog(): Promise<number>;
  /** Messages to be received now or after their delay; dead letters apart. */
  depth(): number;
  /** Messages that were received and are hidden. */
  inFlight(): number;
  /** Dead letters, received ones too. */
  deadLetterDepth(): number;
  /** Drops every message but the dead letters. */
  purge(): void;
  readonly faults: MemoryQueueFaults;
}

const OPTIONS = [
  ...["visibilityMs", "maxDelayMs", "maxReceives", "ordered", "maxBatch", "clock", "random", "faults"],
];

/** FIFO queues swallow a repeated deduplication id for this long, even after the first message was deleted. */
const DEDUPLICATION_MS = 5 * 60_000;

/** Makes a queue for tests, development and single processes. It behaves as brokers do, faults included. */
export function memoryQueue(options: MemoryQueueOptions = {}): MemoryQueue {
  checkOptions("memoryQueue", options, OPTIONS);
  checkWhole("visibilityMs", options.visibilityMs);
  checkWhole("maxDelayMs", options.maxDelayMs);
  checkCount("maxReceives", options.maxReceives ?? undefined);
  checkCount("maxBatch", options.maxBatch);
  return new InMemoryQueue(options);
}

class InMemoryQueue implements MemoryQueue {
  readonly capabilities: Queue["capabilities"];
  readonly deadLetters: MemoryQueue["deadLetters"];
  readonly #clock: Clock;
  readonly #faults: QueueFaultState;
  readonly #messages: MessageList;
  readonly #dead: MessageList;
  readonly #waiters: Waiters;
  /** When each deduplication id was sent, oldest first. */
  readonly #recent = new Map<string, number>();
  #closed = false;

  constructor(options: MemoryQueueOptions) {
    const { visibilityMs = 30_000, maxReceives = null, ordered = false } = options;
    this.capabilities = {
      maxDelayMs: options.maxDelayMs ?? 900_000,
      ordered,
      maxBatch: options.maxBatch ?? 10,
      maxReceives,
      visibilityMs,
    };
    this.#clock = options.clock ?? systemClock;
    this.#faults = new QueueFaultState(options.random ?? Math.random, options.faults ?? {}, () => {
      this.#waiters.wake();
    });
    this.#messages = new MessageList({ ordered, visibilityMs, maxReceives });
    this.#dead = new MessageList({ ordered: false, visibilityMs, maxReceives: null });
    this.#waiters = new Waiters(this.#clock);
    this.deadLetters = { receive: (request) => this.#receive(request, this.#dead) };
  }

  get faults(): MemoryQueueFaults {
    return this.#faults;
  }

  async send(messages: readonly OutgoingMessage[]): Promise<readonly SendResult[]> {
    this.#checkOpen();
    this.#checkBatch("send", messages.length);
    const results = messages.map((message) => this.#sendOne(message));
    this.#waiters.wake();
    return results;
  }

  receive(request: ReceiveRequest): Promise<readonly Delivery[]> {
    return this.#receive(request, this.#messages);
  }

  async backlog(): Promise<number> {
    this.#checkOpen();
    const { waiting, inFlight } = this.#counted(this.#messages);
    return waiting + inFlight;
  }

  depth(): number {
    return this.#counted(this.#messages).waiting;
  }

  inFlight(): number {
    return this.#counted(this.#messages).inFlight;
  }

  deadLetterDepth(): number {
    const { waiting, inFlight } = this.#counted(this.#dead);
    return waiting + inFlight;
  }

  purge(): void {
    this.#messages.clear();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#waiters.wake();
  }

  #sendOne(message: OutgoingMessage): SendResult {
    if (message.delayMs > this.capabilities.maxDelayMs) {
      return {
        status: "rejected",
        reason: `a delay of more than ${String(this.capabilities.maxDelayMs)} ms`,
      };
    }
    switch (this.#faults.takeBrokenSend()) {
      case "rejected":
        return { status: "rejected", reason: "a fault was injected" };
      case "unknown_lost":
        return { status: "unknown", reason: "a fault was injected" };
      case "unknown_stored":
        this.#keep(message);
        return { status: "unknown", reason: "a fault was injected" };
      case null:
        this.#keep(message);
        return { status: "sent" };
    }
  }

  #keep({ body, groupId, delayMs, dedupId }: OutgoingMessage): void {
    const now = this.#clock.now();
    if (this.capabilities.ordered && this.#isRepeated(dedupId, now)) return;
    if (this.#faults.strikes("loss")) return;
    const copies = this.#faults.strikes("duplicate") ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      this.#messages.put({ body, groupId, sentAt: now, receives: 0, visibleAt: now + Math.max(0, delayMs) });
    }
  }

  #isRepeated(dedupId: string, now: number): boolean {
    for (const [id, sentAt] of this.#recent) {
      if (sentAt + DEDUPLICATION_MS > now) break;
      this.#recent.delete(id);
    }
    if (this.#recent.has(dedupId)) return true;
    this.#recent.set(dedupId, now);
    return false;
  }

  async #receive(
    { max, waitMs, signal }: ReceiveRequest,
    messages: MessageList,
  ): Promise<readonly Delivery[]> {
    this.#checkOpen();
    this.#checkBatch("receive", max);
    const deadline = this.#clock.now() + waitMs;
    for (;;) {
      if (this.#faults.cannotReceive) {
        throw new WaybillError("queue.unavailable", "The memory queue has an outage: a fault was injected.");
      }
      const now = this.#clock.now();
      if (signal.aborted || this.#closed) return [];
      this.#buryExhausted(now);
      const taken = messages.take(now, max, this.#deviation());
      if (taken.length > 0 || now >= deadline) return this.#deliverAll(taken, messages);
      await this.#waiters.wait(Math.min(deadline, this.#nextVisibleAt(now) ?? deadline), signal);
    }
  }

  #deliverAll(taken: readonly Receipt[], messages: MessageList): readonly Delivery[] {
    // Those who wait must learn when the messages taken here become visible again.
    if (taken.length > 0) this.#waiters.wake();
    return taken.map((receipt) => this.#deliver(receipt, messages));
  }

  #deviation(): TakeDeviation {
    return {
      pick: (count) => (this.#faults.strikes("reorder") ? this.#faults.pickYounger(count) : 0),
      picks: this.#faults.possible("reorder"),
      staysVisible: () => this.#faults.strikes("redelivery"),
    };
  }

  #deliver(receipt: Receipt, messages: MessageList): Delivery {
    let settled = false;
    const once = (effect: (now: number) => void): void => {
      if (settled) return;
      settled = true;
      effect(this.#clock.now());
      // An acknowledged message may free its group, a released one may be visible at once.
      this.#waiters.wake();
    };
    return {
      body: receipt.body,
      receives: receipt.receives,
      sentAt: receipt.sentAt,
      groupId: receipt.groupId,
      async ack() {
        once((now) => messages.remove(receipt, now));
      },
      async release(afterMs) {
        once((now) => messages.hide(receipt, now, afterMs, "release"));
      },
      extend: async (ms) => {
        if (settled) return;
        messages.hide(receipt, this.#clock.now(), ms, "extend");
        this.#waiters.wake();
      },
    };
  }

  #buryExhausted(now: number): void {
    for (const { body, groupId, sentAt, receives } of this.#messages.exhausted(now)) {
      this.#dead.put({ body, groupId, sentAt, receives, visibleAt: now });
    }
  }

  #nextVisibleAt(now: number): number | null {
    const next = this.#messages.nextVisibleAt(now);
    const nextDead = this.#dead.nextVisibleAt(now);
    return next === null || nextDead === null ? (next ?? nextDead) : Math.min(next, nextDead);
  }

  #counted(messages: MessageList): { readonly waiting: number; readonly inFlight: number } {
    const now = this.#clock.now();
    this.#buryExhausted(now);
    return messages.count(now);
  }

  #checkOpen(): void {
    if (this.#closed) throw new WaybillError("waybill.closed", "This memory queue is closed.");
  }

  #checkBatch(call: "send" | "receive", size: number): void {
    const { maxBatch } = this.capabilities;
    if (size >= 1 && size <= maxBatch) return;
    throw new WaybillError(
      "config.invalid",
      `A ${call} carries 1 to ${String(maxBatch)} messages, not ${String(size)}.`,
    );
  }
}
