import type { PostgresChannelClient, PostgresNotification } from "./client.js";

/** The part of a `Client` of `pg` that is used to listen. It is connected and ended by the listener. */
export interface PgListenerClient {
  connect(): Promise<unknown>;
  query(text: string): Promise<unknown>;
  end(): Promise<unknown>;
  on(event: "notification", listener: (message: PostgresNotification) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "end", listener: () => void): unknown;
}

/** Soon at first, since most connections break alone; seldom enough that a server which is down is left in peace. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 30_000;

/**
 * Makes clients of `pg` a listener that outlives its connection: when one is lost the next is made and listens again.
 * A `Client` of `pg` cannot connect twice, so it takes how to make one. What is notified in between is not heard.
 *
 * @example
 * postgresStore({ client: pool, listen: listenOnPg(() => new pg.Client(url)) })
 */
export function listenOnPg(makeClient: () => PgListenerClient): PostgresChannelClient {
  return {
    listen: async (channel, onPayload) => {
      const link = new ListenLink(makeClient, channel, onPayload);
      await link.start();
      return () => link.stop();
    },
  };
}

class ListenLink {
  readonly #makeClient: () => PgListenerClient;
  readonly #channel: string;
  readonly #onPayload: (payload: string) => void;
  #client: PgListenerClient | null = null;
  #failures = 0;
  #stopped = false;
  #cancelPause: () => void = () => undefined;

  constructor(makeClient: () => PgListenerClient, channel: string, onPayload: (payload: string) => void) {
    this.#makeClient = makeClient;
    this.#channel = channel;
    this.#onPayload = onPayload;
  }

  /** The first connection is the caller's to try again: it is told why there is none. */
  async start(): Promise<void> {
    await this.#connect();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelPause();
    const client = this.#client;
    this.#client = null;
    await client?.end();
  }

  async #connect(): Promise<void> {
    const client = this.#makeClient();
    const state = { listening: false, over: false };
    const lost = (): void => {
      if (state.over) return;
      state.over = true;
      if (this.#client === client) this.#client = null;
      // What breaks before it listens is told by what was awaited.
      if (state.listening) this.#later();
    };
    // Heard from the start, and for good: an `error` that nobody hears ends the process.
    client.on("error", lost);
    client.on("end", lost);
    client.on("notification", (message) => {
      if (message.channel === this.#channel && !this.#stopped) this.#onPayload(message.payload ?? "");
    });
    try {
      await client.connect();
      await client.query(`listen "${this.#channel}"`);
    } catch (error) {
      state.over = true;
      void client.end().catch(() => undefined);
      throw error;
    }
    // Stopped or broken while it connected.
    if (this.#stopped) {
      await client.end().catch(() => undefined);
      return;
    }
    this.#failures = 0;
    state.listening = true;
    if (state.over) this.#later();
    else this.#client = client;
  }

  #later(): void {
    if (this.#stopped) return;
    const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures);
    this.#failures += 1;
    // Half of it is chance: those that lost one server do not come back all at once.
    const timer = setTimeout(
      () => {
        this.#connect().catch(() => {
          this.#later();
        });
      },
      longest * (0.5 + Math.random() / 2),
    );
    // Hints alone keep no process alive.
    timer.unref();
    this.#cancelPause = () => {
      clearTimeout(timer);
    };
  }
}
