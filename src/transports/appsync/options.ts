import { WaybillError } from "../../core/errors/errors.js";
import type { ServerEvent } from "../../core/job/event.js";
import type { Json } from "../../core/json/json.js";
import type { NotifierOptions } from "../../core/ports/notifier.js";
import type { PublicView } from "../../core/view/public-view.js";

/** A key or token, or a function that has the one of today: it is asked before every request. */
export type AppSyncSecret = string | (() => string | Promise<string>);

/** Keys of AWS, as every credential provider of the AWS SDK returns them. */
export interface AppSyncCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

/**
 * How requests are authorised; the modes have Amplify's names. `iam` signs with the optional peer `@smithy/signature-v4`,
 * which is what the AWS SDK itself signs with.
 */
export type AppSyncAuth =
  | { readonly mode: "apiKey"; readonly apiKey: AppSyncSecret }
  | {
      readonly mode: "iam";
      /** Keys, or a provider such as `fromNodeProviderChain()`, which is asked before every request. */
      readonly credentials: AppSyncCredentials | (() => Promise<AppSyncCredentials>);
      /** @default read from the endpoint, where it is AWS's own and no custom domain */
      readonly region?: string | undefined;
    }
  | {
      readonly mode: "userPool" | "oidc" | "lambda";
      /** Sent as it is in `Authorization`, without `Bearer`. */
      readonly token: AppSyncSecret;
    };

/** Options of `appsyncNotifier`. */
export interface AppSyncNotifierOptions<K extends string = string> extends NotifierOptions<K> {
  /** `https://….appsync-api.eu-west-1.amazonaws.com/graphql`, or that of a custom domain. */
  readonly endpoint: string;
  readonly auth: AppSyncAuth;
  /** Whose the job is: subscribers filter by it. `null`: no subscriber with a filter gets the update. */
  readonly userEmail: (event: ServerEvent) => string | null;
  /** @default the subject, else the job's id */
  readonly id?: ((event: ServerEvent) => string) | undefined;
  /** @default the kind */
  readonly action?: ((event: ServerEvent) => string) | undefined;
  /**
   * `basic`: exactly `id, action, status, timestamp, message, userEmail`. `extended`: also `jobId, version, phase, percent,
   * progress, truncated`, which the schema must know (`appsyncSchema()` does). @default "basic"
   */
  readonly fields?: "basic" | "extended" | undefined;
  /** The mutation's name. @default "publishJobUpdate" */
  readonly mutation?: string | undefined;
}

/** The parts of a channel's name behind the namespace: one to four. Each that is no legal name is replaced by its hash. */
export type AppSyncChannel = readonly string[];

/** Options of `appsyncEventsNotifier`. */
export interface AppSyncEventsNotifierOptions<K extends string = string> extends NotifierOptions<K> {
  /** `https://….appsync-api.eu-west-1.amazonaws.com/event`, or that of a custom domain. */
  readonly endpoint: string;
  readonly auth: AppSyncAuth;
  /** The channel namespace, the first part of every channel's name. */
  readonly namespace: string;
  /** Where an event goes; none: nowhere, and it counts as delivered. @default ["job", jobId], and ["owner", owner] if it has one */
  readonly channels?: ((event: ServerEvent) => readonly AppSyncChannel[]) | undefined;
  /**
   * `thin`: the event. `view`: with the job as it is stored, in `job`. A function gets that view too, which costs a read.
   * @default "thin"
   */
  readonly body?:
    "thin" | "view" | ((event: ServerEvent, view: PublicView | null) => Json | Promise<Json>) | undefined;
}

/** A GraphQL name. */
const NAME = /^[_A-Za-z][_0-9A-Za-z]*$/;

export function checkName(what: string, name: string): string {
  if (typeof name === "string" && NAME.test(name)) return name;
  throw invalid(`${what} must be a GraphQL name: letters, digits and _, not beginning with a digit.`);
}

export function checkFunction(what: string, value: unknown, advice: string): void {
  if (typeof value !== "function") throw invalid(`${what} must be a function. ${advice}`);
}

/**
 * The endpoint. No sentence here quotes it: an address may hold what nobody should read in a log.
 *
 * @param path - the path that AWS's own endpoints have, for the sentence that misses one
 */
export function checkEndpoint(what: string, endpoint: string, path: string): URL {
  const url = typeof endpoint === "string" && URL.canParse(endpoint) ? new URL(endpoint) : null;
  if (url === null) throw invalid(`endpoint of ${what} must be a URL such as https://…${path}.`);
  if (url.username !== "" || url.password !== "") {
    throw invalid(`endpoint of ${what} must have no user and no password in it: pass auth.`);
  }
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopback(url.hostname))) {
    throw invalid(`endpoint of ${what} must be https (http is for a server on this machine).`);
  }
  if (url.search !== "" || url.hash !== "")
    throw invalid(`endpoint of ${what} must have no query and no fragment.`);
  if (url.pathname === "/") throw invalid(`endpoint of ${what} must have a path; AppSync's is ${path}.`);
  return url;
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

export function invalid(sentence: string): WaybillError<"config.invalid"> {
  return new WaybillError("config.invalid", sentence);
}
