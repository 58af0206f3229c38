import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocketServer, type WebSocket } from "ws";
import type { Identity, Keys } from "./authorize.js";
import { EventsApi } from "./events-api.js";
import { answer, errorReply, presentedBy } from "./exchange.js";
import { Faults } from "./faults.js";
import { GraphQlApi, type Handled } from "./graphql-api.js";
import { AcceptedLog, type Accepted } from "./log.js";
import { openerOf, serveEvents, serveGraphQl } from "./realtime.js";

export interface AppSyncDoubleOptions {
  /** @default 0: any free port */
  readonly port?: number;
  /** @default "da2-key-of-the-double" */
  readonly apiKey?: string;
  /** @default keys named in `DOUBLE_KEYS` */
  readonly iam?: Keys["iam"];
  /** The claims behind each token of a user pool. @default none */
  readonly tokens?: Keys["tokens"];
  /** Who may call the mutation. @default API key and IAM */
  readonly publishers?: readonly Identity["mode"][];
  /** Namespaces of the Events API. @default ["jobs"] */
  readonly namespaces?: readonly string[];
  /** @default 60_000 */
  readonly keepAliveMs?: number;
}

/** The credentials of the double where none are given. */
export const DOUBLE_KEYS = {
  apiKey: "da2-key-of-the-double",
  iam: { region: "eu-west-1", accessKeyId: "AKIDOUBLE", secretAccessKey: "secret/of+the=double" },
} as const;

/** AppSync on this machine: both APIs, HTTP and WebSocket, as the published protocols have them. */
export interface AppSyncDouble {
  /** Of the GraphQL API. */
  readonly url: string;
  readonly realtimeUrl: string;
  /** Of the Events API. */
  readonly eventsUrl: string;
  readonly eventsRealtimeUrl: string;
  /** Every push that was accepted, in order. */
  readonly accepted: readonly Accepted[];
  /** Resolves when so many have been accepted. */
  untilAccepted(count: number): Promise<void>;
  readonly faults: Faults;
  /** How many requests came, whatever became of them. */
  readonly requests: number;
  /** Cuts every subscriber off. */
  dropSubscribers(): void;
  close(): Promise<void>;
}

export async function startAppSync(options: AppSyncDoubleOptions = {}): Promise<AppSyncDouble> {
  const { port = 0, apiKey = DOUBLE_KEYS.apiKey, iam = DOUBLE_KEYS.iam, tokens = {} } = options;
  const keys: Keys = { apiKey, iam, tokens };
  const faults = new Faults();
  const log = new AcceptedLog();
  const { publishers = ["apiKey", "iam"], namespaces = ["jobs"], keepAliveMs = 60_000 } = options;
  const graphql = new GraphQlApi({ keys, faults, log, publishers });
  const events = new EventsApi({ keys, faults, log, namespaces });
  let requests = 0;

  const server = createServer((request, response) => {
    requests += 1;
    void serve(request, response, { "/graphql": graphql, "/event": events });
  });
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: chosenProtocol });
  server.on("upgrade", (request, socket, head) => {
    sockets.handleUpgrade(request, socket, head, (opened: WebSocket) => {
      if (pathOf(request) === "/event/realtime") {
        serveEvents(opened, openerOf(request, "/event"), events, { keys, keepAliveMs });
      } else {
        serveGraphQl(opened, openerOf(request, "/graphql/connect"), graphql, { keys, keepAliveMs });
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const dropSubscribers = (): void => {
    for (const socket of sockets.clients) socket.terminate();
  };
  return {
    url: `http://${host}/graphql`,
    realtimeUrl: `ws://${host}/graphql/realtime`,
    eventsUrl: `http://${host}/event`,
    eventsRealtimeUrl: `ws://${host}/event/realtime`,
    accepted: log.entries,
    untilAccepted: (count) => log.until(count),
    faults,
    get requests() {
      return requests;
    },
    dropSubscribers,
    close: () => {
      dropSubscribers();
      return new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      });
    },
  };
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  apis: Readonly<Record<string, GraphQlApi | EventsApi>>,
): Promise<void> {
  const presented = await presentedBy(request).catch(() => undefined);
  if (presented === undefined) return;
  const api = apis[pathOf(request)];
  if (api === undefined) {
    answer(response, errorReply(404, "NotFoundException", "Not Found"));
    return;
  }
  if (presented === null) {
    answer(response, errorReply(413, "RequestEntityTooLargeException", "Request Entity Too Large"));
    return;
  }
  const { reply, cut }: Handled = api.handle(presented);
  if (cut) response.destroy();
  else if (reply !== null) answer(response, reply);
}

function pathOf({ url = "" }: IncomingMessage): string {
  return new URL(url, "http://double").pathname;
}

function chosenProtocol(offered: Set<string>): string | false {
  return [...offered].find((name) => name === "graphql-ws" || name === "aws-appsync-event-ws") ?? false;
}
