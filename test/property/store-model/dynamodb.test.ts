import { describe } from "vitest";
import { dynamodbStore } from "../../../src/dynamodb.js";
import { inStep } from "../../integration/dynamodb-in-step.js";
import { dynamoDb, ENGINE } from "../../integration/dynamodb-server.js";
import { storeModel } from "./store-model.js";

const engine = dynamoDb();
/** A table for each, and a request for each job: half a second a row. */
const ROWS = 25;

describe(`the DynamoDB store on ${ENGINE}, against its model`, () => {
  storeModel(async () => {
    const { client, table } = await engine();
    const store = inStep(dynamodbStore({ client: client(), table: await table(), clockSkewMs: 0 }));
    return { store, close: () => store.close() };
  }, ROWS);
});
