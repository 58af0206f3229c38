import { once } from "node:events";
import { MessageChannel, receiveMessageOnPort, Worker } from "node:worker_threads";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { ClientError } from "../../src/client/client-error.js";
import { isError } from "../../src/core/errors/foreign.js";
import { HandlerAborted } from "../../src/core/handler.js";
import {
  defineJob,
  InputInvalidError,
  isWaybillError,
  JobFailedError,
  PermanentError,
  RetryError,
  StoreUnavailableError,
  WaybillError,
} from "../../src/index.js";
import { testWaybill } from "../../src/testing.js";
import { WebhookVerificationError } from "../../src/webhook/verify.js";

const cause = new Error("postgres://ann:s3cret@host");
const facts = { outcome: "unknown", jobId: "job-1", cause } as const;
const unreadable = ((): Error => {
  try {
    return defineJob({ kind: "no good" } as never) as never;
  } catch (error) {
    return error as Error;
  }
})();

/** Every error that an application may hold. */
const ERRORS: readonly (readonly [Error, Readonly<Record<string, unknown>>])[] = [
  [
    new WaybillError("claim.lost", "Gone.", facts),
    { code: "claim.lost", outcome: "unknown", jobId: "job-1" },
  ],
  [new StoreUnavailableError("Away.", facts), { code: "store.unavailable", retryable: true }],
  [unreadable, { code: "config.invalid", retryable: false }],
  [
    new InputInvalidError("Bad.", [{ path: "a", message: "is no number" }]),
    { code: "input.invalid", issues: [{ path: "a", message: "is no number" }] },
  ],
  [new JobFailedError("job-1", "error", null), { code: "result.job_failed", reason: "error" }],
  [new ClientError("server.error", "No.", { status: 502 }, { cause }), { code: "server.error", status: 502 }],
  [new PermanentError("no", { code: "E_NO", details: { a: 1 }, cause }), { code: "E_NO", details: { a: 1 } }],
  [new RetryError("later", { afterMs: 5, cause }), { afterMs: 5, expose: false }],
  [new HandlerAborted("LeaseLost", "gone"), { reason: "LeaseLost" }],
  [new WebhookVerificationError("no_match"), { code: "no_match" }],
];

describe.each(ERRORS)("%s", (error, own) => {
  it("has its text, its name and all that is its own in JSON, and neither stack nor cause", () => {
    const text = JSON.stringify({ error });
    const { error: read } = JSON.parse(text) as { readonly error: object };
    expect(read).toMatchObject({ name: error.name, message: error.message, ...own });
    expect(text).not.toContain("s3cret");
    expect(Object.keys(read)).not.toContain("stack");
  });

  it("is again what it was where that is put into an error", () => {
    const sent = structuredClone((error as unknown as { toJSON: () => object }).toJSON());
    const again = Object.assign(new Error(), sent);
    expect(again).toMatchObject({ name: error.name, message: error.message, ...own });
    expect(isWaybillError(again)).toBe(isWaybillError(error));
  });
});

describe("an error that is posted itself", () => {
  const CODED = ERRORS.map(([error]) => error).filter((error) => isWaybillError(error));

  it.each(CODED)("keeps sentence and code in its text: %s", (error) => {
    const { port1, port2 } = new MessageChannel();
    onTestFinished(() => {
      port1.close();
    });
    port1.postMessage(error);
    const { message: clone } = receiveMessageOnPort(port2) as { readonly message: Error };
    expect(isError(clone)).toBe(true);
    expect(clone.message).toBe(error.message);
    expect(/\[([a-z_.]+)\]$/.exec(clone.message)?.[1]).toBe(error.code);
  });

  it("does so through a thread and back, whose text says the same as its JSON", async () => {
    const echo =
      'const { parentPort: p } = require("node:worker_threads"); p.on("message", (m) => p.postMessage(m));';
    const worker = new Worker(echo, { eval: true });
    onTestFinished(async () => {
      await worker.terminate();
    });
    const error = new WaybillError("claim.lost", "Gone.", facts);
    worker.postMessage([error, error.toJSON()]);
    const [[clone, sent]] = (await once(worker, "message")) as [[Error, object]];
    expect(clone.message).toBe(error.message);
    expect(sent).toMatchObject({ message: error.message, code: "claim.lost", outcome: "unknown" });
  });
});

it("steers a job as well after the way from a thread that ran the handler's work", async () => {
  const mail = defineJob({ kind: "mail", input: z.object({}) });
  const fromThread = structuredClone(new PermanentError("no such town", { code: "E_TOWN" }).toJSON());
  const handler = mail.handle(() => {
    throw Object.assign(new Error(), fromThread);
  });
  await using kit = testWaybill({ jobs: [mail], handlers: [handler] });
  const { id } = await kit.submit(mail, {}).unwrap();
  await kit.settle();
  expect(await kit.get(mail, id)).toMatchObject({
    status: "FAILED",
    attempt: 1,
    failure: { code: "E_TOWN" },
  });
});
