// Parked messages, the pulse, health and purge.
import type { ParkedMessage, Store } from "waybill";
import type { Engine, Range } from "./engine.js";
import { idIn, instantIn, keysIn, notingUnreadable, under, upTo } from "./rows.js";
import { transact } from "./transaction.js";

type Operations = Pick<Store, "park" | "parked" | "unpark" | "pulse" | "health" | "purge">;
type Pulse = Pick<Awaited<ReturnType<Store["health"]>>, "lastPulseAt" | "unserved">;

export function operations(engine: Engine): Operations {
  const firstIn = async (range: Pick<Range, "after" | "below">): Promise<number | null> => {
    const [entry] = await engine.scan({ ...range, limit: 1 });
    return entry === undefined ? null : instantIn(entry.key);
  };
  const countIn = async (index: string): Promise<number> => {
    let count = 0;
    for await (const _ of keysIn(engine, under(index))) count += 1;
    return count;
  };

  return {
    park: ({ nowMs, messages }) =>
      transact(engine, async (tx) => {
        const known = await tx.read(messages.map(({ id }) => `parked/${id}`));
        for (const [index, message] of messages.entries()) {
          if (known[index] === null) tx.set(`parked/${message.id}`, JSON.stringify(message));
        }
        return { nowMs };
      }),

    parked: async ({ nowMs, limit, after = "" }) => {
      const entries = await engine.scan({ ...under("parked/"), after: `parked/${after}`, limit });
      return { nowMs, messages: entries.map(({ value }) => JSON.parse(value) as ParkedMessage) };
    },

    unpark: ({ nowMs, ids }) =>
      transact(engine, async (tx) => {
        for (const id of ids) tx.set(`parked/${id}`, null);
        return { nowMs };
      }),

    pulse: ({ nowMs, unserved }) =>
      transact(engine, async (tx) => {
        tx.set("pulse", JSON.stringify({ lastPulseAt: nowMs, unserved } satisfies Pulse));
        return { nowMs };
      }),

    health: async ({ nowMs }) => {
      const [pulse = null] = await engine.get(["pulse"]);
      const never: Pulse = { lastPulseAt: null, unserved: 0 };
      return {
        nowMs,
        ...(pulse === null ? never : (JSON.parse(pulse.value) as Pulse)),
        oldestDueAt: await firstIn(upTo("wake", nowMs)),
        oldestReadyAt: await firstIn(upTo("ready", nowMs)),
        parked: await countIn("parked/"),
        undeliverable: await countIn("undelivered/"),
      };
    },

    purge: ({ nowMs, limit, parkedBefore }) =>
      transact(engine, async (tx) => {
        const gone = { jobs: 0, parked: 0 };
        for await (const { key } of keysIn(engine, upTo("purge", nowMs))) {
          if (gone.jobs === limit) break;
          const unreadable: string[] = [];
          const row = await tx.row(idIn(key)).catch(notingUnreadable(unreadable));
          for (const id of unreadable) tx.set(`job/${id}`, null);
          // Its other keys lead to nothing, which is passed by wherever it is met.
          if (unreadable.length > 0) tx.set(key, null);
          if (row === null || (row.record.purgeAt ?? Infinity) > nowMs) continue;
          tx.put(row, null);
          gone.jobs += 1;
        }
        for await (const { key } of keysIn(engine, under("parked/"))) {
          // Read, so that nothing is removed that was parked anew since its key was seen.
          const [message = null] = await tx.read([key]);
          if (message === null || (JSON.parse(message) as ParkedMessage).at >= parkedBefore) continue;
          tx.set(key, null);
          gone.parked += 1;
        }
        return { nowMs, ...gone };
      }),
  };
}
