export type {
  RabbitmqChannel,
  RabbitmqChannelModel,
  RabbitmqMessage,
  RabbitmqPublishOptions,
  RabbitmqDeclareOptions,
} from "./adapters/rabbitmq/client.js";
export { rabbitmqFeed, type RabbitmqFeedOptions } from "./adapters/rabbitmq/feed.js";
export {
  type RabbitmqConnect,
  type RabbitmqConnection,
  rabbitmqConnection,
} from "./adapters/rabbitmq/link.js";
export { rabbitmqNotifier, type RabbitmqNotifierOptions } from "./adapters/rabbitmq/notifier.js";
export { rabbitmqQueue, type RabbitmqQueueOptions } from "./adapters/rabbitmq/queue.js";
