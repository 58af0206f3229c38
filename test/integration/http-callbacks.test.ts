import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { createCallbacks } from "../../src/core/callback/callbacks.js";
import { jobRoutes } from "../../src/http.js";
import { defineJob } from "../../src/index.js";
import { testWaybill } from "../../src/testing.js";
import { recordingLogger } from "../support/engine.js";
import { served, type Server } from "./http-bench.js";

const CANARY = "canary-81fa";

const convert = defineJob({
  kind: "video.convert",
  input: z.object({ note: z.string() }),
  output: z.object({ url: z.string() }),
  progress: z.object({ done: z.number() }),
  phases: ["uploading", "converting"],
  external: z.object({ handle: z.string() }),
});
/** Takes callbacks, and is not visible. */
const hidden = defineJob({ kind: "hidden.work", input: z.object({}), external: z.object({}) });

const jobs = [convert, hidden] as const;
const SECRET = "0123456789abcdef0123456789abcdef";

/** A Waybill whose runs make a token and wait to be let on to `track`. */
function bench(options: { readonly callbacks?: boolean } = {}) {
  const { logger, lines } = recordingLogger();
  const tokens: string[] = [];
  const waiting: (() => void)[] = [];
  const launched = async (callbackToken: () => Promise<string>): Promise<void> => {
    tokens.push(await callbackToken());
    await new Promise<void>((resolve) => waiting.push(resolve));
  };
  const waybill = testWaybill({
    jobs,
    logger,
    ...(options.callbacks === false ? {} : { callbacks: { secrets: [SECRET] } }),
    handlers: [
      convert.handle({
        run: async ({ callbackToken, track }) => {
          await launched(callbackToken);
          return track({ handle: CANARY });
        },
        poll: () => ({ state: "open" }),
      }),
      hidden.handle({
        run: async ({ callbackToken, track }) => {
          await launched(callbackToken);
          return track({});
        },
        poll: () => ({ state: "open" }),
      }),
    ],
  });
  const asked: string[] = [];
  const routes = jobRoutes(waybill, {
    kinds: [convert],
    submit: [],
    authorize: (request) => {
      asked.push(new URL(request.url).pathname);
      return null;
    },
  });
  return {
    waybill,
    routes,
    lines,
    tokens,
    asked,
    async launch(def: (typeof jobs)[number] = convert): Promise<string> {
      const { id } = await waybill.submit(def, { note: CANARY }, { owner: "ann" }).unwrap();
      await waybill.settle();
      return id;
    },
    async track(): Promise<void> {
      for (const go of waiting.splice(0)) go();
      await waybill.settle();
    },
  };
}

let at: ReturnType<typeof bench>;
let server: Server;

beforeEach(async () => {
  at = bench();
  server = await served(at.routes);
});
afterEach(async () => {
  await server.close();
  await at.track();
  await at.waybill.close();
});

function tell(token: string, body?: unknown, init: RequestInit = {}): Promise<Response> {
  return fetch(`${server.url}/jobs/callbacks/${token}`, {
    method: "POST",
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    ...init,
  });
}

const codeOf = async (response: Response): Promise<unknown> =>
  ((await response.json()) as { readonly code?: unknown }).code;

const DONE = { state: "done", output: { url: "https://files.example/1" } };

describe("POST /callbacks/{token}", () => {
  it("takes what the work says by its token alone, and answers without a word of the job", async () => {
    const id = await at.launch();
    await at.track();
    const open = await tell(at.tokens[0]!, { state: "open", phase: "converting", progress: { done: 3 } });
    expect([open.status, await open.text()]).toEqual([204, ""]);
    expect(await at.waybill.get(convert, id)).toMatchObject({ phase: "converting", progress: { done: 3 } });
    const done = await tell(at.tokens[0]!, DONE);
    expect([done.status, await done.text()]).toEqual([204, ""]);
    expect(await at.waybill.get(convert, id)).toMatchObject({ status: "COMPLETED", output: DONE.output });
    expect(at.asked).toEqual([]);
  });

  it("says 409 with Retry-After before the work is awaited, and without it once the job has ended", async () => {
    await at.launch();
    const early = await tell(at.tokens[0]!, DONE);
    expect([early.status, early.headers.get("retry-after"), await codeOf(early)]).toEqual([
      409,
      "5",
      "job.not_awaiting",
    ]);
    await at.track();
    expect((await tell(at.tokens[0]!, DONE)).status).toBe(204);
    const late = await tell(at.tokens[0]!, DONE);
    expect([late.status, late.headers.get("retry-after"), await codeOf(late)]).toEqual([
      409,
      null,
      "job.already_final",
    ]);
  });

  it("brings the next look nearer where it has no body", async () => {
    const id = await at.launch();
    await at.track();
    expect((await tell(at.tokens[0]!)).status).toBe(204);
    const job = await at.waybill.get(convert, id);
    const nextPollAt = job?.status === "PROCESSING" ? job.awaiting?.nextPollAt.getTime() : undefined;
    expect(nextPollAt).toBe(at.waybill.clock.now() + 100);
  });

  it("takes an instant as text", async () => {
    const id = await at.launch();
    await at.track();
    const etaAt = new Date(at.waybill.clock.now() + 60_000);
    expect((await tell(at.tokens[0]!, { state: "open", etaAt })).status).toBe(204);
    expect(await at.waybill.get(convert, id)).toMatchObject({ etaAt });
    expect((await tell(at.tokens[0]!, { state: "open", etaAt: null })).status).toBe(204);
    expect(await at.waybill.get(convert, id)).toMatchObject({ etaAt: null });
  });

  it.each([
    ["no object", ["done"], 400, "request.malformed"],
    ["null", null, 400, "request.malformed"],
    ["a member that there is not", { ...DONE, ouput: 1 }, 400, "request.malformed"],
    ["an instant that is none", { state: "open", etaAt: "soon" }, 400, "request.malformed"],
    ["a state that there is not", { state: CANARY }, 422, "input.invalid"],
    ["an output that the schema refuses", { state: "done", output: { url: 7 } }, 422, "input.invalid"],
    ["more than 64 KiB", { ...DONE, message: "x".repeat(65_536) }, 413, "input.too_large"],
  ])("refuses %s, and writes nothing", async (_, body, status, code) => {
    const id = await at.launch();
    await at.track();
    const before = (await at.waybill.get(id))?.version;
    const response = await tell(at.tokens[0]!, body);
    const text = await response.text();
    expect([response.status, (JSON.parse(text) as { code: unknown }).code]).toEqual([status, code]);
    expect(text).not.toContain(CANARY);
    expect((await at.waybill.get(id))?.version).toBe(before);
  });

  it("says one and the same 401 to a token that was changed, made elsewhere, expired, or is of no visible kind", async () => {
    const id = await at.launch();
    await at.launch(hidden);
    await at.track();
    const [mine = "", ofHidden = ""] = at.tokens;
    const foreign = createCallbacks({ secrets: ["f".repeat(32)] })!.sign({
      id,
      kind: convert.kind,
      fence: 1,
      expiresAt: at.waybill.clock.now() + 60_000,
    });
    const bodies: string[] = [];
    const ask = async (token: string): Promise<void> => {
      const response = await tell(token, DONE);
      expect(response.status).toBe(401);
      bodies.push(await response.text());
    };
    for (const token of [foreign, ofHidden, `${mine}x`, "nonsense", "v1.1.1.a.b.c", "%20"]) await ask(token);
    await at.waybill.advance(26 * 3_600_000);
    await ask(mine);
    expect(new Set(bodies).size).toBe(1);
    expect(bodies[0]).toContain('"callback.invalid"');
  });

  it("reads no body for a token that is not valid", async () => {
    let pulled = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(1_000).fill(0x20));
      },
    });
    const request = new Request("http://localhost/jobs/callbacks/nonsense", {
      method: "POST",
      body,
      duplex: "half",
    });
    expect((await at.routes(request)).status).toBe(401);
    expect(pulled).toBeLessThan(2);
  });

  it("is for POST only, and takes no address from a job that is named callbacks", async () => {
    await at.launch();
    const read = await tell(at.tokens[0]!, undefined, { method: "GET" });
    expect([read.status, read.headers.get("allow")]).toEqual([405, "POST"]);
    expect(at.asked).toEqual([]);
    const cancelled = await fetch(`${server.url}/jobs/callbacks/cancel`, { method: "POST" });
    expect([cancelled.status, at.asked]).toEqual([401, ["/jobs/callbacks/cancel"]]);
  });

  it("takes none where the Waybill has no secrets", async () => {
    const without = bench({ callbacks: false });
    const request = new Request("http://localhost/jobs/callbacks/v1.1.1.a.b.c", { method: "POST" });
    expect((await without.routes(request)).status).toBe(401);
    await without.waybill.close();
  });

  it("says nothing of token, secret or body in a log", async () => {
    await at.launch();
    await at.track();
    await tell(at.tokens[0]!, { state: CANARY });
    await tell("nonsense", DONE);
    await tell(at.tokens[0]!, { ...DONE, progress: { done: CANARY } });
    const logged = JSON.stringify(at.lines);
    for (const word of [CANARY, SECRET, at.tokens[0]!]) expect(logged).not.toContain(word);
  });
});
