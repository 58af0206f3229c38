/**
 * `waybill/client`: jobs as they are stored, on whatever a person looks at. Runs in browsers, Node and React Native.
 *
 * @packageDocumentation
 */

export { createClient } from "./client/create-client.js";
export { applyNewer, type Versioned } from "./client/apply-newer.js";
export type * from "./client/api.js";
export type * from "./client/client-error.js";
export type * from "./client/snapshot.js";
export type { WebSocketConstructor, WebSocketLike } from "./client/live/websocket.js";
