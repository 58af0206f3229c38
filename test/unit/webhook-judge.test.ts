import { describe, expect, it } from "vitest";
import { judgeAnswer, judgeFailure } from "../../src/transports/webhook/judge.js";
import { AddressRefused } from "../../src/transports/webhook/network.js";

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const judge = (status: number, retryAfter: string | null = null) => judgeAnswer({ status, retryAfter }, NOW);

describe("an answer", () => {
  it.each([200, 201, 202, 204, 299])("of %i is delivered", (status) => {
    expect(judge(status)).toEqual({ status: "delivered" });
  });

  it.each([300, 301, 302, 303, 307, 308, 399])("of %i is a redirect, and tried again", (status) => {
    expect(judge(status)).toEqual({ status: "retry", reason: `the endpoint answered ${status}, a redirect` });
  });

  it.each([100, 199, 400, 401, 403, 404, 409, 411, 413, 422, 428, 430, 500, 502, 504, 599])(
    "of %i is tried again",
    (status) => {
      expect(judge(status)).toEqual({ status: "retry", reason: `the endpoint answered ${status}` });
    },
  );

  it("of 410 is the end", () => {
    expect(judge(410, "5")).toEqual({ status: "rejected", reason: "the endpoint answered 410: it is gone" });
  });

  it.each([429, 503])("of %i holds back, for as long as it says, or half a minute", (status) => {
    const held = (afterMs: number) => ({
      status: "held",
      reason: `the endpoint answered ${status}`,
      afterMs,
    });
    expect(judge(status)).toEqual(held(30_000));
    expect(judge(status, "120")).toEqual(held(120_000));
    expect(judge(status, "Fri, 02 Jan 2026 03:05:05 GMT")).toEqual(held(60_000));
    expect(judge(status, "soon")).toEqual(held(30_000));
  });

  it("may ask for a time of any other failure too", () => {
    expect(judge(500, "120")).toMatchObject({ status: "retry", afterMs: 120_000 });
    expect(judge(500, "soon")).not.toHaveProperty("afterMs");
  });
});

describe("a failure", () => {
  it("is told by its code, never by its message", () => {
    const failure = Object.assign(new Error("connect ECONNREFUSED https://u:p@10.0.0.1/CANARY"), {
      code: "ECONNREFUSED",
    });
    expect(judgeFailure(failure)).toEqual({ status: "retry", reason: "no answer: ECONNREFUSED" });
  });

  it.each([new Error("CANARY"), Object.assign(new Error("x"), { code: "CANARY canary" }), { code: 7 }])(
    "without a code of its own is no answer: %j",
    (failure) => {
      expect(judgeFailure(failure)).toEqual({ status: "retry", reason: "no answer" });
    },
  );

  it("of an address says so", () => {
    expect(judgeFailure(new AddressRefused("x"))).toMatchObject({
      status: "retry",
      reason: "the endpoint has an address that is not public",
    });
  });
});
