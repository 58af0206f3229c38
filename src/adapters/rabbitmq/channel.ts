import type { RabbitmqChannel } from "./client.js";
import type { Link, Session } from "./link.js";

/**
 * One channel of one session. What it delivered is settled on it alone: the same delivery tag on another channel is another
 * message, and the broker would not say so.
 */
export class OpenChannel {
  readonly channel: RabbitmqChannel;
  readonly session: Session;
  #isClosed = false;
  readonly #listeners = new Set<() => void>();

  constructor(channel: RabbitmqChannel, session: Session) {
    this.channel = channel;
    this.session = session;
    // What nobody hears would end the process, or the whole connection; the `close` behind it says all that matters.
    channel.on("error", () => undefined);
    channel.on("handler-error", () => undefined);
    channel.on("close", () => {
      this.#isClosed = true;
      for (const listener of [...this.#listeners]) listener();
      this.#listeners.clear();
    });
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Calls back once it is closed, by whomever. Returns how to stop. */
  onClosed(listener: () => void): () => void {
    if (this.#isClosed) listener();
    else this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Waits for an answer of the broker, in time. */
  answer<T>(asked: Promise<T>): Promise<T> {
    return this.session.answer(asked);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    try {
      await this.answer(this.channel.close());
    } catch {
      // Closed meanwhile, or with its connection.
    }
  }
}

/** Opens a channel, in time. */
export async function openChannel(session: Session): Promise<OpenChannel> {
  return new OpenChannel(await session.answer(session.model.createConfirmChannel()), session);
}

/** Keeps a channel for one use: opened when it is first needed, and again, and prepared again, when it was lost. */
export class ChannelSlot {
  readonly #link: Link;
  readonly #prepare: (open: OpenChannel) => Promise<void>;
  #opening: Promise<OpenChannel> | null = null;
  #isClosed = false;

  constructor(link: Link, prepare: (open: OpenChannel) => Promise<void>) {
    this.#link = link;
    this.#prepare = prepare;
  }

  get(): Promise<OpenChannel> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const open = await this.#opening?.catch(() => null);
    await open?.close();
  }

  #open(): Promise<OpenChannel> {
    const forget = (): void => {
      if (this.#opening === opening) this.#opening = null;
    };
    const opening = this.#openPrepared(forget);
    opening.catch(forget);
    return opening;
  }

  async #openPrepared(closed: () => void): Promise<OpenChannel> {
    const open = await openChannel(await this.#link.session());
    // Before whatever else hears of its end: nobody is given it again.
    open.onClosed(closed);
    try {
      await this.#prepare(open);
      if (this.#isClosed) throw new Error("no longer needed");
    } catch (error) {
      await open.close();
      throw error;
    }
    return open;
  }
}
