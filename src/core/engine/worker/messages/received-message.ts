import { inTime } from "../../../environment/clock.js";
import type { Delivery, Queue } from "../../../ports/queue.js";
import { codeOf, type Core } from "../../context.js";

/** A broker that does not answer keeps no slot: what was asked of it may still happen, and harms nobody. */
const SETTLE_PATIENCE_MS = 10_000;

/** A delivery, where it came from, and what was done with it. Its methods never reject and always end. */
export class ReceivedMessage {
  /** The name of its queue. */
  readonly name: string;
  readonly queue: Queue;
  readonly delivery: Delivery;
  readonly #core: Core;
  #acknowledged = false;
  #reason: string | null = null;

  constructor(core: Core, name: string, queue: Queue, delivery: Delivery) {
    this.#core = core;
    this.name = name;
    this.queue = queue;
    this.delivery = delivery;
  }

  /** Whether the queue has taken the acknowledgement. */
  get acknowledged(): boolean {
    return this.#acknowledged;
  }

  /** Why it was given back; `null`: it was not. */
  get reason(): string | null {
    return this.#reason;
  }

  /** Removes it. One that stays is received again and judged by its record. */
  async ack(): Promise<void> {
    const otherwise = "a message could not be acknowledged; it will come again";
    this.#acknowledged = await this.#settle(() => this.delivery.ack(), otherwise);
  }

  /** Gives it back. One that is not is visible again by itself. */
  async release(afterMs: number, reason: string): Promise<void> {
    this.#reason = reason;
    const otherwise = "a message could not be given back; its visibility will end";
    await this.#settle(() => this.delivery.release(Math.ceil(afterMs)), otherwise);
  }

  /** Keeps it hidden while its job runs. Where the broker refuses, the job goes on under its lease. */
  async extend(ms: number): Promise<void> {
    const otherwise = "a message could not be kept hidden; its job goes on";
    await this.#settle(() => this.delivery.extend(ms), otherwise);
  }

  async #settle(settle: () => Promise<void>, otherwise: string): Promise<boolean> {
    const { clock, logger } = this.#core;
    try {
      const done = settle().then(() => true);
      if (await inTime(clock, SETTLE_PATIENCE_MS, done, false)) return true;
      logger.debug(otherwise, { code: "no answer in time" });
    } catch (error) {
      logger.debug(otherwise, { code: codeOf(error) });
    }
    return false;
  }
}
