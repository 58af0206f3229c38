/** Jobs live over WebSockets: `docs/PROTOCOL.md` is what it speaks. */
export type { Authorize, Principal } from "./core/view/access.js";
export {
  type UpgradeServer,
  type WebsocketGateway,
  websocketGateway,
} from "./transports/websocket/gateway.js";
export type { WebsocketGatewayOptions } from "./transports/websocket/options.js";
