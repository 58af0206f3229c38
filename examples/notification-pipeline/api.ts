import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { problemOf } from "waybill/http";
import { notification } from "./notification.job.js";
import type { NotificationWaybill } from "./open-waybill.js";
import { type OwnAttributes, writeOwn } from "./own-attributes.js";

export interface ApiOptions {
  readonly waybill: Pick<NotificationWaybill, "submit">;
  readonly dynamodb: DynamoDBClient;
  readonly table: string;
}

/** What a service posts. */
export interface Posted {
  readonly id: string;
  readonly text: string;
}

/**
 * POST of a message: validated, recorded, queued, and answered with the status that the store has. The same key is the same
 * job. A queue that does not answer is no error: the message is recorded, and is sent again until it is known to be there.
 */
export function apiOf({ waybill, dynamodb, table }: ApiOptions): (request: Request) => Promise<Response> {
  return async (request) => {
    // Stands for the application's own authentication: in your service the owner is told by the credential, never by a header.
    const owner = request.headers.get("x-service");
    const idempotencyKey = request.headers.get("idempotency-key");
    if (owner === null || idempotencyKey === null)
      return Response.json({ error: "INVALID_REQUEST" }, { status: 400 });
    try {
      const body = (await request.json()) as Posted;
      const job = await waybill.submit(notification, body, { owner, idempotencyKey }).unwrap();
      await writeOwn(dynamodb, table, job.id, ownOf(body));
      return Response.json({ id: job.id, status: job.status, dispatch: job.dispatch }, { status: 202 });
    } catch (error) {
      if (error instanceof SyntaxError) return Response.json({ error: "INVALID_REQUEST" }, { status: 400 });
      // The store is out of reach, by Waybill's way to it or by ours: nobody knows yet, and the same key may be sent again.
      const { problem, headers } = problemOf(error);
      const isOurs = problem.status === 500 && isAws(error);
      return Response.json(
        // Its callers know the codes in capitals.
        { error: isOurs ? "SYSTEM_ERROR" : problem.code.toUpperCase(), detail: problem.detail },
        {
          status: isOurs ? 503 : problem.status,
          headers: { ...headers, "content-type": "application/json" },
        },
      );
    }
  };
}

export function ownOf({ id, text }: Posted): OwnAttributes {
  return { name: `message ${id}`, ttl: 2_000_000_000, data: new TextEncoder().encode(`\u0000${text}\u00FF`) };
}

function isAws(error: unknown): boolean {
  return error instanceof Error && "$metadata" in error;
}
