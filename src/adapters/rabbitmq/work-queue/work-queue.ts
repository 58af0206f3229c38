import { systemIds } from "../../../core/environment/ids.js";
import type { ReceiveRequest } from "../../../core/ports/queue.js";
import { type OpenChannel, openChannel } from "../channel.js";
import { Consuming } from "./consuming.js";
import { type Holding, HeldMessage } from "./held-message.js";
import { isMissing } from "../errors.js";
import type { Link } from "../link.js";
import { type Ground, type Published, Publisher } from "../publisher.js";
import { declareRung, LONGEST_DELAY_MS, type Rung, rungOf } from "../topology.js";
import { headersOf, type Travel } from "./travel.js";

export interface WorkQueueParts {
  readonly link: Link;
  readonly queue: string;
  readonly declares: boolean;
  readonly maxReceives: number | null;
  readonly consumerTimeoutMs: number;
  /** The queue itself, once in a session. */
  readonly ground: Ground;
}

/** One queue by name, with its delay ladder: sends to it and receives from it. */
export class WorkQueue implements Holding {
  readonly clock: Link["clock"];
  readonly maxReceives: number | null;
  readonly consumerTimeoutMs: number;
  readonly #link: Link;
  readonly #queue: string;
  readonly #declares: boolean;
  readonly #publisher: Publisher;
  readonly #consuming: Consuming;
  readonly #ground: Ground;
  /** Rungs that stand, as far as a channel knows. */
  readonly #rungs = new WeakMap<OpenChannel, Map<string, Promise<void>>>();
  /** Rungs that were used here. */
  readonly #used = new Set<string>();

  constructor(parts: WorkQueueParts) {
    this.clock = parts.link.clock;
    this.maxReceives = parts.maxReceives;
    this.consumerTimeoutMs = parts.consumerTimeoutMs;
    this.#link = parts.link;
    this.#queue = parts.queue;
    this.#declares = parts.declares;
    this.#ground = parts.ground;
    this.#publisher = new Publisher(parts.link, (open) => parts.ground.ensure(open));
    this.#consuming = new Consuming(parts.link, parts.queue, parts.ground);
  }

  async sendAfter(content: Uint8Array, delayMs: number, travel: Travel): Promise<Published> {
    const rung = delayMs > 0 ? rungOf(this.#queue, delayMs) : null;
    const remainingMs = Math.max(0, Math.ceil(delayMs) - LONGEST_DELAY_MS);
    const publication = {
      exchange: "",
      routingKey: rung?.queue ?? this.#queue,
      content,
      messageId: systemIds.transition(),
      options: {
        mandatory: true,
        persistent: true,
        contentType: "application/json",
        timestamp: Math.floor((travel.sentAt ?? this.clock.now()) / 1_000),
        headers: headersOf({ ...travel, remainingMs }),
        ...(rung !== null && { expiration: String(rung.expiresMs) }),
      },
    };
    const sent = await this.#publisher.publishOrLater(publication, this.#groundOf(rung));
    if (rung !== null && sent.status === "confirmed") this.#used.add(rung.queue);
    return sent;
  }

  async prepareDelay(delayMs: number): Promise<void> {
    await this.#publisher.prepare((open) => this.#ensureRung(open, rungOf(this.#queue, delayMs)));
  }

  async receive(request: ReceiveRequest): Promise<readonly HeldMessage[]> {
    const received = await this.#consuming.receive(request);
    if (received === null) return [];
    const ready: HeldMessage[] = [];
    for (const message of received.messages) {
      const held = new HeldMessage(this, received, message);
      if (this.#isReady(held)) ready.push(held);
    }
    return ready;
  }

  /** What waits in the queue, and in those rungs that were used here. */
  async count(): Promise<number> {
    const open = await openChannel(await this.#link.session());
    try {
      // Asked before anything was sent, the queue may not stand yet.
      const stands = this.#ground.ensure(open);
      await stands;
      let count = 0;
      for (const queue of [this.#queue, ...this.#used]) {
        const { messageCount } = await open.answer(open.channel.checkQueue(queue)).catch((error: unknown) => {
          // Deleted: its next use makes it again.
          if (isMissing(error) && !this.#used.delete(queue)) this.#ground.forget(open, stands);
          throw error;
        });
        count += messageCount;
      }
      return count;
    } finally {
      await open.close();
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#publisher.close(), this.#consuming.close()]);
  }

  /** What is not ready goes where it belongs; where that fails it comes again. */
  #isReady(held: HeldMessage): boolean {
    if (held.remainingMs > 0) {
      held.goOnWaiting().catch(() => undefined);
      return false;
    }
    if (!held.isSpent) return true;
    try {
      held.discard();
    } catch {
      // Its channel is gone.
    }
    return false;
  }

  /** What a message on its way to the rung needs, or to the queue itself. `null`: somebody else sees to that. */
  #groundOf(rung: Rung | null): Ground | null {
    if (!this.#declares) return null;
    if (rung === null) return this.#ground;
    return {
      ensure: (open) => this.#ensureRung(open, rung),
      forget: (open, stood) => {
        const known = this.#rungs.get(open);
        if (known?.get(rung.queue) === stood) known.delete(rung.queue);
      },
    };
  }

  /** Only rungs that are used are declared: fourteen replicated queues would be much for one. */
  #ensureRung(open: OpenChannel, rung: Rung): Promise<void> {
    if (!this.#declares) return Promise.resolve();
    const known = this.#rungs.get(open) ?? new Map<string, Promise<void>>();
    this.#rungs.set(open, known);
    const declared = known.get(rung.queue) ?? declareRung(open, rung.queue, this.#queue);
    known.set(rung.queue, declared);
    declared.catch(() => {
      // A broker that was only blocked keeps the channel: the next message tries again.
      if (known.get(rung.queue) === declared) known.delete(rung.queue);
    });
    return declared;
  }
}
