import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import type { PublicView } from "../../src/core/view/public-view.js";
import { type Filter, Room, viewOf } from "../unit/client-server.js";

/** A server of jobs in memory on a real port: `docs/PROTOCOL.md` over WebSocket and event streams, and pages. */
export interface Gateway {
  readonly origin: string;
  /** WebSockets that were opened, ever. */
  readonly opened: () => number;
  readonly connections: () => number;
  readonly streams: () => number;
  /** What becomes of each frame of changes from now on; `null`: it is sent. */
  frames: ((frame: string, send: (frame: string) => void) => void) | null;
  /** Sends a frame of changes, as it is, over every socket. */
  say(frame: string): void;
  put(given: Partial<PublicView> & { readonly id: string }): void;
  page(path: string, html: string): void;
  kill(): void;
  close(): Promise<void>;
}

export async function openGateway(scripts: Readonly<Record<string, string>>): Promise<Gateway> {
  const jobs = new Map<string, PublicView>();
  const pages = new Map<string, string>();
  const tells = new Set<() => void>();
  const streams = new Set<ServerResponse>();
  let opened = 0;
  const source = {
    room: ({ jobId, kind, subject, limit = 100 }: Filter): PublicView[] =>
      [...jobs.values()]
        .filter((job) => (jobId ?? job.id) === job.id && (kind ?? job.kind) === job.kind)
        .filter((job) => (subject ?? job.subject) === job.subject)
        .sort((a, b) => (a.createdAt + a.id < b.createdAt + b.id ? 1 : -1))
        .slice(0, limit),
  };

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://localhost");
    const script = scripts[url.pathname];
    const page = pages.get(url.pathname);
    if (script !== undefined) response.setHeader("content-type", "text/javascript").end(script);
    else if (page !== undefined) response.setHeader("content-type", "text/html; charset=utf-8").end(page);
    else if (request.method === "POST") {
      const view = viewOf({ id: `new-${jobs.size}` });
      jobs.set(view.id, view);
      response.writeHead(202, { "content-type": "application/json" }).end(JSON.stringify(view));
    } else if (request.headers.accept === "text/event-stream") stream(url, response);
    else if (url.pathname === "/jobs") {
      response
        .setHeader("content-type", "application/json")
        .end(JSON.stringify({ items: source.room({}), next: null }));
    } else {
      const job = jobs.get(url.pathname.slice("/jobs/".length));
      response.writeHead(job === undefined ? 404 : 200, {
        "content-type": "application/json",
        "retry-after": "1",
      });
      response.end(JSON.stringify(job ?? { code: "job.not_found" }));
    }
  });

  function stream(url: URL, response: ServerResponse): void {
    const id = /^\/jobs\/(.+)/.exec(url.pathname)?.[1];
    const room = new Room(source, {
      ...Object.fromEntries(url.searchParams),
      ...(id === undefined ? {} : { jobId: id }),
      limit: 100,
    });
    response.writeHead(200, {
      "content-type": "text/event-stream",
      "cache-control": "no-cache, no-transform",
    });
    streams.add(response);
    const tell = (): void => {
      const changes = room.changes();
      if (changes !== null) response.write(`event: changes\ndata: ${JSON.stringify(changes)}\n\n`);
    };
    tells.add(tell);
    tell();
    response.on("close", () => {
      streams.delete(response);
      tells.delete(tell);
    });
  }

  const sockets = new WebSocketServer({ server, path: "/jobs", handleProtocols: () => "waybill.jobs.v1" });
  sockets.on("connection", (socket: WebSocket) => {
    opened += 1;
    const rooms = new Map<string, Room>();
    const say = (frame: object): void => {
      socket.send(JSON.stringify(frame));
    };
    const pass = (frame: string): void => {
      const send = (text: string): void => {
        socket.send(text);
      };
      if (gateway.frames === null) send(frame);
      else gateway.frames(frame, send);
    };
    const tell = (): void => {
      for (const [id, room] of rooms) {
        const changes = room.changes();
        if (changes !== null) pass(JSON.stringify({ type: "changes", id, ...changes }));
        if (!room.isOver) continue;
        rooms.delete(id);
        say({ type: "complete", id });
      }
    };
    tells.add(tell);
    socket.on("close", () => tells.delete(tell));
    socket.on("message", (data: Buffer) => {
      const frame = JSON.parse(data.toString()) as {
        type: string;
        id: string;
        filter: Filter;
        known?: Record<string, number>;
      };
      if (frame.type === "ping") say({ type: "pong" });
      if (frame.type === "unsubscribe") rooms.delete(frame.id);
      if (frame.type === "subscribe") rooms.set(frame.id, new Room(source, frame.filter, frame.known));
      tell();
    });
    say({
      type: "ready",
      heartbeatMs: 25_000,
      maxFrameBytes: 16_384,
      maxSubscriptions: 100,
      expiresInMs: null,
    });
  });

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const gateway: Gateway = {
    origin: `http://127.0.0.1:${port}`,
    opened: () => opened,
    connections: () => sockets.clients.size,
    streams: () => streams.size,
    frames: null,
    say(frame) {
      for (const socket of sockets.clients) socket.send(frame);
    },
    put(given) {
      const before = jobs.get(given.id);
      jobs.set(given.id, viewOf({ ...before, version: (before?.version ?? 0) + 1, ...given }));
      for (const tell of tells) tell();
    },
    page: (path, html) => void pages.set(path, html),
    kill() {
      for (const socket of sockets.clients) socket.terminate();
    },
    async close() {
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return gateway;
}
