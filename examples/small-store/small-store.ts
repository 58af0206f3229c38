import { defineStore, type Store, WaybillError } from "waybill";
import { ID_PATTERN } from "waybill/store-kit";
import { changes } from "./changes.js";
import type { Engine } from "./engine.js";
import { lookups } from "./lookups.js";
import { operations } from "./operations.js";

/** Keeps jobs in an engine, which it never closes. Every call is made of reads and at most one commit. */
export function smallStore(engine: Engine): Store {
  const { create, write, beat, claim, advance, takeDue } = changes(engine);
  const { read, list, byRef } = lookups(engine);
  const { park, parked, unpark, pulse, health, purge } = operations(engine);
  let closed = false;

  /** Every call goes through here first: nothing may have happened when it is refused. */
  function admit(ids: readonly string[] = []): void {
    if (closed) throw new WaybillError("waybill.closed", "The small store was closed.");
    if (ids.every((id) => ID_PATTERN.test(id))) return;
    throw new WaybillError("id.invalid", "An id given to the store is not of the form of an id.");
  }

  function admitted<Q, R>(
    call: (request: Q) => Promise<R>,
    idsOf: (request: Q) => readonly string[] = () => [],
  ) {
    return async (request: Q): Promise<R> => {
      admit(idsOf(request));
      return call(request);
    };
  }

  const itemIds = ({ items }: { items: readonly { readonly id: string }[] }) => items.map(({ id }) => id);

  return defineStore<Store>({
    capabilities: {
      clock: "caller",
      durability: engine.durability,
      queue: true,
      writeThenClaim: false,
      transactions: false,
      refusalReturnsRecord: true,
      listIsConsistent: true,
      shared: engine.shared,
      maxBatch: 100,
      maxPayloadBytes: 1024 * 1024,
    },
    create: admitted(create, ({ items }) => items.map(({ record }) => record.id)),
    read: admitted(read, ({ ids }) => ids),
    write: admitted(write, itemIds),
    beat: admitted(beat, itemIds),
    claim: admitted(claim, ({ byMessage }) => itemIds({ items: byMessage?.items ?? [] })),
    takeDue: admitted(takeDue),
    advance: admitted(advance, itemIds),
    list: admitted(list),
    byRef: admitted(byRef),
    park: admitted(park, ({ messages }) => itemIds({ items: messages })),
    parked: admitted(parked),
    unpark: admitted(unpark, ({ ids }) => ids),
    pulse: admitted(pulse),
    health: admitted(health),
    purge: admitted(purge),
    ready: async () => {
      admit();
    },
    close: async () => {
      closed = true;
    },
  });
}
