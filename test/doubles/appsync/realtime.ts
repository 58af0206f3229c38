import type { IncomingMessage } from "node:http";
import type { RawData, WebSocket } from "ws";
import { identify, type Keys, type Presented } from "./authorize.js";
import type { ChannelSubscription, EventsApi } from "./events-api.js";
import { parseJson, presentedAs } from "./exchange.js";
import type { GraphQlApi, Subscription } from "./graphql-api.js";

/** How long a client waits for a keep-alive before it gives the connection up. */
const CONNECTION_TIMEOUT_MS = 300_000;

type Frame = Readonly<Record<string, unknown>> & { readonly type?: unknown; readonly id?: unknown };

/**
 * Who opens a socket: headers as JSON in base64, in the query (`header`) or in a sub-protocol (`header-…`). A signature is
 * one of a POST of `{}` to the HTTP endpoint's `/connect`.
 */
export function openerOf(request: IncomingMessage, path: string): Presented {
  const protocol = (request.headers["sec-websocket-protocol"] ?? "")
    .split(",")
    .map((name) => name.trim())
    .find((name) => name.startsWith("header-"));
  const inQuery = new URL(request.url ?? "", "ws://double").searchParams.get("header");
  const encoded = protocol?.slice("header-".length) ?? inQuery ?? "";
  return presentedAs(parseJson(Buffer.from(encoded, "base64url").toString("utf8")), path, "{}");
}

export interface RealtimeOptions {
  readonly keys: Keys;
  readonly keepAliveMs: number;
}

/** The subscriptions of a GraphQL API on one socket. */
export function serveGraphQl(
  socket: WebSocket,
  opener: Presented,
  api: GraphQlApi,
  options: RealtimeOptions,
): void {
  const running = new Map<unknown, Subscription>();
  const error = (id: unknown, errorType: string): void => {
    send(socket, { type: "error", id, payload: { errors: [{ errorType, message: errorType }] } });
  };
  onFrames(socket, {
    connection_init: () => {
      const identity = identify(options.keys, opener);
      if (typeof identity === "string") {
        send(socket, {
          type: "connection_error",
          payload: { errors: [{ errorType: identity, errorCode: 401 }] },
        });
        socket.close();
        return;
      }
      send(socket, { type: "connection_ack", payload: { connectionTimeoutMs: CONNECTION_TIMEOUT_MS } });
      keepAlive(socket, options.keepAliveMs);
    },
    start: ({ id, payload }) => {
      const { data, extensions } = (payload ?? {}) as {
        readonly data?: unknown;
        readonly extensions?: unknown;
      };
      const { authorization } = (extensions ?? {}) as { readonly authorization?: unknown };
      const text = typeof data === "string" ? data : "";
      const started = api.subscribe(text, presentedAs(authorization, "/graphql", text), (told) => {
        send(socket, { type: "data", id, payload: { data: told } });
      });
      if (typeof started === "string") {
        error(id, started);
        return;
      }
      running.set(id, started);
      send(socket, { type: "start_ack", id });
    },
    stop: ({ id }) => {
      const subscription = running.get(id);
      if (subscription === undefined) return;
      api.unsubscribe(subscription);
      running.delete(id);
      send(socket, { type: "complete", id });
    },
  });
  socket.on("close", () => {
    for (const subscription of running.values()) api.unsubscribe(subscription);
  });
}

/** The subscriptions of an Events API on one socket. */
export function serveEvents(
  socket: WebSocket,
  opener: Presented,
  api: EventsApi,
  options: RealtimeOptions,
): void {
  const running = new Map<unknown, ChannelSubscription>();
  onFrames(socket, {
    connection_init: () => {
      const identity = identify(options.keys, opener);
      if (typeof identity === "string") {
        send(socket, { type: "connection_error", errors: [{ errorType: identity, errorCode: 401 }] });
        socket.close();
        return;
      }
      send(socket, { type: "connection_ack", connectionTimeoutMs: CONNECTION_TIMEOUT_MS });
      keepAlive(socket, options.keepAliveMs);
    },
    subscribe: ({ id, channel, authorization }) => {
      const presented = presentedAs(authorization, "/event", JSON.stringify({ channel }));
      const started = api.subscribe(channel, presented, (event) => {
        send(socket, { type: "data", id, event });
      });
      if (typeof started === "string") {
        send(socket, { type: "subscribe_error", id, errors: [{ errorType: started }] });
        return;
      }
      running.set(id, started);
      send(socket, { type: "subscribe_success", id });
    },
    unsubscribe: ({ id }) => {
      const subscription = running.get(id);
      if (subscription !== undefined) api.unsubscribe(subscription);
      running.delete(id);
      send(socket, { type: "unsubscribe_success", id });
    },
  });
  socket.on("close", () => {
    for (const subscription of running.values()) api.unsubscribe(subscription);
  });
}

function onFrames(socket: WebSocket, handlers: Readonly<Record<string, (frame: Frame) => void>>): void {
  socket.on("message", (raw: RawData) => {
    const frame = (parseJson((raw as Buffer).toString("utf8")) ?? {}) as Frame;
    const handler = handlers[String(frame.type)];
    if (handler === undefined) socket.close(1002);
    else handler(frame);
  });
}

function keepAlive(socket: WebSocket, everyMs: number): void {
  send(socket, { type: "ka" });
  const timer = setInterval(() => {
    send(socket, { type: "ka" });
  }, everyMs);
  socket.on("close", () => {
    clearInterval(timer);
  });
}

function send(socket: WebSocket, frame: Frame): void {
  socket.send(JSON.stringify(frame));
}
