import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { PublicView } from "../../src/core/view/public-view.js";
import { jobRoutes } from "../../src/http.js";
import { CANARY, httpBench, nightly, report, secret, type Server, served } from "./http-bench.js";

let bench: ReturnType<typeof httpBench>;
let server: Server;

beforeEach(async () => {
  bench = httpBench({ maxWaits: 1, maxBodyBytes: 10_000 });
  server = await served(bench.routes);
});
afterEach(async () => {
  await server.close();
  await bench.close();
});

interface Asked {
  readonly method?: string;
  readonly owner?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
}

function ask(
  path: string,
  { method = "GET", owner = "ann", headers = {}, body }: Asked = {},
): Promise<Response> {
  return fetch(`${server.url}/jobs${path}`, {
    method,
    headers: {
      ...(owner === null ? {} : { authorization: owner }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body }),
  });
}

const post = (path: string, body?: unknown, asked: Asked = {}): Promise<Response> =>
  ask(path, { method: "POST", ...(body === undefined ? {} : { body: JSON.stringify(body) }), ...asked });

const viewOf = async (response: Response | Promise<Response>): Promise<PublicView> =>
  (await (await response).json()) as PublicView;

const submitted = async (owner = "ann", input: object = { pages: [1], note: CANARY }): Promise<PublicView> =>
  viewOf(post("/report.make", input, { owner }));

/** Resolves once a job of the bench has got there. */
async function reached(id: string, isReached: (status: string) => boolean): Promise<void> {
  for await (const job of bench.waybill.watch(id)) if (isReached(job.status)) return;
}

const headerOf = (response: Response, name: string): string | null => response.headers.get(name);

describe("POST /{kind}", () => {
  it("answers 202 with the job, where it is, and when to look again", async () => {
    const response = await post("/report.make", { pages: [1, 2] });
    expect(response.status).toBe(202);
    const view = await viewOf(response);
    expect(view).toMatchObject({
      kind: "report.make",
      status: "QUEUED",
      word: "waiting",
      owner: "ann",
      version: 2,
    });
    expect(headerOf(response, "location")).toBe(`/jobs/${view.id}`);
    expect(headerOf(response, "retry-after")).toBe("1");
    expect(headerOf(response, "etag")).toBe(`W/"${view.id}.2"`);
    expect((await ask(`/${view.id}`)).status).toBe(200);
  });

  it("knows a key again, quoted or bare, and refuses another input under it", async () => {
    const keyed = (key: string, pages: readonly number[]) =>
      post("/report.make", { pages }, { headers: { "idempotency-key": key } });
    const first = await viewOf(keyed("k 1", [1]));
    expect((await viewOf(keyed('"k 1"', [1]))).id).toBe(first.id);
    expect((await viewOf(keyed("k 2", [1]))).id).not.toBe(first.id);
    const conflict = await keyed("k 1", [2]);
    expect([conflict.status, await conflict.json()]).toMatchObject([422, { code: "idempotency.conflict" }]);
    for (const key of ["", "x".repeat(256), '""']) expect((await keyed(key, [1])).status).toBe(400);
  });

  it("says what is wrong with an input, with pointers, and nothing of the values", async () => {
    const response = await post("/report.make", { pages: [1, CANARY], note: 7 });
    expect(response.status).toBe(422);
    expect(headerOf(response, "content-type")).toBe("application/problem+json");
    const problem = (await response.json()) as { errors: { pointer: string }[] };
    expect(problem).toMatchObject({
      type: "urn:waybill:problem:input.invalid",
      code: "input.invalid",
      status: 422,
    });
    expect(problem.errors.map(({ pointer }) => pointer)).toEqual(["#/pages/1", "#/note"]);
    expect(JSON.stringify(problem)).not.toContain(CANARY);
  });

  it("takes JSON only, and not more of it than is allowed", async () => {
    expect((await post("/report.make", undefined, { body: "{pages" })).status).toBe(400);
    expect((await post("/report.make")).status).toBe(400);
    expect((await post("/report.make", undefined, { body: new Uint8Array([0x22, 0xff, 0x22]) })).status).toBe(
      400,
    );
    const spaced = { "content-type": "application/json ; charset=utf-8" };
    expect((await post("/report.make", undefined, { body: "{pages", headers: spaced })).status).toBe(400);
    const form = { "content-type": "application/x-www-form-urlencoded" };
    expect((await post("/report.make", { pages: [] }, { headers: form })).status).toBe(415);
    const large = await post("/report.make", { pages: [], note: "x".repeat(10_000) });
    expect([large.status, await large.json()]).toMatchObject([413, { code: "input.too_large" }]);
    expect((await bench.waybill.list({ kind: "report.make" })).items).toEqual([]);
  });

  it("stops reading a body whose length was not said", async () => {
    let pulled = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(1_000).fill(0x20));
      },
    });
    const request = new Request("http://localhost/jobs/report.make", {
      method: "POST",
      headers: { authorization: "ann", "content-type": "application/json" },
      body,
      duplex: "half",
    });
    expect((await bench.routes(request)).status).toBe(413);
    expect(pulled).toBeLessThan(20);
  });

  it("waits for the end where that is preferred, and says so", async () => {
    bench.work();
    bench.finish();
    const response = await post(
      "/report.make",
      { pages: [1] },
      { headers: { prefer: "respond-async, wait=20" } },
    );
    expect([response.status, headerOf(response, "preference-applied")]).toEqual([200, "wait=20"]);
    expect(await viewOf(response)).toMatchObject({
      status: "COMPLETED",
      output: { url: "https://files.example/1" },
    });
    expect(headerOf(response, "retry-after")).toBeNull();
  });

  it("does not wait without end, and not at all where too many wait: the job is stored", async () => {
    const headers = { prefer: "wait=1" };
    const waiting = post("/report.make", { pages: [1] }, { headers });
    while ((await bench.waybill.list({ owner: "ann" })).items.length === 0) await new Promise(setImmediate);
    const second = await post("/report.make", { pages: [1] }, { headers });
    expect([second.status, headerOf(second, "preference-applied")]).toEqual([202, null]);
    const first = await waiting;
    expect([first.status, headerOf(first, "preference-applied")]).toEqual([202, "wait=1"]);
  });
});

describe("GET /{id}", () => {
  it("has the job with its tag, and 304 while nothing has changed", async () => {
    const { id } = await submitted();
    const first = await ask(`/${id}`);
    expect(headerOf(first, "cache-control")).toBe("private, no-cache");
    expect(headerOf(first, "vary")).toBe("accept");
    const etag = headerOf(first, "etag") ?? "";
    for (const tags of [etag, etag.slice(2), `"other", ${etag}`, "*"]) {
      const again = await ask(`/${id}`, { headers: { "if-none-match": tags } });
      expect([again.status, await again.text()]).toEqual([304, ""]);
    }
    expect((await ask(`/${id}`, { headers: { "if-none-match": 'W/"other.2"' } })).status).toBe(200);
    const head = await ask(`/${id}`, { method: "HEAD" });
    expect([head.status, headerOf(head, "etag"), await head.text()]).toEqual([200, etag, ""]);
  });

  it("waits for news where that is preferred", async () => {
    const { id, version } = await submitted();
    const headers = { "if-none-match": `W/"${id}.${String(version)}"`, prefer: "wait=25" };
    const waiting = ask(`/${id}`, { headers });
    bench.work();
    const news = await waiting;
    expect(news.status).toBe(200);
    expect((await viewOf(news)).version).toBeGreaterThan(version);
  });

  it("answers 304 when there was none in time, and 429 where too many of an owner wait", async () => {
    const { id, version } = await submitted();
    const other = await submitted("bob");
    const headers = (of: PublicView) => ({
      "if-none-match": `W/"${of.id}.${String(of.version)}"`,
      prefer: "wait=1",
    });
    const both = await Promise.all(
      [1, 2].map(() => ask(`/${id}`, { headers: headers({ id, version } as PublicView) })),
    );
    expect(both.map(({ status }) => status).sort()).toEqual([304, 429]);
    expect(
      headerOf(
        both.find(({ status }) => status === 429)!,
        "retry-after",
      ),
    ).toBe("5");
    const waits = [
      ask(`/${id}`, { headers: headers({ id, version } as PublicView) }),
      ask(`/${other.id}`, { owner: "bob", headers: headers(other) }),
    ];
    for (const response of await Promise.all(waits)) {
      expect([response.status, headerOf(response, "preference-applied")]).toEqual([304, "wait=1"]);
    }
  });

  it("lets go of a wait whose caller has gone", async () => {
    const { id, version } = await submitted();
    const headers = {
      "if-none-match": `W/"${id}.${String(version)}"`,
      prefer: "wait=30",
      authorization: "ann",
    };
    const gone = new AbortController();
    const waiting = bench.routes(
      new Request(`http://localhost/jobs/${id}`, { headers, signal: gone.signal }),
    );
    await new Promise(setImmediate);
    gone.abort();
    expect((await waiting).status).toBe(304);
  });

  it("leaves out what may be large where only the status is asked for", async () => {
    bench.work();
    const { id } = await submitted();
    bench.finish();
    await reached(id, (status) => status === "COMPLETED");
    expect(await viewOf(ask(`/${id}`))).toHaveProperty("output");
    const brief = await viewOf(ask(`/${id}?fields=status`));
    expect(brief).toMatchObject({ status: "COMPLETED" });
    expect(brief).not.toHaveProperty("output");
    expect((await ask(`/${id}?fields=all`)).status).toBe(400);
  });

  it("streams a job to its end as server-sent events, and says 204 to a reader that has seen it", async () => {
    bench.work();
    const { id } = await submitted();
    const events = { accept: "text/event-stream" };
    const response = await ask(`/${id}`, { headers: events });
    expect([response.status, headerOf(response, "content-type"), headerOf(response, "vary")]).toEqual([
      200,
      "text/event-stream; charset=utf-8",
      "accept",
    ]);
    // The owner has one place for what waits, and this stream holds it.
    expect((await ask(`/${id}`, { headers: events })).status).toBe(429);
    bench.finish();
    const text = await response.text();
    expect(text).toContain('"status":"COMPLETED"');
    expect(text).not.toContain(CANARY);
    const [last] = text.match(/^id: .*end$/m) ?? [];
    const again = await ask(`/${id}`, { headers: { ...events, "last-event-id": last?.slice(4) ?? "" } });
    expect(again.status).toBe(204);
  });

  it("streams nothing of another's: the same 404 as for a job that is not there", async () => {
    const { id } = await submitted("ben");
    const ask404 = async (name: string) => {
      const response = await ask(`/${name}`, { headers: { accept: "text/event-stream" } });
      return [response.status, await response.text()];
    };
    expect(await ask404(id)).toEqual(await ask404("no-such-job"));
    expect((await ask404(id))[0]).toBe(404);
  });

  it("holds no place for the stream that a HEAD asks about", async () => {
    const { id } = await submitted();
    const headers = { accept: "text/event-stream" };
    for (const path of [`/${id}`, `/${id}`, "/", "/"]) {
      const response = await ask(path, { method: "HEAD", headers });
      expect([response.status, headerOf(response, "content-type")]).toEqual([
        200,
        "text/event-stream; charset=utf-8",
      ]);
    }
  });

  it("refuses for a stream what a stream does not take: a filter that is not heard would show everything", async () => {
    const { id } = await submitted();
    const headers = { accept: "text/event-stream" };
    const malformed = ["/?status=FAILED", "/?word=ready", "/?cursor=x", "/?latest", "/?fields=status"];
    // No store could hold such a subject.
    const unstorable = ["/?subject=", "/?subject=%00", `/?subject=${"x".repeat(5_000)}`];
    for (const path of [...malformed, ...unstorable, `/${id}?fields=status`]) {
      const response = await ask(path, { headers });
      expect([path, response.status]).toEqual([path, 400]);
      expect(await response.json()).toMatchObject({ code: "request.malformed" });
    }
    expect(bench.lines).toEqual([]);
  });

  it("has no stream of a history", async () => {
    const { id } = await submitted();
    const response = await ask(`/${id}/history`, { headers: { accept: "text/event-stream" } });
    expect([response.status, headerOf(response, "vary")]).toEqual([406, "accept"]);
  });
});

describe("GET /", () => {
  it("pages through the caller's jobs, newest first", async () => {
    const ids: string[] = [];
    for (const _ of [1, 2, 3]) ids.unshift((await submitted()).id);
    await submitted("bob");
    const page = await ask("/?limit=2");
    const first = (await page.json()) as { items: PublicView[]; next: string };
    expect(first.items.map(({ id }) => id)).toEqual(ids.slice(0, 2));
    expect(headerOf(page, "link")).toBe(`</jobs/?limit=2&cursor=${first.next}>; rel="next"`);
    const rest = await ask(`/?limit=2&cursor=${first.next}`);
    expect(await rest.json()).toMatchObject({ items: [{ id: ids[2] }], next: null });
    expect(headerOf(rest, "link")).toBeNull();
  });

  it("filters by kind, status, word and subject, and has no job of a kind that is not visible", async () => {
    const one = await submitted();
    const two = await submitted("ann", { pages: [1, 2] });
    const own = { owner: "ann" };
    const night = await bench.waybill.submit(nightly, { note: CANARY }, own).unwrap();
    await bench.waybill.submit(secret, { note: CANARY }, own);
    const idsOf = async (query: string): Promise<readonly string[]> =>
      ((await (await ask(`/?${query}`)).json()) as { items: PublicView[] }).items.map(({ id }) => id);
    expect(await idsOf("")).toEqual([night.id, two.id, one.id]);
    expect(await idsOf("kind=nightly.sweep")).toEqual([night.id]);
    expect(await idsOf("kind=report.make&word=waiting&status=QUEUED,FAILED")).toEqual([two.id, one.id]);
    expect(await idsOf("status=FAILED&status=COMPLETED")).toEqual([]);
    // Of no status, as a client's empty list of them comes: never all.
    expect(await idsOf("status=")).toEqual([]);
    expect(await idsOf("kind=report.make&word=waiting&status=")).toEqual([]);
    expect(await idsOf("subject=report:2")).toEqual([two.id]);
    expect((await ask("/?kind=secret.job")).status).toBe(404);
    expect((await ask("/?kind=none")).status).toBe(404);
  });

  it.each([
    "stauts=FAILED",
    "status=DONE",
    "status=,",
    "status=&status=FAILED",
    "limit=0",
    "limit=x",
    "cursor=made-up",
    "subject=",
    "kind=report.make&word=lost",
    "latest&kind=report.make",
    "latest&subject=x",
    "kind=report.make&kind=nightly.sweep",
    "fields=status&fields=status",
    "limit=5&limit=6",
  ])("refuses %s", async (query) => {
    const response = await ask(`/?${query}`);
    expect([response.status, await response.json()]).toMatchObject([400, { code: "request.malformed" }]);
  });

  it("has the newest job about a subject, whole, or none", async () => {
    await submitted();
    const { id } = await submitted();
    await submitted("bob");
    const latest = await ask("/?latest&kind=report.make&subject=report:1");
    expect(await viewOf(latest)).toMatchObject({ id });
    expect(headerOf(latest, "etag")).toContain(id);
    expect((await ask("/?latest&kind=report.make&subject=report:9")).status).toBe(404);
  });
});

describe("GET /{id}/history", () => {
  it("tells what happened; who did it only where the kind lets it through", async () => {
    const { id } = await submitted();
    const told = (await (await ask(`/${id}/history`)).json()) as { items: object[] };
    expect(told).toMatchObject({
      items: [{ id: `${id}:1`, type: "job.created" }, { type: "job.queued" }],
      trimmed: 0,
    });
    expect(told.items[0]).not.toHaveProperty("actor");
    const options = { owner: "ann", actor: `ann-${CANARY}` };
    const night = await bench.waybill.submit(nightly, { note: CANARY }, options).unwrap();
    expect(await (await ask(`/${night.id}/history`)).json()).toMatchObject({ items: [{ actor: "ann" }, {}] });
  });
});

describe("POST /{id}/cancel and /rerun", () => {
  it("ends a job that is not run yet, and asks for it while it is", async () => {
    const { id } = await submitted();
    const ended = await post(`/${id}/cancel`, { reason: "not needed" });
    expect(ended.status).toBe(200);
    expect(await viewOf(ended)).toMatchObject({ status: "FAILED", message: "not needed" });
    const again = await post(`/${id}/cancel`);
    expect([again.status, await again.json()]).toMatchObject([409, { code: "job.already_final" }]);
    bench.work();
    const running = await submitted();
    await reached(running.id, (status) => status === "PROCESSING");
    expect((await post(`/${running.id}/cancel`)).status).toBe(202);
    expect((await bench.waybill.history(id))?.events.at(-1)?.actor).toBe(`ann-${CANARY}`);
    for (const body of [{ reason: 7 }, { reason: "" }, { reason: "\0" }, { raeson: "x" }, [], 7]) {
      expect((await post(`/${running.id}/cancel`, body)).status).toBe(400);
    }
  });

  it("says what is wrong with a query before anything is cancelled or run again", async () => {
    const { id } = await submitted();
    expect((await post(`/${id}/cancel?fields=all`)).status).toBe(400);
    expect((await viewOf(ask(`/${id}`))).cancelRequestedAt).toBeNull();
    await bench.waybill.cancel(id);
    expect((await post(`/${id}/rerun?fields=all`)).status).toBe(400);
    expect((await viewOf(ask(`/?latest&kind=report.make&subject=report:1`))).id).toBe(id);
  });

  it("under a key, answers a repeated cancel of a cancelled job as it is: the first answer may be lost", async () => {
    const { id } = await submitted();
    const headers = { "idempotency-key": "c" };
    const [once, twice] = [
      await post(`/${id}/cancel`, {}, { headers }),
      await post(`/${id}/cancel`, {}, { headers }),
    ];
    expect([once.status, twice.status]).toEqual([200, 200]);
    expect(await twice.json()).toEqual(await once.json());
    expect((await post(`/${id}/cancel`, {}, { headers, owner: "bob" })).status).toBe(404);
    bench.work();
    bench.finish();
    for (const end of ["failed", "completed"]) {
      const other = await submitted("ann", { pages: [], end });
      await reached(other.id, (status) => status === end.toUpperCase());
      expect((await post(`/${other.id}/cancel`, {}, { headers })).status).toBe(409);
    }
  });

  it("runs a failed job again as a new one, once under one key", async () => {
    const { id } = await submitted();
    expect((await post(`/${id}/rerun`)).status).toBe(409);
    await bench.waybill.cancel(id);
    const headers = { "idempotency-key": "again" };
    const [once, twice] = [
      await post(`/${id}/rerun`, undefined, { headers }),
      await post(`/${id}/rerun`, undefined, { headers }),
    ];
    const view = await viewOf(once);
    expect([once.status, headerOf(once, "location")]).toEqual([202, `/jobs/${view.id}`]);
    expect(view).toMatchObject({ origin: id, owner: "ann" });
    expect((await viewOf(twice)).id).toBe(view.id);
  });
});

describe("who may see what", () => {
  const paths = (id: string): readonly (readonly [string, string])[] => [
    ["GET", `/${id}`],
    ["GET", `/${id}?fields=status`],
    ["GET", `/${id}/history`],
    ["POST", `/${id}/cancel`],
    ["POST", `/${id}/rerun`],
  ];
  const answerTo = async (method: string, path: string, asked: Asked = {}): Promise<string> => {
    const response = await ask(path, { method, ...asked });
    const headers = [...response.headers].filter(([name]) => name !== "date");
    return JSON.stringify([response.status, headers, await response.text()]);
  };

  it("answers alike for a malformed, an unknown and a foreign id, and for another kind", async () => {
    const foreign = await submitted("bob");
    const failed = await submitted("bob");
    await bench.waybill.cancel(failed.id);
    const hidden = await bench.waybill.submit(secret, { note: CANARY }, { owner: "ann" }).unwrap();
    const nobodys = await bench.waybill.submit(report, { pages: [] }).unwrap();
    const unknown = await Promise.all(paths("none").map(([method, path]) => answerTo(method, path)));
    expect(new Set(unknown).size).toBe(1);
    expect(unknown[0]).toContain("404");
    const ids = [
      foreign.id,
      failed.id,
      hidden.id,
      nobodys.id,
      "*",
      "%25",
      "%zz",
      "a%20b",
      "..%2F",
      "x".repeat(200),
      "self",
    ];
    for (const id of ids) {
      for (const [method, path] of paths(id)) expect(await answerTo(method, path)).toBe(unknown[0]);
      const headers = { prefer: "wait=5", "if-none-match": `W/"${id}.2"` };
      expect(await answerTo("GET", `/${id}`, { headers })).toBe(unknown[0]);
    }
    for (const kind of ["secret.job", "nightly.sweep", "none"]) {
      expect(await answerTo("POST", `/${kind}`, { body: "{}" })).toBe(unknown[0]);
    }
    expect((await bench.waybill.get(foreign.id))?.version).toBe(2);
    expect((await ask("/?latest&kind=report.make&subject=report:1")).status).toBe(404);
  });

  it("shows an operator everybody's, and still starts jobs as its own", async () => {
    const { id } = await submitted("bob");
    expect((await ask(`/${id}`, { owner: "boss" })).status).toBe(200);
    expect(await viewOf(post(`/${id}/cancel`, undefined, { owner: "boss" }))).toMatchObject({ owner: "bob" });
    expect(await submitted("boss")).toMatchObject({ owner: "boss" });
    expect((await ask("/", { owner: "boss" })).status).toBe(400);
    const page = (await (await ask("/?kind=report.make", { owner: "boss" })).json()) as { items: unknown[] };
    expect(page.items).toHaveLength(2);
  });

  it("lets nobody in without a credential that is valid now, and takes a missing owner for a fault", async () => {
    for (const owner of [null, "expired"]) {
      for (const path of ["/", "/none", "/none/history", "/elsewhere/a/b"]) {
        const response = await ask(path, { owner });
        expect([response.status, headerOf(response, "www-authenticate")]).toEqual([401, "Bearer"]);
      }
    }
    for (const owner of ["nobody", "down"]) {
      const response = await ask("/", { owner });
      expect([response.status, await response.json()]).toMatchObject([500, { code: "internal_error" }]);
    }
    expect(bench.lines).toHaveLength(2);
    expect(JSON.stringify(bench.lines)).not.toContain(CANARY);
  });

  it("takes no principal that cannot be one: an end that is no instant is a fault, and nobody is nobody", async () => {
    const answered = async (principal: unknown): Promise<number> => {
      const routes = jobRoutes(bench.waybill, {
        kinds: [report],
        submit: [],
        authorize: () => principal as null,
      });
      return (await routes(new Request("http://localhost/jobs"))).status;
    };
    expect(await answered(undefined)).toBe(401);
    const owner = "ann";
    expect(await answered({ owner, expiresAt: undefined })).toBe(200);
    const faults = [{ expiresAt: new Date(Number.NaN) }, { expiresAt: null }, { actor: 7 }, { sees: "any" }];
    for (const fault of faults) expect([fault, await answered({ owner, ...fault })]).toEqual([fault, 500]);
    expect(bench.lines.map(({ fields }) => fields)).toEqual(faults.map(() => ({ error: "config.invalid" })));
  });

  it("says which methods an address takes", async () => {
    for (const [method, path, allow] of [
      ["PUT", "/", "GET, HEAD"],
      ["DELETE", "/some-id", "GET, HEAD, POST"],
      ["POST", "/some-id/history", "GET, HEAD"],
      ["GET", "/some-id/cancel", "POST"],
    ] as const) {
      const response = await ask(path, { method });
      expect([response.status, headerOf(response, "allow")]).toEqual([405, allow]);
    }
    for (const path of ["/a/b", "/a/b/c", "/a/"]) expect((await ask(path)).status).toBe(404);
  });

  it("lets no canary out, in any status, by any address", async () => {
    bench.work();
    const input = { pages: [1], note: CANARY };
    const options = { owner: "ann", actor: CANARY, metadata: { secret: CANARY } };
    const running = await bench.waybill.submit(report, input, options).unwrap();
    const failing = await bench.waybill.submit(report, { ...input, end: "failed" }, options).unwrap();
    const waiting = await bench.waybill
      .submit(nightly, { note: CANARY }, { ...options, actor: `ann${CANARY}` })
      .unwrap();
    const later = await bench.waybill.submit(report, input, { ...options, delayMs: 60_000 }).unwrap();
    for await (const job of bench.waybill.watch(nightly, waiting.id))
      if (job.status === "PROCESSING" && job.awaiting) break;
    await reached(running.id, (status) => status === "PROCESSING");
    let told = "";
    const look = async (): Promise<void> => {
      for (const { id } of [running, failing, waiting, later]) {
        for (const path of [`/${id}`, `/${id}/history`]) told += await (await ask(path)).text();
      }
      for (const query of ["", "latest&kind=report.make&subject=report:1"])
        told += await (await ask(`/?${query}`)).text();
    };
    await look();
    bench.finish();
    await reached(failing.id, (status) => status === "FAILED");
    await look();
    told += await (await post(`/${failing.id}/rerun`)).text();
    told += await (await post(`/${later.id}/cancel`)).text();
    for (const seen of ["PROCESSING", "FAILED", "QUEUED", "awaiting", "job.waiting"])
      expect(told).toContain(seen);
    expect(told).not.toContain(CANARY);
  });
});

describe("a service in trouble", () => {
  it("answers 503 with system_error and Retry-After while the store is away", async () => {
    await bench.waybill.close();
    const response = await ask("/none");
    expect([response.status, headerOf(response, "retry-after")]).toEqual([503, "5"]);
    expect(await response.json()).toMatchObject({
      code: "system_error",
      type: "urn:waybill:problem:system_error",
    });
  });
});
