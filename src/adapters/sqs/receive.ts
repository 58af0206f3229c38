import type { MessageSystemAttributeName } from "@aws-sdk/client-sqs";
import type { Clock } from "../../core/clock.js";
import type { Delivery, ReceiveRequest } from "../../core/ports/queue.js";
import { SqsDelivery, type Received } from "./delivery.js";
import { explained } from "./errors.js";
import type { Requests } from "./requests.js";

/** The longest wait of one request. */
const LONGEST_WAIT_MS = 20_000;

/** Nobody waits longer for more when something has come, or for a poll that was not to wait. */
const SHORT_POLL_PATIENCE_MS = 2_000;

const WHAT = "Messages could not be received";
const ATTRIBUTES: MessageSystemAttributeName[] = [
  "ApproximateReceiveCount",
  "SentTimestamp",
  "MessageGroupId",
];

interface ReceiverParts {
  readonly requests: Requests;
  readonly clock: Clock;
  readonly fifo: boolean;
  /** Asked for with each receive; `null`: the queue's own applies. */
  readonly askedVisibilityMs: number | null;
  /** What a delivery needs, as it is known at its receive. */
  readonly received: () => Received;
}

/** Receives from one queue. */
export class Receiver {
  readonly #parts: ReceiverParts;
  readonly #closing = new AbortController();
  /** How many requests at once a FIFO queue is asked with next. */
  #pace = 1;

  constructor(parts: ReceiverParts) {
    this.#parts = parts;
  }

  /** Ends whatever waits. */
  close(): void {
    this.#closing.abort();
  }

  async receive(request: ReceiveRequest): Promise<readonly Delivery[]> {
    const { max, waitMs, signal } = request;
    if (this.#isOver(signal)) return [];
    return this.#parts.fifo ? this.#receiveOneByOne(request) : this.#caught(max, waitMs, signal);
  }

  /**
   * One message a request, several requests at once: in one receive SQS returns as many of one group as it has, and only
   * what is in flight holds its group back. As many requests as found something last time, then as many again while none
   * was in vain: a backlog costs a request a message, an idle queue one request a wait.
   */
  async #receiveOneByOne({ max, waitMs, signal }: ReceiveRequest): Promise<readonly Delivery[]> {
    const came: Delivery[] = [];
    let wave = Math.min(this.#pace, max);
    if (wave === 1) came.push(...(await this.#caught(1, waitMs, signal)));
    else {
      came.push(...(await this.#wave(wave, signal)));
      if (came.length === 0 && waitMs > 0 && !this.#isOver(signal)) {
        wave = 1;
        came.push(...(await this.#caught(1, waitMs, signal)));
      }
    }
    while (came.length >= wave && came.length < max && !this.#isOver(signal)) {
      const more = Math.min(came.length, max - came.length);
      wave = came.length + more;
      // What has come must not be lost to what has not.
      came.push(...(await this.#wave(more, signal).catch(() => [])));
    }
    this.#pace = Math.max(1, came.length);
    return came;
  }

  /** So many polls at once that do not wait. One that fails fails them all only when nothing came. */
  async #wave(count: number, signal: AbortSignal): Promise<readonly Delivery[]> {
    const polls = Array.from({ length: count }, () => this.#caught(1, 0, signal));
    const ends = await Promise.allSettled(polls);
    const came = ends.flatMap((end) => (end.status === "fulfilled" ? end.value : []));
    const failure = ends.find((end) => end.status === "rejected");
    if (came.length === 0 && failure !== undefined) throw explained(failure.reason, WHAT);
    return came;
  }

  /**
   * What a poll catches, or nothing once it is given up. The request itself goes on then, since SQS may have handed out a
   * message already; what it still catches is given back at once.
   */
  #caught(max: number, waitMs: number, signal: AbortSignal): Promise<readonly Delivery[]> {
    return new Promise((resolve, reject) => {
      let abandoned = false;
      const signals = [signal, this.#closing.signal];
      const abandon = (): void => {
        abandoned = true;
        end();
        resolve([]);
      };
      const cancel = waitMs > 0 ? null : this.#parts.clock.timer(SHORT_POLL_PATIENCE_MS, abandon, true);
      const end = (): void => {
        cancel?.();
        for (const each of signals) each.removeEventListener("abort", abandon);
      };
      for (const each of signals) each.addEventListener("abort", abandon, { once: true });
      this.#poll(max, waitMs).then(
        (deliveries) => {
          end();
          if (abandoned) giveBack(deliveries);
          else resolve(deliveries);
        },
        (error: unknown) => {
          end();
          if (!abandoned) reject(explained(error, WHAT));
        },
      );
    });
  }

  async #poll(max: number, waitMs: number): Promise<readonly Delivery[]> {
    const { requests, askedVisibilityMs, received } = this.#parts;
    const { Messages = [] } = await requests.receive({
      MaxNumberOfMessages: max,
      WaitTimeSeconds: Math.ceil(Math.min(Math.max(0, waitMs), LONGEST_WAIT_MS) / 1_000),
      MessageSystemAttributeNames: ATTRIBUTES,
      ...(askedVisibilityMs === null ? {} : { VisibilityTimeout: askedVisibilityMs / 1_000 }),
    });
    return Messages.map((message) => new SqsDelivery(message, received()));
  }

  #isOver(signal: AbortSignal): boolean {
    return signal.aborted || this.#closing.signal.aborted;
  }
}

/** For somebody else, at once. What cannot be given back comes again by its visibility. */
function giveBack(deliveries: readonly Delivery[]): void {
  for (const delivery of deliveries) delivery.release(0).catch(() => undefined);
}
