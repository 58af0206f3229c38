// A handler that Nest makes: its parts are injected, and its fields its own.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Injectable } from "@nestjs/common";
import { createWaybill, defineJob, memoryStore } from "waybill";

const anything = { "~standard": { version: 1, vendor: "interop", validate: (value) => ({ value }) } };
const mail = defineJob({ kind: "mail", input: anything, output: anything });

class MailHandler {
  #mailer;
  sent = 0;
  constructor(mailer) {
    this.#mailer = mailer;
  }
  run({ input }) {
    this.sent += 1;
    return this.#mailer.send(input.to);
  }
}
Injectable()(MailHandler);

describe("nest", () => {
  it("nest: a provider with private fields is a handler", async () => {
    const waybill = createWaybill({ jobs: [mail], store: memoryStore() });
    const handler = new MailHandler({ send: (to) => `sent to ${to}` });
    const running = waybill.worker([mail.handle(handler)]).run();
    const job = await waybill.submit(mail, { to: "ann" }).unwrap();
    assert.equal(await waybill.result(mail, job.id), "sent to ann");
    await waybill.close();
    await running;
    assert.equal(handler.sent, 1);
  });
});
