import { isWaybillError } from "waybill";
import { withFlush } from "waybill/lambda";
import type { FakeEc2 } from "./fake-ec2.js";
import type { ActionsWaybill } from "./open-waybill.js";
import { routeOf } from "./routines.js";
import type { Update } from "./subscriber.js";
import { serverAction, type Action, type ActionMetadata } from "./server-action.job.js";

/** What AppSync hands to a Lambda resolver, as far as it is read here. */
export interface ResolverEvent {
  readonly arguments: { readonly action: string; readonly instanceId: string };
  readonly identity: { readonly claims: { readonly sub: string; readonly email: string } } | null;
}

/** GraphQL itself answers 200; what became of the request is in the payload. */
export interface ResolverAnswer {
  readonly statusCode: number;
  readonly body: string;
}

/**
 * Answers the mutation: a write is recorded and queued, a read is answered, and who does not say who they are is refused. What
 * was recorded is told before Lambda freezes the process; what takes longer, the schedule tells.
 */
export function resolverOf(waybill: Pick<ActionsWaybill, "submit" | "flush">, ec2: FakeEc2) {
  return withFlush(waybill, async (event: ResolverEvent): Promise<ResolverAnswer> => {
    const { action, instanceId } = event.arguments;
    const user = event.identity?.claims;
    if (user === undefined) return answer(403, { message: "Not authorised" });
    switch (routeOf(action)) {
      case "read":
        return answer(200, ec2.describe(instanceId));
      case "unknown":
        return answer(400, { message: "There is no such action" });
      case "write": {
        const metadata = { action: action as Action, userEmail: user.email } satisfies ActionMetadata;
        const input = { action: action as Action, instanceId };
        const submitted = await waybill.submit(serverAction, input, { owner: user.sub, metadata });
        if (submitted.ok)
          return answer(202, { id: submitted.value.id, message: `${action} request accepted` });
        if (isWaybillError(submitted.error, "input.invalid"))
          return answer(400, { message: "Invalid request" });
        throw submitted.error;
      }
    }
  });
}

/** How the jobs of a person stand, in the words of an update: what a page reads once it listens. */
export async function jobsOf(
  waybill: Pick<ActionsWaybill, "list">,
  { sub, email }: { readonly sub: string; readonly email: string },
): Promise<readonly Update[]> {
  const { items } = await waybill.list({ kind: serverAction.kind, owner: sub, limit: 100 });
  return items.map(({ id, subject, metadata, word, message, updatedAt, version }) => ({
    id: subject ?? "unknown",
    action: (metadata as unknown as ActionMetadata).action,
    status: word,
    timestamp: Math.floor(updatedAt.getTime() / 1_000),
    message,
    userEmail: email,
    jobId: id,
    version,
  }));
}

function answer(statusCode: number, body: object): ResolverAnswer {
  return { statusCode, body: JSON.stringify(body) };
}
