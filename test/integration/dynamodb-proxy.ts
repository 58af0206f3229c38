// A proxy of the loopback in front of the engine: what the network and the service do to single requests, on demand.
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";

/** One request as it comes by. */
export interface SeenRequest {
  /** `UpdateItem`, `Query` … */
  readonly operation: string;
  readonly body: string;
  /** From 0, over all requests. */
  readonly index: number;
}

/**
 * - `pass`: nothing.
 * - `lose request`: the connection breaks before the engine has it.
 * - `lose response`: the engine does it, and the connection breaks before it says so.
 * - an error: answered in the engine's place. `InternalServerError` is a 500.
 */
export type Fate = "pass" | "lose request" | "lose response" | { readonly error: string };

export interface DynamoDbProxy {
  readonly endpoint: string;
  readonly seen: SeenRequest[];
  /** Decides on each request from now on. */
  fate(decide: (request: SeenRequest) => Fate | Promise<Fate>): void;
  close(): Promise<void>;
}

export async function dynamoDbProxy(endpoint: string): Promise<DynamoDbProxy> {
  const upstream = new URL(endpoint);
  const seen: SeenRequest[] = [];
  let decide: (request: SeenRequest) => Fate | Promise<Fate> = () => "pass";
  const server: Server = createServer((request, response) => {
    void (async () => {
      const body = await textOf(request);
      const target = String(request.headers["x-amz-target"]);
      const one = { operation: target.slice(target.indexOf(".") + 1), body, index: seen.length };
      seen.push(one);
      const fate = await decide(one);
      if (fate === "lose request") request.socket.destroy();
      else if (typeof fate === "object") answerError(response, fate.error);
      else await forward(upstream, request, body, fate === "lose response" ? null : response);
    })().catch(() => {
      request.socket.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${String(port)}`,
    seen,
    fate(next) {
      decide = next;
    },
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
      });
    },
  };
}

async function textOf(stream: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function answerError(response: ServerResponse, error: string): void {
  const body = JSON.stringify({
    __type: `com.amazonaws.dynamodb.v20120810#${error}`,
    message: "by the proxy",
  });
  response.writeHead(error === "InternalServerError" ? 500 : 400, {
    "content-type": "application/x-amz-json-1.0",
  });
  response.end(body);
}

/** `null`: nobody hears the answer. */
async function forward(
  upstream: URL,
  request: IncomingMessage,
  body: string,
  response: ServerResponse | null,
): Promise<void> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const { host: _host, connection: _connection, ...headers } = request.headers;
    const sent = httpRequest(
      upstream,
      { method: "POST", headers: { ...headers, host: upstream.host }, agent: false },
      resolve,
    );
    sent.on("error", reject);
    sent.end(body);
  });
  const text = await textOf(answer);
  if (response === null) {
    request.socket.destroy();
    return;
  }
  response.writeHead(answer.statusCode ?? 500, answer.headers);
  response.end(text);
}
