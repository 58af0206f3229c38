import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** How an invocation ended, from the function's side. */
export type Answer =
  | { readonly status: "answered"; readonly body: string }
  /** It threw. */
  | { readonly status: "failed"; readonly body: string };

export interface Invocation {
  readonly requestId: string;
  readonly event: unknown;
  readonly deadlineMs: number;
  readonly functionArn: string;
}

interface Pending {
  readonly invocation: Invocation;
  readonly resolve: (answer: Answer) => void;
}

/**
 * The Runtime API of one execution environment ("Using the Lambda runtime API for custom runtimes"): next invocation,
 * response, invocation error, initialization error. Written from the documentation, never compared with AWS.
 */
export class RuntimeApi {
  readonly #server: Server;
  /** Called when the function could not be loaded. */
  onInitError: (body: string) => void = () => undefined;
  /** Called when the runtime asks for the next event: the one before is done, its process may be frozen. */
  onIdle: () => void = () => undefined;
  #asking: ServerResponse | null = null;
  #given: Pending | null = null;
  #next: Pending | null = null;

  constructor() {
    this.#server = createServer((request, response) => {
      void this.#serve(request, response);
    });
    this.#server.requestTimeout = 0;
    // A frozen process says nothing for as long as it is frozen.
    this.#server.keepAliveTimeout = 0;
  }

  /** Host and port, as `AWS_LAMBDA_RUNTIME_API` has them. */
  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  /** One at a time. */
  invoke(invocation: Invocation): Promise<Answer> {
    return new Promise((resolve) => {
      this.#next = { invocation, resolve };
      this.#hand();
    });
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request);
    const path = request.url ?? "";
    if (path.endsWith("/runtime/invocation/next")) {
      this.#asking = response;
      this.onIdle();
      this.#hand();
      return;
    }
    if (path.endsWith("/runtime/init/error")) this.onInitError(body);
    const [, id, what] = /\/invocation\/([^/]+)\/(response|error)$/.exec(path) ?? [];
    if (id !== undefined && this.#given?.invocation.requestId === id) {
      this.#given.resolve({ status: what === "response" ? "answered" : "failed", body });
      this.#given = null;
    }
    response.writeHead(202, { "content-type": "application/json" }).end("{}");
  }

  #hand(): void {
    if (this.#asking === null || this.#next === null) return;
    const { requestId, event, deadlineMs, functionArn } = this.#next.invocation;
    this.#given = this.#next;
    this.#next = null;
    this.#asking
      .writeHead(200, {
        "content-type": "application/json",
        "lambda-runtime-aws-request-id": requestId,
        "lambda-runtime-deadline-ms": String(deadlineMs),
        "lambda-runtime-invoked-function-arn": functionArn,
        "lambda-runtime-trace-id": "Root=1-00000000-000000000000000000000000;Sampled=0",
      })
      .end(JSON.stringify(event));
    this.#asking = null;
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
