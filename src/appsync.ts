export type { AppSyncExtendedUpdate, AppSyncUpdate } from "./core/wire/appsync/appsync.js";
export type { AppSyncEventBody } from "./core/wire/appsync/appsync-events.js";
export { type AppSyncEventsNotifier, appsyncEventsNotifier } from "./transports/appsync/events-notifier.js";
export { type AppSyncMessage, type AppSyncNotifier, appsyncNotifier } from "./transports/appsync/notifier.js";
export type {
  AppSyncAuth,
  AppSyncChannel,
  AppSyncCredentials,
  AppSyncEventsNotifierOptions,
  AppSyncNotifierOptions,
  AppSyncSecret,
} from "./transports/appsync/options.js";
export { appsyncResolver, appsyncSchema, type AppSyncSchemaOptions } from "./transports/appsync/schema.js";
