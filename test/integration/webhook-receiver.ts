// A receiver of webhooks: a real server on this machine, which answers as it is told and keeps what it was sent.
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { CERTIFICATE, KEY } from "./webhook-certificate.js";

export interface ReceivedWebhook {
  readonly id: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Answers a request; without an end it hangs. */
export type Answering = (response: ServerResponse, request: IncomingMessage) => void;

export interface Receiver {
  readonly port: number;
  /** All that came, in order of arrival, answered or not. */
  readonly received: readonly ReceivedWebhook[];
  /** Those that were answered with 2xx. */
  accepted(): readonly ReceivedWebhook[];
  /** Connections that were made. */
  connections(): number;
  /** From now on, to webhooks of this id, or to all. */
  answer(id: string | null, answering: Answering | number): void;
  close(): Promise<void>;
}

export async function startReceiver({ tls = false }: { readonly tls?: boolean } = {}): Promise<Receiver> {
  const received: ReceivedWebhook[] = [];
  const accepted: ReceivedWebhook[] = [];
  const answers = new Map<string | null, Answering>([[null, status(204)]]);
  let connections = 0;
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    void readBody(request).then((body) => {
      const webhook = {
        id: String(request.headers["webhook-id"]),
        path: request.url ?? "",
        headers: Object.fromEntries(
          Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
        ),
        body,
      };
      received.push(webhook);
      const answering = answers.get(webhook.id) ?? answers.get(null)!;
      answering(response, request);
      if (response.headersSent && response.statusCode < 300) accepted.push(webhook);
    });
  };
  const server = tls
    ? createHttpsServer({ key: KEY, cert: CERTIFICATE }, listener)
    : createHttpServer(listener);
  server.on("connection", () => (connections += 1));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    received,
    accepted: () => accepted,
    connections: () => connections,
    answer(id, answering) {
      answers.set(id, typeof answering === "number" ? status(answering) : answering);
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** An answer with a status and headers, without a body. */
export function status(code: number, headers: Readonly<Record<string, string>> = {}): Answering {
  return (response) => {
    response.writeHead(code, headers).end();
  };
}

/** No answer at all. */
export const hang: Answering = () => {};

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
