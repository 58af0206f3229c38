import { isError } from "../../core/errors/foreign.js";
import { ChannelSlot, openChannel, type OpenChannel } from "./channel.js";
import type { RabbitmqPublishOptions } from "./client.js";
import { reasonOf } from "./errors.js";
import type { Link } from "./link.js";

/**
 * - `confirmed`: the broker has it, in every queue that it was routed to.
 * - `blocked`: it was not sent, since the broker takes nothing from publishers now.
 * - `unknown`: it may or may not be there: sent back as unroutable, refused, or not answered.
 */
export type Published =
  | { readonly status: "confirmed" }
  | { readonly status: "blocked" }
  | { readonly status: "unknown"; readonly reason: string };

export interface Publication {
  readonly exchange: string;
  readonly routingKey: string;
  readonly content: Uint8Array;
  /** With `mandatory`, unique among what is under way: a message that is returned is told by it. */
  readonly messageId: string;
  readonly options: RabbitmqPublishOptions;
}

/** Publishes with confirms. */
export class Publisher {
  readonly #link: Link;
  readonly #slot: ChannelSlot;
  /** Messages that no queue took. The broker returns a message before it confirms it. */
  readonly #returned = new Set<string>();

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

  /**
   * Never rejects.
   *
   * @param declare - what has to stand before the message can go
   */
  async publish(
    publication: Publication,
    declare?: (open: OpenChannel) => Promise<void>,
  ): Promise<Published> {
    try {
      const open = await this.#slot.get();
      if (open.session.isBlocked) return { status: "blocked" };
      await declare?.(open);
      return await this.#publishOn(open, publication);
    } catch (error) {
      return { status: "unknown", reason: reasonOf(error) };
    }
  }

  close(): Promise<void> {
    return this.#slot.close();
  }

  #publishOn(open: OpenChannel, publication: Publication): Promise<Published> {
    const { exchange, routingKey, content, messageId, options } = publication;
    return new Promise((resolve) => {
      const cancel = this.#link.clock.timer(
        this.#link.answerMs,
        () => {
          resolve({ status: "unknown", reason: "the broker did not confirm in time" });
          probe(open);
        },
        true,
      );
      const confirmed = (error: unknown): void => {
        cancel();
        resolve(this.#outcome(messageId, error));
      };
      const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
      try {
        open.channel.publish(exchange, routingKey, bytes, { ...options, messageId }, confirmed);
      } catch (error) {
        confirmed(error);
      }
    });
  }

  #outcome(messageId: string, error: unknown): Published {
    const isReturned = this.#returned.delete(messageId);
    // The driver says `null`: it has seen the broker's own confirmation.
    if (error !== null) return { status: "unknown", reason: refusalOf(error) };
    if (isReturned) return { status: "unknown", reason: "no queue takes it: it is missing" };
    return { status: "confirmed" };
  }
}

function refusalOf(error: unknown): string {
  const isNack = isError(error) && error.message === "message nacked";
  return isNack ? "the broker refused it: the queue is full or without a majority" : reasonOf(error);
}

/** A broker that is only slow keeps its connection, and with it all that is held: it is asked for something else. */
function probe({ session }: OpenChannel): void {
  openChannel(session).then(
    (open) => open.close(),
    () => undefined,
  );
}
