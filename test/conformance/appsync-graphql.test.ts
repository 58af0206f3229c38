import { describe, it } from "vitest";
import { appsyncNotifier } from "../../src/appsync.js";
import { notifierSuite } from "../../src/testing/notifier-suite/notifier-suite.js";
import { DOUBLE_KEYS, startAppSync } from "../doubles/appsync/double.js";
import { setAnswer } from "../doubles/appsync/set-answer.js";

describe("appsync, GraphQL", () => {
  notifierSuite(
    { describe, it },
    {
      async create() {
        const appsync = await startAppSync();
        const notifier = appsyncNotifier({
          endpoint: appsync.url,
          auth: { mode: "apiKey", apiKey: DOUBLE_KEYS.apiKey },
          // What the receiver knows an event by: the six fields have neither job nor version.
          id: ({ id }) => id,
          userEmail: () => null,
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
