import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { systemClock, type Clock } from "../../../src/core/environment/clock.js";
import { Account, arnOf } from "./account.js";
import type { QueueAttributeTexts } from "./attributes.js";
import { SqsError } from "./errors.js";
import { Faults, type Fault } from "./faults.js";
import type { Input } from "./rules.js";

export interface SqsDoubleOptions {
  /** @default any that is free, on the loopback address */
  readonly port?: number;
  /** Queues that are there from the start, with their attributes. */
  readonly queues?: Readonly<Record<string, QueueAttributeTexts>>;
  /** Time of visibilities, delays, retention and waits. @default the system clock */
  readonly clock?: Clock;
}

export interface SqsRequest {
  readonly action: string;
  /** The name of the queue; `null`: the request names none. */
  readonly queue: string | null;
  readonly input: Input;
}

/** What was asked, oldest first. */
export class RequestLog {
  readonly all: SqsRequest[] = [];

  /** How many requests there were of an action, or of any. */
  count(action?: string): number {
    return this.of(action).length;
  }

  of(action?: string): readonly SqsRequest[] {
    return this.all.filter((request) => action === undefined || request.action === action);
  }

  /** How many were answered or given up; the rest waits. */
  answered = 0;

  clear(): void {
    this.all.length = 0;
    this.answered = 0;
  }
}

export interface SqsDouble {
  /** `http://127.0.0.1:<port>` */
  readonly endpoint: string;
  readonly requests: RequestLog;
  readonly faults: Faults;
  queueUrl(name: string): string;
  queueArn(name: string): string;
  createQueue(name: string, attributes?: QueueAttributeTexts): void;
  setAttributes(name: string, attributes: QueueAttributeTexts): void;
  /** What a queue holds: visible, in flight, delayed. */
  counts(name: string): { readonly visible: number; readonly inFlight: number; readonly delayed: number };
  close(): Promise<void>;
}

/**
 * An SQS of its own on a loopback port: AWS JSON 1.0 over HTTP, as `@aws-sdk/client-sqs` 3 speaks it. It is written from the
 * public documentation ("Amazon SQS Developer Guide" and "API Reference"; each rule names its page) and was never compared
 * with AWS. It checks no signature. Where the documentation is silent it does what is worst for a client.
 */
export async function startSqs(options: SqsDoubleOptions = {}): Promise<SqsDouble> {
  const { port = 0, queues = {}, clock = systemClock } = options;
  const requests = new RequestLog();
  const faults = new Faults();
  let endpoint = "";
  const account = new Account(clock, () => endpoint);
  const server = createServer((request, response) => {
    void serve({ account, requests, faults }, request, response);
  });
  // Long polls wait by the clock of the double.
  server.requestTimeout = 0;
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  // Dead letter queues before those that name them.
  const named = Object.entries(queues).sort(([, a], [, b]) => rank(a) - rank(b));
  for (const [name, attributes] of named) account.create(name, typed(name, attributes));
  return {
    endpoint,
    requests,
    faults,
    queueUrl: (name) => account.urlOf(name),
    queueArn: arnOf,
    createQueue: (name, attributes = {}) => {
      account.create(name, typed(name, attributes));
    },
    setAttributes: (name, attributes) => {
      account.queue(name).attributes.set(attributes);
    },
    counts: (name) => account.queue(name).counts(),
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

function rank(attributes: QueueAttributeTexts): number {
  return attributes["RedrivePolicy"] === undefined ? 0 : 1;
}

/** The ending of a name says it already. */
function typed(name: string, attributes: QueueAttributeTexts): QueueAttributeTexts {
  return name.endsWith(".fifo") ? { FifoQueue: "true", ...attributes } : attributes;
}

interface Parts {
  readonly account: Account;
  readonly requests: RequestLog;
  readonly faults: Faults;
}

async function serve(parts: Parts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { account, requests, faults } = parts;
  const input = JSON.parse((await bodyOf(request)) || "{}") as Input;
  const action = String(request.headers["x-amz-target"]).split(".").pop() ?? "";
  const url = input["QueueUrl"];
  requests.all.push({
    action,
    queue: typeof url === "string" ? (url.split("/").pop() ?? null) : null,
    input,
  });
  const fault = faults.take(action);
  try {
    if (fault?.kind === "lost_before") request.socket.destroy();
    else if (fault?.kind === "hang" && fault.effect !== true) return;
    else if (fault?.kind === "refuse") throw refusalOf(fault);
    else {
      const answer = await account.perform(action, input, fault);
      if (fault?.kind === "lost_after") request.socket.destroy();
      else if (fault?.kind !== "hang") reply(response, 200, answer);
    }
  } catch (error) {
    const failure =
      error instanceof SqsError ? error : new SqsError("InternalError", "The double has a fault.", 500);
    response.setHeader("x-amzn-query-error", failure.queryError);
    reply(response, failure.status, {
      __type: `com.amazonaws.sqs#${failure.code}`,
      message: failure.message,
    });
  }
  requests.answered += 1;
}

function refusalOf({ code, status, message }: Extract<Fault, { readonly kind: "refuse" }>): SqsError {
  return new SqsError(code, message ?? "A fault was injected.", status);
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.setHeader("content-type", "application/x-amz-json-1.0");
  response.setHeader("x-amzn-requestid", "00000000-0000-0000-0000-000000000000");
  response.writeHead(status).end(JSON.stringify(body));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
