// A client that is not set up sends nothing: the store says so, and that nothing was written.
import { DynamoDBClient, type DynamoDBClientConfig } from "@aws-sdk/client-dynamodb";
import { describe, expect, it, onTestFinished } from "vitest";
import { dynamodbStore } from "../../src/dynamodb.js";
import { sampleJob } from "../../src/testing/sample-jobs.js";

const CREDENTIALS = { accessKeyId: "test", secretAccessKey: "test" };

/** An endpoint where nobody listens: what is sent all the same fails there. */
const NOWHERE = "http://127.0.0.1:1";

const refusing = (error: Error): DynamoDBClientConfig => ({
  region: "eu-central-1",
  endpoint: NOWHERE,
  credentials: () => Promise.reject(error),
});

const noRegion = (): Promise<string> => Promise.reject(new Error("Region is missing"));

const CONFIGS: Readonly<Record<string, DynamoDBClientConfig>> = {
  "no region": { region: noRegion, credentials: CREDENTIALS },
  "credentials that have expired": refusing(
    Object.assign(new Error("The session has expired"), { name: "CredentialsProviderError" }),
  ),
  "a source of credentials that is away": refusing(new Error("the vault does not answer")),
  "a source of credentials that is refused": refusing(
    Object.assign(new Error("no"), { name: "AccessDenied", $metadata: { httpStatusCode: 403 } }),
  ),
};

describe.each(Object.entries(CONFIGS))("a client of DynamoDB with %s", (_, config) => {
  it("is told apart from a service that does not answer", async () => {
    const client = new DynamoDBClient(config);
    onTestFinished(() => {
      client.destroy();
    });
    const store = dynamodbStore({ client, table: "waybill", retryForMs: 0 });
    const unsent = {
      code: "store.unavailable",
      outcome: "not_applied",
      message: expect.stringContaining("could not send a request") as string,
    };
    const items = [{ record: sampleJob({ id: "job-1" }, 0), input: "{}" }];
    await expect(store.create({ nowMs: 0, items })).rejects.toMatchObject(unsent);
    await expect(store.read({ nowMs: 0, ids: ["job-1"] })).rejects.toMatchObject(unsent);
  });
});
