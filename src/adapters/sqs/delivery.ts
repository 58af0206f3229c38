import type { Message } from "@aws-sdk/client-sqs";
import type { Clock } from "../../core/environment/clock.js";
import type { Delivery } from "../../core/ports/queue.js";
import { LONGEST_HIDDEN_MS } from "./settings.js";
import type { Settling } from "./settling.js";

/** SQS counts the 12 h by its own clock, from before its answer arrived here; beyond them it refuses. */
const MARGIN_MS = 10_000;

/** What a delivery needs of the queue that it came from. */
export interface Received {
  readonly clock: Clock;
  readonly settling: Settling;
  /** How long it is hidden from its receive on; `null`: not known. */
  readonly visibilityMs: number | null;
}

/** One receive of one message. */
export class SqsDelivery implements Delivery {
  readonly body: string;
  readonly receives: number;
  readonly sentAt: number | null;
  readonly groupId: string | null;
  readonly #received: Received;
  readonly #handle: string;
  /** The last instant that it can be hidden until. */
  readonly #hiddenAtMost: number;
  /** `null`: not known. */
  #hiddenUntil: number | null;
  #settled = false;

  constructor({ Body, ReceiptHandle, Attributes }: Message, received: Received) {
    const now = received.clock.now();
    this.body = Body ?? "";
    this.receives = Math.max(1, Number(Attributes?.ApproximateReceiveCount ?? 1));
    this.sentAt = Attributes?.SentTimestamp === undefined ? null : Number(Attributes.SentTimestamp);
    this.groupId = Attributes?.MessageGroupId ?? null;
    this.#received = received;
    this.#handle = ReceiptHandle ?? "";
    this.#hiddenAtMost = now + LONGEST_HIDDEN_MS - MARGIN_MS;
    this.#hiddenUntil = received.visibilityMs === null ? null : now + received.visibilityMs;
  }

  async ack(): Promise<void> {
    if (this.#settled) return;
    this.#settled = true;
    // Whether or not it is hidden still: by an old receipt SQS deletes nothing that was received again since.
    await this.#received.settling.delete(this.#handle);
  }

  async release(afterMs: number): Promise<void> {
    if (this.#settled) return;
    this.#settled = true;
    if (!this.#isVisible()) await this.#hide(Math.max(0, afterMs));
  }

  async extend(ms: number): Promise<void> {
    // Also after the 12 h: the message comes again, and the job goes on under its lease.
    if (!this.#settled && !this.#isVisible()) await this.#hide(ms);
  }

  /** Whether its visibility is over: what is done to it now would be done to what somebody else received. */
  #isVisible(): boolean {
    return this.#hiddenUntil !== null && this.#received.clock.now() >= this.#hiddenUntil;
  }

  #left(): number {
    return Math.max(0, this.#hiddenAtMost - this.#received.clock.now());
  }

  async #hide(ms: number): Promise<void> {
    const { clock, settling } = this.#received;
    // Up, since it must not come before its time.
    const seconds = Math.ceil(Math.min(ms, this.#left()) / 1_000);
    // From before the request leaves: later than that SQS does not begin to count.
    const from = clock.now();
    await settling.hide(this.#handle, seconds);
    this.#hiddenUntil = from + seconds * 1_000;
  }
}
