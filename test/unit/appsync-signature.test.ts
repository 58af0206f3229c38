import aws4, { type Request } from "aws4";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Signer } from "../../src/transports/appsync/signature.js";

const KEYS = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };
const HEADERS = { "content-type": "application/json" };

/** aws4 leaves headers out by lists of its own; its types do not know how to say which are signed. */
function signedByAws4(
  url: URL,
  body: string,
  at: Date,
  keys: typeof KEYS & { sessionToken?: string },
): unknown {
  const request: Request & { extraHeadersToIgnore: object; extraHeadersToInclude: object } = {
    method: "POST",
    host: url.host,
    path: url.pathname,
    service: "appsync",
    region: "eu-west-1",
    body,
    headers: { ...HEADERS, "X-Amz-Date": at.toISOString().replace(/[-:]|\.\d{3}/g, "") },
    extraHeadersToIgnore: { "content-length": true },
    extraHeadersToInclude: { "content-type": true },
  };
  return aws4.sign(request, keys).headers?.["Authorization"];
}

/** Spaces after commas are the one difference that is none. */
const squeezed = (authorization: unknown): string => String(authorization).replaceAll(", ", ",");

describe("a signature", () => {
  const endpoint = new URL("https://abc123.appsync-api.eu-west-1.amazonaws.com/graphql");

  it("equals that of aws4, for any body, either API, with a session token and without", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: "grapheme", maxLength: 50 }),
        fc.constantFrom("/graphql", "/event"),
        fc.option(fc.base64String({ minLength: 4, maxLength: 40 }), { nil: undefined }),
        fc.integer({ min: 0, max: 10 ** 9 }),
        async (text, path, sessionToken, seconds) => {
          const url = new URL(path, endpoint);
          const body = JSON.stringify({ text });
          const at = new Date(Date.UTC(2026, 0, 1) + seconds * 1000);
          const keys = { ...KEYS, ...(sessionToken !== undefined && { sessionToken }) };
          const headers = await new Signer("eu-west-1", keys).sign({ url, headers: HEADERS, body }, at);
          expect(squeezed(headers["authorization"])).toBe(squeezed(signedByAws4(url, body, at, keys)));
          expect(headers["x-amz-security-token"]).toBe(sessionToken);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("signs everything that is sent but the host, which fetch writes from the same URL", async () => {
    const headers = await new Signer("eu-west-1", async () => KEYS).sign({
      url: endpoint,
      headers: HEADERS,
      body: "{}",
    });
    const signed = /SignedHeaders=([^,]+)/.exec(headers["authorization"] ?? "")?.[1]?.split(";");
    expect(signed).toEqual(["content-type", "host", "x-amz-date"]);
    expect(Object.keys(headers).sort()).toEqual(["authorization", "content-type", "x-amz-date"]);
  });
});
