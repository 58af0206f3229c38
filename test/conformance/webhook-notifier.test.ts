import { describe, it } from "vitest";
import { notifierSuite, type ReceiverAnswer } from "../../src/testing/notifier-suite/notifier-suite.js";
import { notifierOf, resolver, SECRET } from "../integration/webhook-bench.js";
import { type Answering, hang, startReceiver, status } from "../integration/webhook-receiver.js";

const ANSWERS: Readonly<Record<ReceiverAnswer, Answering>> = {
  accept: status(204),
  retry: status(500),
  held: status(429, { "retry-after": "7" }),
  rejected: status(410),
  hang,
};

describe.each([
  { title: "webhook, to this machine", tls: false },
  { title: "webhook, over TLS and the filtering agent", tls: true },
])("$title", ({ tls }) => {
  notifierSuite(
    { describe, it },
    {
      async create() {
        const receiver = await startReceiver({ tls });
        const origin = tls ? "https://hooks.test" : "http://127.0.0.1";
        const notifier = notifierOf({
          options: {
            endpoint: ({ owner }) => ({
              url: `${origin}:${receiver.port}/${owner ?? "none"}`,
              secrets: [SECRET],
            }),
            allowLocalReceivers: !tls,
          },
          resolve: resolver({ "hooks.test": ["127.0.0.1"] }),
          ...(tls && { ports: [receiver.port], publicToo: ["127.0.0.1"] }),
        });
        return {
          notifier,
          delivered: () => receiver.accepted().map(({ id }) => id),
          answers: ["accept", "retry", "held", "rejected", "hang"],
          answer: (eventId, how) => {
            receiver.answer(eventId, ANSWERS[how]);
          },
          inLane: (event, lane) => ({ ...event, owner: lane }),
          close: async () => {
            await notifier.close?.();
            await receiver.close();
          },
        };
      },
    },
  );
});
