/**
 * What is used of amqplib, version 2 and newer; its `ChannelModel` and channels fit. Nothing of it is imported: the
 * connection comes from the application.
 */

/** Of an event emitter: what it gives to whom is the driver's affair. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- no other type is taken by every emitter
type Listener = (...args: any[]) => void;

/** Fields of a message that the broker hands over or gives back. */
export interface RabbitmqMessage {
  readonly content: Uint8Array;
  readonly fields: {
    readonly deliveryTag: number;
    readonly redelivered: boolean;
    readonly consumerTag?: string;
  };
  readonly properties: {
    readonly headers?: Readonly<Record<string, unknown>> | undefined;
    readonly messageId?: unknown;
    readonly timestamp?: unknown;
  };
}

/** What a message is published with, named as in amqplib. */
export interface RabbitmqPublishOptions {
  readonly appId?: string;
  readonly CC?: string[];
  readonly contentType?: string;
  readonly expiration?: string;
  readonly headers?: Record<string, unknown>;
  readonly mandatory?: boolean;
  readonly messageId?: string;
  readonly persistent?: boolean;
  readonly timestamp?: number;
  readonly type?: string;
}

/** What a queue is declared with, named as in amqplib. */
export interface RabbitmqDeclareOptions {
  readonly arguments?: Record<string, unknown>;
  readonly autoDelete?: boolean;
  readonly durable?: boolean;
  readonly exclusive?: boolean;
}

interface QueueState {
  readonly queue: string;
  readonly messageCount: number;
}

/** A channel with confirms. */
export interface RabbitmqChannel {
  assertExchange(name: string, type: string, options?: { readonly durable?: boolean }): Promise<unknown>;
  checkExchange(name: string): Promise<unknown>;
  assertQueue(name: string, options?: RabbitmqDeclareOptions): Promise<QueueState>;
  checkQueue(name: string): Promise<QueueState>;
  bindQueue(queue: string, exchange: string, pattern: string): Promise<unknown>;
  prefetch(count: number): Promise<unknown>;
  consume(
    queue: string,
    onMessage: (message: RabbitmqMessage | null) => void,
    options: { readonly consumerTag: string; readonly noAck?: boolean },
  ): Promise<unknown>;
  cancel(consumerTag: string): Promise<unknown>;
  publish(
    exchange: string,
    routingKey: string,
    content: Buffer,
    options: RabbitmqPublishOptions,
    confirmed: (error: unknown) => void,
  ): boolean;
  ack(message: RabbitmqMessage): void;
  nack(message: RabbitmqMessage, allUpTo: boolean, requeue: boolean): void;
  reject(message: RabbitmqMessage, requeue: boolean): void;
  close(): Promise<void>;
  on(event: string, listener: Listener): unknown;
  prependListener(event: string, listener: Listener): unknown;
}

/** What `connect` of amqplib resolves to. */
export interface RabbitmqChannelModel {
  /** The driver's own connection, whose socket is asked not to delay small frames. */
  readonly connection: object;
  createConfirmChannel(): Promise<RabbitmqChannel>;
  close(): Promise<void>;
  on(event: string, listener: Listener): unknown;
}
