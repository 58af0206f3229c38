export type {
  PostgresChannelClient,
  PostgresClient,
  PostgresListener,
  PostgresNotification,
  PostgresNotificationClient,
  PostgresTransaction,
} from "./adapters/postgres/client/client.js";
export { postgresFeed, type PostgresFeedOptions } from "./adapters/postgres/listen/feed.js";
export { listenOnPg, type PgListenerClient } from "./adapters/postgres/listen/pg-listener.js";
export { fromPg, type Pg } from "./adapters/postgres/client/pg.js";
export { postgresMigrationSql } from "./adapters/postgres/migrate.js";
export {
  fromPostgresJs,
  type PostgresJs,
  type PostgresJsOptions,
  type PostgresJsRoot,
} from "./adapters/postgres/client/postgres-js.js";
export { type PostgresStore, postgresStore, type PostgresStoreOptions } from "./adapters/postgres/store.js";
