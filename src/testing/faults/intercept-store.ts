import type { Store } from "../../core/ports/store.js";

/** What of a store is a round trip. `migrate` and `close` are not: they pass unseen. */
export type StoreMethod =
  | "create"
  | "read"
  | "write"
  | "beat"
  | "claim"
  | "takeDue"
  | "advance"
  | "list"
  | "byRef"
  | "park"
  | "parked"
  | "unpark"
  | "pulse"
  | "health"
  | "purge"
  | "ready";

export const STORE_METHODS: readonly StoreMethod[] = [
  "create",
  "read",
  "write",
  "beat",
  "claim",
  "takeDue",
  "advance",
  "list",
  "byRef",
  "park",
  "parked",
  "unpark",
  "pulse",
  "health",
  "purge",
  "ready",
];

/** Stands around one call. `items`: how many jobs or messages the call names, or asks for at most. */
export type AroundStoreCall = <T>(method: StoreMethod, items: number, call: () => Promise<T>) => Promise<T>;

/** A store that passes every round trip through `around`; capabilities and feed are those of the store inside. */
export function interceptStore<Tx>(store: Store<Tx>, around: AroundStoreCall): Store<Tx> {
  const migrate = store.migrate?.bind(store);
  const onLostWrites = store.onLostWrites?.bind(store);
  return {
    capabilities: store.capabilities,
    ...(store.feed && { feed: store.feed }),
    ...(store.tellsChanges && { tellsChanges: true }),
    create: (request) => around("create", request.items.length, () => store.create(request)),
    read: (request) => around("read", request.ids.length, () => store.read(request)),
    write: (request) => around("write", request.items.length, () => store.write(request)),
    beat: (request) => around("beat", request.items.length, () => store.beat(request)),
    claim: (request) =>
      around("claim", request.next?.limit ?? request.byMessage?.items.length ?? 0, () =>
        store.claim(request),
      ),
    takeDue: (request) => around("takeDue", request.limit, () => store.takeDue(request)),
    advance: (request) => around("advance", request.items.length, () => store.advance(request)),
    list: (request) => around("list", request.limit, () => store.list(request)),
    byRef: (request) => around("byRef", 1, () => store.byRef(request)),
    park: (request) => around("park", request.messages.length, () => store.park(request)),
    parked: (request) => around("parked", request.limit, () => store.parked(request)),
    unpark: (request) => around("unpark", request.ids.length, () => store.unpark(request)),
    pulse: (request) => around("pulse", 1, () => store.pulse(request)),
    health: (request) => around("health", 1, () => store.health(request)),
    purge: (request) => around("purge", request.limit, () => store.purge(request)),
    ready: () => around("ready", 1, () => store.ready()),
    ...(migrate && { migrate }),
    ...(onLostWrites && { onLostWrites }),
    close: () => store.close(),
  };
}
