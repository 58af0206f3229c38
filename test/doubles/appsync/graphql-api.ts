import { appsyncResolver, appsyncSchema } from "../../../src/appsync.js";
import { identify, type Identity, type Keys, type Presented } from "./authorize.js";
import { errorReply, faultReply, internalError, parseJson, type Reply } from "./exchange.js";
import type { Faults } from "./faults.js";
import { parseOperation, type Operation, type SelectedField } from "./graphql-parser.js";
import { argumentsOf, coerce, readSchema, selectedOf, validate } from "./graphql-schema.js";
import type { AcceptedLog } from "./log.js";
import { resolver, Unauthorized } from "./resolvers.js";

type Values = Readonly<Record<string, unknown>>;

/** What a subscription is told. */
export interface Subscription {
  readonly field: SelectedField;
  readonly args: Values;
  tell(data: Values): void;
}

export interface GraphQlApiOptions {
  readonly keys: Keys;
  readonly faults: Faults;
  readonly log: AcceptedLog;
  /** Who may call the mutation. */
  readonly publishers: readonly Identity["mode"][];
}

/** The answer to a request, and whether it is sent. */
export interface Handled {
  readonly reply: Reply | null;
  /** The connection is cut in place of the reply. */
  readonly cut: boolean;
}

/** A GraphQL API of AppSync with the schema and the resolvers that the library deploys. */
export class GraphQlApi {
  readonly #options: GraphQlApiOptions;
  readonly #schema = readSchema(appsyncSchema());
  readonly #publish = resolver(appsyncResolver("publish"));
  readonly #subscribe = resolver(appsyncResolver("subscribe"));
  readonly #subscriptions = new Set<Subscription>();

  constructor(options: GraphQlApiOptions) {
    this.#options = options;
  }

  /** A request to `/graphql`. */
  handle(presented: Presented): Handled {
    const identity = identify(this.#options.keys, presented);
    if (typeof identity === "string") {
      const message = "You are not authorized to make this call.";
      return sent(errorReply(identity === "UnauthorizedException" ? 401 : 403, identity, message));
    }
    const document = readDocument(presented.body);
    if (document === null)
      return sent(errorReply(400, "MalformedHttpRequestException", "Unable to parse GraphQL query."));
    const { operation, values } = document;
    const fault = this.#options.faults.ofRequest(operation.fields.map((field) => argumentsOf(field, values)));
    if (fault !== null && fault !== "lost_reply") return sent(faultReply(fault));
    const errors = [...validate(this.#schema, operation), ...coerce(operation, values)];
    if (errors.length > 0) return sent({ status: 200, body: { data: null, errors } });
    return {
      reply: { status: 200, body: this.#execute(operation, values, identity) },
      cut: fault === "lost_reply",
    };
  }

  /** Authorises a subscription and starts it; a text: the name of the error with which it is refused. */
  subscribe(data: string, presented: Presented, tell: Subscription["tell"]): Subscription | string {
    const identity = identify(this.#options.keys, presented);
    if (typeof identity === "string") return identity;
    const document = readDocument(data);
    if (document === null) return "MalformedHttpRequestException";
    const { operation, values } = document;
    const [field] = operation.fields;
    const errors = [...validate(this.#schema, operation), ...coerce(operation, values)];
    if (operation.type !== "subscription" || field === undefined || errors.length > 0)
      return "ValidationError";
    const args = argumentsOf(field, values);
    try {
      this.#subscribe.run(args, identity.claims && { claims: identity.claims });
    } catch (error) {
      if (error instanceof Unauthorized) return "Unauthorized";
      throw error;
    }
    const subscription: Subscription = { field, args, tell };
    this.#subscriptions.add(subscription);
    return subscription;
  }

  unsubscribe(subscription: Subscription): void {
    this.#subscriptions.delete(subscription);
  }

  /** The fields of a mutation run one after the other, each whatever became of the one before. */
  #execute(operation: Operation, values: Values, identity: Identity): object {
    const data: Record<string, unknown> = {};
    const errors: object[] = [];
    for (const field of operation.fields) {
      const args = argumentsOf(field, values);
      const error = this.#errorOf(field, args, identity);
      data[field.alias] = error === null ? this.#tell(field, args, identity) : null;
      if (error !== null) errors.push(error);
    }
    return errors.length === 0 ? { data } : { data, errors };
  }

  #errorOf({ alias, name }: SelectedField, args: Values, { mode }: Identity): object | null {
    const at = { path: [alias], locations: null, data: null };
    if (!this.#options.publishers.includes(mode)) {
      return {
        ...at,
        errorType: "Unauthorized",
        message: `Not Authorized to access ${name} on type Mutation`,
      };
    }
    const fault = this.#options.faults.ofPush(args);
    if (fault === "failed") return internalError(alias);
    // What a resolver quotes of its arguments is up to it.
    if (fault === "refused")
      return { ...at, errorType: "ValidationException", message: `no ${JSON.stringify(args)}` };
    return null;
  }

  /** Subscribers get what the publisher selects, and each of them what it selects of that. */
  #tell(field: SelectedField, args: Values, { claims }: Identity): Values {
    const result = this.#publish.run(args, claims && { claims }) as Values;
    const selected = selectedOf(field, result);
    this.#options.log.add({ api: "graphql", channel: null, push: args, at: Date.now() });
    this.#options.faults.accepted();
    for (const subscription of this.#subscriptions) {
      const matches = Object.entries(subscription.args).every(
        ([name, value]) => (selected[name] ?? null) === value,
      );
      if (matches)
        subscription.tell({ [subscription.field.alias]: selectedOf(subscription.field, selected) });
    }
    return selected;
  }
}

function sent(reply: Reply | null): Handled {
  return { reply, cut: false };
}

function readDocument(text: string): { readonly operation: Operation; readonly values: Values } | null {
  const { query, variables } = (parseJson(text) ?? {}) as {
    readonly query?: unknown;
    readonly variables?: unknown;
  };
  if (typeof query !== "string") return null;
  try {
    return { operation: parseOperation(query), values: (variables ?? {}) as Values };
  } catch {
    return null;
  }
}
