import { callHook } from "./hook.js";
import { type Trace, traceOf } from "../job/trace.js";

/** A call through a port, for spans and durations. */
export interface PortCall {
  readonly port: "store" | "queue" | "notifier" | "feed" | "handler";
  /** The method of the port, or the kind of the handler. */
  readonly operation: string;
  /** How many items share the call. */
  readonly items: number;
}

/** What counts, beside calls. */
export type Counter =
  | "store_rollback_detected"
  | "lease_lost"
  | "message_parked"
  | "message_duplicate"
  | "notification_exhausted"
  | "feed_error"
  | "listener_error"
  | "unserved";

/**
 * Hooks around everything that leaves the core, and the trace that a job is submitted in. What they throw, at once or later,
 * is ignored, so that watching a job never breaks it.
 */
export interface Telemetry {
  /** Called before a call; the function that it returns is called once after it. */
  start?(call: PortCall): ((result: { readonly error?: unknown }) => void) | undefined;
  count?(counter: Counter, by: number): void;
  /**
   * The trace that is active now, for a job that is being submitted; `null`: none. What is no W3C trace is none, and a
   * `tracestate` with which both have more than 512 characters is left out.
   */
  capture?(): Trace | null;
  /**
   * Calls `fn`, which works for jobs of this trace, with the trace active: a handler, a look at external work, a request to
   * stop it, or a publish of events of one trace. What it returns is ignored: the outcome is that of `fn`, which runs once
   * whatever this does.
   *
   * @param name - what is done, such as `handler mail.send`
   */
  run?(trace: Trace, name: string, fn: () => Promise<unknown>): unknown;
}

/** The trace to record with a job that is submitted now. */
export function captured(telemetry: Telemetry): Trace | null {
  try {
    return traceOf(telemetry.capture?.());
  } catch {
    // Watching a job never breaks it.
    return null;
  }
}

/**
 * Runs a call between the hooks. What `run` throws at once, instead of rejecting, may be thrown at once.
 *
 * @param trace - that of the jobs that the call is about
 */
export function observe<T>(
  telemetry: Telemetry,
  call: PortCall,
  run: () => Promise<T>,
  trace: Trace | null = null,
): Promise<T> {
  if (trace === null || telemetry.run === undefined) return between(telemetry, call, run);
  let running: Promise<T> | null = null;
  // The application's function, run once: whether its hook calls it, calls it twice, or throws.
  const once = (): Promise<T> => (running ??= (async () => between(telemetry, call, run))());
  callHook(() => telemetry.run?.(trace, `${call.port} ${call.operation}`, once));
  return once();
}

function between<T>(telemetry: Telemetry, call: PortCall, run: () => Promise<T>): Promise<T> {
  let end: ReturnType<NonNullable<Telemetry["start"]>>;
  // Watching a job never breaks it.
  callHook(() => (end = telemetry.start?.(call)));
  return typeof end === "function" ? ended(run, end) : run();
}

async function ended<T>(
  run: () => Promise<T>,
  end: (result: { readonly error?: unknown }) => unknown,
): Promise<T> {
  try {
    const value = await run();
    callHook(() => end({}));
    return value;
  } catch (error) {
    callHook(() => end({ error }));
    throw error;
  }
}

/** Counts, whatever the hook does. */
export function count(telemetry: Telemetry, counter: Counter, by = 1): void {
  const counted: ((counter: Counter, by: number) => unknown) | undefined = telemetry.count?.bind(telemetry);
  if (counted !== undefined) callHook(() => counted(counter, by));
}
