import type { Core } from "../../src/core/engine/context.js";
import type { StoreRequest } from "../../src/core/ports/store.js";

declare const core: Core;
declare const request: StoreRequest;

// What goes past the batches, their guards and their telemetry does not compile.
// @ts-expect-error -- records are not written beside the gateway
void core.gateway.store.write({ ...request, items: [] });
// @ts-expect-error -- nor made
void core.gateway.store.create({ ...request, items: [] });
// @ts-expect-error -- nor are cursors moved
void core.gateway.store.advance({ ...request, items: [] });
// @ts-expect-error -- nor by a call that has another name
void core.gateway.call("health", (store, at) => store.write({ ...at, items: [] }));
void core.gateway.call("health", (store, at) => store.health(at));
