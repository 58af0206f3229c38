import { describe, expect, it } from "vitest";
import { explained } from "../../src/adapters/postgres/client/errors.js";

function withCode(code: string, message = "of a driver"): Error {
  return Object.assign(new Error(message), { code });
}

/** What Node throws when none of a name's addresses could be connected to. */
function ofAll(code: string, syscall: string): Error {
  const each = () => Object.assign(withCode(code), { syscall });
  return Object.assign(new AggregateError([each(), each()]), { code });
}

describe("what a client of Postgres throws", () => {
  it.each<[string, Error]>([
    ["a pool that waited for a new connection", new Error("Connection terminated due to connection timeout")],
    ["a client that waited for its connection", new Error("timeout expired")],
    ["a server without TLS", new Error("The server does not support SSL connections")],
    ["a pooler that ends the talk of TLS", new Error("There was an error establishing an SSL connection")],
    [
      "a server that leaves in it",
      withCode(
        "ECONNRESET",
        "Client network socket disconnected before secure TLS connection was established",
      ),
    ],
    ["a certificate of its own", withCode("SELF_SIGNED_CERT_IN_CHAIN")],
    ["a certificate that nobody vouches for", withCode("DEPTH_ZERO_SELF_SIGNED_CERT")],
    ["a certificate without its chain", withCode("UNABLE_TO_VERIFY_LEAF_SIGNATURE")],
    ["a certificate of another host", withCode("ERR_TLS_CERT_ALTNAME_INVALID")],
    ["a certificate that has expired", withCode("CERT_HAS_EXPIRED")],
    ["no password", new Error("SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string")],
    ["addresses that nobody answers at", ofAll("ETIMEDOUT", "connect")],
    ["addresses that no way leads to", ofAll("EHOSTUNREACH", "connect")],
  ])("before there was a connection has written nothing: %s", (_, error) => {
    expect(explained(error, "writes")).toMatchObject({
      code: "store.unavailable",
      outcome: "not_applied",
      message: expect.stringContaining("Postgres could not be reached.") as string,
      cause: error,
    });
  });

  it.each<[string, Error]>([
    ["one that was lost", new Error("Connection terminated unexpectedly")],
    ["one that answers no more", new Error("Query read timeout")],
    ["one whose bytes nobody acknowledged", Object.assign(withCode("ETIMEDOUT"), { syscall: "read" })],
  ])("on a connection leaves what was sent in doubt: %s", (_, error) => {
    expect(explained(error, "writes")).toMatchObject({ code: "store.unavailable", outcome: "unknown" });
    expect(explained(error, "reads")).toMatchObject({ code: "store.unavailable", outcome: "not_applied" });
  });

  it.each([
    ["25P02", "The transaction has failed already: roll it back."],
    ["26000", "Postgres does not know a named statement of its connection"],
    ["42P05", "Postgres does not know a named statement of its connection"],
  ])("says what to do: %s", (code, sentence) => {
    expect(explained(withCode(code), "writes")).toMatchObject({
      outcome: "not_applied",
      message: expect.stringContaining(sentence) as string,
    });
  });
});
