import type { PostgresNotification } from "../client/client.js";

/** A connection to listen on, connected. */
export interface ListeningConnection {
  query(text: string): Promise<unknown>;
  on(event: "notification", listener: (message: PostgresNotification) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "end", listener: () => void): unknown;
}

interface Removable {
  removeListener(event: string, listener: unknown): unknown;
}

/** Hears no more of a connection. */
export type Deafen = () => void;

/** Where connections come from, and go to when they are not listened on any more. */
export interface ConnectionSource<C extends ListeningConnection> {
  /** A new connection, connected; `heed` begins to hear its events. */
  open(heed: (connection: C) => Deafen): Promise<C>;
  /** @param broken - it is of no use to anybody */
  giveBack(connection: C, broken: boolean): Promise<void>;
}

/** Soon at first, since most connections break alone; seldom enough that a server which is down is left in peace. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 30_000;

/** What a link says of what comes through it. */
export interface LinkListener {
  payload(payload: string): void;
  /** It was broken, and listens again: what was notified in between was not heard. */
  again(): void;
}

/** Listens to a channel, on one connection after the other: when one is lost the next is made. */
export class ListenLink<C extends ListeningConnection> {
  readonly #source: ConnectionSource<C>;
  readonly #channel: string;
  readonly #listener: LinkListener;
  #connection: C | null = null;
  #failures = 0;
  #stopped = false;
  #cancelPause: () => void = () => undefined;

  constructor(source: ConnectionSource<C>, channel: string, listener: LinkListener) {
    this.#source = source;
    this.#channel = channel;
    this.#listener = listener;
  }

  /** The first connection is the caller's to try again: it is told why there is none. */
  async start(): Promise<void> {
    await this.#connect();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelPause();
    const connection = this.#connection;
    this.#connection = null;
    if (connection !== null) await this.#source.giveBack(connection, false);
  }

  async #connect(): Promise<void> {
    const state = { listening: false, over: false };
    const heed = (connection: C): Deafen => {
      const lost = (): void => {
        if (state.over) return;
        state.over = true;
        const wasMine = this.#connection === connection;
        if (wasMine) this.#connection = null;
        // What breaks before it listens is told by what was awaited.
        if (state.listening) this.#later();
        if (wasMine) void this.#source.giveBack(connection, true).catch(() => undefined);
      };
      const hear = (message: PostgresNotification): void => {
        if (message.channel !== this.#channel || this.#stopped || state.over) return;
        this.#listener.payload(message.payload ?? "");
      };
      connection.on("error", lost);
      connection.on("end", lost);
      connection.on("notification", hear);
      return () => {
        // Every client of `pg` has it.
        const { removeListener } = connection as Partial<Removable>;
        removeListener?.call(connection, "error", lost);
        removeListener?.call(connection, "end", lost);
        removeListener?.call(connection, "notification", hear);
      };
    };
    const connection = await this.#source.open(heed);
    try {
      await connection.query(`listen "${this.#channel}"`);
    } catch (error) {
      state.over = true;
      void this.#source.giveBack(connection, true).catch(() => undefined);
      throw error;
    }
    // Stopped or broken while it connected.
    if (this.#stopped) {
      state.over = true;
      await this.#source.giveBack(connection, false).catch(() => undefined);
      return;
    }
    const isAgain = this.#failures > 0;
    this.#failures = 0;
    state.listening = true;
    if (state.over) {
      void this.#source.giveBack(connection, true).catch(() => undefined);
      this.#later();
      return;
    }
    this.#connection = connection;
    if (isAgain) this.#listener.again();
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
