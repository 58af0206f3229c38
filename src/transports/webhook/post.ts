import { request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Target } from "./endpoint.js";
import type { Network } from "./network.js";

/** What is read of an answer's body. Nobody looks at it: what is read frees the connection for the next delivery. */
const MOST_ANSWER_BYTES = 16 * 1024;

/** What a connection says that its receiver closed: to whoever waits for an answer, and to whoever still writes. */
const CLOSED: readonly unknown[] = ["ECONNRESET", "EPIPE"];

export interface WebhookRequest {
  readonly target: Pick<Target, "url" | "isLocal">;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** Ends the request, and whatever of its answer is still on the way. */
  readonly signal: AbortSignal;
}

export interface WebhookAnswer {
  readonly status: number;
  readonly retryAfter: string | null;
}

/**
 * Posts a webhook and says how it was answered. The status is the answer: a body that never ends delays nothing. Redirects
 * are not followed.
 *
 * @throws what the network, the certificate or the parser of HTTP reports
 */
export async function post(network: Network, request: WebhookRequest): Promise<WebhookAnswer> {
  for (;;) {
    const { sent, answer } = send(network, request);
    try {
      return await answer;
    } catch (error) {
      // A receiver may close an idle connection in the moment in which it is used again: that is no failure of its own.
      if (!sent.reusedSocket || !CLOSED.includes((error as NodeJS.ErrnoException).code)) throw error;
    }
  }
}

function send(
  network: Network,
  { target, headers, body, signal }: WebhookRequest,
): { readonly sent: ClientRequest; readonly answer: Promise<WebhookAnswer> } {
  const request = target.url.protocol === "https:" ? httpsRequest : httpRequest;
  const sent = request(target.url, {
    method: "POST",
    agent: network.agent(target),
    headers: { ...headers, "content-length": body.length },
    signal,
  });
  const answer = new Promise<WebhookAnswer>((resolve, reject) => {
    sent.on("error", reject);
    // Node ends a connection that changes to another protocol without an answer and without an error; nothing that comes later,
    // the signal included, is heard by the request then.
    sent.on("close", () => {
      reject(new Error("The connection ended without an answer."));
    });
    sent.on("response", (response) => {
      drain(response);
      const { statusCode = 0, headers: answered } = response;
      resolve({ status: statusCode, retryAfter: answered["retry-after"] ?? null });
    });
  });
  sent.end(body);
  return { sent, answer };
}

function drain(response: IncomingMessage): void {
  let bytes = 0;
  // The answer is known; how its body ends is nobody's concern.
  response.on("error", () => undefined);
  response.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MOST_ANSWER_BYTES) response.destroy();
  });
}
