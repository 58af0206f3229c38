import type { Environment } from "../../src/client/environment.js";
import { HttpLink } from "../../src/client/live/http-link.js";
import type { WebSocketLike } from "../../src/client/live/websocket.js";
import type { PublicView } from "../../src/core/view/public-view.js";
import { type FakeClock, fakeClock } from "../../src/testing/fake-clock.js";

/** A view as a server sends it. */
export function viewOf(given: Partial<PublicView> & { readonly id: string }): PublicView {
  const at = "2025-01-01T00:00:00.000Z";
  return {
    kind: "document.ingest",
    status: "PENDING",
    word: "PENDING",
    version: 1,
    owner: "ana",
    subject: null,
    message: "Waiting",
    attempt: 0,
    createdAt: at,
    queuedAt: null,
    startedAt: null,
    finishedAt: null,
    updatedAt: at,
    durationMs: null,
    cancelRequestedAt: null,
    origin: null,
    ...given,
  };
}

type Frame = Readonly<Record<string, unknown>> & { readonly type: string };

export interface Filter {
  readonly jobId?: string;
  readonly kind?: string;
  readonly subject?: string;
  readonly limit?: number;
}

/** The ways over HTTP, there at once: the clock of a test does not see a module that is being loaded. */
export const loadHttpLink = async (): Promise<typeof HttpLink> => HttpLink;

/** The server's side of `docs/PROTOCOL.md`, with a store in memory and a road that a test can spoil. */
export class FakeServer {
  readonly clock: FakeClock = fakeClock({ start: 0 });
  readonly jobs = new Map<string, PublicView>();
  readonly sockets = new Set<FakeSocket>();
  readonly streams = new Set<FakeStream>();
  /** Frames of clients, and requests, in order. */
  readonly heard: Frame[] = [];
  readonly requests: {
    readonly method: string;
    readonly path: string;
    readonly headers: Headers;
    readonly body: unknown;
  }[] = [];
  opened = 0;
  /** What becomes of new connections and requests. */
  mode: "up" | "down" | "mute" = "up";
  /** How new WebSockets fare, where it differs. */
  webSockets: "up" | "down" | "mute" | "refused" | "denied" = "up";
  /** How event streams fare, where it differs. */
  eventStreams: "up" | "down" | "buffered" | "unknown" = "up";
  hidden = false;
  offline = false;
  /** The way of a frame, or of an event in a stream, to a client: to be delivered as it is, later, twice, or not at all. */
  road: (deliver: () => void) => void = (deliver) => {
    this.clock.defer(deliver);
  };
  /** Answers to other requests than reads. */
  onPost: (path: string, body: unknown) => Response | Promise<Response> = () =>
    Response.json({}, { status: 500 });
  readonly #looks = new Set<() => void>();
  random: () => number = () => 0.5;

  readonly WebSocket: new (url: string, protocol: string) => WebSocketLike;

  constructor() {
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- a class of its own for each server
    const server = this;
    this.WebSocket = class extends FakeSocket {
      constructor(url: string, protocol: string) {
        super(server, url, protocol);
      }
    };
  }

  get env(): Environment {
    return {
      clock: this.clock,
      random: () => this.random(),
      hidden: () => this.hidden,
      offline: () => this.offline,
      onSignal: (look) => {
        this.#looks.add(look);
        return () => void this.#looks.delete(look);
      },
    };
  }

  get listeningToSignals(): number {
    return this.#looks.size;
  }

  signal(): void {
    for (const look of [...this.#looks]) look();
  }

  put(given: Partial<PublicView> & { readonly id: string }): PublicView {
    const before = this.jobs.get(given.id);
    const view = viewOf({ ...before, version: (before?.version ?? 0) + 1, ...given });
    this.jobs.set(view.id, view);
    this.tell();
    return view;
  }

  /** Tells every room what is different by now. */
  tell(): void {
    for (const socket of this.sockets) socket.tell();
    for (const stream of [...this.streams]) stream.tell();
  }

  kill(code = 1006): void {
    for (const socket of [...this.sockets]) socket.end(code);
    for (const stream of [...this.streams]) stream.end();
  }

  room({ jobId, kind, subject, limit = 100 }: Filter): PublicView[] {
    return [...this.jobs.values()]
      .filter((job) => (jobId ?? job.id) === job.id && (kind ?? job.kind) === job.kind)
      .filter((job) => (subject ?? job.subject) === job.subject)
      .sort((a, b) => (a.createdAt + a.id < b.createdAt + b.id ? 1 : -1))
      .slice(0, limit);
  }

  readonly fetch: typeof fetch = async (input, init) => {
    const url = new URL(input, "http://server");
    const path = url.pathname.replace("/jobs", "") + url.search;
    const headers = new Headers(init?.headers);
    const body: unknown = typeof init?.body === "string" ? JSON.parse(init.body) : undefined;
    this.requests.push({ method: init?.method ?? "GET", path, headers, body });
    const aborted = new Promise<never>((_resolve, reject) => {
      init?.signal?.addEventListener("abort", () => {
        reject(new DOMException("Aborted", "AbortError"));
      });
    });
    aborted.catch(() => {});
    if (this.mode === "down") throw new TypeError("fetch failed");
    if (this.mode === "mute") return aborted;
    if (init?.method === "POST") return this.onPost(path, body);
    return Promise.race([aborted, this.#get(url, headers, init?.signal ?? null)]);
  };

  async #get(url: URL, headers: Headers, signal: AbortSignal | null): Promise<Response> {
    const id = /^\/jobs\/(.+)$/.exec(url.pathname)?.[1];
    const query = Object.fromEntries(url.searchParams);
    const filter: Filter = {
      ...query,
      ...(id === undefined ? {} : { jobId: id }),
      limit: Number(query["limit"] ?? 100),
    };
    const [first] = this.room(filter);
    if (headers.get("accept") === "text/event-stream") {
      if (this.eventStreams === "down") throw new TypeError("fetch failed");
      if (this.eventStreams === "buffered") return new Promise(() => {});
      if (this.eventStreams === "unknown") return Response.json({ items: [], next: null });
      if (id !== undefined && first === undefined) return notFound();
      const stream = new FakeStream(this, filter);
      signal?.addEventListener("abort", () => {
        stream.end();
      });
      return new Response(stream.body, { headers: { "content-type": "text/event-stream" } });
    }
    if (id === undefined && query["latest"] === undefined) {
      return Response.json({ items: this.room(filter), next: null }, { headers: { "retry-after": "4" } });
    }
    if (first === undefined) return notFound();
    const etag = `W/"${first.id}.${first.version}"`;
    const answer = { headers: { etag, "retry-after": "2" } };
    if (headers.get("if-none-match") !== etag) return Response.json(first, answer);
    const wait = /wait=(\d+)/.exec(headers.get("prefer") ?? "")?.[1];
    if (wait === undefined) return new Response(null, { ...answer, status: 304 });
    const until = this.clock.now() + Number(wait) * 1000;
    while (this.clock.now() < until && this.jobs.get(first.id)?.version === first.version) {
      await new Promise<void>((resolve) => this.clock.timer(500, resolve));
    }
    const now = this.jobs.get(first.id);
    if (now === undefined) return notFound();
    if (now.version === first.version) return new Response(null, { ...answer, status: 304 });
    return Response.json(now, { headers: { etag: `W/"${now.id}.${now.version}"` } });
  }
}

function notFound(): Response {
  return Response.json({ code: "job.not_found", detail: "There is no such job." }, { status: 404 });
}

/** What has the jobs of rooms. */
export interface RoomSource {
  room(filter: Filter): PublicView[];
}

/** What one subscriber has been sent. */
export class Room {
  readonly filter: Filter;
  readonly #server: RoomSource;
  readonly #sent: Map<string, number>;
  #first = true;

  constructor(server: RoomSource, filter: Filter, known: Readonly<Record<string, number>> = {}) {
    this.#server = server;
    this.filter = filter;
    this.#sent = new Map(Object.entries(known));
  }

  /** What is to be told now; `null`: nothing. */
  changes(): Omit<Frame, "type"> | null {
    const room = this.#server.room(this.filter);
    const jobs = room.filter((job) => job.version !== this.#sent.get(job.id));
    const gone = [...this.#sent.keys()].filter((id) => !room.some((job) => job.id === id));
    const reset = jobs.some((job) => job.version < (this.#sent.get(job.id) ?? 0));
    const snapshot = this.#first;
    if (!snapshot && jobs.length === 0 && gone.length === 0) return null;
    this.#first = false;
    if (snapshot && room.length === 0 && this.filter.jobId !== undefined)
      gone.splice(0, gone.length, this.filter.jobId);
    this.#sent.clear();
    for (const job of room) this.#sent.set(job.id, job.version);
    return { jobs, gone, snapshot, reset };
  }

  get isOver(): boolean {
    const [job] = this.filter.jobId === undefined ? [] : this.#server.room(this.filter);
    return job?.status === "COMPLETED" || job?.status === "FAILED";
  }
}

export class FakeSocket implements WebSocketLike {
  readonly url: string;
  readyState = 0;
  onopen: ((event: never) => unknown) | null = null;
  onmessage: ((event: never) => unknown) | null = null;
  onerror: ((event: never) => unknown) | null = null;
  onclose: ((event: never) => unknown) | null = null;
  /** The far end is gone, and nobody says so. */
  blackHoled = false;
  readonly rooms = new Map<string, Room>();
  readonly #server: FakeServer;

  constructor(server: FakeServer, url: string, protocol: string) {
    this.#server = server;
    this.url = url;
    if (protocol !== "waybill.jobs.v1") throw new Error("The sub-protocol is another.");
    server.opened += 1;
    const mode = server.mode === "up" ? server.webSockets : server.mode;
    if (mode === "mute") return;
    server.clock.defer(() => {
      if (mode === "down" || this.readyState !== 0) {
        this.end(1006);
        return;
      }
      this.readyState = 1;
      server.sockets.add(this);
      (this.onopen as (() => void) | null)?.();
      if (mode === "denied") return;
      if (mode === "refused") this.end(4400);
      else
        this.say({
          type: "ready",
          heartbeatMs: 25_000,
          maxFrameBytes: 16_384,
          maxSubscriptions: 100,
          expiresInMs: null,
        });
    });
  }

  send(text: string): void {
    const frame = JSON.parse(text) as Frame;
    this.#server.heard.push(frame);
    if (this.blackHoled) return;
    this.#server.clock.defer(() => {
      this.#take(frame);
    });
  }

  close(): void {
    this.#server.sockets.delete(this);
    this.readyState = 3;
  }

  end(code: number): void {
    this.close();
    this.#server.clock.defer(() => {
      (this.onclose as ((event: { code: number }) => void) | null)?.({ code });
    });
  }

  tell(): void {
    for (const [id, room] of this.rooms) {
      const changes = room.changes();
      if (changes !== null) this.say({ type: "changes", id, ...changes });
      if (!room.isOver) continue;
      this.rooms.delete(id);
      this.say({ type: "complete", id });
    }
  }

  say(frame: Frame): void {
    if (this.blackHoled) return;
    const text = JSON.stringify(frame);
    this.#server.road(() => {
      if (this.readyState === 1)
        (this.onmessage as ((event: { data: string }) => void) | null)?.({ data: text });
    });
  }

  #take(frame: Frame): void {
    if (this.readyState !== 1) return;
    if (frame.type === "init" && this.#server.webSockets === "denied") this.end(4401);
    if (frame.type === "ping") this.say({ type: "pong" });
    if (frame.type === "unsubscribe") this.rooms.delete(frame["id"] as string);
    if (frame.type !== "subscribe") return;
    const known = frame["known"] as Readonly<Record<string, number>> | undefined;
    this.rooms.set(frame["id"] as string, new Room(this.#server, frame["filter"] as Filter, known));
    this.tell();
  }
}

/** One event stream. */
class FakeStream {
  readonly body: ReadableStream<Uint8Array>;
  readonly #server: FakeServer;
  readonly #room: Room;
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  #cancelBeat: () => void = () => {};

  constructor(server: FakeServer, filter: Filter) {
    this.#server = server;
    this.#room = new Room(server, filter);
    this.body = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
    });
    server.streams.add(this);
    this.#write("retry: 2000\n\n");
    this.#beat();
    this.tell();
  }

  tell(): void {
    const changes = this.#room.changes();
    if (changes !== null) {
      this.#server.road(() => {
        this.#write(`event: changes\ndata: ${JSON.stringify(changes)}\n\n`);
      });
    }
    if (this.#room.isOver) this.#server.clock.defer(this.#complete);
  }

  readonly #complete = (): void => {
    this.#write("event: complete\ndata: {}\n\n");
    this.end();
  };

  end(): void {
    this.#server.streams.delete(this);
    this.#cancelBeat();
    const controller = this.#controller;
    this.#controller = null;
    try {
      controller?.close();
    } catch {
      // The reader has gone already.
    }
  }

  #beat(): void {
    this.#cancelBeat = this.#server.clock.timer(15_000, () => {
      this.#write(": hb\n\n");
      this.#beat();
    });
  }

  #write(text: string): void {
    this.#controller?.enqueue(new TextEncoder().encode(text));
  }
}
