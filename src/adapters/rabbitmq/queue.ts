import { WaybillError } from "../../core/errors/errors.js";
import { checkWhole, requireOptions } from "../../core/options/options.js";
import {
  type Delivery,
  defineQueue,
  type OutgoingMessage,
  type Queue,
  type QueueExpectations,
  type QueueFinding,
  type ReceiveRequest,
  type SendResult,
} from "../../core/ports/queue.js";
import type { OpenChannel } from "./channel.js";
import { checkQueue } from "./check.js";
import { unavailable } from "./errors.js";
import { linkOf, type RabbitmqConnection, type Session } from "./link.js";
import { declareQueue, LONGEST_DELAY_MS, type QueueNames } from "./topology.js";
import { WorkQueue } from "./work-queue/work-queue.js";

/**
 * Which queue `rabbitmqQueue` works on. Every process that declares it gives the same `maxReceives` and `deadLetterQueue`:
 * the broker refuses a declaration that differs from what is there.
 */
export interface RabbitmqQueueOptions {
  /** What `rabbitmqConnection` returned. */
  readonly connection: RabbitmqConnection;
  /** Name of the queue; 1 to 200 bytes. The queues of the delay ladder begin with it: `{queue}.delay.1024`. */
  readonly queue: string;
  /** Name of the queue of dead letters, Waybill's alone. @default `{queue}.dead` */
  readonly deadLetterQueue?: string | undefined;
  /** Receives after which a message that comes back goes to the dead letters, 2 or more. @default 20 */
  readonly maxReceives?: number | undefined;
  /**
   * The broker's `consumer_timeout`: how long a delivery may be held, milliseconds. The broker tells nobody; a larger value
   * than its own makes it close channels under running jobs. @default 1_800_000 // 30 min, as the broker's
   */
  readonly consumerTimeoutMs?: number | undefined;
  /** Declares the queues. `false`: they are there already, as the page of this adapter lists them. @default true */
  readonly declare?: boolean | undefined;
}

const OPTIONS = ["connection", "queue", "deadLetterQueue", "maxReceives", "consumerTimeoutMs", "declare"];
const MAX_BATCH = 100;
/** A pointer has some hundred bytes. RabbitMQ 4 takes 16 MiB by default, 3.10 128 MiB. */
const MOST_BODY_BYTES = 1024 * 1024;
/** A short string of AMQP has at most 255 bytes, and the ladder's queues carry an ending. */
const MOST_NAME_BYTES = 200;

/**
 * A quorum queue of RabbitMQ 3.10 or newer as Waybill's queue: at least once, in any order. Messages are confirmed by the
 * broker before they count as sent. A received one is held as long as its connection lasts; one that is held for half of the
 * consumer timeout is handed on to a successor, so that the broker never takes it away from a running job.
 *
 * @throws {WaybillError} `config.invalid`
 */
export function rabbitmqQueue(options: RabbitmqQueueOptions): Queue {
  requireOptions("rabbitmqQueue", options, OPTIONS);
  return defineQueue(new RabbitmqQueue(options));
}

class RabbitmqQueue implements Queue {
  readonly capabilities: Queue["capabilities"];
  readonly deadLetters: NonNullable<Queue["deadLetters"]>;
  readonly #names: QueueNames;
  readonly #declares: boolean;
  readonly #maxReceives: number;
  readonly #work: WorkQueue;
  readonly #dead: WorkQueue;
  readonly #link: ReturnType<typeof linkOf>;
  readonly #declared = new WeakMap<Session, Promise<void>>();
  #isClosed = false;

  constructor(options: RabbitmqQueueOptions) {
    this.#link = linkOf("rabbitmqQueue", options.connection);
    const { maxReceives = 20, consumerTimeoutMs = 30 * 60_000, declare = true } = options;
    this.#names = namesOf(options);
    if (!Number.isInteger(maxReceives) || maxReceives < 2 || maxReceives > MOST_RECEIVES)
      throw invalid(`maxReceives must be a whole number from 2 to ${MOST_RECEIVES}`);
    checkWhole("consumerTimeoutMs", consumerTimeoutMs);
    if (consumerTimeoutMs < 1_000) throw invalid("consumerTimeoutMs must be 1,000 or more");
    this.#declares = declare;
    this.#maxReceives = maxReceives;
    this.capabilities = {
      maxDelayMs: LONGEST_DELAY_MS,
      ordered: false,
      maxBatch: MAX_BATCH,
      maxReceives,
      visibilityMs: null,
    };
    const shared = {
      link: this.#link,
      declares: declare,
      consumerTimeoutMs,
      ground: {
        ensure: (open: OpenChannel) => this.#ensure(open),
        forget: ({ session }: OpenChannel, stood: Promise<void>) => {
          if (this.#declared.get(session) === stood) this.#declared.delete(session);
        },
      },
    };
    this.#work = new WorkQueue({ ...shared, queue: this.#names.queue, maxReceives });
    this.#dead = new WorkQueue({ ...shared, queue: this.#names.deadLetters, maxReceives: null });
    this.deadLetters = { receive: (request) => this.#receive(this.#dead, request) };
  }

  async send(messages: readonly OutgoingMessage[]): Promise<readonly SendResult[]> {
    this.#checkOpen();
    checkCount("send", messages.length);
    return Promise.all(messages.map((message) => this.#sendOne(message)));
  }

  receive(request: ReceiveRequest): Promise<readonly Delivery[]> {
    return this.#receive(this.#work, request);
  }

  async backlog(): Promise<number> {
    this.#checkOpen();
    try {
      return await this.#work.count();
    } catch (error) {
      throw unavailable("queue", "RabbitMQ does not say what waits", error);
    }
  }

  async check(expected: QueueExpectations): Promise<readonly QueueFinding[]> {
    this.#checkOpen();
    const checked = {
      names: this.#names,
      declares: this.#declares,
      maxReceives: this.#maxReceives,
      declare: (open: OpenChannel) => this.#declare(open),
      ...expected,
    };
    try {
      return await checkQueue(this.#link, checked);
    } catch (error) {
      throw unavailable("queue", "RabbitMQ does not say how its queues are set up", error);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([this.#work.close(), this.#dead.close()]);
  }

  async #sendOne({ body, delayMs, groupId }: OutgoingMessage): Promise<SendResult> {
    const content = Buffer.from(body, "utf8");
    if (content.byteLength > MOST_BODY_BYTES)
      return { status: "rejected", reason: `the message has more than ${MOST_BODY_BYTES} bytes` };
    const travel = { receivesBefore: 0, sentAt: this.#link.clock.now(), groupId, remainingMs: 0 };
    const sent = await this.#work.sendAfter(content, delayMs, travel);
    if (sent.status === "confirmed") return { status: "sent" };
    if (sent.status !== "blocked") return { status: "unknown", reason: sent.reason };
    return { status: "unknown", reason: "the broker is short of memory or disk and takes nothing now" };
  }

  async #receive(from: WorkQueue, request: ReceiveRequest): Promise<readonly Delivery[]> {
    this.#checkOpen();
    checkCount("receive", request.max);
    try {
      return await from.receive(request);
    } catch (error) {
      throw unavailable("queue", "RabbitMQ does not hand over messages", error);
    }
  }

  /** Once in a session. */
  #ensure(open: OpenChannel): Promise<void> {
    if (!this.#declares) return Promise.resolve();
    return this.#declared.get(open.session) ?? this.#declare(open);
  }

  /** Never twice at a time: a broker that declares one quorum queue on two channels may fail. */
  #declare(open: OpenChannel): Promise<void> {
    const { session } = open;
    const before = this.#declared.get(session)?.catch(() => undefined) ?? Promise.resolve();
    const declared = before.then(() => declareQueue(open, this.#names, this.#maxReceives));
    this.#declared.set(session, declared);
    declared.catch(() => {
      // The next channel tries again.
      if (this.#declared.get(session) === declared) this.#declared.delete(session);
    });
    return declared;
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new WaybillError("waybill.closed", "The RabbitMQ queue was closed.");
  }
}

/** More is no limit at all. */
const MOST_RECEIVES = 1_000_000;

function namesOf({ queue, deadLetterQueue }: RabbitmqQueueOptions): QueueNames {
  const names = { queue, deadLetters: deadLetterQueue ?? `${queue}.dead` };
  for (const name of [names.queue, names.deadLetters]) {
    if (typeof name !== "string" || name === "" || Buffer.byteLength(name) > MOST_NAME_BYTES)
      throw invalid(`the name of a queue must have 1 to ${MOST_NAME_BYTES} bytes`);
    if (name.startsWith("amq.")) throw invalid("names that begin with amq. are the broker's own");
  }
  if (names.queue === names.deadLetters) throw invalid("deadLetterQueue is the queue itself");
  return names;
}

function checkCount(what: string, count: number): void {
  if (Number.isInteger(count) && count >= 1 && count <= MAX_BATCH) return;
  throw invalid(`${what} takes 1 to ${MAX_BATCH} messages at once`);
}

function invalid(sentence: string): WaybillError {
  return new WaybillError("config.invalid", `rabbitmqQueue: ${sentence}.`);
}
