import { describe, it } from "vitest";
import { appsyncEventsNotifier } from "../../src/appsync.js";
import { notifierSuite } from "../../src/testing/notifier-suite/notifier-suite.js";
import { DOUBLE_KEYS, startAppSync } from "../doubles/appsync/double.js";
import { setAnswer } from "../doubles/appsync/set-answer.js";

describe("appsync, Events", () => {
  notifierSuite(
    { describe, it },
    {
      async create() {
        const appsync = await startAppSync();
        const notifier = appsyncEventsNotifier({
          endpoint: appsync.eventsUrl,
          auth: { mode: "apiKey", apiKey: DOUBLE_KEYS.apiKey },
          namespace: "jobs",
          // One channel for all, so that events of several jobs share a request, and each arrives once.
          channels: () => [["all"]],
        });
        return {
          notifier,
          delivered: () => appsync.accepted.map(({ push }) => String(push["id"])),
          answer: (eventId, how) => {
            setAnswer(appsync.faults, eventId, how);
          },
          close: () => appsync.close(),
        };
      },
    },
  );
});
