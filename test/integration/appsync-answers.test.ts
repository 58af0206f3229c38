import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { appsyncEventsNotifier, appsyncNotifier } from "../../src/appsync.js";
import { CANARY, eventOf } from "../doubles/appsync/sample-event.js";

// Answers that AppSync does not give, and that something between us and it may.

let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function endpointOf(listener: RequestListener): Promise<string> {
  server = createServer(listener);
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function publish(host: string, signal = new AbortController().signal): Promise<unknown> {
  const auth = { mode: "apiKey", apiKey: CANARY } as const;
  const context = { signal, view: async () => null };
  const graphql = appsyncNotifier({ endpoint: `${host}/graphql`, auth, userEmail: () => null });
  const events = appsyncEventsNotifier({ endpoint: `${host}/event`, auth, namespace: "jobs" });
  const results = [
    ...(await graphql.publish([eventOf("job-a", 2)], context)),
    ...(await events.publish([eventOf("job-a", 2)], context)),
  ];
  expect(JSON.stringify(results)).not.toContain(CANARY);
  const [first, second] = results;
  expect(second).toEqual(first);
  return first;
}

describe("an answer", () => {
  it("of a redirect is not followed: the key would follow it", async () => {
    const paths: (string | undefined)[] = [];
    const host = await endpointOf((request, response) => {
      paths.push(request.url);
      response.writeHead(307, { location: "/elsewhere" }).end();
    });
    expect(await publish(host)).toMatchObject({ status: "retry", reason: "AppSync answered 307" });
    expect(paths).not.toContain("/elsewhere");
  });

  it("that is no JSON is no delivery, and is not quoted", async () => {
    const host = await endpointOf((_request, response) => response.end(`<html>${CANARY}</html>`));
    expect(await publish(host)).toEqual({ status: "retry", reason: "the answer is no JSON" });
  });

  it("is read up to 2 MB, whatever its status", async () => {
    for (const status of [200, 500]) {
      let sent = 0;
      const host = await endpointOf((_request, response) => {
        response.writeHead(status);
        const more = (): void => {
          while (!response.destroyed && response.write("x".repeat(65_536))) sent += 65_536;
        };
        response.on("drain", more);
        more();
      });
      expect(await publish(host)).toMatchObject({ status: "retry" });
      expect(sent).toBeLessThan(50_000_000);
      server?.closeAllConnections();
      server?.close();
    }
  });

  it("that begins and does not end is left when the signal aborts", async () => {
    const host = await endpointOf((_request, response) => response.writeHead(200).write('{"data":'));
    expect(await publish(host, AbortSignal.timeout(200))).toEqual({
      status: "retry",
      reason: "no answer in time",
    });
  });

  it("says when to come again", async () => {
    const host = await endpointOf((_request, response) =>
      response.writeHead(429, { "retry-after": "7" }).end("{}"),
    );
    expect(await publish(host)).toEqual({ status: "held", reason: "AppSync answered 429", afterMs: 7_000 });
  });

  it.each([
    ["ThrottlingException", "held"],
    ["ExpiredTokenException", "retry"],
    ["RequestExpired", "retry"],
    ["NotAuthorized", "retry"],
    ["UnrecognizedClientException", "retry"],
  ])("of 400 that is about the sender (%s) makes no request for each event", async (errorType, status) => {
    let requests = 0;
    const host = await endpointOf((_request, response) => {
      requests += 1;
      response.writeHead(400).end(JSON.stringify({ errors: [{ errorType, message: CANARY }] }));
    });
    const auth = { mode: "apiKey", apiKey: CANARY } as const;
    const context = { signal: new AbortController().signal, view: async () => null };
    const of = ["job-a", "job-b", "job-c"].map((id) => eventOf(id, 2));
    for (const notifier of [
      appsyncNotifier({ endpoint: `${host}/graphql`, auth, userEmail: () => null }),
      appsyncEventsNotifier({
        endpoint: `${host}/event`,
        auth,
        namespace: "jobs",
        channels: () => [["all"]],
      }),
    ]) {
      requests = 0;
      const results = await notifier.publish(of, context);
      expect(results.map((result) => result.status)).toEqual([status, status, status]);
      expect(requests).toBe(1);
    }
  });

  it("that never comes, because nobody listens, is told by its code", async () => {
    const host = await endpointOf(() => undefined);
    await new Promise((resolve) => server?.close(resolve));
    expect(await publish(host)).toEqual({ status: "retry", reason: "the connection failed (ECONNREFUSED)" });
  });
});
