import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import type { Principal } from "../../src/core/view/access.js";
import { jobRoutes } from "../../src/http.js";
import { createWaybill, defineJob, memoryStore, PermanentError } from "../../src/index.js";
import { fakeClock } from "../../src/testing.js";
import { recordingLogger } from "../support/engine.js";

/** In what nobody outside sees: input, reference, worker's name, unexposed error, actor, metadata, secret. */
const SECRET = "canary-secret-4b1d";
/** In what only its owner sees: subject, progress, phase message, output. */
const ANNS = "canary-anns-77c2";

const make = defineJob({
  kind: "film.make",
  input: z.object({ end: z.enum(["runs", "waits", "ends", "fails"]), note: z.string() }),
  output: z.object({ url: z.string() }),
  progress: z.object({ scene: z.string() }),
  phases: ["shooting"],
  external: z.object({ handle: z.string() }),
  subject: () => ANNS,
  refKeys: ({ handle }) => [handle],
  retry: { maxAttempts: 2 },
});
const jobs = [make] as const;

function bench() {
  const clock = fakeClock();
  const { logger, lines } = recordingLogger();
  const waybill = createWaybill({
    jobs,
    store: memoryStore(),
    clock,
    logger,
    callbacks: { secrets: [`${SECRET}${"x".repeat(32)}`] },
  });
  const tokens: string[] = [];
  let go = (): void => undefined;
  const held = new Promise<void>((resolve) => (go = resolve));
  const handler = make.handle({
    run: async ({ input, phase, progress, track, done, callbackToken }) => {
      tokens.push(await callbackToken());
      phase("shooting", ANNS);
      progress({ scene: ANNS });
      if (input.end === "runs") await held;
      if (input.end === "fails") throw new PermanentError(SECRET);
      return input.end === "waits"
        ? track({ handle: `${SECRET}${String(tokens.length)}` })
        : done({ url: ANNS });
    },
    poll: () => ({ state: "open" }),
  });
  const worker = waybill.worker([handler], { name: SECRET });
  const running = worker.run();
  const authorize = (request: Request): Principal | null => {
    const user = request.headers.get("authorization");
    if (user === null) return null;
    const [owner = "", forMs] = user.split(" for ");
    return {
      owner,
      actor: SECRET,
      ...(forMs === undefined ? {} : { expiresAt: new Date(start + Number(forMs)) }),
    };
  };
  const start = clock.now();
  const routes = jobRoutes(waybill, { kinds: jobs, submit: jobs, authorize });
  return {
    clock,
    waybill,
    lines,
    tokens,
    routes,
    go,
    async submitted(end: "runs" | "waits" | "ends" | "fails", owner = "ann"): Promise<string> {
      const options = { owner, actor: SECRET, metadata: { note: SECRET } };
      const { id } = await waybill.submit(make, { end, note: SECRET }, options).unwrap();
      await clock.advance(1_000);
      return id;
    },
    async close(): Promise<void> {
      go();
      await clock.runUntil(worker.stop());
      await running;
      await waybill.close();
    },
  };
}

let at: ReturnType<typeof bench>;
beforeEach(() => {
  at = bench();
});
afterEach(() => at.close());

interface Asked {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

function requested(
  { method = "GET", path, headers = {}, body }: Asked,
  user: string,
  signal?: AbortSignal,
): Request {
  return new Request(`http://localhost/jobs${path}`, {
    method,
    headers: { authorization: user, "content-type": "application/json", ...headers },
    ...(body === undefined ? {} : { body }),
    ...(signal === undefined ? {} : { signal }),
  });
}

/** Every byte of an answer; a stream is left after what it says at once. */
async function answer(asked: Asked, user = "bea"): Promise<string> {
  const leave = new AbortController();
  const response = await at.clock.runUntil(at.routes(requested(asked, user, leave.signal)));
  const head = `${String(response.status)} ${JSON.stringify([...response.headers])}`;
  const body = response.text();
  if (response.headers.get("content-type")?.startsWith("text/event-stream") === true) {
    await at.clock.advance(1_000);
    leave.abort();
  }
  return `${head} ${await at.clock.runUntil(body)}`;
}

const EVENTS = { accept: "text/event-stream" };

/** Everything that can be asked of one id. */
const aboutOne = (id: string): readonly Asked[] => [
  { path: `/${id}` },
  { path: `/${id}?fields=status` },
  { path: `/${id}`, method: "HEAD" },
  { path: `/${id}`, headers: { prefer: "wait=20", "if-none-match": `W/"${id}.3"` } },
  { path: `/${id}`, headers: { "if-none-match": "*" } },
  { path: `/${id}`, headers: EVENTS },
  { path: `/${id}`, headers: { ...EVENTS, "last-event-id": "3" } },
  { path: `/${id}/history` },
  { path: `/${id}/cancel`, method: "POST" },
  { path: `/${id}/cancel`, method: "POST", body: '{"reason":"mine"}' },
  { path: `/${id}/rerun`, method: "POST" },
];

/** Everything that can be asked of many. */
const aboutMany = (cursor: string): readonly Asked[] => [
  { path: "/" },
  { path: "/", headers: EVENTS },
  { path: "/?kind=film.make&status=PROCESSING,COMPLETED,FAILED" },
  { path: `/?subject=${ANNS}` },
  { path: `/?kind=film.make&subject=${ANNS}`, headers: EVENTS },
  { path: `/?latest&kind=film.make&subject=${ANNS}` },
  { path: `/?cursor=${encodeURIComponent(cursor)}` },
  { path: `/?kind=film.make&cursor=${encodeURIComponent(cursor)}` },
  ...["*", "%25", "ann", "self", "any", "null", "_"].map((subject) => ({ path: `/?subject=${subject}` })),
];

async function jobsOfAnn(): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const end of ["runs", "waits", "ends", "fails"] as const) ids.push(await at.submitted(end));
  const statuses = await Promise.all(ids.map(async (id) => (await at.waybill.get(id))?.status));
  expect(statuses).toEqual(["PROCESSING", "PROCESSING", "COMPLETED", "FAILED"]);
  return ids;
}

describe("what is somebody else's", () => {
  it("is as unknown as what there is not, byte for byte, by every address, and stays as it is", async () => {
    const ids = await jobsOfAnn();
    const before = await Promise.all(ids.map(async (id) => (await at.waybill.get(id))?.version));
    const unknown: string[] = [];
    for (const asked of aboutOne("0195aaaa-0000-7000-8000-000000000000")) unknown.push(await answer(asked));
    for (const id of ids) {
      for (const [index, asked] of aboutOne(id).entries()) {
        expect(await answer(asked), `${asked.method ?? "GET"} ${asked.path}`).toBe(unknown[index]);
      }
    }
    expect(await Promise.all(ids.map(async (id) => (await at.waybill.get(id))?.version))).toEqual(before);
  });

  it("is in no list, stream or page that another asks for, though they bring its cursor or its subject", async () => {
    const ids = await jobsOfAnn();
    const page = JSON.parse((await answer({ path: "/?limit=2" }, "ann")).replace(/^.*?\] /, "")) as {
      next: string;
    };
    for (const asked of aboutMany(page.next)) {
      const told = await answer(asked);
      for (const word of [...ids, ANNS, SECRET]) expect(told, asked.path).not.toContain(word);
    }
  });

  it("is not found by its idempotency key, nor by an input that is the same", async () => {
    const asked = {
      path: "/film.make",
      method: "POST",
      headers: { "idempotency-key": "shared" },
      body: JSON.stringify({ end: "ends", note: SECRET }),
    };
    const first = await answer(asked, "ann");
    const again = await answer(asked, "ann");
    const hers = await answer(asked, "bea");
    const idOf = (text: string): string => /"id":"([^"]+)"/.exec(text)?.[1] ?? "";
    expect(idOf(again)).toBe(idOf(first));
    expect(idOf(hers)).not.toBe(idOf(first));
  });

  it("cannot be told of by a token that is not of its launch: one answer, whatever is wrong with it", async () => {
    const id = await at.submitted("waits");
    const [token = ""] = at.tokens;
    const tell = (of: string): Promise<string> =>
      answer({
        path: `/callbacks/${of}`,
        method: "POST",
        body: JSON.stringify({ state: "done", output: { url: "x" } }),
      });
    const parts = token.split(".");
    const changed = (index: number, part: string): string =>
      parts.map((each, at) => (at === index ? part : each)).join(".");
    const forged = [
      changed(1, "2"),
      changed(2, "9999999999999"),
      changed(3, "0195aaaa-0000-7000-8000-000000000000"),
      changed(4, "other"),
      changed(parts.length - 1, "A".repeat(43)),
      id,
    ];
    const answers = new Set<string>();
    for (const each of forged) answers.add(await tell(each));
    expect([...answers]).toEqual([expect.stringMatching(/^401 .*callback\.invalid/)]);
    await at.clock.runUntil(
      at.waybill.report(make, { token }, { state: "failed", message: "again", rerun: true }).unwrap(),
    );
    // The attempt is over, and its token with it: nothing of the job is said, not even that it was there.
    expect((await tell(token)).replace(/ \[.*\] /, " ")).toBe(
      (await answer({ path: "/none" })).replace(/ \[.*\] /, " "),
    );
  });
});

describe("a credential that ends", () => {
  it("ends the stream that it opened, which tells nothing that happens later", async () => {
    const id = await at.submitted("runs");
    const readings = [
      { path: `/${id}`, headers: EVENTS },
      { path: "/", headers: EVENTS },
    ].map(async (asked) => {
      const response = await at.routes(requested(asked, "ann for 60000"));
      return [response.status, await response.text()] as const;
    });
    await at.clock.advance(60_000);
    at.go();
    await at.clock.advance(1_000);
    for (const [status, text] of await Promise.all(readings)) {
      expect(status).toBe(200);
      expect(text).toContain('"status":"PROCESSING"');
      expect(text).not.toContain("COMPLETED");
    }
    // The places of what was open are free again.
    for (let asked = 0; asked < 12; asked += 1) {
      expect(await answer({ path: `/${id}`, headers: EVENTS }, "ann")).toMatch(/^200 /);
    }
  });

  it("ends the wait that it asked for", async () => {
    const id = await at.submitted("runs");
    const { version = 0 } = (await at.waybill.get(id)) ?? {};
    const asked = {
      path: `/${id}`,
      headers: { prefer: "wait=30", "if-none-match": `W/"${id}.${String(version)}"` },
    };
    const waiting = at.routes(requested(asked, "ann for 5000"));
    await at.clock.advance(5_000);
    at.go();
    await at.clock.advance(1_000);
    expect((await waiting).status).toBe(304);
  });

  it("opens nothing any more", async () => {
    const id = await at.submitted("ends");
    for (const asked of aboutOne(id)) expect(await answer(asked, "ann for 0")).toMatch(/^401 /);
  });

  it.each([[undefined], [90 * 86_400_000]])(
    "lets a stream go on where it ends %s ms from now",
    async (ms) => {
      const id = await at.submitted("runs");
      const user = ms === undefined ? "ann" : `ann for ${String(ms)}`;
      const response = await at.routes(requested({ path: `/${id}`, headers: EVENTS }, user));
      await at.clock.advance(600_000);
      at.go();
      await at.clock.advance(1_000);
      expect(await response.text()).toContain("COMPLETED");
    },
  );
});

it("its owner sees what is theirs, and no secret, by every address and in no log", async () => {
  const ids = await jobsOfAnn();
  let seen = "";
  for (const id of ids) for (const asked of aboutOne(id).slice(0, 8)) seen += await answer(asked, "ann");
  for (const asked of aboutMany("")) seen += await answer(asked, "ann");
  for (const id of ids) for (const asked of aboutOne(id).slice(8)) seen += await answer(asked, "ann");
  expect(seen).toContain(ANNS);
  expect(seen).not.toContain(SECRET);
  for (const token of at.tokens) expect(seen + JSON.stringify(at.lines)).not.toContain(token);
});
