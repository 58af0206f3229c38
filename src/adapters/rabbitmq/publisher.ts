import { inTime } from "../../core/environment/clock.js";
import { isError } from "../../core/errors/foreign.js";
import { ChannelSlot, openChannel, type OpenChannel } from "./channel.js";
import type { RabbitmqPublishOptions } from "./client.js";
import { reasonOf } from "./errors.js";
import type { Link, Session } from "./link.js";

/**
 * - `confirmed`: the broker has it, in every queue that it was routed to.
 * - `blocked`: it was not sent, since the broker takes nothing from publishers now.
 * - `down`: it was not sent, since there is no connection and none is about to be.
 * - `unknown`: it may or may not be there: sent back as unroutable, refused, or not answered.
 */
export type Published =
  | { readonly status: "confirmed" }
  | { readonly status: "blocked" }
  | { readonly status: "down" | "unknown"; readonly reason: string };

export interface Publication {
  readonly exchange: string;
  readonly routingKey: string;
  readonly content: Uint8Array;
  /** With `mandatory`, unique among what is under way: a message that is returned is told by it. */
  readonly messageId: string;
  readonly options: RabbitmqPublishOptions;
}

/** What has to stand before a message can go. */
export interface Ground {
  /** Makes it, once. */
  ensure(open: OpenChannel): Promise<void>;
  /** It is gone: it is made again by the next `ensure`. `stood`: what that gave before, since others may have been sooner. */
  forget(open: OpenChannel, stood: Promise<void>): void;
}

const UNROUTED: Published = { status: "unknown", reason: "no queue takes it: it is missing" };

/** By then the reconciler has sent the job again. */
const LATER_MS = 15_000;
const MOST_LATER = 1_000;

/** Publishes with confirms. */
export class Publisher {
  readonly #link: Link;
  readonly #slot: ChannelSlot;
  /** Messages that no queue took. The broker returns a message before it confirms it. */
  readonly #returned = new Set<string>();
  /** How many wait for a connection, of which nobody hears any more. */
  #later = 0;

  constructor(link: Link, prepare: (open: OpenChannel) => Promise<void>) {
    this.#link = link;
    this.#slot = new ChannelSlot(link, async (open) => {
      open.channel.on(
        "return",
        ({ properties }: { readonly properties: { readonly messageId?: unknown } }) => {
          if (typeof properties.messageId === "string") this.#returned.add(properties.messageId);
        },
      );
      await prepare(open);
    });
  }

  /** For whom nobody waits: the broker has its time to be connected to and to confirm. Never rejects. */
  async publish(publication: Publication): Promise<Published> {
    try {
      return await this.#publish(publication);
    } catch (error) {
      return { status: "unknown", reason: reasonOf(error) };
    }
  }

  /**
   * For whom somebody waits, of what may come twice and at any time: a broker that is down is not waited for, and the message
   * goes as soon as it is back, if that is soon. Never rejects.
   *
   * @param ground - `null`: others see to it that it stands
   */
  async publishOrLater(publication: Publication, ground: Ground | null): Promise<Published> {
    let session: Session;
    try {
      session = await this.#link.sessionUnlessDown();
    } catch (error) {
      this.#publishLater(publication, ground);
      return { status: "down", reason: reasonOf(error) };
    }
    if (session.isSilent && !session.isBlocked)
      return { status: "unknown", reason: "the broker has not answered for a while" };
    try {
      return await this.#publish(publication, ground);
    } catch (error) {
      return { status: "unknown", reason: reasonOf(error) };
    }
  }

  /** Has stand what a message to come will need. Never rejects. */
  async prepare(declare: (open: OpenChannel) => Promise<void>): Promise<void> {
    try {
      const open = await this.#slot.get();
      if (!open.session.isBlocked) await declare(open);
    } catch {
      // Whoever sends tries again.
    }
  }

  close(): Promise<void> {
    return this.#slot.close();
  }

  #publishLater(publication: Publication, ground: Ground | null): void {
    if (this.#later >= MOST_LATER) return;
    this.#later += 1;
    this.#link
      .session(LATER_MS)
      .then(() => this.#publish(publication, ground))
      .catch(() => undefined)
      .finally(() => {
        this.#later -= 1;
      });
  }

  async #publish(publication: Publication, ground: Ground | null = null): Promise<Published> {
    const open = await this.#slot.get();
    if (open.session.isBlocked) return { status: "blocked" };
    if (ground === null) return this.#publishOn(open, publication);
    const stands = ground.ensure(open);
    await stands;
    const published = await this.#publishOn(open, publication);
    if (published !== UNROUTED) return published;
    // Deleted since it was declared: nothing holds the message, and it goes once more.
    ground.forget(open, stands);
    await ground.ensure(open);
    return this.#publishOn(open, publication);
  }

  async #publishOn(open: OpenChannel, publication: Publication): Promise<Published> {
    const { exchange, routingKey, content, messageId, options } = publication;
    const confirmed = new Promise<Published>((resolve) => {
      const end = (error: unknown): void => {
        resolve(this.#outcome(messageId, error));
      };
      const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
      try {
        open.channel.publish(exchange, routingKey, bytes, { ...options, messageId }, end);
      } catch (error) {
        end(error);
      }
    });
    const published = await inTime<Published | null>(this.#link.clock, this.#link.answerMs, confirmed, null);
    if (published !== null) return published;
    probe(open);
    return { status: "unknown", reason: "the broker did not confirm in time" };
  }

  #outcome(messageId: string, error: unknown): Published {
    const isReturned = this.#returned.delete(messageId);
    // The driver says `null`: it has seen the broker's own confirmation.
    if (error !== null) return { status: "unknown", reason: refusalOf(error) };
    if (isReturned) return UNROUTED;
    return { status: "confirmed" };
  }
}

function refusalOf(error: unknown): string {
  const isNack = isError(error) && error.message === "message nacked";
  return isNack ? "the broker refused it: the queue is full or without a majority" : reasonOf(error);
}

/**
 * A broker that is only slow keeps its connection, and with it all that is held: it is asked for something else. Until it
 * answers nothing more is sent to wait in vain.
 */
function probe({ session }: OpenChannel): void {
  if (session.isSilent) return;
  session.isSilent = true;
  const answered = (): void => {
    session.isSilent = false;
  };
  // One that is blocked answers later, over the same connection; one that is silent has lost it.
  openChannel(session)
    .finally(answered)
    .then(
      (open) => open.close(),
      () => undefined,
    );
}
