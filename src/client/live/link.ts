import type { ClientError } from "../client-error.js";
import type { Environment } from "../environment.js";
import type { Http } from "../http.js";
import type { Asked, Freshness, Topic, WireChanges } from "../topic.js";

/** A way to hear of changes, while it works. It never calls its host from inside a call of the host. */
export interface Link {
  /** Follows a topic until it is left; one that is followed already stays so. */
  follow(topic: Topic): void;
  leave(topic: Topic): void;
  /** Something happened outside: proves that it still works, or goes down. */
  check(): void;
  /** Ends it; the host is told nothing any more. */
  stop(): void;
}

/** Who holds a link. */
export interface LinkHost {
  readonly env: Environment;
  readonly http: Http;
  /** The server was heard. */
  up(): void;
  apply(topic: Topic, changes: WireChanges, asked: Asked, freshness: Freshness): void;
  /** How long the pause before the next poll is. */
  pausing(ms: number): void;
  /** It works no more. The host stops it. */
  down(loss: Loss): void;
}

/**
 * Why a link is down.
 *
 * - `lost`: it broke, or was never made
 * - `silent`: it seems open and nothing comes
 * - `unfit`: this way does not work here; another may
 * - `denied`: the credential was refused
 */
export interface Loss {
  readonly reason: "lost" | "silent" | "unfit" | "denied";
  /** Not again before this. */
  readonly afterMs?: number | undefined;
  readonly error?: ClientError | undefined;
}
