import { callHook } from "./hook.js";

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
 * Hooks around everything that leaves the core. What they throw, at once or later, is ignored, so that watching a job never
 * breaks it.
 */
export interface Telemetry {
  /** Called before a call; the function that it returns is called once after it. */
  start?(call: PortCall): ((result: { readonly error?: unknown }) => void) | undefined;
  count?(counter: Counter, by: number): void;
}

/** Runs a call between the hooks. What `run` throws at once, instead of rejecting, may be thrown at once. */
export function observe<T>(telemetry: Telemetry, call: PortCall, run: () => Promise<T>): Promise<T> {
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
