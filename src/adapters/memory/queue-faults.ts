import { checkFaults } from "./fault-rates.js";

/**
 * What a queue may do to a message although it promised otherwise.
 * - `duplicate`: keeps a sent message twice.
 * - `loss`: confirms a message and does not keep it.
 * - `reorder`: hands over another message than the oldest.
 * - `redelivery`: leaves a received message visible, so that it is received again at once.
 */
export type MessageFault = "duplicate" | "loss" | "reorder" | "redelivery";

/** What becomes of a message that is not confirmed. */
export type BrokenSend = "unknown_stored" | "unknown_lost" | "rejected";

/** Probability of each fault, per message. */
export type MessageFaultRates = Readonly<Partial<Record<MessageFault, number>>>;

/** Breaks a memory queue while it runs; made for tests. */
export interface MemoryQueueFaults {
  /**
   * Sets the probabilities that are named and leaves the others.
   *
   * @throws {WaybillError} `config.invalid`: no such fault, or no number from 0 to 1
   */
  set(rates: MessageFaultRates): void;
  /** The next `count` messages suffer it for certain. */
  next(fault: MessageFault, count?: number): void;
  /** The next `count` messages that are sent are answered so. */
  breakSends(outcome: BrokenSend, count?: number): void;
  /** While on, `receive` rejects with `queue.unavailable`, those that wait already too. */
  receiveOutage(on: boolean): void;
  /** Ends all of it. */
  heal(): void;
}

const RATES: readonly MessageFault[] = ["duplicate", "loss", "reorder", "redelivery"];

/** The state behind the faults. */
export class QueueFaultState implements MemoryQueueFaults {
  readonly #random: () => number;
  readonly #onOutage: () => void;
  readonly #rates = new Map<MessageFault, number>();
  readonly #counts = new Map<MessageFault, number>();
  #sends: BrokenSend[] = [];
  #outage = false;

  /** @param onOutage - called when an outage begins: who waits has lost the connection */
  constructor(random: () => number, rates: MessageFaultRates, onOutage: () => void) {
    this.#random = random;
    this.#onOutage = onOutage;
    this.set(rates);
  }

  set(rates: MessageFaultRates): void {
    checkFaults(rates, RATES);
    for (const [fault, rate] of Object.entries(rates) as [MessageFault, number][])
      this.#rates.set(fault, rate);
  }

  next(fault: MessageFault, count = 1): void {
    this.#counts.set(fault, (this.#counts.get(fault) ?? 0) + count);
  }

  breakSends(outcome: BrokenSend, count = 1): void {
    for (let sent = 0; sent < count; sent += 1) this.#sends.push(outcome);
  }

  receiveOutage(on: boolean): void {
    this.#outage = on;
    if (on) this.#onOutage();
  }

  heal(): void {
    this.#rates.clear();
    this.#counts.clear();
    this.#sends = [];
    this.#outage = false;
  }

  get cannotReceive(): boolean {
    return this.#outage;
  }

  /** How the next message that is sent is answered; `null`: as it should be. */
  takeBrokenSend(): BrokenSend | null {
    return this.#sends.shift() ?? null;
  }

  /** Whether the message at hand suffers this fault. */
  strikes(fault: MessageFault): boolean {
    const count = this.#counts.get(fault) ?? 0;
    if (count > 0) {
      this.#counts.set(fault, count - 1);
      return true;
    }
    const rate = this.#rates.get(fault) ?? 0;
    // No draw without a rate: a run without faults is the same whatever the random source says.
    return rate > 0 && this.#random() < rate;
  }

  /** Whether `strikes` can be true at all. */
  possible(fault: MessageFault): boolean {
    return (this.#counts.get(fault) ?? 0) > 0 || (this.#rates.get(fault) ?? 0) > 0;
  }

  /** One of `count` messages, never the oldest. */
  pickYounger(count: number): number {
    return 1 + Math.floor(this.#random() * (count - 1));
  }
}
