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
 * Hooks around everything that leaves the core. They must not throw; what they throw is ignored, so that watching a job
 * never breaks it.
 */
export interface Telemetry {
  /** Called before a call; the function that it returns is called once after it. */
  start?(call: PortCall): ((result: { readonly error?: unknown }) => void) | undefined;
  count?(counter: Counter, by: number): void;
}

/** Runs a call between the hooks. What `run` throws at once, instead of rejecting, may be thrown at once. */
export function observe<T>(telemetry: Telemetry, call: PortCall, run: () => Promise<T>): Promise<T> {
  let end: ReturnType<NonNullable<Telemetry["start"]>>;
  try {
    end = telemetry.start?.(call);
  } catch {
    // Watching a job never breaks it.
  }
  return end === undefined ? run() : ended(run, end);
}

async function ended<T>(
  run: () => Promise<T>,
  end: (result: { readonly error?: unknown }) => void,
): Promise<T> {
  try {
    const value = await run();
    guarded(() => {
      end({});
    });
    return value;
  } catch (error) {
    guarded(() => {
      end({ error });
    });
    throw error;
  }
}

/** Counts, whatever the hook does. */
export function count(telemetry: Telemetry, counter: Counter, by = 1): void {
  guarded(() => telemetry.count?.(counter, by));
}

function guarded(hook: () => void): void {
  try {
    hook();
  } catch {
    // Watching a job never breaks it.
  }
}
