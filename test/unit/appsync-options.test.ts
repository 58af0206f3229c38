import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  appsyncEventsNotifier,
  appsyncNotifier,
  appsyncResolver,
  appsyncSchema,
  type AppSyncEventsNotifierOptions,
  type AppSyncNotifierOptions,
} from "../../src/appsync.js";
import { channelName } from "../../src/transports/appsync/channels.js";
import { resolver } from "../doubles/appsync/resolvers.js";

const GRAPHQL: AppSyncNotifierOptions = {
  endpoint: "https://abc.appsync-api.eu-west-1.amazonaws.com/graphql",
  auth: { mode: "apiKey", apiKey: "da2-canary" },
  userEmail: () => null,
};
const EVENTS: AppSyncEventsNotifierOptions = {
  endpoint: "https://abc.appsync-api.eu-west-1.amazonaws.com/event",
  auth: { mode: "apiKey", apiKey: "da2-canary" },
  namespace: "jobs",
};

function refusal(make: () => unknown): string {
  try {
    make();
  } catch (error) {
    expect(error).toMatchObject({ code: "config.invalid" });
    const { message } = error as Error;
    expect(message).not.toMatch(/canary/i);
    return message;
  }
  throw new Error("It was not refused.");
}

const graphql = (over: object) => refusal(() => appsyncNotifier({ ...GRAPHQL, ...over }));
const events = (over: object) => refusal(() => appsyncEventsNotifier({ ...EVENTS, ...over }));

describe("what the notifiers refuse at construction", () => {
  it("an option that is not known, with the nearest that is", () => {
    expect(graphql({ userEmial: () => null })).toMatch(/no option "userEmial"\. Did you mean userEmail\?/);
    expect(events({ chanels: () => [] })).toMatch(/Did you mean channels\?/);
  });

  it.each([
    ["nothing", undefined, /must be a URL/],
    ["no URL", "abc/graphql?canary", /must be a URL/],
    ["credentials", "https://me:canary@abc.example/graphql", /no user and no password/],
    ["http", "http://canary.example/graphql", /must be https/],
    ["a query", "https://canary.example/graphql?canary=1", /no query/],
    ["no path", "https://canary.example", /must have a path; AppSync's is \/graphql/],
  ])("an endpoint that is %s, without quoting it", (_what, endpoint, sentence) => {
    expect(graphql({ endpoint })).toMatch(sentence);
  });

  it("takes http on this machine", () => {
    for (const host of ["127.0.0.1:9", "localhost:9", "[::1]:9"]) {
      expect(() => appsyncNotifier({ ...GRAPHQL, endpoint: `http://${host}/graphql` })).not.toThrow();
    }
    expect(graphql({ endpoint: "http://127.0.0.1.example/graphql" })).toMatch(/must be https/);
  });

  it.each([
    ["none", undefined, /auth\.mode/],
    [
      "an unknown mode",
      { mode: "password", password: "canary" },
      /auth\.mode .* apiKey, userPool, oidc, lambda, iam/,
    ],
    ["a key with a line break", { mode: "apiKey", apiKey: "canary\nx: y" }, /auth\.apiKey .* must be a text/],
    ["no key", { mode: "apiKey" }, /auth\.apiKey/],
    ["an empty token", { mode: "userPool", token: "" }, /auth\.token/],
    ["no credentials", { mode: "iam" }, /auth\.credentials/],
    [
      "half of the credentials",
      { mode: "iam", credentials: { secretAccessKey: "canary" } },
      /auth\.credentials/,
    ],
  ])("authorisation that is %s, without quoting it", (_what, auth, sentence) => {
    expect(graphql({ auth })).toMatch(sentence);
    expect(events({ auth })).toMatch(sentence);
  });

  it("IAM without a region that can be read", () => {
    const auth = { mode: "iam", credentials: { accessKeyId: "AKID", secretAccessKey: "canary" } };
    expect(() => appsyncNotifier({ ...GRAPHQL, auth } as AppSyncNotifierOptions)).not.toThrow();
    expect(graphql({ endpoint: "https://api.example/graphql", auth })).toMatch(/auth\.region .* missing/);
    expect(graphql({ auth: { ...auth, region: "Europe" } })).toMatch(/auth\.region .* such as eu-west-1/);
  });

  it("what names nothing", () => {
    expect(graphql({ mutation: "tell-job" })).toMatch(/mutation .* GraphQL name/);
    expect(graphql({ fields: "all" })).toMatch(/fields .* basic or extended/);
    expect(graphql({ userEmail: "ana@example.com" })).toMatch(/userEmail .* must be a function/);
    expect(graphql({ id: "subject" })).toMatch(/id .* must be a function/);
    expect(graphql({ action: 1 })).toMatch(/action .* must be a function/);
    expect(events({ body: "whole" })).toMatch(/body .* thin, view or a function/);
    expect(events({ channels: "all" })).toMatch(/channels .* must be a function/);
    for (const namespace of [undefined, "", "-a", "a-", "a_b", "a/b", "x".repeat(51)]) {
      expect(events({ namespace })).toMatch(/namespace .* 1 to 50/);
    }
    expect(refusal(() => appsyncSchema({ subscriber: "everybody" as "oidc" }))).toMatch(
      /subscriber .* must be/,
    );
    expect(refusal(() => appsyncSchema({ mutation: "a b" }))).toMatch(/GraphQL name/);
    expect(refusal(() => appsyncResolver("all" as "publish"))).toMatch(/publish or subscribe/);
  });
});

describe("a channel's name", () => {
  const LEGAL = /^\/jobs(?:\/[A-Za-z0-9](?:[A-Za-z0-9-]{0,48}[A-Za-z0-9])?){1,4}$/;

  it("keeps legal parts and hashes the others", () => {
    expect(channelName("jobs", ["job", "018f-aa"])).toBe("/jobs/job/018f-aa");
    expect(channelName("jobs", ["owner", "ana@example.com"])).toBe(
      "/jobs/owner/h-8e43ca37701228e74983efdbd0cff5c16b3b1e5d",
    );
    for (const part of ["a_b", "a/b", "-a", "ü", "x".repeat(51), "a b", "*"]) {
      expect(channelName("jobs", ["job", part])).toMatch(LEGAL);
      expect(channelName("jobs", ["job", part])).toMatch(/^\/jobs\/job\/h-[0-9a-f]{40}$/);
    }
  });

  it("is nobody else's: a part that looks like a hash is hashed too", () => {
    const victim = channelName("jobs", ["owner", "ana@example.com"]);
    expect(channelName("jobs", ["owner", victim?.split("/").at(-1) ?? ""])).not.toBe(victim);
  });

  it("has one to four parts", () => {
    for (const parts of [[], ["a", "b", "c", "d", "e"], [""], [1], "job"]) {
      expect(channelName("jobs", parts as string[])).toBeNull();
    }
    expect(refusal(() => appsyncEventsNotifier(EVENTS).channel())).toMatch(/one to four parts/);
    expect(appsyncEventsNotifier(EVENTS).channel("job", "a")).toBe("/jobs/job/a");
  });
});

describe("schema and resolvers", () => {
  it("are the files of the documentation", () => {
    const file = (name: string) => readFileSync(`docs/transports/appsync/${name}`, "utf8");
    expect(file("schema.graphql")).toBe(appsyncSchema());
    expect(file("publish.js")).toBe(appsyncResolver("publish"));
    expect(file("subscribe.js")).toBe(appsyncResolver("subscribe"));
  });

  it("name what they are told to", () => {
    const schema = appsyncSchema({
      mutation: "tell",
      subscription: "onTell",
      publisher: "apiKey",
      subscriber: "apiKey",
    });
    expect(schema).toContain("type JobUpdate @aws_api_key {");
    expect(schema).toContain(
      'onTell(id: ID, userEmail: String): JobUpdate\n    @aws_subscribe(mutations: ["tell"])',
    );
  });

  it.each([
    ["the own verified address", { email: "ana@example.com", email_verified: true }, "ana@example.com", true],
    ["the own verified address, as Cognito writes it", { email: "a@b", email_verified: "true" }, "a@b", true],
    ["an address that was never verified", { email: "ana@example.com" }, "ana@example.com", false],
    ["another's address", { email: "ana@example.com", email_verified: true }, "ben@example.com", false],
    ["no address", { email: "ana@example.com", email_verified: true }, undefined, false],
    ["no address, by somebody without one", { email_verified: true }, undefined, false],
    ["anybody, by nobody", null, "ana@example.com", false],
  ])("let subscribe to %s: %o %s %s", (_what, claims, userEmail, isAllowed) => {
    const { run } = resolver(appsyncResolver("subscribe"));
    const subscribing = () => run(userEmail === undefined ? {} : { userEmail }, claims && { claims });
    if (isAllowed) expect(subscribing()).toBeNull();
    else expect(subscribing).toThrow("Not Authorized");
  });
});
