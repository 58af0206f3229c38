import type { Json, JsonObject } from "../../core/json/json.js";
import type { PublishResult } from "../../core/ports/notifier.js";
import { aliasOf, placeOf } from "../../core/wire/appsync/appsync.js";
import {
  DELIVERED,
  errorTypeOf,
  held,
  isThrottled,
  isUnauthorized,
  rejected,
  retry,
  type Failure,
} from "./failure.js";

/** What the answer to one mutation says: of each update, or of the request as a whole. */
export type MutationAnswer =
  | { readonly of: "updates"; readonly results: readonly PublishResult[] }
  /** `aboutContent`: one of the updates may be to blame, and the answer does not say which. */
  | { readonly of: "request"; readonly failure: Failure; readonly aboutContent: boolean };

/** graphql-java's sentence about a variable whose value does not fit its type: nothing of the request was run. */
const VARIABLE_REFUSED = /^Variable '?\$?(\w+)'? has (?:an invalid value|coerced Null value)/i;

/** Names of errors with which a resolver refuses what it was given. */
const REFUSED = /validation|bad ?(?:request|user ?input)|invalid|constraint/i;

/**
 * Reads a GraphQL answer. `200` says nothing: an answer with `errors` has failed, wholly or for the aliases that its errors
 * name. What has neither an error nor data was not told to anybody either.
 */
export function mutationAnswerOf(body: Json, count: number): MutationAnswer {
  const { data, errors } = isObject(body) ? body : {};
  const failures: readonly Json[] = Array.isArray(errors) ? errors : [];
  const byPlace = new Map<number, Failure>();
  for (const error of failures) {
    const place = placeOfError(error);
    // A request of one update has nobody else to blame.
    if (place === null && count > 1) return asWhole(error);
    byPlace.set(place ?? 0, failureOf(error));
  }
  // Nothing, or not all, was run: whatever error names one of several, the others are unanswered.
  if (!isObject(data) && count > 1) {
    return failures[0] === undefined
      ? { of: "request", failure: retry("the answer has neither data nor errors"), aboutContent: false }
      : asWhole(failures[0]);
  }
  const results = Array.from(
    { length: count },
    (_, place) => byPlace.get(place) ?? told(isObject(data) ? data[aliasOf(place)] : null),
  );
  return { of: "updates", results };
}

/** Subscribers get what the mutation answers: nothing answered is nothing told. */
function told(answer: Json | undefined): PublishResult {
  if (answer !== null && answer !== undefined) return DELIVERED;
  return retry("the mutation answered nothing: its resolver has to return its arguments");
}

function asWhole(error: Json): MutationAnswer {
  const type = errorTypeOf(error);
  // Being too fast, or nobody, or a service that is ill, is no matter of contents: asking again, one by one, would help nobody.
  const aboutContent = type === null || (REFUSED.test(type) && !isUnauthorized(type));
  return { of: "request", failure: failureOf(error), aboutContent };
}

function placeOfError(error: Json): number | null {
  const { path } = isObject(error) ? error : {};
  const [alias] = Array.isArray(path) ? (path as readonly Json[]) : [];
  return typeof alias === "string" ? placeOf(alias) : null;
}

/**
 * What one error means. Only what is said of the update itself rejects it: a variable that the schema refuses, or a resolver
 * that refuses what it was given. Everything else (permissions, templates, the schema as such) is mended one day.
 */
function failureOf(error: Json): Failure {
  const type = errorTypeOf(error);
  const reason = `AppSync answered with an error${type === null ? "" : ` (${type})`}`;
  if (type !== null && isThrottled(type)) return held(reason);
  // Some of these names contain a word of refusal.
  if (type !== null && isUnauthorized(type)) return retry(reason);
  const variable = refusedVariable(error);
  if (variable !== null) return rejected(`the schema refuses the value of ${variable}`);
  if (placeOfError(error) !== null && type !== null && REFUSED.test(type)) {
    return rejected(`the resolver refuses the update (${type})`);
  }
  return retry(reason);
}

/** The field whose value the schema refuses; `null`: none is named. */
function refusedVariable(error: Json): string | null {
  const { message } = isObject(error) ? error : {};
  const name = typeof message === "string" ? VARIABLE_REFUSED.exec(message)?.[1] : undefined;
  if (name === undefined || placeOf(name) === null) return null;
  return name.replace(/^u\d+_/, "");
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
