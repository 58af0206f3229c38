import { describe, it } from "vitest";
import { memoryNotifier, type MemoryNotifier } from "../../src/adapters/memory/notifier.js";
import { notifierSuite, type ReceiverAnswer } from "../../src/testing/notifier-suite/notifier-suite.js";

function answer(notifier: MemoryNotifier, eventId: string, how: ReceiverAnswer): void {
  if (how === "accept") notifier.heal();
  else notifier.failNext(how, { count: Infinity, where: (event) => event.id === eventId });
}

describe("memory", () => {
  notifierSuite(
    { describe, it },
    {
      async create() {
        const notifier = memoryNotifier({ lane: ({ owner }) => owner ?? "" });
        return {
          notifier,
          delivered: () => notifier.events.map(({ id }) => id),
          received: () => notifier.events,
          answers: ["accept", "retry", "held", "rejected", "hang"],
          answer: (eventId, how) => {
            answer(notifier, eventId, how);
          },
          inLane: (event, lane) => ({ ...event, owner: lane }),
          close: () => notifier.close(),
        };
      },
    },
  );
});
