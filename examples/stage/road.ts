// The way to a server, on which things go wrong: what the network and a service do to single requests, on demand.
import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { connect, createServer as createTcpServer, type AddressInfo, type Socket } from "node:net";
import type { Stage } from "./run.js";

/** One request as it comes by. */
export interface PassingRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** From 1, over all requests of this road. */
  readonly number: number;
}

/**
 * What becomes of a request.
 * - `pass`: nothing.
 * - `cut`: the connection breaks before the server has it.
 * - `hang`: the server never gets it, and nobody answers.
 * - `lose reply`: the server does it, and the connection breaks in place of the answer.
 * - `hang reply`: the server does it, and nobody answers.
 * - `{ loseReplyAfter }`: the server does it, and the connection breaks when this has resolved.
 * - an answer, in the server's place.
 */
export type Fate =
  | "pass"
  | "cut"
  | "hang"
  | "lose reply"
  | "hang reply"
  | { readonly loseReplyAfter: Promise<unknown> }
  | RoadAnswer;

export interface RoadAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface HttpRoad {
  /** `http://127.0.0.1:<port>`, with the path of the target. */
  readonly url: string;
  /** Decides on each request from now on; `null`: everything passes. */
  fate(decide: ((request: PassingRequest) => Fate) | null): void;
}

/**
 * A road to an HTTP server. `null` where the endpoint is `https`: there only normal work can be shown.
 *
 * @param target - the server's address, with a path or without
 */
export async function httpRoad(stage: Pick<Stage, "atEnd">, target: string): Promise<HttpRoad | null> {
  const to = new URL(target);
  if (to.protocol !== "http:") return null;
  let decide: ((request: PassingRequest) => Fate) | null = null;
  let number = 0;
  const agent = new Agent({ keepAlive: true });
  const server = createServer((request, response) => {
    void (async () => {
      const body = await bodyOf(request);
      number += 1;
      const { method = "GET", url: path = "/", headers } = request;
      const fate = decide?.({ method, path, headers, body: body.toString("utf8"), number }) ?? "pass";
      await meet(fate, { to, agent, request, response, body });
    })().catch(() => {
      request.socket.destroy();
    });
  });
  // What hangs does so until somebody else gives up.
  server.requestTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stage.atEnd(() => {
    agent.destroy();
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${String(port)}${to.pathname === "/" ? "" : to.pathname}`,
    fate(next) {
      decide = next;
    },
  };
}

interface Crossing {
  readonly to: URL;
  readonly agent: Agent;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: Buffer;
}

async function meet(fate: Fate, crossing: Crossing): Promise<void> {
  const { request, response } = crossing;
  if (typeof fate === "object" && "status" in fate) {
    response.writeHead(fate.status, { "content-type": "application/json", ...fate.headers });
    response.end(fate.body ?? "{}");
    return;
  }
  if (fate === "hang") return;
  if (fate === "cut") {
    request.socket.destroy();
    return;
  }
  const answer = await forwarded(crossing);
  if (typeof fate === "object") await fate.loseReplyAfter;
  if (fate === "lose reply" || typeof fate === "object") request.socket.destroy();
  else if (fate === "pass") response.writeHead(answer.status, answer.headers).end(answer.body);
}

async function forwarded({ to, agent, request, body }: Crossing) {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const { connection: _connection, ...headers } = request.headers;
    const { method, url: path } = request;
    const sent = httpRequest({ host: to.hostname, port: to.port, method, path, headers, agent }, resolve);
    sent.on("error", reject);
    sent.end(body);
  });
  const { connection: _connection, "transfer-encoding": _encoding, ...headers } = answer.headers;
  return { status: answer.statusCode ?? 500, headers, body: await bodyOf(answer) };
}

async function bodyOf(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export interface TcpRoad {
  readonly host: "127.0.0.1";
  readonly port: number;
  /** Resets every connection, and refuses new ones until `restore`. */
  cut(): void;
  /** Nothing goes through any more and nobody is told, until `restore` or `cut`. */
  hang(): void;
  /** Everything passes again. */
  restore(): void;
  /** Resets the connections that there are; new ones pass. */
  reset(): void;
  /** Cuts a connection in place of the reply to the next bytes on their way to the server that hold this text. */
  loseReply(text: string): void;
  /** Once, when bytes pass in either direction that fit, and before they go on. */
  when(fits: (bytes: Buffer) => boolean, then: () => void): void;
  /** Connections that are open now. */
  readonly connections: number;
}

interface Link {
  readonly inner: Socket;
  readonly outer: Socket;
  isMarked: boolean;
}

/** A road to any TCP server, WebSockets included. */
export async function tcpRoad(
  stage: Pick<Stage, "atEnd">,
  target: { readonly host?: string; readonly port: number },
): Promise<TcpRoad> {
  const links = new Set<Link>();
  let state: "open" | "cut" | "hung" = "open";
  let losing: string | null = null;
  const waiting = new Map<(bytes: Buffer) => boolean, () => void>();
  const look = (chunk: Buffer): void => {
    for (const [fits, then] of waiting) {
      if (!fits(chunk)) continue;
      waiting.delete(fits);
      then();
    }
  };
  const pause = ({ inner, outer }: Link): void => {
    inner.pause();
    outer.pause();
  };
  const resume = ({ inner, outer }: Link): void => {
    inner.resume();
    outer.resume();
  };
  const server = createTcpServer((outer) => {
    outer.on("error", () => undefined);
    if (state === "cut") {
      outer.resetAndDestroy();
      return;
    }
    const inner = connect(target.port, target.host ?? "127.0.0.1");
    const link: Link = { inner, outer, isMarked: false };
    links.add(link);
    const end = (): void => {
      links.delete(link);
      inner.destroy();
      outer.destroy();
    };
    for (const socket of [inner, outer]) socket.on("close", end).on("error", end);
    outer.on("data", (chunk) => {
      look(chunk);
      if (losing !== null && chunk.includes(losing)) {
        losing = null;
        link.isMarked = true;
      }
      inner.write(chunk);
    });
    inner.on("data", (chunk) => {
      look(chunk);
      if (link.isMarked) reset(link);
      else outer.write(chunk);
    });
    if (state === "hung") pause(link);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const resetAll = (): void => {
    for (const link of [...links]) reset(link);
  };
  stage.atEnd(() => {
    resetAll();
    server.close();
  });
  return {
    host: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
    cut() {
      state = "cut";
      resetAll();
    },
    hang() {
      state = "hung";
      for (const link of links) pause(link);
    },
    restore() {
      state = "open";
      for (const link of links) resume(link);
    },
    reset: resetAll,
    loseReply(text) {
      losing = text;
    },
    when(fits, then) {
      waiting.set(fits, then);
    },
    get connections() {
      return links.size;
    },
  };
}

function reset({ inner, outer }: Link): void {
  outer.resetAndDestroy();
  inner.destroy();
}
