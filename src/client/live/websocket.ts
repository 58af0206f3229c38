import { ClientError } from "../client-error.js";
import type { Link, LinkHost, Loss } from "./link.js";
import { Timers } from "./timers.js";
import { type Asked, joined, type Topic, type WireChanges } from "../topic.js";

/** What the client needs of a WebSocket: a browser's, React Native's, or `ws`. */
export interface WebSocketLike {
  readonly readyState: number;
  onopen: ((event: never) => unknown) | null;
  onmessage: ((event: never) => unknown) | null;
  onerror: ((event: never) => unknown) | null;
  onclose: ((event: never) => unknown) | null;
  send(text: string): void;
  close(code?: number): void;
}

/** Opens a WebSocket to a `ws:` or `wss:` address with one subprotocol, as the global `WebSocket` does. */
export type WebSocketConstructor = new (url: string, protocol: string) => WebSocketLike;

const PROTOCOL = "waybill.jobs.v1";
const OPEN = 1;
/** From the start to `ready`: somebody between who swallows upgrades is found out before a person gives up. */
const READY_MS = 10_000;
/** From a ping to whatever answers it. */
const PONG_MS = 5_000;
/** Until the server says its own. */
const HEARTBEAT_MS = 25_000;
/** Rooms are subscribed to anew, spread out: it repairs what was lost on a road that seemed whole. */
const REREAD_MS = 60_000;
/** The same, while there was no snapshot yet. */
const FIRST_READ_MS = 10_000;
/** Entries of `known` are fewer: ids are at most 128 characters, and a frame at most 16 KiB. */
const MANY_KNOWN = 81;
/** Before what should have been heard is asked for. */
const AGAIN_MS = 1_000;
/** Where the server has too much. */
const BUSY_MS = 5_000;
/** Part of the life of a token. */
const RENEW_AT = 0.8;
/** Timers refuse more than 2^31-1 ms, and would fire at once: a token that lives for months is renewed every few weeks. */
const LONGEST_MS = 2e9;

interface Room {
  readonly id: string;
  readonly asked: Asked;
  parts: WireChanges | null;
}

interface Frame extends WireChanges {
  readonly type: string;
  readonly id: string;
  readonly heartbeatMs: number;
  readonly expiresInMs: number | null;
  readonly error: { readonly code: string; readonly message: string; readonly retryable: boolean };
}

/** One WebSocket for all topics, by `docs/PROTOCOL.md`. */
export class WebSocketLink implements Link {
  readonly #host: LinkHost;
  readonly #socket: WebSocketLike;
  /** What is followed, with its subscription; `null`: there is none at present. */
  readonly #rooms = new Map<Topic, Room | null>();
  /** "silence", "renewal", and for each topic when its room is read again. */
  readonly #timers: Timers;
  #subscriptions = 0;
  #introduced = false;
  #heartbeatMs = HEARTBEAT_MS;

  /** @throws whatever the constructor of the WebSocket throws */
  constructor(host: LinkHost, url: string, Constructor: WebSocketConstructor) {
    this.#host = host;
    this.#timers = new Timers(host.env.clock);
    const socket = (this.#socket = new Constructor(url, PROTOCOL));
    this.#expect(READY_MS);
    socket.onopen = () => {
      this.#introduce("init").catch(() => {
        host.down({ reason: "lost" });
      });
    };
    socket.onmessage = ({ data }: { readonly data: unknown }) => {
      this.#hear(JSON.parse(String(data)) as Frame);
    };
    // `close` follows.
    socket.onerror = () => undefined;
    socket.onclose = ({ code }: { readonly code: number }) => {
      host.down(lossOf(code, host.env.random()));
    };
  }

  follow(topic: Topic): void {
    if (this.#rooms.has(topic)) return;
    this.#rooms.set(topic, null);
    if (this.#introduced) this.#subscribe(topic);
  }

  leave(topic: Topic): void {
    // A job that is over was completed by the server.
    if (!topic.isOver) this.#unsubscribe(topic);
    this.#rooms.delete(topic);
    this.#timers.cancel(topic);
  }

  /** A socket may say that it is open when there is nobody at the other end. */
  check(): void {
    if (this.#socket.readyState !== OPEN) return;
    this.#send({ type: "ping" });
    this.#expect(PONG_MS);
  }

  stop(): void {
    this.#timers.cancelAll();
    const socket = this.#socket;
    socket.onmessage = socket.onclose = null;
    // One that is being made is closed when it is open: browsers report anything else as an error.
    socket.onopen = () => {
      socket.close(1000);
    };
    if (socket.readyState > 0) socket.close(1000);
  }

  async #introduce(type: "init" | "renew"): Promise<void> {
    const token = await this.#host.http.token();
    if (token !== undefined) this.#send({ type, token });
    if (this.#introduced) return;
    this.#introduced = true;
    for (const topic of this.#rooms.keys()) this.#subscribe(topic);
  }

  #subscribe(topic: Topic, fewerThan = MANY_KNOWN): void {
    this.#unsubscribe(topic);
    const id = `s${(this.#subscriptions += 1)}`;
    const asked = topic.ask(fewerThan);
    this.#rooms.set(topic, { id, asked, parts: null });
    this.#send({
      type: "subscribe",
      id,
      filter: { ...(topic.aim.jobId === undefined && { owner: "self" }), ...topic.aim },
      known: asked.named ? Object.fromEntries(asked.versions) : undefined,
    });
    this.#reread(topic, FIRST_READ_MS);
  }

  #unsubscribe(topic: Topic): void {
    const room = this.#rooms.get(topic);
    if (room) this.#send({ type: "unsubscribe", id: room.id });
  }

  #reread(topic: Topic, ms: number, fewerThan?: number): void {
    this.#timers.start(topic, ms, () => {
      this.#subscribe(topic, fewerThan);
    });
  }

  #hear(frame: Frame): void {
    // Where the device says that it has no network, what was heard may have been on its way: it is asked again soon.
    this.#timers.start("silence", this.#host.env.offline() ? PONG_MS : this.#heartbeatMs, () => {
      this.check();
    });
    this.#host.up();
    if (frame.type === "ready") this.#ready(frame);
    for (const [topic, room] of this.#rooms) if (room?.id === frame.id) this.#take(topic, room, frame);
  }

  #ready({ heartbeatMs, expiresInMs }: Frame): void {
    this.#heartbeatMs = heartbeatMs;
    if (expiresInMs === null) return;
    this.#timers.start("renewal", Math.min(expiresInMs * RENEW_AT, LONGEST_MS), () => {
      // Without a fresh token the server ends it with 4401, and the next connection asks for one.
      this.#introduce("renew").catch(() => undefined);
    });
  }

  #take(topic: Topic, room: Room, frame: Frame): void {
    const { type, more, snapshot, error } = frame;
    if (type === "changes") {
      const changes = joined(room.parts, frame);
      room.parts = more === true ? changes : null;
      if (more === true) return;
      if (snapshot) this.#reread(topic, REREAD_MS * (0.75 + this.#host.env.random() / 2));
      this.#host.apply(topic, changes, room.asked, "live");
    } else if (type === "complete") {
      this.#rooms.set(topic, null);
      // Its end was said and not heard: it is asked for as if nothing were known.
      this.#reread(topic, AGAIN_MS, 0);
    } else if (type === "error") {
      this.#rooms.set(topic, null);
      if (error.retryable) this.#reread(topic, BUSY_MS);
      else topic.stale(new ClientError("server.error", error.message));
    }
  }

  /** Nothing within so long: it is over. */
  #expect(ms: number): void {
    this.#timers.start("silence", ms, () => {
      this.#host.down({ reason: "silent" });
    });
  }

  #send(frame: object): void {
    if (this.#socket.readyState === OPEN) this.#socket.send(JSON.stringify(frame));
  }
}

/** What a close code asks for. */
function lossOf(code: number, random: number): Loss {
  if (code === 4401) return { reason: "denied" };
  if (code === 1009 || code === 4400 || code === 4409) return { reason: "unfit" };
  // A restart ends many connections: they do not come back together.
  const afterMs = code === 1013 || code === 4429 ? BUSY_MS : code < 1002 ? random * 1000 : 0;
  return { reason: "lost", afterMs };
}
