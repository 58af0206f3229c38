import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ERROR_CODES, type ErrorCode } from "../../src/core/errors/error-codes.js";
import { InputInvalidError, StoreUnavailableError, WaybillError } from "../../src/core/errors/errors.js";
import { type Answer, ANSWERS } from "../../src/http/problem.js";
import { createWaybill, defineJob, memoryStore } from "../../src/index.js";
import { ClientError } from "../../src/client/client-error.js";
import { jobRoutes, openApiDocument, problemOf, problemResponse } from "../../src/http.js";

const CANARY = "canary-9c1e";

describe("a problem", () => {
  it.each(Object.keys(ERROR_CODES) as ErrorCode[])(
    "of %s tells nothing of the error but what its code means",
    (code) => {
      const facts = { jobId: CANARY, cause: new Error(CANARY) };
      const { problem, headers } = problemOf(new WaybillError(code, `${CANARY}.`, facts));
      expect(JSON.stringify([problem, headers])).not.toContain(CANARY);
      expect(problem).toMatchObject({ status: ANSWERS[code].status, title: ANSWERS[code].title });
      expect(problem.type).toBe(`urn:waybill:problem:${problem.code}`);
      expect(headers).toMatchObject({
        "content-type": "application/problem+json",
        "cache-control": "no-store",
      });
    },
  );

  it("has the statuses that clients may rely on", () => {
    const by = (status: number) =>
      (Object.entries(ANSWERS) as [string, Answer][])
        .filter(([, answer]) => answer.status === status)
        .map(([code]) => code);
    expect(by(422)).toEqual(["input.invalid", "idempotency.conflict"]);
    expect(by(413)).toEqual(["input.too_large"]);
    expect(by(404)).toEqual(["id.invalid", "job.not_found"]);
    expect(by(401)).toEqual(["callback.invalid"]);
    expect(by(503)).toEqual([
      "store.unavailable",
      "store.conflict",
      "queue.unavailable",
      "feed.unavailable",
      "waybill.closed",
      "idempotency.pending",
    ]);
  });

  it("of what is out of reach is system_error, with Retry-After", () => {
    const away = new StoreUnavailableError("Away.", { outcome: "unknown" });
    expect(problemOf(away)).toMatchObject({
      problem: { status: 503, code: "system_error" },
      headers: { "retry-after": "5" },
    });
  });

  it("of what another server refused, as its client tells it, names the same places", () => {
    const issues = [{ pointer: "#/pages/0", detail: "is no number" }];
    const refused = new ClientError("input.invalid", "Refused.", { status: 422, issues });
    expect(problemOf(refused).problem).toMatchObject({ status: 422, code: "input.invalid", errors: issues });
  });

  it("says when to come back where the refusal does", () => {
    const later = Object.assign(new WaybillError("job.not_due", "Later."), { retryAfterMs: 1_200 });
    expect(problemOf(later).headers["retry-after"]).toBe("2");
    expect(problemOf(Object.assign(later, { retryAfterMs: 0 })).headers["retry-after"]).toBe("1");
    expect(problemOf(new WaybillError("job.claimed", "Held.")).headers["retry-after"]).toBe("5");
    expect(problemOf(new WaybillError("job.already_final", "Over.")).headers).not.toHaveProperty(
      "retry-after",
    );
  });

  it("points at what is wrong with an input", () => {
    const issues = [
      { path: "", message: "is no object" },
      { path: "a.0.b/c~d ä", message: "is no number" },
    ];
    expect(problemOf(new InputInvalidError("Bad.", issues)).problem.errors).toEqual([
      { detail: "is no object", pointer: "#" },
      { detail: "is no number", pointer: "#/a/0/b~1c~0d%20%C3%A4" },
    ]);
  });

  it.each([new Error(CANARY), CANARY, null, undefined, { brand: "waybill.error", code: "not.known" }])(
    "of anything else is a 500 that says nothing: %#",
    async (error) => {
      const response = problemResponse(error);
      expect([response.status, response.headers.get("content-type")]).toEqual([
        500,
        "application/problem+json",
      ]);
      const text = await response.text();
      expect(JSON.parse(text)).toMatchObject({ code: "internal_error" });
      expect(text).not.toContain(CANARY);
    },
  );

  it("stands in the documentation with its status, for every code", () => {
    const page = readFileSync(new URL("../../docs/http.md", import.meta.url), "utf8");
    for (const [code, { status }] of Object.entries(ANSWERS)) {
      expect(page).toMatch(new RegExp(`\\| \`${code.replace(".", "\\.")}\` +\\| ${String(status)} `));
    }
  });
});

const one = defineJob({ kind: "one", input: z.object({}) });
const two = defineJob({ kind: "two.part", input: z.object({}) });
const other = defineJob({ kind: "other", input: z.object({}) });
const waybill = createWaybill({ jobs: [one, two], store: memoryStore() });
const authorize = (): { owner: string } => ({ owner: "o" });

describe("jobRoutes refuses at construction", () => {
  const make = jobRoutes as (waybill: unknown, options: unknown) => unknown;
  const good = { kinds: [one, two], submit: [one], authorize };

  it.each<[string, unknown, string, string]>([
    ["no options", undefined, "config.invalid", "The options of jobRoutes must be an object."],
    [
      "no authorize",
      { ...good, authorize: undefined },
      "config.invalid",
      "jobRoutes needs authorize, a function",
    ],
    [
      "no kinds",
      { ...good, kinds: undefined },
      "config.invalid",
      "jobRoutes needs kinds, a list of definitions",
    ],
    [
      "no submit",
      { ...good, submit: undefined },
      "config.invalid",
      "jobRoutes needs submit, a list of definitions",
    ],
    ["names for kinds", { ...good, kinds: ["one"] }, "config.invalid", "jobRoutes needs kinds"],
    [
      "a kind to submit that is not visible",
      { ...good, kinds: [two] },
      "config.invalid",
      "names one, which is not among its kinds",
    ],
    [
      "a kind of another composition",
      { ...good, kinds: [one, other] },
      "config.kind_unknown",
      "the kind other, which is not among",
    ],
    [
      "a path that is none",
      { ...good, basePath: "jobs" },
      "config.invalid",
      "basePath of jobRoutes must be a path such as /jobs.",
    ],
    [
      "no room for a body",
      { ...good, maxBodyBytes: 0 },
      "config.invalid",
      "maxBodyBytes of jobRoutes must be",
    ],
    ["half a wait", { ...good, maxWaits: 0.5 }, "config.invalid", "maxWaits of jobRoutes must be"],
    [
      "an option that there is not",
      { ...good, autorize: authorize },
      "config.invalid",
      "Did you mean authorize?",
    ],
  ])("%s", (_, options, code, sentence) => {
    expect(() => make(waybill, options)).toThrow(sentence);
    expect(() => make(waybill, options)).toThrow(expect.objectContaining({ code }));
  });

  it("what is no Waybill", () => {
    for (const given of [undefined, null, {}])
      expect(() => make(given, good)).toThrow("jobRoutes takes a Waybill first");
  });
});

describe("the OpenAPI document", () => {
  const document = openApiDocument({ kinds: [one, two], submit: [two], basePath: "/api/jobs/" });

  it("has an address for each kind that may be started, and for each route", () => {
    expect(Object.keys(document["paths"] as object).sort()).toEqual([
      "/",
      "/two.part",
      "/{id}",
      "/{id}/cancel",
      "/{id}/history",
      "/{id}/rerun",
    ]);
    expect(document).toMatchObject({ openapi: "3.1.0", servers: [{ url: "/api/jobs" }] });
  });

  it("has an address for callbacks where a kind has external work, and asks no credential for it", () => {
    const outside = defineJob({ kind: "out.side", input: z.object({}), external: z.object({}) });
    const { paths } = openApiDocument({ kinds: [one, outside], submit: [] }) as {
      readonly paths: Readonly<Record<string, { readonly post?: object }>>;
    };
    expect(paths["/callbacks/{token}"]?.post).toMatchObject({ operationId: "tellOfWork", security: [] });
  });

  it("refers to nothing that it does not have, and has an id of its own for each operation", () => {
    const text = JSON.stringify(document);
    for (const [, path = ""] of text.matchAll(/"\$ref":"#\/([^"]+)"/g)) {
      const found = path
        .split("/")
        .reduce<unknown>((at, step) => (at as Record<string, unknown> | undefined)?.[step], document);
      expect(found, path).toBeDefined();
    }
    const ids = [...text.matchAll(/"operationId":"([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toHaveLength(6);
  });

  it("knows the codes and the kinds", () => {
    const text = JSON.stringify(document);
    for (const word of [
      "system_error",
      "internal_error",
      "request.too_many_waits",
      "two.part",
      "Idempotency-Key",
    ]) {
      expect(text).toContain(`"${word}"`);
    }
    expect(text).not.toContain("store.unavailable");
  });
});
