// What a queue does wrong with what is sent: bodies, ids, delays, batches, capabilities.
import type { OutgoingMessage, SendResult } from "../../../src/core/ports/queue.js";
import { delivering, ORDERED, type QueueBug, sending } from "./queue-bugs.js";
import { plain, type PlainMessage, PlainQueue } from "./plain-queue.js";

const BODY = "`body` is text made by the core.";
const SENT = "`sent`: the queue confirmed that it holds the message.";
const DEDUP = "A repeated `dedupId` is swallowed.";
const READS = "`send` takes messages that it may only read.";

const body = (change: (text: string) => string): QueueBug["make"] =>
  sending((message) => ({ ...message, body: change(message.body) }));

const BASE64 = /^(?:[A-Za-z0-9+/]{4}){3,}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

const isBatch = ({ length }: readonly unknown[]): boolean => length >= 1 && length <= 10;

export const SENDING_BUGS: readonly QueueBug[] = [
  {
    name: "bodies lose their blanks at both ends",
    breaks: BODY,
    caughtBy: "sending",
    make: body((text) => text.trim()),
  },
  {
    name: "the line ends of bodies become one character",
    breaks: BODY,
    caughtBy: "sending",
    make: body((text) => text.replace(/\r\n/g, "\n")),
  },
  {
    name: "bodies are cut at 2048 characters",
    breaks: BODY,
    caughtBy: "sending",
    make: body((text) => text.slice(0, 2_048)),
  },
  {
    name: "bodies are composed",
    breaks: BODY,
    caughtBy: "sending",
    make: body((text) => text.normalize("NFC")),
  },
  {
    name: "bodies that read like base64 are decoded",
    breaks: BODY,
    caughtBy: "sending",
    make: delivering((delivery) => ({
      body: BASE64.test(delivery.body) ? Buffer.from(delivery.body, "base64").toString() : delivery.body,
    })),
  },
  {
    name: "a body that is there is not sent again",
    breaks: SENT,
    caughtBy: "sending",
    make: ({ inner }) => {
      const known = new Set<string>();
      return {
        async send(messages) {
          const fresh = messages.filter((message) => !known.has(message.body));
          for (const message of messages) known.add(message.body);
          if (fresh.length > 0 || messages.length === 0) await inner.send(fresh);
          return messages.map((): SendResult => ({ status: "sent" }));
        },
      };
    },
  },
  {
    name: "deduplicates by the body",
    breaks: DEDUP,
    caughtBy: "sending",
    options: ORDERED,
    make: sending((message) => ({ ...message, dedupId: message.body.slice(0, 120) })),
  },
  {
    name: "deduplication ids are told apart without their case",
    breaks: DEDUP,
    caughtBy: "order",
    options: ORDERED,
    make: sending((message) => ({ ...message, dedupId: message.dedupId.toLowerCase() })),
  },
  {
    name: "a deduplication id is known although its message was not confirmed",
    breaks: SENT,
    caughtBy: "order",
    options: ORDERED,
    make: ({ inner }) => {
      const known = new Set<string>();
      return {
        async send(messages) {
          if (!isBatch(messages)) return inner.send(messages);
          const results: SendResult[] = [];
          for (const message of messages) {
            if (known.has(message.dedupId)) results.push({ status: "sent" });
            else results.push(...(await inner.send([message])));
            known.add(message.dedupId);
          }
          return results;
        },
      };
    },
  },
  {
    name: "what the queue can never hold is unknown, and sent for ever",
    breaks: "`rejected`: it certainly does not and never will.",
    caughtBy: "sending",
    unsendable: "never",
    make: ({ inner }) => ({
      async send(messages) {
        if (!isBatch(messages)) return inner.send(messages);
        const results: SendResult[] = [];
        for (const message of messages)
          results.push(
            ...(message.body === "never"
              ? [{ status: "unknown", reason: "it was not taken" } as const]
              : await inner.send([message])),
          );
        return results;
      },
    }),
  },
  {
    name: "a batch with one message that can never be held is rejected whole",
    breaks: "`send` answers per message.",
    caughtBy: "sending",
    unsendable: "never",
    make: ({ inner }) => ({
      async send(messages) {
        if (!messages.some((message) => message.body === "never")) return inner.send(messages);
        return messages.map((): SendResult => ({ status: "rejected", reason: "the batch was refused" }));
      },
    }),
  },
  {
    name: "two sends at once share a buffer",
    breaks: "How many `send` calls may be under way at once.",
    caughtBy: "side by side",
    make: ({ inner }) => {
      let buffer: readonly OutgoingMessage[] = [];
      return {
        async send(messages) {
          if (!isBatch(messages)) return inner.send(messages);
          buffer = messages;
          await Promise.resolve();
          return inner.send(buffer);
        },
      };
    },
  },
  {
    name: "send empties the list that it is given",
    breaks: READS,
    caughtBy: "sending",
    make: ({ inner }) => ({
      async send(messages) {
        const results = await inner.send(messages);
        (messages as OutgoingMessage[]).splice(0);
        return results;
      },
    }),
  },
  {
    name: "send writes into the messages that it is given",
    breaks: READS,
    caughtBy: "sending",
    make: ({ inner }) => ({
      send(messages) {
        for (const message of messages as readonly { groupId: string }[])
          message.groupId = encodeURIComponent(`${message.groupId}/`);
        return inner.send(messages);
      },
    }),
  },
  {
    name: "a delay is made by receiving and giving back",
    breaks: "How often the message has been received.",
    caughtBy: "delay",
    make: plain(
      class extends PlainQueue {
        protected override keep(message: OutgoingMessage): PlainMessage {
          const kept = super.keep(message);
          if (message.delayMs > 0) kept.receives += 1;
          return kept;
        }
      },
    ),
  },
  {
    name: "a delayed message was sent when its delay ends",
    breaks: "When it was first sent.",
    caughtBy: "delay",
    make: plain(
      class extends PlainQueue {
        protected override keep(message: OutgoingMessage): PlainMessage {
          const kept = super.keep(message);
          kept.sentAt += message.delayMs;
          return kept;
        }
      },
    ),
  },
  {
    name: "all messages of a batch have the delay of the first",
    breaks: "The delay is of the message.",
    caughtBy: "delay",
    make: ({ inner }) => ({
      send: (messages) =>
        inner.send(messages.map((message) => ({ ...message, delayMs: messages[0]?.delayMs ?? 0 }))),
    }),
  },
  {
    name: "visibility is declared in seconds",
    breaks: "`visibilityMs`: how long a received message is hidden.",
    caughtBy: "sending",
    make: ({ inner }) => ({ capabilities: { ...inner.capabilities, visibilityMs: 30 } }),
  },
  {
    name: "an order is declared that is not kept",
    breaks: "`ordered`: whether messages of one group keep their order.",
    caughtBy: "order",
    make: ({ inner }) => ({ capabilities: { ...inner.capabilities, ordered: true } }),
  },
];
