// What a queue says wrongly when it cannot reach its service, and with which codes.
import { isWaybillError } from "../../../src/core/errors/errors.js";
import type { SendResult } from "../../../src/core/ports/queue.js";
import { type QueueBug, receiving, type QueueWorld } from "./queue-bugs.js";

const RECEIVE = "`receive` rejects when the queue cannot be reached.";
const SEND = "Everything about the sender or the queue is `unknown`.";
const BACKLOG = "`backlog` rejects when the queue cannot be reached.";
const CODES =
  "Errors are `queue.unavailable`, `config.invalid` for a misuse, `waybill.closed` after `close`.";

const outage = (name: string, breaks: string, make: QueueBug["make"]): QueueBug => ({
  ...{ name, breaks, make },
  caughtBy: "outage",
  breaksInOutage: true,
});

/** Sends, and in an outage does this. */
const sendingIn = (out: (count: number) => readonly SendResult[]): QueueBug["make"] => {
  return ({ inner, isOut }: QueueWorld) => ({
    send: async (messages) => (isOut() ? out(messages.length) : inner.send(messages)),
  });
};

/** Rejects with what a driver throws where Waybill's error has this code. */
const foreign = (code: string, caughtBy: string): QueueBug["make"] =>
  receiving((receive) => async (request) => {
    try {
      return await receive(request);
    } catch (error) {
      if (isWaybillError(error) && error.code === code)
        throw new Error(`${caughtBy}: ECONNREFUSED`, { cause: error });
      throw error;
    }
  });

export const OUTAGE_BUGS: readonly QueueBug[] = [
  outage(
    "receive finds nothing where nothing can be reached",
    RECEIVE,
    receiving((receive) => (request) => receive(request).catch(() => [])),
  ),
  outage("receive rejects with the driver's own error", CODES, foreign("queue.unavailable", "outage")),
  outage(
    "send rejects where nothing can be reached",
    SEND,
    sendingIn(() => {
      throw new Error("connect ECONNREFUSED");
    }),
  ),
  outage(
    "send says that a message is refused that reached nobody",
    SEND,
    sendingIn((count) => Array.from({ length: count }, () => ({ status: "rejected", reason: "no answer" }))),
  ),
  outage(
    "send believes what it has written to be there",
    SEND,
    sendingIn((count) => Array.from({ length: count }, () => ({ status: "sent" }))),
  ),
  outage("nothing waits where nothing can be counted", BACKLOG, ({ inner, isOut }) => ({
    backlog: async () => (isOut() ? 0 : inner.backlog()),
  })),
  {
    name: "a misuse is an error of another kind",
    breaks: CODES,
    caughtBy: "misuse",
    make: foreign("config.invalid", "misuse"),
  },
  {
    name: "a receive after close fails like an outage",
    breaks: CODES,
    caughtBy: "closing",
    make: foreign("waybill.closed", "closing"),
  },
];
