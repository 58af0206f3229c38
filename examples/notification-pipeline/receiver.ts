import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** One delivery, as the receiver saw it. */
export interface Received {
  /** Which service delivered: the path that it was given. */
  readonly path: string;
  readonly message: string;
  readonly key: string;
}

export interface Receiver {
  readonly url: string;
  close(): void;
}

export interface ReceiverOptions {
  /** What it waits for before it answers to a message. */
  readonly before?: (received: Received) => Promise<void> | undefined;
  readonly onReceived?: (received: Received) => void;
}

/** An HTTP endpoint of somebody else, with a log of its own: POST delivers, GET `/log` tells what was delivered. */
export async function startReceiver({ before, onReceived }: ReceiverOptions = {}): Promise<Receiver> {
  const log: Received[] = [];
  const server = createServer((request, response) => {
    request.resume();
    response.setHeader("content-type", "application/json");
    if (request.method === "GET") {
      response.end(JSON.stringify(log));
      return;
    }
    const { "x-message": message, "idempotency-key": key } = request.headers;
    const received = { path: request.url ?? "", message: String(message), key: String(key) };
    log.push(received);
    onReceived?.(received);
    void Promise.resolve(before?.(received)).then(() => {
      response.end(JSON.stringify({ receipt: `receipt-${received.key}` }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
