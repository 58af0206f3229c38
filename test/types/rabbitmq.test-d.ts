// amqplib's own types fit what Waybill asks for, and options that cannot be do not compile.
import { connect } from "amqplib";
import {
  rabbitmqConnection,
  rabbitmqFeed,
  rabbitmqNotifier,
  rabbitmqQueue,
  type RabbitmqChannelModel,
} from "../../src/rabbitmq.js";

const connection = rabbitmqConnection(() => connect("amqp://localhost", { noDelay: true }));
const model: RabbitmqChannelModel = await connect("amqp://localhost");

// @ts-expect-error a connection that recovers by itself hides what was lost: Waybill makes the new one
rabbitmqConnection(() => connect("amqp://localhost", { recovery: true }));

rabbitmqQueue({ connection, queue: "jobs" });
// @ts-expect-error a queue has a name
rabbitmqQueue({ connection });
// @ts-expect-error the connection of the driver is not Waybill's
rabbitmqQueue({ connection: model, queue: "jobs" });

rabbitmqFeed({ connection });

rabbitmqNotifier({ connection, kinds: ["document.process"], name: (kind: "document.process") => kind });
// @ts-expect-error there are two formats
rabbitmqNotifier({ connection, format: "xml" });
rabbitmqNotifier({
  connection,
  format: "flat",
  fields: ({ subject }, view) => ({ subject, at: view?.updatedAt }),
});
