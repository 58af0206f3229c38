// A broker that treats single events badly. No broker can be told to: the driver's channel is wrapped, and says for it what
// RabbitMQ says (a message nacked), or nothing at all. What is rejected is too large, which the notifier itself finds.
import type { RabbitmqChannel, RabbitmqChannelModel } from "../../src/adapters/rabbitmq/client.js";
import type { ServerEvent } from "../../src/core/job/event.js";
import type { ReceiverAnswer } from "../../src/testing/notifier-suite/notifier-suite.js";

export interface Answering {
  connect(): Promise<RabbitmqChannelModel>;
  fields(event: ServerEvent): object;
  answer(eventId: string, answer: ReceiverAnswer): void;
}

export function answering(connect: () => Promise<RabbitmqChannelModel>): Answering {
  const answers = new Map<string, ReceiverAnswer>();
  return {
    async connect() {
      const model = await connect();
      const create = model.createConfirmChannel.bind(model);
      model.createConfirmChannel = async () => wrapped(await create(), answers);
      return model;
    },
    fields: (event) => (answers.get(event.id) === "rejected" ? { filler: "x".repeat(1024 * 1024) } : {}),
    answer(eventId, answer) {
      answers.set(eventId, answer);
    },
  };
}

function wrapped(channel: RabbitmqChannel, answers: ReadonlyMap<string, ReceiverAnswer>): RabbitmqChannel {
  const publish = channel.publish.bind(channel);
  channel.publish = (exchange, routingKey, content, options, confirmed) => {
    const answer = answers.get(options.messageId ?? "");
    if (answer === "hang") return true;
    if (answer !== "retry") return publish(exchange, routingKey, content, options, confirmed);
    confirmed(new Error("message nacked"));
    return true;
  };
  return channel;
}
