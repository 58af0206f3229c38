import {
  appsyncEventsNotifier,
  appsyncNotifier,
  appsyncResolver,
  appsyncSchema,
  type AppSyncNotifier,
} from "../../src/appsync.js";
import type { Notifier, PublishResult } from "../../src/core/ports/notifier.js";

const endpoint = "https://abc.appsync-api.eu-west-1.amazonaws.com/graphql";
const auth = { mode: "apiKey", apiKey: "da2-…" } as const;
const userEmail = () => null;

// The kinds that a notifier is for stay known, so that a composition can refuse a wrong one.
const ofKinds: AppSyncNotifier<"server.action"> = appsyncNotifier({
  endpoint,
  auth,
  userEmail,
  kinds: ["server.action"],
});
const port: Notifier<"server.action"> = ofKinds;
// @ts-expect-error Type '"server.action"' is not assignable to type '"mail.send"'
const another: Notifier<"mail.send"> = ofKinds;

// Metadata is there for the functions that say where fields come from.
appsyncNotifier({
  endpoint,
  auth,
  userEmail: ({ metadata }) => (metadata as { userEmail: string }).userEmail,
});

// @ts-expect-error userEmail is required: subscribers filter by it
appsyncNotifier({ endpoint, auth });
// @ts-expect-error an event that does not exist
appsyncNotifier({ endpoint, auth, userEmail, on: ["job.finished"] });
// @ts-expect-error an option that does not exist
appsyncNotifier({ endpoint, auth, userEmail, maxAttempts: 3 });
// @ts-expect-error a mode without its secret
appsyncNotifier({ endpoint, auth: { mode: "userPool", apiKey: "x" }, userEmail });

// undefined is as good as left out, also under exactOptionalPropertyTypes.
appsyncNotifier({
  endpoint,
  auth,
  userEmail,
  id: undefined,
  fields: undefined,
  on: undefined,
  timeoutMs: undefined,
});

const sent: Promise<PublishResult> = ofKinds.send({
  id: "unknown",
  action: "unknown",
  status: "FAILED",
  userEmail: null,
});

// Credential providers of the AWS SDK fit as they are.
declare const fromNodeProviderChain: () => () => Promise<{
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}>;
appsyncEventsNotifier({
  endpoint,
  auth: { mode: "iam", credentials: fromNodeProviderChain() },
  namespace: "jobs",
});
// @ts-expect-error namespace is required
appsyncEventsNotifier({ endpoint, auth });
appsyncEventsNotifier({
  endpoint,
  auth,
  namespace: "jobs",
  channels: ({ jobId }) => [["job", jobId]],
  body: (event, view) => ({ word: event.word, percent: view?.percent ?? null }),
});

const texts: readonly string[] = [
  appsyncSchema(),
  appsyncSchema({ subscriber: "oidc" }),
  appsyncResolver("publish"),
];
// @ts-expect-error no such resolver
appsyncResolver("query");
