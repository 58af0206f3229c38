import { describe, expect, it } from "vitest";
import type { Json } from "../../src/core/json/json.js";
import { statusFailure } from "../../src/transports/appsync/failure.js";
import { mutationAnswerOf } from "../../src/transports/appsync/graphql-answer.js";

const SECRET = "s3cret-of-the-owner";

/** The statuses that an answer gives to so many updates, or the one that it gives to the request. */
function read(body: Json, count = 1): unknown {
  const answer = mutationAnswerOf(body, count);
  expect(JSON.stringify(answer)).not.toContain(SECRET);
  if (answer.of === "updates") return answer.results.map(({ status }) => status);
  return `${answer.failure.status}${answer.aboutContent ? ", one by one" : ""}`;
}

const error = (errorType: string | null, alias: string | null = "u0", message = SECRET): Json => ({
  path: alias === null ? null : [alias, "message"],
  errorType,
  message,
  data: null,
});

describe("the answer to a mutation", () => {
  it("delivers what has data and no error", () => {
    expect(read({ data: { u0: { id: "a" }, u1: { id: "b" } } }, 2)).toEqual(["delivered", "delivered"]);
  });

  it("fails what was answered with nothing", () => {
    expect(read({ data: { u0: null } })).toEqual(["retry"]);
    for (const body of [null, 7, "text", [], {}, { data: null }]) expect(read(body)).toEqual(["retry"]);
    for (const body of [null, {}, { data: null }]) expect(read(body, 2)).toBe("retry");
  });

  it("maps errors back by alias", () => {
    const data = { u0: null, u1: { id: "b" }, u2: null };
    expect(
      read({ data, errors: [error("InternalFailure", "u0"), error("ValidationException", "u2")] }, 3),
    ).toEqual(["retry", "delivered", "rejected"]);
  });

  it.each([
    ["UnauthorizedException", "retry"],
    ["Unauthorized", "retry"],
    ["ExpiredTokenException", "retry"],
    ["InvalidSignatureException", "retry"],
    ["AccessDeniedException", "retry"],
    ["MappingTemplate", "retry"],
    ["Code", "retry"],
    ["InternalFailure", "retry"],
    ["ThrottlingException", "held"],
    ["TooManyRequestsException", "held"],
    ["LimitExceededException", "held"],
    ["ValidationException", "rejected"],
    ["BadRequestException", "rejected"],
    [null, "retry"],
    [SECRET, "retry"],
  ])("takes %s of an update for %s", (errorType, status) => {
    expect(read({ data: { u0: null }, errors: [error(errorType)] })).toEqual([status]);
  });

  it("rejects an update whose value the schema refuses, and only once it is alone", () => {
    const errors = [error(null, null, `Variable 'u0_status' has an invalid value. ${SECRET}`)];
    expect(read({ data: null, errors }, 2)).toBe("rejected, one by one");
    expect(read({ data: null, errors })).toEqual(["rejected"]);
  });

  it("retries what the schema as such refuses", () => {
    const errors = [error(null, null, "Validation error of type FieldUndefined: Field 'x' is undefined")];
    expect(read({ data: null, errors })).toEqual(["retry"]);
    expect(read({ errors }, 3)).toBe("retry, one by one");
  });

  it("asks nothing again one by one that is about the sender or the service", () => {
    expect(read({ data: null, errors: [error("ThrottlingException", null)] }, 2)).toBe("held");
    expect(read({ data: null, errors: [error("UnauthorizedException", null)] }, 2)).toBe("retry");
    expect(read({ data: null, errors: [error("InternalFailure", null)] }, 2)).toBe("retry");
  });

  it("believes no alias that it did not ask for", () => {
    expect(read({ data: { u0: { id: "a" } }, errors: [error("InternalFailure", "other")] })).toEqual([
      "retry",
    ]);
  });
});

describe("a status", () => {
  it.each([
    [400, "retry"],
    [401, "retry"],
    [403, "retry"],
    [404, "retry"],
    [301, "retry"],
    [413, "rejected"],
    [429, "held"],
    [500, "retry"],
    [503, "retry"],
  ])("%s means %s", (status, expected) => {
    expect(statusFailure(status, null, null).status).toBe(expected);
  });

  it("is held where its error is about speed", () => {
    expect(statusFailure(400, "ThrottlingException", null).status).toBe("held");
  });

  it("waits as long as the answer asks for", () => {
    expect(statusFailure(503, null, 7_000)).toMatchObject({ status: "retry", afterMs: 7_000 });
    expect(statusFailure(429, null, 7_000)).toMatchObject({ status: "held", afterMs: 7_000 });
  });
});
