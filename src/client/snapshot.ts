import type { JobView } from "../core/api/view.js";
import type { AnyDef } from "../core/define/any-def.js";
import type { ClientError } from "./client-error.js";

/** What shows a value and tells when there is another one. Fits React's `useSyncExternalStore`, and every other framework. */
export interface Store<T> {
  /**
   * Listens; returns how to stop. Told at once (in a microtask) if there is something newer than `getSnapshot` last gave.
   * The first listener opens what is needed, one macrotask after the last has gone it is closed.
   */
  readonly subscribe: (listener: () => void) => () => void;
  /** The same frozen object until something changes. Opens nothing. */
  readonly getSnapshot: () => T;
}

/** The latest of changes to jobs: one shape on the server, on the wire and here. */
export interface JobChanges<V> {
  /** New or newer. */
  readonly jobs: readonly V[];
  /** Ids of jobs that are no longer to be seen: removed, or not of this filter any more. */
  readonly gone: readonly string[];
  /** `jobs` is all that there is: what is not in it is gone too. */
  readonly snapshot: boolean;
  /** The store lost writes that it had acknowledged: versions may be lower than before. */
  readonly reset: boolean;
}

/**
 * What is known of one job. `state` tells how fresh it is; a job's `status` is one of five and never loading.
 *
 * - `loading`: nothing is known yet
 * - `missing`: the server knows no such job, or none that these eyes may see
 * - `live`: each change arrives at once
 * - `polling`: changes arrive when the server is next asked
 * - `reconnecting`: as last seen; the connection is being made
 * - `final`: COMPLETED or FAILED as stored; nothing can follow, and nothing is listened for any more
 * - `error`: the server refused, and asking again will not help
 */
export type JobSnapshot<D extends AnyDef> =
  | { readonly state: "loading" | "missing"; readonly job: null }
  | { readonly state: "live" | "polling" | "reconnecting" | "final"; readonly job: JobView<D> }
  | { readonly state: "error"; readonly job: JobView<D> | null; readonly error: ClientError };

/** What is known of a list of jobs, newest first. States as in `JobSnapshot`. */
export type JobsSnapshot<V> =
  | { readonly state: "loading"; readonly jobs: readonly [] }
  | { readonly state: "live" | "polling" | "reconnecting"; readonly jobs: readonly V[] }
  | { readonly state: "error"; readonly jobs: readonly V[]; readonly error: ClientError };

/** A way to hear of changes, from the best to the one that always works. */
export type TransportName = "websocket" | "sse" | "long-poll" | "poll";

/**
 * How the client hears of changes.
 *
 * - `idle`: nobody listens
 * - `connecting`: for the first time since somebody listens
 * - `live`: over a WebSocket or an event stream
 * - `polling`: by asking again and again
 * - `reconnecting`: it was connected, and tries again
 * - `offline`: the device says that it has no network; tried again when it says otherwise
 * - `refused`: the server refused the credential or the protocol; tried again when the page is next looked at
 */
export interface Connection {
  readonly state: "idle" | "connecting" | "live" | "polling" | "reconnecting" | "offline" | "refused";
  /** What is used, or tried. */
  readonly transport: TransportName;
  /** How long the last pause between two polls was; `null` unless `polling`. */
  readonly pollMs: number | null;
  /** When the server was last heard before this state began; `null`: never. */
  readonly heardAt: Date | null;
}
