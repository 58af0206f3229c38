import type { Delivery, Queue, ReceiveRequest } from "../../core/ports/queue.js";

/** What of a queue is a round trip. `receiveDead`: a receive of the dead letters. */
export type QueueMethod =
  "send" | "receive" | "receiveDead" | "ack" | "release" | "extend" | "backlog" | "check";

export const QUEUE_METHODS: readonly QueueMethod[] = [
  "send",
  "receive",
  "receiveDead",
  "ack",
  "release",
  "extend",
  "backlog",
  "check",
];

/** What stands around the calls of a queue. `send` is apart: it answers per message where the others reject. */
export interface AroundQueueCalls {
  readonly send: (
    messages: Parameters<Queue["send"]>[0],
    call: () => ReturnType<Queue["send"]>,
  ) => ReturnType<Queue["send"]>;
  readonly other: <T>(
    method: Exclude<QueueMethod, "send">,
    items: number,
    call: () => Promise<T>,
  ) => Promise<T>;
}

/** A queue that passes every round trip, those of its deliveries too, through `around`. */
export function interceptQueue(queue: Queue, around: AroundQueueCalls): Queue {
  const { deadLetters } = queue;
  const receiving = async (
    method: "receive" | "receiveDead",
    request: ReceiveRequest,
    receive: () => Promise<readonly Delivery[]>,
  ): Promise<readonly Delivery[]> =>
    (await around.other(method, request.max, receive)).map((delivery) => interceptDelivery(delivery, around));
  return {
    capabilities: queue.capabilities,
    send: (messages) => around.send(messages, () => queue.send(messages)),
    receive: (request) => receiving("receive", request, () => queue.receive(request)),
    ...(deadLetters && {
      deadLetters: {
        receive: (request: ReceiveRequest) =>
          receiving("receiveDead", request, () => deadLetters.receive(request)),
        ...(deadLetters.isFrom && {
          isFrom: (source: string) => deadLetters.isFrom?.(source) === true,
        }),
      },
    }),
    ...optionalCalls(queue, around),
    close: () => queue.close(),
  };
}

/** What not every queue has. */
function optionalCalls(queue: Queue, around: AroundQueueCalls): Pick<Queue, "backlog" | "check" | "isFrom"> {
  return {
    ...(queue.backlog && {
      backlog: () => around.other("backlog", 1, async () => (await queue.backlog?.()) ?? null),
    }),
    ...(queue.check && {
      check: (expected) => around.other("check", 1, async () => (await queue.check?.(expected)) ?? []),
    }),
    ...(queue.isFrom && { isFrom: (source) => queue.isFrom?.(source) ?? false }),
  };
}

function interceptDelivery(delivery: Delivery, around: AroundQueueCalls): Delivery {
  return {
    body: delivery.body,
    receives: delivery.receives,
    sentAt: delivery.sentAt,
    ...(delivery.groupId !== undefined && { groupId: delivery.groupId }),
    ack: () => around.other("ack", 1, () => delivery.ack()),
    release: (afterMs) => around.other("release", 1, () => delivery.release(afterMs)),
    extend: (ms) => around.other("extend", 1, () => delivery.extend(ms)),
  };
}
