import assert from "node:assert/strict";
import type { ParkedMessage } from "../../../core/ports/store.js";
import { Interleaving } from "../../interleaving.js";
import type { StoreBehaviour } from "../store-behaviour.js";
import type { StoreProbe } from "../store-probe.js";

const ROUNDS = 12;
const OLD_MS = 1_000;

function message(id: string, body: string, at = 9_000): ParkedMessage {
  return { id, queue: "work", body, reason: "unparsable", at };
}

/** Calls of two handles about parked messages, begun by seed. */
async function atOnce(
  probe: StoreProbe,
  round: (first: StoreProbe, second: StoreProbe, name: string, wait: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const handle = await probe.fixture.second?.();
  const second = handle === undefined ? probe : probe.through(handle);
  for (let index = 0; index < ROUNDS; index += 1) {
    const waits = new Interleaving(index + 1);
    probe.fixture.interleave?.(() => waits.pause());
    await round(probe, second, `p-${String(index)}`, () => waits.pause());
  }
  probe.fixture.interleave?.(() => Promise.resolve());
  await handle?.close();
}

async function bodiesOf(probe: StoreProbe): Promise<Readonly<Record<string, string>>> {
  const { messages } = await probe.store.parked({ ...probe.at, limit: 100 });
  return Object.fromEntries(messages.map(({ id, body }) => [id, body]));
}

export const messagesAtOnceBehaviour: StoreBehaviour = {
  group: "messages at once",
  tests: {
    "keeps the first of two that are parked under one id": (probe) =>
      atOnce(probe, async (first, second, id, wait) => {
        const park = async (by: StoreProbe, body: string): Promise<void> => {
          await wait();
          await by.store.park({ ...by.at, messages: [message(id, body)] });
        };
        await Promise.all([park(first, "one"), park(second, "two")]);
        const { [id]: kept } = await bodiesOf(first);
        await first.store.park({ ...first.at, messages: [message(id, "late")] });
        assert.ok(kept === "one" || kept === "two", "one of them is parked");
        assert.equal((await bodiesOf(first))[id], kept, "parking twice is parking once, and the first stays");
      }),

    "parks nothing over what was parked while another was at it": (probe) =>
      atOnce(probe, async (first, second, id, wait) => {
        const parking = first.store.park({ ...first.at, messages: [message(id, "one")] });
        const late = second.store.park({ ...second.at, messages: [message(id, "two")] });
        await wait();
        await Promise.race([parking, late]);
        const { [id]: seen } = await bodiesOf(second);
        await Promise.all([parking, late]);
        if (seen !== undefined)
          assert.equal(
            (await bodiesOf(second))[id],
            seen,
            "parking twice is parking once, and the first stays",
          );
      }),

    "takes out what it is told to, and loses nothing that comes meanwhile": (probe) =>
      atOnce(probe, async (first, second, id, wait) => {
        await first.store.park({ ...first.at, messages: [message(`${id}-out`, "out")] });
        const parked = (async () => {
          await wait();
          await second.store.park({ ...second.at, messages: [message(`${id}-new`, "new")] });
        })();
        await Promise.all([first.store.unpark({ ...first.at, ids: [`${id}-out`] }), parked]);
        const bodies = await bodiesOf(first);
        assert.deepEqual([bodies[`${id}-out`], bodies[`${id}-new`]], [undefined, "new"]);
      }),

    "removes old messages, and none that was parked anew meanwhile": (probe) =>
      atOnce(probe, async (first, second, id, wait) => {
        await first.store.park({ ...first.at, messages: [message(id, "old", OLD_MS - 1)] });
        const anew = (async () => {
          await wait();
          await second.store.unpark({ ...second.at, ids: [id] });
          await second.store.park({ ...second.at, messages: [message(id, "new", OLD_MS)] });
        })();
        await Promise.all([first.store.purge({ ...first.at, limit: 1, parkedBefore: OLD_MS }), anew]);
        assert.equal(
          (await bodiesOf(first))[id],
          "new",
          "parked messages older than asked for go, and no other",
        );
      }),
  },
};
