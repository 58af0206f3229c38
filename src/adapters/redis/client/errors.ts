import { isWaybillError, StoreUnavailableError } from "../../../core/errors/errors.js";
import { isError } from "../../../core/errors/foreign.js";

/** What a script may leave behind when it fails: nothing where it only reads. */
export type Effect = "reads" | "writes";

const LACKS_PERMISSION = "The Redis user of the store lacks a permission.";
/** A client of clusters follows these answers: one of a single server meets them. */
const IS_CLUSTER = "Redis is a cluster, and the client of the store is not: give it a Cluster of ioredis.";

/** First words of what a server answers before a script has written anything. */
const SENTENCES: Readonly<Partial<Record<string, string>>> = {
  OOM: "Redis has reached maxmemory.",
  READONLY: "Redis is a read-only replica here.",
  LOADING: "Redis is loading its data.",
  BUSY: "Redis is busy with a script of somebody else.",
  MASTERDOWN: "Redis has lost its primary.",
  NOREPLICAS: "Redis has too few replicas to write.",
  MISCONF: "Redis cannot persist and takes no writes.",
  CLUSTERDOWN: "The Redis cluster does not serve this slot.",
  TRYAGAIN: "The Redis cluster is moving this slot.",
  MOVED: IS_CLUSTER,
  ASK: IS_CLUSTER,
  NOPERM: LACKS_PERMISSION,
  NOAUTH: "Redis asks for a password.",
  WRONGPASS: "Redis refused the password.",
  CROSSSLOT: IS_CLUSTER,
};

/** The answer of a cluster to the first command of a script while the slot is being moved. */
const MOVING_SLOT = /^ERR Script attempted to access a non local key/;

/** A command that the user may not give within a script: what the script wrote before it stays. */
const FORBIDDEN_IN_SCRIPT = /^(?:ERR|NOPERM) (?:The user executing the script|ACL failure in script)/;

const LACKS_COMMAND = "Redis lacks a command that the store needs, or has another name for it.";
/** The first comes in the place of a script; what a script wrote before the second stays. */
const UNKNOWN_COMMAND = /^ERR unknown command/i;
const UNKNOWN_IN_SCRIPT = /^ERR unknown (?:redis )?command called from script/i;

/** ioredis says these without sending anything. */
const NOT_CONNECTED = /^(?:Stream isn't writeable|Cluster isn't ready)/;
const SUBSCRIBED = /^Connection in subscriber mode/;
/** It gave up on a cluster that kept sending it elsewhere; whether a try before the last one was run is not known. */
const SENT_AROUND = /^Too many Cluster redirections/;

/** Whether the server has not seen this script yet, and so has run nothing. */
export function isUnknownScript(error: unknown): boolean {
  return firstWord(error) === "NOSCRIPT";
}

/** What was thrown, as the port says it. The driver's own error stays in `cause`. */
export function explained(error: unknown, effect: Effect): unknown {
  if (isWaybillError(error)) return error;
  const inTime = beforeAnyWrite(error);
  const certain = effect === "reads" || inTime !== undefined || neverSent(error);
  // ioredis hangs the command with all its arguments on what it throws: payloads must not travel with an error.
  return new StoreUnavailableError(inTime ?? sentenceOf(error), {
    outcome: certain ? "not_applied" : "unknown",
    cause: withoutCommand(error),
  });
}

/** What a server says before a script has written anything; `undefined`: it may have. */
function beforeAnyWrite(error: unknown): string | undefined {
  if (answers(error, FORBIDDEN_IN_SCRIPT) || answers(error, UNKNOWN_IN_SCRIPT)) return undefined;
  if (answers(error, UNKNOWN_COMMAND)) return LACKS_COMMAND;
  return answers(error, MOVING_SLOT) ? SENTENCES["TRYAGAIN"] : SENTENCES[firstWord(error)];
}

function sentenceOf(error: unknown): string {
  if (!isFromServer(error)) return lost(error);
  if (answers(error, UNKNOWN_IN_SCRIPT)) return LACKS_COMMAND;
  return answers(error, FORBIDDEN_IN_SCRIPT) ? LACKS_PERMISSION : "Redis refused a script of the store.";
}

/** The client was closed by its owner: nothing can be sent through it. */
export function closedClient(): StoreUnavailableError {
  return new StoreUnavailableError("The client of the Redis store was closed.", { outcome: "not_applied" });
}

/** A script answered something that it never does: somebody else answers in its place. */
export function unreadableReply(): StoreUnavailableError {
  return new StoreUnavailableError("Redis answered a script of the store as none does.", {
    outcome: "unknown",
  });
}

function answers(error: unknown, sentence: RegExp): boolean {
  return isFromServer(error) && sentence.test((error as Error).message);
}

function lost(error: unknown): string {
  if (says(error, NOT_CONNECTED)) return "Redis could not be reached.";
  if (says(error, SUBSCRIBED))
    return "The client of the Redis store is subscribed to a channel: give the store one of its own.";
  if (says(error, SENT_AROUND)) return "The Redis cluster kept sending the store elsewhere.";
  return "The connection to Redis was lost.";
}

function neverSent(error: unknown): boolean {
  return says(error, NOT_CONNECTED) || says(error, SUBSCRIBED);
}

function says(error: unknown, sentence: RegExp): boolean {
  return isError(error) && sentence.test(error.message);
}

function isFromServer(error: unknown): boolean {
  return isError(error) && error.name === "ReplyError";
}

function firstWord(error: unknown): string {
  return isFromServer(error) ? ((error as Error).message.split(" ", 1)[0] ?? "") : "";
}

/** Name and first words only: what a server answers may quote a key, and keys hold owners and subjects. */
function withoutCommand(error: unknown): Error {
  if (!isError(error)) return new Error("not an error");
  const bare = new Error(isFromServer(error) ? firstWord(error) : error.message);
  bare.name = error.name;
  return bare;
}
