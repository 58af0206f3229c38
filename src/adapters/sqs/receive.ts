import type { MessageSystemAttributeName } from "@aws-sdk/client-sqs";
import type { Clock } from "../../core/environment/clock.js";
import type { Delivery, ReceiveRequest } from "../../core/ports/queue.js";
import { SqsDelivery, type Received } from "./delivery.js";
import { explained } from "./errors.js";
import type { Requests } from "./requests.js";

/** The longest wait of one request. */
const LONGEST_WAIT_MS = 20_000;

/** Of several requests at once none holds up for longer what the others have brought. */
const WAVE_PATIENCE_MS = 2_000;

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

/** The end of one receive: one listener on its signal, however many requests it has under way. */
class Ending {
  readonly #listeners = new Set<() => void>();
  over = false;

  end(): void {
    this.over = true;
    for (const listener of [...this.#listeners]) listener();
  }

  /** Returns how to stop listening. */
  onEnd(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }
}

/** Receives from one queue. */
export class Receiver {
  readonly #parts: ReceiverParts;
  /** The receives under way. */
  readonly #endings = new Set<Ending>();
  #closed = false;
  /** How many requests at once a FIFO queue is asked with next. */
  #pace = 1;

  constructor(parts: ReceiverParts) {
    this.#parts = parts;
  }

  /** Ends whatever waits. */
  close(): void {
    this.#closed = true;
    for (const ending of this.#endings) ending.end();
  }

  async receive({ max, waitMs, signal }: ReceiveRequest): Promise<readonly Delivery[]> {
    if (signal.aborted || this.#closed) return [];
    const ending = new Ending();
    const end = (): void => {
      ending.end();
    };
    signal.addEventListener("abort", end, { once: true });
    this.#endings.add(ending);
    try {
      return await (this.#parts.fifo
        ? this.#receiveOneByOne(max, waitMs, ending)
        : this.#caught(max, waitMs, ending));
    } finally {
      signal.removeEventListener("abort", end);
      this.#endings.delete(ending);
    }
  }

  /**
   * One message a request, several requests at once: in one receive SQS returns as many of one group as it has, and only
   * what is in flight holds its group back. As many requests as found something last time, then as many again while none
   * was in vain: a backlog costs a request a message, an idle queue one request a wait.
   */
  async #receiveOneByOne(max: number, waitMs: number, ending: Ending): Promise<readonly Delivery[]> {
    const came: Delivery[] = [];
    let wave = Math.min(this.#pace, max);
    if (wave === 1) came.push(...(await this.#caught(1, waitMs, ending)));
    else {
      came.push(...(await this.#wave(wave, ending)));
      if (came.length === 0 && waitMs > 0 && !ending.over) {
        wave = 1;
        came.push(...(await this.#caught(1, waitMs, ending)));
      }
    }
    while (came.length >= wave && came.length < max && !ending.over) {
      const more = Math.min(came.length, max - came.length);
      wave = came.length + more;
      // What has come must not be lost to what has not.
      came.push(...(await this.#wave(more, ending).catch(() => [])));
    }
    this.#pace = Math.max(1, came.length);
    return came;
  }

  /** So many polls at once that do not wait. One that fails fails them all only when nothing came. */
  async #wave(count: number, ending: Ending): Promise<readonly Delivery[]> {
    const polls = Array.from({ length: count }, () => this.#caught(1, 0, ending, WAVE_PATIENCE_MS));
    const ends = await Promise.allSettled(polls);
    const came = ends.flatMap((end) => (end.status === "fulfilled" ? end.value : []));
    const failure = ends.find((end) => end.status === "rejected");
    if (came.length === 0 && failure !== undefined) throw explained(failure.reason, WHAT);
    return came;
  }

  /**
   * What a poll catches, or nothing once it is given up, by its end or by its patience. The request itself goes on then, since SQS may have handed out a
   * message already; what it still catches is given back at once.
   */
  #caught(
    max: number,
    waitMs: number,
    ending: Ending,
    patienceMs: number | null = null,
  ): Promise<readonly Delivery[]> {
    return new Promise((resolve, reject) => {
      let abandoned = false;
      const abandon = (): void => {
        abandoned = true;
        forget();
        resolve([]);
      };
      const cancel = patienceMs === null ? null : this.#parts.clock.timer(patienceMs, abandon, true);
      const unlisten = ending.onEnd(abandon);
      const forget = (): void => {
        cancel?.();
        unlisten();
      };
      this.#poll(max, waitMs).then(
        (deliveries) => {
          forget();
          if (abandoned) giveBack(deliveries);
          else resolve(deliveries);
        },
        (error: unknown) => {
          forget();
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
}

/** For somebody else, at once. What cannot be given back comes again by its visibility. */
function giveBack(deliveries: readonly Delivery[]): void {
  for (const delivery of deliveries) delivery.release(0).catch(() => undefined);
}
