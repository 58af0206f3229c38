// As it was: the function launches the servers, the service says that it has accepted, and the execution is COMPLETED. A
// process with its own table and everything good about it: the launch is validated, recorded first, and its error is kept.
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { randomUUID } from "node:crypto";
import { DynamoDBClient, PutItemCommand, ScanCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { recoveryService } from "./recovery-client.js";

const dynamodb = new DynamoDBClient();
const TableName = process.env["NAIVE_TABLE"] ?? "";
const service = recoveryService();

async function set(id: string, status: string): Promise<void> {
  await dynamodb.send(
    new UpdateItemCommand({
      ...{ TableName, Key: { id: { S: id } }, UpdateExpression: "SET #s = :s, endTime = :t" },
      ExpressionAttributeNames: { "#s": "status" },
      ExpressionAttributeValues: { ":s": { S: status }, ":t": { N: String(Date.now()) } },
    }),
  );
}

async function execute(planId: string): Promise<string> {
  const id = randomUUID();
  const Item = { id: { S: id }, planId: { S: planId }, status: { S: "IN_PROGRESS" } };
  await dynamodb.send(new PutItemCommand({ TableName, Item }));
  try {
    await service.launch(planId, id);
    // The function has returned: that is all that anybody knows.
    await set(id, "COMPLETED");
  } catch {
    await set(id, "FAILED");
  }
  return id;
}

createServer((request, response) => {
  void (async () => {
    if (request.method === "POST") {
      response.end(JSON.stringify({ id: await execute(await text(request)) }));
      return;
    }
    const { Items = [] } = await dynamodb.send(new ScanCommand({ TableName, ConsistentRead: true }));
    const rows = Items.map(({ planId, status, endTime }) => [planId?.S, [status?.S, Number(endTime?.N)]]);
    response.end(JSON.stringify(Object.fromEntries(rows)));
  })();
}).listen(Number(process.env["NAIVE_PORT"]), "127.0.0.1", () => process.send?.("ready"));
