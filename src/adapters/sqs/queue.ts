import { systemClock, type Clock } from "../../core/environment/clock.js";
import { WaybillError } from "../../core/errors/errors.js";
import type {
  OutgoingMessage,
  Queue,
  QueueCapabilities,
  QueueExpectations,
  QueueFinding,
  ReceiveRequest,
  Delivery,
  SendResult,
} from "../../core/ports/queue.js";
import { isArnOf } from "./address.js";
import { readAttributes, type QueueAttributes } from "./attributes.js";
import { checkQueue } from "./check.js";
import { explained, isDenied } from "./errors.js";
import { Receiver } from "./receive.js";
import { Requests } from "./requests.js";
import { LONGEST_DELAY_MS, sendBatch } from "./send.js";
import { settingsOf, type Settings, type SqsQueueOptions } from "./settings.js";
import { Settling } from "./settling.js";

/** The most messages of one request. */
const MAX_BATCH = 10;

/** What SQS gives a queue that says nothing else. */
const DEFAULT_VISIBILITY_MS = 30_000;

/** Requests cost by the piece and do not disturb each other, so a burst may have many under way. */
const SEND_LANES = 8;

/** A queue on SQS. */
export interface SqsQueue extends Queue {
  /**
   * As far as they are known: `maxReceives` and `visibilityMs` stand in the options, or are read from the queue at the first
   * receive, by `check` and with each `backlog`. Until then, and without the permission to read them, they are `null` and 30 s.
   */
  readonly capabilities: QueueCapabilities;
  backlog(): Promise<number>;
  check(expected: QueueExpectations): Promise<readonly QueueFinding[]>;
  /** Whether an ARN is the queue's, as far as its URL says; pure. Its dead letter queue is another one. */
  isFrom(arn: string): boolean;
}

/**
 * A queue on Amazon SQS, standard or FIFO.
 *
 * Every call ends: an answer that does not come is given up after 10 s beyond the wait, and what it would have said is
 * `unknown`. A receive that is aborted returns at once; its request ends with its wait, up to 20 s later, and what it
 * catches is given back. Who does not want a process to last that long calls `client.destroy()`.
 *
 * @throws WaybillError `config.invalid`
 */
export function sqsQueue(options: SqsQueueOptions): SqsQueue {
  return new QueueOnSqs(settingsOf(options), systemClock);
}

/** The queue itself. Tests give it a clock. */
export class QueueOnSqs implements SqsQueue {
  readonly deadLetters?: NonNullable<Queue["deadLetters"]>;
  readonly #settings: Settings;
  readonly #requestsTo: (url: string) => Requests;
  readonly #requests: Requests;
  readonly #receivers: readonly Receiver[];
  readonly #receiver: Receiver;
  /** What was read of the queue last; `null`: nothing yet. */
  #known: QueueAttributes | null = null;
  #reading: Promise<void> | null = null;
  #closed = false;

  constructor(settings: Settings, clock: Clock) {
    this.#settings = settings;
    const { client, address, deadLetters, visibilityMs } = settings;
    this.#requestsTo = (url) => new Requests(client, clock, url);
    this.#requests = this.#requestsTo(address.url);
    const receiverOf = (requests: Requests, fifo: boolean, visibility: () => number | null): Receiver => {
      const settling = new Settling(requests, clock);
      const received = () => ({ clock, settling, visibilityMs: visibility() });
      return new Receiver({ requests, clock, fifo, askedVisibilityMs: visibilityMs, received });
    };
    this.#receiver = receiverOf(
      this.#requests,
      address.fifo,
      () => visibilityMs ?? this.#known?.visibilityMs ?? null,
    );
    this.#receivers = [this.#receiver];
    if (deadLetters === null) return;
    const requests = this.#requestsTo(deadLetters.url);
    const dead = receiverOf(requests, deadLetters.fifo, () => visibilityMs);
    this.#receivers = [this.#receiver, dead];
    this.deadLetters = {
      receive: async (request) => {
        this.#admit("receive", request.max);
        return dead.receive(request);
      },
      isFrom: (arn) => isArnOf(arn, deadLetters),
    };
  }

  get capabilities(): QueueCapabilities {
    const { address, maxReceives, visibilityMs } = this.#settings;
    return {
      maxDelayMs: address.fifo ? 0 : LONGEST_DELAY_MS,
      ordered: address.fifo,
      maxBatch: MAX_BATCH,
      maxReceives: maxReceives ?? this.#known?.redrive?.maxReceives ?? null,
      visibilityMs: visibilityMs ?? this.#known?.visibilityMs ?? DEFAULT_VISIBILITY_MS,
      sendLanes: SEND_LANES,
    };
  }

  async send(messages: readonly OutgoingMessage[]): Promise<readonly SendResult[]> {
    this.#admit("send", messages.length);
    return sendBatch(this.#requests, this.#settings.address.fifo, messages);
  }

  async receive(request: ReceiveRequest): Promise<readonly Delivery[]> {
    this.#admit("receive", request.max);
    void this.#learn();
    return this.#receiver.receive(request);
  }

  async backlog(): Promise<number> {
    this.#admit();
    try {
      this.#known = await readAttributes(this.#requests);
      return this.#known.backlog;
    } catch (error) {
      throw explained(error, "The number of waiting messages could not be read");
    }
  }

  async check(expected: QueueExpectations): Promise<readonly QueueFinding[]> {
    this.#admit();
    const { findings, attributes } = await checkQueue(this.#settings, this.#requestsTo, expected);
    this.#known = attributes ?? this.#known;
    return findings;
  }

  isFrom(arn: string): boolean {
    return isArnOf(arn, this.#settings.address);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const receiver of this.#receivers) receiver.close();
  }

  /** Reads the queue's settings, once, unless all that is asked of them was given. Never rejects, and nobody waits for it. */
  async #learn(): Promise<void> {
    const { maxReceives, visibilityMs } = this.#settings;
    if (this.#known !== null || (maxReceives !== null && visibilityMs !== null)) return;
    this.#reading ??= readAttributes(this.#requests).then(
      (attributes) => {
        this.#known ??= attributes;
      },
      (error: unknown) => {
        // A permission does not come by asking often; anything else passes.
        if (!isDenied(error)) this.#reading = null;
      },
    );
    await this.#reading;
  }

  #admit(call?: "send" | "receive", size = 1): void {
    if (this.#closed) throw new WaybillError("waybill.closed", "This SQS queue is closed.");
    if (size >= 1 && size <= MAX_BATCH) return;
    throw new WaybillError(
      "config.invalid",
      `A ${call ?? "call"} carries 1 to ${MAX_BATCH} messages, not ${size}.`,
    );
  }
}
