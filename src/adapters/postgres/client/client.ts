/** A row by column name, as a driver hands it over. */
export type Row = Readonly<Record<string, unknown>>;

/**
 * What can run a statement: `Pool`, `Client` and `PoolClient` of `pg`, `PGlite`, and what `fromPostgresJs` makes. The
 * store passes text parameters only and reads text and numbers, so the types that a driver parses do not matter to it.
 */
export interface PostgresClient {
  query(text: string, params?: string[]): Promise<{ readonly rows: object[] }>;
}

/**
 * The caller's own transaction: whatever runs its statements between `begin` and `commit`. Never a pool, which would run them
 * on another connection.
 */
export interface PostgresTransaction extends PostgresClient {
  readonly totalCount?: undefined;
}

/** `Client` of `pg`, connected, for the feed alone. */
export interface PostgresNotificationClient extends PostgresClient {
  on(event: "notification", listener: (message: PostgresNotification) => void): unknown;
  removeListener(event: "notification", listener: (message: PostgresNotification) => void): unknown;
}

/** What a `Client` of `pg` tells of one NOTIFY. */
export interface PostgresNotification {
  readonly channel: string;
  readonly payload?: string | undefined;
}

/** `PGlite`, and what `fromPostgresJs` makes: it keeps a connection for what is listened to. */
export interface PostgresChannelClient {
  listen(channel: string, onPayload: (payload: string) => void): Promise<() => Promise<void>>;
  /** Tells when it listens again after its connection was lost, where it does so by itself. Returns how to stop. */
  onRelisten?(listener: () => void): () => void;
}

/** A connection that hears notifications. Not one of a pool, and not through a pooler. */
export type PostgresListener = PostgresNotificationClient | PostgresChannelClient;
