// A TCP proxy that knows AMQP's frames, in front of a broker: one exchange of a connection goes wrong as a test wants it.
import { connect, createServer, type Server, type Socket } from "node:net";

/** Methods of AMQP 0-9-1 by class and number, with the broker's answer where there is one. */
export const EXCHANGES = {
  "connection.start": { asked: [10, 11], answered: [10, 30] },
  "connection.open": { asked: [10, 40], answered: [10, 41] },
  "channel.open": { asked: [20, 10], answered: [20, 11] },
  "confirm.select": { asked: [85, 10], answered: [85, 11] },
  "channel.close": { asked: [20, 40], answered: [20, 41] },
  "connection.close": { asked: [10, 50], answered: [10, 51] },
  "exchange.declare": { asked: [40, 10], answered: [40, 11] },
  "queue.bind": { asked: [50, 20], answered: [50, 21] },
  "queue.declare": { asked: [50, 10], answered: [50, 11] },
  "basic.publish": { asked: [60, 40], answered: [60, 80] },
  "basic.qos": { asked: [60, 10], answered: [60, 11] },
  "basic.consume": { asked: [60, 20], answered: [60, 21] },
  "basic.cancel": { asked: [60, 30], answered: [60, 31] },
  "basic.ack": { asked: [60, 80], answered: null },
  "basic.reject": { asked: [60, 90], answered: null },
  "basic.nack": { asked: [60, 120], answered: null },
} as const;

export type Exchange = keyof typeof EXCHANGES;

/**
 * - `refused`: the broker gets something in its place that it refuses, and closes the channel.
 * - `lost before`: the connection is cut instead of passing it on.
 * - `lost after`: it is passed on, and the connection cut instead of the answer.
 * - `hung`: from it on nothing goes through, and nobody is told.
 */
export const FAULTS = ["refused", "lost before", "lost after", "hung"] as const;
export type Fault = (typeof FAULTS)[number];

const CHANNEL_CLOSE = [20, 40] as const;
const CONNECTION_BLOCKED = [10, 60] as const;
const CONNECTION_UNBLOCKED = [10, 61] as const;
const QUEUE_DECLARE = [50, 10] as const;
const HEADER_BYTES = 8;
const METHOD_FRAME = 1;

interface Frame {
  readonly bytes: Buffer;
  readonly type: number;
  readonly channel: number;
  readonly method: readonly [number, number] | null;
}

interface Link {
  readonly inner: Socket;
  readonly outer: Socket;
  isHung: boolean;
  /** The answer that the connection is cut in place of. */
  awaited: { readonly channel: number; readonly method: readonly [number, number] } | null;
  /** Contents of a message that was refused: they follow in frames of their own. */
  swallowing: number | null;
  /** What the broker leaves unread while it is short of memory; `null`: it reads. */
  unread: Buffer[] | null;
}

export class RabbitmqProxy {
  readonly port: number;
  /** The fault happened. */
  hasFailed = false;
  /** Why the broker closed channels, in its words. */
  readonly channelsClosed: string[] = [];
  /** The most declarations of queues that waited for an answer at one time. */
  mostDeclaring = 0;
  readonly #declaring = new Set<string>();
  readonly #server: Server;
  readonly #target: number;
  readonly #links = new Set<Link>();
  #fault: { readonly exchange: Exchange; readonly fault: Fault; toPass: number } | null = null;

  private constructor(server: Server, port: number, target: number) {
    this.#server = server;
    this.port = port;
    this.#target = target;
    server.on("connection", (outer) => {
      this.#join(outer);
    });
  }

  static async to(target: number): Promise<RabbitmqProxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    return new RabbitmqProxy(server, address.port, target);
  }

  get url(): string {
    return `amqp://127.0.0.1:${String(this.port)}`;
  }

  /** Lets the next exchange of this kind go wrong, once; `toPass`: so many come before it. */
  failNext(exchange: Exchange, fault: Fault, toPass = 0): void {
    this.#fault = { exchange, fault, toPass };
  }

  /** Cuts every connection. */
  cut(): void {
    for (const link of [...this.#links]) cut(link);
  }

  /** Does on every connection what a broker does that runs short of memory or disk: it says so, and reads nothing more. */
  block(): void {
    for (const link of this.#links) {
      link.unread = [];
      link.outer.write(methodFrame(0, CONNECTION_BLOCKED, shortString("low on memory")));
    }
  }

  unblock(): void {
    for (const link of this.#links) {
      for (const bytes of link.unread ?? []) link.inner.write(bytes);
      link.unread = null;
      link.outer.write(methodFrame(0, CONNECTION_UNBLOCKED, Buffer.alloc(0)));
    }
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(outer: Socket): void {
    const inner = connect(this.#target, "127.0.0.1");
    for (const socket of [inner, outer]) socket.setNoDelay(true);
    const link: Link = { inner, outer, isHung: false, awaited: null, swallowing: null, unread: null };
    this.#links.add(link);
    const end = (): void => {
      this.#links.delete(link);
      cut(link);
    };
    for (const socket of [inner, outer]) socket.on("close", end).on("error", end);
    outer.on(
      "data",
      frames(
        HEADER_BYTES,
        (header) => inner.write(header),
        (frame) => {
          this.#ask(link, frame);
        },
      ),
    );
    inner.on(
      "data",
      frames(
        0,
        () => undefined,
        (frame) => {
          this.#answer(link, frame);
        },
      ),
    );
  }

  #ask(link: Link, frame: Frame): void {
    if (link.unread !== null) {
      link.unread.push(frame.bytes);
      return;
    }
    if (link.isHung || link.swallowing === frame.channel) {
      if (frame.type !== METHOD_FRAME || link.isHung) return;
      link.swallowing = null;
    }
    if (isMethod(frame, EXCHANGES["queue.declare"].asked)) this.#declaring.add(channelOf(link, frame));
    this.mostDeclaring = Math.max(this.mostDeclaring, this.#declaring.size);
    const planned = this.#fault;
    const isPlanned = planned !== null && isMethod(frame, EXCHANGES[planned.exchange].asked);
    if (!isPlanned || planned.toPass > 0) {
      if (isPlanned) planned.toPass -= 1;
      link.inner.write(frame.bytes);
      return;
    }
    this.#fault = null;
    this.hasFailed = true;
    this.#fail(link, frame, planned);
  }

  #fail(
    link: Link,
    frame: Frame,
    { exchange, fault }: { readonly exchange: Exchange; readonly fault: Fault },
  ): void {
    const { answered } = EXCHANGES[exchange];
    switch (fault) {
      case "refused":
        link.inner.write(declareMissing(frame.channel));
        if (exchange === "basic.publish") link.swallowing = frame.channel;
        return;
      case "lost before":
        cut(link);
        return;
      case "hung":
        link.isHung = true;
        return;
      case "lost after":
        link.inner.write(frame.bytes);
        if (answered !== null) link.awaited = { channel: frame.channel, method: answered };
        else link.inner.end(() => link.outer.destroy());
    }
  }

  #answer(link: Link, frame: Frame): void {
    if (link.isHung) return;
    const isClose = isMethod(frame, CHANNEL_CLOSE);
    if (isClose) this.channelsClosed.push(replyText(frame));
    if (isClose || isMethod(frame, EXCHANGES["queue.declare"].answered))
      this.#declaring.delete(channelOf(link, frame));
    const { awaited } = link;
    if (awaited?.channel === frame.channel && isMethod(frame, awaited.method)) cut(link);
    else link.outer.write(frame.bytes);
  }
}

/** One connection's channel among all that pass. */
function channelOf({ outer }: Link, { channel }: Frame): string {
  return `${String(outer.remotePort)}/${String(channel)}`;
}

/** Behind the method stand the reply's code, two bytes, and its text, one byte of length before it. */
function replyText({ bytes }: Frame): string {
  return bytes.subarray(14, 14 + bytes.readUInt8(13)).toString();
}

/** Parts what comes into frames, behind so many bytes that are none. */
function frames(
  skipped: number,
  onSkipped: (bytes: Buffer) => unknown,
  onFrame: (frame: Frame) => void,
): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0);
  let toSkip = skipped;
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    if (toSkip > 0 && rest.length >= toSkip) {
      onSkipped(rest.subarray(0, toSkip));
      rest = rest.subarray(toSkip);
      toSkip = 0;
    }
    // Type, channel and size in front, one byte behind.
    while (toSkip === 0 && rest.length >= 8 && rest.length >= 8 + rest.readUInt32BE(3)) {
      const bytes = rest.subarray(0, 8 + rest.readUInt32BE(3));
      rest = rest.subarray(bytes.length);
      const type = bytes.readUInt8(0);
      const method = type === METHOD_FRAME ? ([bytes.readUInt16BE(7), bytes.readUInt16BE(9)] as const) : null;
      onFrame({ bytes, type, channel: bytes.readUInt16BE(1), method });
    }
  };
}

function isMethod({ method }: Frame, [classId, methodId]: readonly [number, number]): boolean {
  return method?.[0] === classId && method[1] === methodId;
}

/** A passive declaration of a queue that is not there: on an open channel the broker closes it, else the connection. */
function declareMissing(channel: number): Buffer {
  // Reserved, the name, the flag "passive", no arguments.
  const parts = [Buffer.from([0, 0]), shortString("nobody-declares-this"), Buffer.from([1, 0, 0, 0, 0])];
  return methodFrame(channel, QUEUE_DECLARE, Buffer.concat(parts));
}

function methodFrame(channel: number, method: readonly [number, number], given: Buffer): Buffer {
  const head = Buffer.alloc(11);
  head.writeUInt8(METHOD_FRAME, 0);
  head.writeUInt16BE(channel, 1);
  head.writeUInt32BE(4 + given.length, 3);
  head.writeUInt16BE(method[0], 7);
  head.writeUInt16BE(method[1], 9);
  return Buffer.concat([head, given, Buffer.from([0xce])]);
}

function shortString(text: string): Buffer {
  return Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
}

function cut({ inner, outer }: Link): void {
  inner.destroy();
  outer.destroy();
}
