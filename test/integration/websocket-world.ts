import { createServer, type IncomingMessage, request as httpRequest, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocket } from "ws";
import type { Principal } from "../../src/core/view/access.js";
import { LIVE_PROTOCOL } from "../../src/core/wire/live.js";
import { createGateway } from "../../src/transports/websocket/gateway.js";
import { settingsOf, type WebsocketGatewayOptions } from "../../src/transports/websocket/options.js";
import { observeWorld, work } from "../unit/observe-world.js";

export const ORIGIN = "https://app.example";

/** Who is who: by a token, or by a cookie. */
export function authorizing(clock: { now(): number }) {
  return async (request: Request): Promise<Principal | null> => {
    const { headers } = request;
    const token =
      headers.get("authorization")?.replace("Bearer ", "") ?? headers.get("cookie")?.replace("user=", "");
    switch (token ?? "") {
      case "ann":
      case "bea":
        return { owner: token ?? "" };
      case "operator":
        return { owner: "operator", sees: "all" };
      case "ann-for-a-minute":
        return { owner: "ann", expiresAt: new Date(clock.now() + 60_000) };
      case "expired":
        return { owner: "ann", expiresAt: new Date(clock.now() - 1) };
      case "without-owner":
        return {} as Principal;
      case "throws":
        throw new Error("secret reason");
      default:
        return null;
    }
  };
}

/** A gateway on a real server, over a store that the test writes and a clock that it moves. */
export async function websocketWorld(over: Partial<WebsocketGatewayOptions> = {}) {
  const at = observeWorld();
  const gateway = createGateway(
    at.waybill as never,
    settingsOf({ kinds: [work], authorize: authorizing(at.clock), allowedOrigins: [ORIGIN], ...over }),
    at.clock,
  );
  const server = createServer((_, response) => void response.writeHead(200).end());
  gateway.attach(server);
  const port = await listening(server);
  const clients = new Set<Client>();
  const upgraded = new Set<Duplex>();
  server.on("connection", (socket: Duplex) => upgraded.add(socket));
  return {
    ...at,
    gateway,
    server,
    /** Sockets of the server, to be cut. */
    upgraded,
    port,
    url: `ws://127.0.0.1:${port}/jobs`,
    connect: (token: string | null, options: ClientOptions = {}): Client => {
      const client = connecting(`ws://127.0.0.1:${port}/jobs`, token, options);
      clients.add(client);
      return client;
    },
    /** What a request to upgrade is answered with. */
    upgrade: (headers: Record<string, string>, path = "/jobs") => upgrading(port, headers, path),
    async end(): Promise<void> {
      for (const { socket } of clients) socket.terminate();
      for (const socket of upgraded) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export type WebsocketWorld = Awaited<ReturnType<typeof websocketWorld>>;

export async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

export type Frame = Readonly<Record<string, unknown>> & { readonly type: string };

interface ClientOptions {
  readonly headers?: Record<string, string>;
  /** Sends the token in a header of the upgrade instead of `init`. */
  readonly onUpgrade?: boolean;
}

export type Client = ReturnType<typeof connecting>;

/** A client as `ws` has it, frame by frame. */
function connecting(url: string, token: string | null, { headers = {}, onUpgrade = false }: ClientOptions) {
  const sent = onUpgrade && token !== null ? { ...headers, authorization: `Bearer ${token}` } : headers;
  const socket = new WebSocket(url, LIVE_PROTOCOL, { headers: sent });
  const frames: Frame[] = [];
  const texts: string[] = [];
  let wake: () => void = () => undefined;
  socket.on("message", (data: Buffer) => {
    texts.push(data.toString());
    frames.push(JSON.parse(data.toString()) as Frame);
    wake();
  });
  socket.on("error", () => undefined);
  const closed = new Promise<number>((resolve) => socket.once("close", resolve));
  const opened = new Promise<void>((resolve) => socket.once("open", resolve));
  if (!onUpgrade && token !== null) {
    void opened.then(() => {
      socket.send(JSON.stringify({ type: "init", token }));
    });
  }
  return {
    socket,
    opened,
    closed,
    frames,
    /** As they came, for comparing bytes. */
    texts,
    send: async (frame: object | string | Buffer): Promise<void> => {
      await opened;
      socket.send(typeof frame === "string" || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame));
    },
    /** The next frame, in order. */
    async next(): Promise<Frame> {
      for (;;) {
        const frame = frames.shift();
        if (frame !== undefined) return frame;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
}

function upgrading(port: number, headers: Record<string, string>, path: string): Promise<number> {
  const request = httpRequest({
    port,
    host: "127.0.0.1",
    path,
    headers: {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
      "sec-websocket-protocol": LIVE_PROTOCOL,
      ...headers,
    },
  });
  return new Promise((resolve, reject) => {
    request.on("response", (response: IncomingMessage) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on("upgrade", (_, socket) => {
      socket.destroy();
      resolve(101);
    });
    request.on("error", reject);
    request.end();
  });
}
