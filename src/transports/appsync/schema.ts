import { checkOptions } from "../../core/options/options.js";
import { checkName, invalid } from "./options.js";

export const DEFAULT_MUTATION = "publishJobUpdate";
const DEFAULT_SUBSCRIPTION = "onJobUpdate";

/** The directive of each mode of authorisation. */
const DIRECTIVES = {
  apiKey: "@aws_api_key",
  iam: "@aws_iam",
  userPool: "@aws_cognito_user_pools",
  oidc: "@aws_oidc",
  lambda: "@aws_lambda",
} as const;

type Mode = keyof typeof DIRECTIVES;

/** Options of `appsyncSchema`. */
export interface AppSyncSchemaOptions {
  /** @default "publishJobUpdate" */
  readonly mutation?: string | undefined;
  /** @default "onJobUpdate" */
  readonly subscription?: string | undefined;
  /** Who may tell an update: the mode that the notifier's `auth` has. @default "iam" */
  readonly publisher?: Mode | undefined;
  /** Who may subscribe. @default "userPool" */
  readonly subscriber?: Mode | undefined;
}

/**
 * The part of a GraphQL schema that `appsyncNotifier` needs, as text: a type, a mutation without a store behind it, and the
 * subscription to it. It is also a file: `docs/transports/appsync/schema.graphql`.
 *
 * @throws {WaybillError} `config.invalid`
 */
export function appsyncSchema(options: AppSyncSchemaOptions = {}): string {
  checkOptions("appsyncSchema", options, ["mutation", "subscription", "publisher", "subscriber"]);
  const mutation = checkName("mutation of appsyncSchema", options.mutation ?? DEFAULT_MUTATION);
  const subscription = checkName(
    "subscription of appsyncSchema",
    options.subscription ?? DEFAULT_SUBSCRIPTION,
  );
  const publisher = directive("publisher", options.publisher ?? "iam");
  const subscriber = directive("subscriber", options.subscriber ?? "userPool");
  const readers = [...new Set([publisher, subscriber])].join(" ");
  const args = FIELDS.map(([name, type]) => `    ${name}: ${type}`).join("\n");
  const fields = FIELDS.map(([name, type]) => `  ${name}: ${type}`).join("\n");
  return `type JobUpdate ${readers} {
${fields}
}

type Mutation {
  ${mutation}(
${args}
  ): JobUpdate ${publisher}
}

type Subscription {
  ${subscription}(id: ID, userEmail: String): JobUpdate
    @aws_subscribe(mutations: ["${mutation}"])
    ${subscriber}
}
`;
}

/** The six, which the basic form sends, and the rest of the extended form. */
const FIELDS = [
  ["id", "ID!"],
  ["action", "String!"],
  ["status", "String!"],
  ["timestamp", "AWSTimestamp!"],
  ["message", "String"],
  ["userEmail", "String"],
  ["jobId", "ID"],
  ["version", "Int"],
  ["phase", "String"],
  ["percent", "Float"],
  ["progress", "AWSJSON"],
  ["truncated", "Boolean"],
] as const;

function directive(what: string, mode: Mode): string {
  if (Object.hasOwn(DIRECTIVES, mode)) return DIRECTIVES[mode];
  throw invalid(`${what} of appsyncSchema must be ${Object.keys(DIRECTIVES).join(", ")}.`);
}

/**
 * A resolver for AppSync's JavaScript runtime, as text, on a data source of type `NONE`. `publish` belongs to the mutation and
 * answers what it was given. `subscribe` belongs to the subscription: it lets a user subscribe to the updates of the own
 * verified e-mail address only. Without it whoever may subscribe and leaves the filter out is told everything. Both are also
 * files: `docs/transports/appsync/publish.js` and `subscribe.js`.
 *
 * @throws {WaybillError} `config.invalid`
 */
export function appsyncResolver(of: "publish" | "subscribe"): string {
  if (Object.hasOwn(RESOLVERS, of)) return RESOLVERS[of];
  throw invalid("appsyncResolver takes publish or subscribe.");
}

const RESOLVERS = {
  publish: `export function request(ctx) {
  return { payload: ctx.args };
}

export function response(ctx) {
  return ctx.result;
}
`,
  subscribe: `import { util } from "@aws-appsync/utils";

export function request(ctx) {
  const claims = ctx.identity?.claims ?? {};
  const isVerified = claims.email_verified === true || claims.email_verified === "true";
  if (!isVerified || !claims.email || ctx.args.userEmail !== claims.email) {
    util.unauthorized();
  }
  return { payload: null };
}

export function response() {
  return null;
}
`,
} as const;
