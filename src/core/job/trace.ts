/**
 * The trace that a job belongs to, as W3C Trace Context writes it (https://www.w3.org/TR/trace-context/). Recorded at submit,
 * carried in record, event and message, never changed.
 */
export interface Trace {
  readonly traceparent: string;
  readonly tracestate?: string;
}

/** Most characters of both together. A longer state is left out, which the standard allows; the parent never is longer. */
const MOST_TRACE_CHARS = 512;
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** A trace as it is stored; `null`: it is none, or not one that the standard knows. */
export function traceOf(value: unknown): Trace | null {
  if (typeof value !== "object" || value === null) return null;
  const { traceparent, tracestate } = value as {
    readonly traceparent?: unknown;
    readonly tracestate?: unknown;
  };
  if (typeof traceparent !== "string" || !TRACEPARENT.test(traceparent)) return null;
  if (typeof tracestate !== "string" || !isState(tracestate)) return { traceparent };
  return traceparent.length + tracestate.length <= MOST_TRACE_CHARS
    ? { traceparent, tracestate }
    : { traceparent };
}

/** Printable ASCII, as the standard wants it. */
function isState(text: string): boolean {
  return text !== "" && /^[\x20-\x7e]+$/.test(text);
}
