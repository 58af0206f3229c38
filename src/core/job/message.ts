import { ID_PATTERN } from "../environment/ids.js";
import { type Trace, traceOf } from "./trace.js";

/**
 * A message is a pointer without authority: the record decides. `run` hands a job over; `wake` asks for a look at a
 * record whose wake-up has come.
 */
export interface PointerMessage {
  readonly id: string;
  readonly kind: string;
  readonly dispatch: number;
  readonly purpose: "run" | "wake";
  /** The trace that the job was submitted in. */
  readonly trace: Trace | null;
}

/** The format of messages. A newer one is left to processes that know it. */
const MESSAGE_VERSION = 1;
/** No pointer comes near it; a longer body is not ours and is not parsed. */
const LONGEST_BODY_CHARS = 4_096;

export function encodeMessage(message: PointerMessage): string {
  const { id, kind, dispatch, purpose, trace } = message;
  return JSON.stringify({
    v: MESSAGE_VERSION,
    id,
    kind,
    dispatch,
    purpose,
    ...(trace === null ? {} : { trace }),
  });
}

export type ParsedMessage =
  | { readonly status: "ok"; readonly message: PointerMessage }
  | { readonly status: "newer" }
  | { readonly status: "unparsable"; readonly reason: string };

/** Reads a message body, which anybody may have written. Total: never throws. */
export function parseMessage(body: string): ParsedMessage {
  if (body.length > LONGEST_BODY_CHARS) return unparsable("the body is too long for a pointer");
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return unparsable("the body is not JSON");
  }
  if (typeof value !== "object" || value === null) return unparsable("the body is not an object");
  const { v, id, kind, dispatch, purpose, trace } = value as Record<string, unknown>;
  if (typeof v !== "number" || v < MESSAGE_VERSION) return unparsable("there is no format version");
  if (v > MESSAGE_VERSION) return { status: "newer" };
  if (typeof id !== "string" || !ID_PATTERN.test(id)) return unparsable("there is no usable job id");
  if (typeof kind !== "string") return unparsable("there is no kind");
  if (typeof dispatch !== "number" || !Number.isSafeInteger(dispatch) || dispatch < 1)
    return unparsable("there is no dispatch");
  if (purpose !== "run" && purpose !== "wake") return unparsable("the purpose is unknown");
  return {
    status: "ok",
    message: { id, kind, dispatch, purpose, trace: traceOf(trace) },
  };
}

function unparsable(reason: string): ParsedMessage {
  return { status: "unparsable", reason };
}
