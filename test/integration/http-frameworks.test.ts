import { Readable } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import type { APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { httpBench, listening, type Server, served } from "./http-bench.js";

// Each is put up as docs/http.md shows it.

let bench: ReturnType<typeof httpBench>;
const open: (() => Promise<unknown>)[] = [];

beforeEach(() => {
  bench = httpBench();
});
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
  await bench.close();
});

type Send = (
  path: string,
  init: {
    readonly method: string;
    readonly headers: Record<string, string>;
    readonly body?: string;
    readonly signal?: AbortSignal;
  },
) => Promise<Response>;

function over(server: Server): Send {
  open.push(() => server.close());
  return (path, init) => fetch(`${server.url}${path}`, init);
}

/** A function URL hands its handler this much of a request, and takes this much of an answer. */
interface FunctionUrlEvent {
  readonly rawPath: string;
  readonly rawQueryString: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly requestContext: { readonly http: { readonly method: string } };
  readonly body?: string;
  readonly isBase64Encoded: boolean;
}

async function lambda(event: FunctionUrlEvent): Promise<APIGatewayProxyStructuredResultV2> {
  const { rawPath, rawQueryString, headers, requestContext, body, isBase64Encoded } = event;
  const { method } = requestContext.http;
  const response = await bench.routes(
    new Request(`https://${headers["host"] ?? "localhost"}${rawPath}?${rawQueryString}`, {
      method,
      headers,
      ...(body === undefined || method === "GET" || method === "HEAD"
        ? {}
        : { body: isBase64Encoded ? Buffer.from(body, "base64") : body }),
    }),
  );
  return {
    statusCode: response.status,
    headers: Object.fromEntries(response.headers),
    body: await response.text(),
  };
}

const PLACES: Readonly<Record<string, () => Promise<Send>>> = {
  "node:http": async () => over(await served(bench.routes)),
  Express: async () => {
    const app = express();
    app.use("/elsewhere", express.json());
    app.all(
      "/jobs{/*path}",
      (incoming, outgoing) => void getRequestListener(bench.routes)(incoming, outgoing),
    );
    return over(await listening(app));
  },
  Fastify: async () => {
    const app = fastify();
    app.removeAllContentTypeParsers();
    app.addContentTypeParser("*", (_request, payload, done) => {
      done(null, payload);
    });
    app.all("/jobs*", async (incoming, reply) => {
      const { method, headers, body } = incoming;
      const gone = new AbortController();
      reply.raw.on("close", () => {
        gone.abort();
      });
      const request = new Request(new URL(incoming.url, "http://localhost"), {
        method,
        headers: headers as Record<string, string>,
        signal: gone.signal,
        ...(body instanceof Readable ? { body: Readable.toWeb(body), duplex: "half" } : {}),
      });
      return reply.send(await bench.routes(request));
    });
    open.push(() => app.close());
    const url = await app.listen({ port: 0, host: "127.0.0.1" });
    return (path, init) => fetch(`${url}${path}`, init);
  },
  Hono: async () => {
    const app = new Hono();
    app.all("/jobs/*", (context) => bench.routes(context.req.raw));
    return async (path, init) => app.request(path, init);
  },
  "a handler of Next": async () => {
    const { routes } = bench;
    const handlers: Readonly<Record<string, (request: Request) => Promise<Response>>> = {
      GET: routes,
      POST: routes,
    };
    return async (path, init) => {
      const handler = handlers[init.method];
      return handler === undefined
        ? new Response(null, { status: 405 })
        : handler(new Request(`http://localhost${path}`, init));
    };
  },
  "a function URL of Lambda":
    async () =>
    async (path, { method, headers, body }) => {
      const [rawPath = "", rawQueryString = ""] = path.split("?");
      const result = await lambda({
        rawPath,
        rawQueryString,
        headers,
        requestContext: { http: { method } },
        ...(body === undefined ? {} : { body: Buffer.from(body).toString("base64") }),
        isBase64Encoded: true,
      });
      const text = result.body === "" ? null : result.body;
      return new Response(text ?? null, {
        status: result.statusCode ?? 200,
        headers: result.headers as Record<string, string>,
      });
    },
};

describe.each(Object.entries(PLACES))("on %s", (_, place) => {
  it("a job is submitted, shown, listed and cancelled, and refusals come through", async () => {
    const send = await place();
    const headers = { authorization: "ann" };
    const json = { ...headers, "content-type": "application/json", "idempotency-key": '"k"' };
    const made = await send("/jobs/report.make", { method: "POST", headers: json, body: '{"pages":[1]}' });
    expect(made.status).toBe(202);
    const { id } = (await made.json()) as { id: string };
    expect(made.headers.get("location")).toBe(`/jobs/${id}`);
    const shown = await send(`/jobs/${id}?fields=status`, { method: "GET", headers });
    expect(await shown.json()).toMatchObject({ id, status: "QUEUED" });
    const etag = shown.headers.get("etag") ?? "";
    const unchanged = await send(`/jobs/${id}`, {
      method: "GET",
      headers: { ...headers, "if-none-match": etag },
    });
    expect(unchanged.status).toBe(304);
    const list = await send("/jobs/?kind=report.make", { method: "GET", headers });
    expect(await list.json()).toMatchObject({ items: [{ id }], next: null });
    const cancelled = await send(`/jobs/${id}/cancel`, { method: "POST", headers });
    expect(await cancelled.json()).toMatchObject({ status: "FAILED" });
    const invalid = await send("/jobs/report.make", {
      method: "POST",
      headers: { ...json, "idempotency-key": "k2" },
      body: "{}",
    });
    expect([invalid.status, invalid.headers.get("content-type")]).toEqual([422, "application/problem+json"]);
    expect((await send(`/jobs/${id}`, { method: "GET", headers: {} })).status).toBe(401);
  });
});

it.each(["node:http", "Express", "Fastify"])("on %s a wait ends when its caller has gone", async (name) => {
  await bench.close();
  bench = httpBench({ maxWaits: 1 });
  const send = await PLACES[name]!();
  const headers = { authorization: "ann", "content-type": "application/json" };
  const made = await send("/jobs/report.make", { method: "POST", headers, body: '{"pages":[1]}' });
  const { id } = (await made.json()) as { id: string };
  const tag = made.headers.get("etag") ?? "";
  // Whether the one place is taken; nothing of a HEAD stays open.
  const isTaken = async (): Promise<boolean> => {
    const asking = { authorization: "ann", accept: "text/event-stream" };
    return (await send(`/jobs/${id}`, { method: "HEAD", headers: asking })).status === 429;
  };
  const gone = new AbortController();
  const wait = async (): Promise<void> => {
    const asking = { authorization: "ann", "if-none-match": tag, prefer: "wait=30" };
    const init = { method: "GET", headers: asking, signal: gone.signal };
    // Whoever asks whether the place is taken takes it for a moment.
    while ((await send(`/jobs/${id}`, init)).status === 429);
  };
  const waiting = wait().catch(() => undefined);
  await expect.poll(isTaken, { timeout: 20_000 }).toBe(true);
  gone.abort();
  await waiting;
  await expect.poll(isTaken, { timeout: 20_000 }).toBe(false);
});
