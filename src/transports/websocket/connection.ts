import type { WebSocket } from "ws";
import type { Principal } from "../../core/view/access.js";
import type { Clock } from "../../core/environment/clock.js";
import { CLOSE, decodeClientFrame, type KnownVersions } from "../../core/wire/live.js";
import type { LiveAim, LiveChanges } from "./aim.js";
import {
  beginSession,
  type SessionEffect,
  type SessionInput,
  type SessionState,
  stepSession,
  wantsChanges,
} from "./session.js";

/** What a connection asks of the gateway. */
export interface ConnectionMeans {
  readonly clock: Clock;
  readonly kinds: readonly string[];
  observe(aim: LiveAim, known: KnownVersions): AsyncIterable<LiveChanges>;
  authorize(token: string): Promise<Principal | null>;
  /** Counts a connection of an owner; `null`: there are too many. Returns how to give the place back. */
  admit(owner: string): (() => void) | null;
}

/** How long the other side has for its answer to a close. */
const CLOSE_WITHIN_MS = 5_000;
const CLOSED = 3;

interface Observation {
  readonly changes: AsyncIterator<LiveChanges>;
  isPulling: boolean;
}

/** A socket with its session: what comes in is an input, what the session wants is done. */
export class Connection {
  /** Resolves when the socket is gone. */
  readonly closed: Promise<void>;
  readonly #socket: WebSocket;
  readonly #means: ConnectionMeans;
  readonly #observations = new Map<number, Observation>();
  #state: SessionState;
  #giveBack: () => void = () => undefined;

  /** @param principal - who is calling, where the upgrade told */
  constructor(socket: WebSocket, principal: Principal | null, means: ConnectionMeans) {
    this.#socket = socket;
    this.#means = means;
    socket.on("message", (data: Buffer, isBinary: boolean) => {
      this.#input({ type: "frame", frame: isBinary ? null : decodeClientFrame(data.toString("utf8")) });
    });
    socket.on("pong", () => {
      this.#input({ type: "alive" });
    });
    // What is wrong with a frame closes the socket by itself; `close` follows.
    socket.on("error", () => undefined);
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        this.#input({ type: "shutdown" });
        this.#giveBack();
        resolve();
      });
    });
    const { state, effects } = beginSession(means.kinds, principal, means.clock.now());
    this.#state = state;
    if (principal === null || this.#admit(principal)) this.#perform(effects);
  }

  tick(): void {
    this.#input({ type: "tick" });
  }

  shutdown(): void {
    this.#input({ type: "shutdown" });
  }

  #input(input: SessionInput): void {
    const { state, effects } = stepSession(this.#state, input, this.#means.clock.now());
    this.#state = state;
    this.#perform(effects);
    for (const [room, observation] of this.#observations) this.#pull(room, observation);
  }

  #perform(effects: readonly SessionEffect[]): void {
    for (const effect of effects) {
      switch (effect.type) {
        case "send":
          this.#send(effect.text);
          break;
        case "ping":
          this.#socket.ping();
          break;
        case "authorize":
          void this.#authorize(effect.token);
          break;
        case "observe":
          this.#observe(effect.room, effect.aim, effect.known);
          break;
        case "unobserve":
          void this.#observations.get(effect.room)?.changes.return?.();
          this.#observations.delete(effect.room);
          break;
        case "close":
          this.#close(effect.code);
      }
    }
  }

  #send(text: string): void {
    this.#socket.send(text, () => {
      this.#input({ type: "buffered", bytes: this.#socket.bufferedAmount });
    });
  }

  async #authorize(token: string): Promise<void> {
    try {
      const principal = await this.#means.authorize(token);
      if (principal === null || this.#admit(principal)) this.#input({ type: "authorized", principal });
    } catch {
      // Why is for the server to know, in the application's own `authorize`.
      this.#input({ type: "refused", code: CLOSE.trouble });
    }
  }

  /** Counts this connection as one of the owner's; `false`: there are too many, and it ends. */
  #admit({ owner }: Principal): boolean {
    this.#giveBack();
    const place = this.#state.isClosed ? () => undefined : this.#means.admit(owner);
    this.#giveBack = place ?? (() => undefined);
    if (place === null) this.#input({ type: "refused", code: CLOSE.tooMany });
    return place !== null;
  }

  #observe(room: number, aim: LiveAim, known: KnownVersions): void {
    try {
      const changes = this.#means.observe(aim, known)[Symbol.asyncIterator]();
      this.#observations.set(room, { changes, isPulling: false });
    } catch {
      // This Waybill was closed, for one.
      this.#input({ type: "broken", room });
    }
  }

  /** Takes the next changes when they are wanted: until then the newest of each job waits where it comes from. */
  #pull(room: number, observation: Observation): void {
    if (observation.isPulling || !wantsChanges(this.#state, room)) return;
    observation.isPulling = true;
    observation.changes.next().then(
      ({ done, value }) => {
        observation.isPulling = false;
        if (done !== true) this.#input({ type: "changes", room, changes: value });
      },
      () => {
        this.#input({ type: "broken", room });
      },
    );
  }

  #close(code: number | null): void {
    if (code === null) this.#socket.terminate();
    if (code === null || this.#socket.readyState === CLOSED) return;
    this.#socket.close(code);
    const cancel = this.#means.clock.timer(CLOSE_WITHIN_MS, () => {
      this.#socket.terminate();
    });
    this.#socket.once("close", cancel);
  }
}
