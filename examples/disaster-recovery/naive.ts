// As it was: the function launches the servers, the service says that it has accepted, and the execution is COMPLETED. A
// process with its own table and everything good about it: the launch is validated, recorded first, and its error is kept.
// Its kindest variant looks once more, half a minute after the launch.
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { randomUUID } from "node:crypto";
import { DynamoDBClient, PutItemCommand, ScanCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { minuteMs, recoveryService } from "./recovery-client.js";

const VARIANTS = ["naive", "kindest"] as const;
type Variant = (typeof VARIANTS)[number];

const dynamodb = new DynamoDBClient();
const TableName = process.env["NAIVE_TABLE"] ?? "";

async function set(id: string, status: string): Promise<void> {
  await dynamodb.send(
    new UpdateItemCommand({
      ...{ TableName, Key: { id: { S: id } }, UpdateExpression: "SET #s = :s, endTime = :t" },
      ExpressionAttributeNames: { "#s": "status" },
      ExpressionAttributeValues: { ":s": { S: status }, ":t": { N: String(Date.now()) } },
    }),
  );
}

async function execute(variant: Variant, planId: string): Promise<void> {
  const service = recoveryService(variant);
  const id = randomUUID();
  const Item = {
    id: { S: id },
    variant: { S: variant },
    planId: { S: planId },
    status: { S: "IN_PROGRESS" },
  };
  await dynamodb.send(new PutItemCommand({ TableName, Item }));
  try {
    const jobId = await service.launch(planId, id);
    if (variant === "kindest") {
      await sleep(minuteMs / 2);
      const { servers } = await service.describe(jobId);
      if (servers.some(({ state }) => state === "failed")) throw new Error("A server has failed.");
    }
    // The function has returned: that is all that anybody knows.
    await set(id, "COMPLETED");
  } catch {
    await set(id, "FAILED");
  }
}

createServer((request, response) => {
  void (async () => {
    if (request.method === "POST") {
      const planId = await text(request);
      await Promise.all(VARIANTS.map((variant) => execute(variant, planId)));
      response.end();
      return;
    }
    const { Items = [] } = await dynamodb.send(new ScanCommand({ TableName, ConsistentRead: true }));
    const rows = Items.map(({ variant, planId, status, endTime }) => ({
      ...{ variant: variant?.S, planId: planId?.S, status: status?.S },
      endTime: endTime?.N === undefined ? null : Number(endTime.N),
    }));
    response.end(JSON.stringify(rows));
  })();
}).listen(Number(process.env["NAIVE_PORT"]), "127.0.0.1", () => process.send?.("ready"));
