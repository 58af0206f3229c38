// Receivers and senders of webhooks that know nothing of Waybill.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, describe, it } from "node:test";
import { HTTP } from "cloudevents";
import { Webhook as Standard } from "standardwebhooks";
import { Webhook as Svix } from "svix";
import { createWaybill, defineJob, memoryStore } from "waybill";
import { webhookNotifier } from "waybill/webhook";
import { verifyWebhook } from "waybill/webhook/verify";
import { z } from "zod";

const OLD = `whsec_${Buffer.alloc(24, 1).toString("base64")}`;
const NEW = `whsec_${Buffer.alloc(32, 2).toString("base64")}`;
/** What a careless encoder changes: half of it is outside of Latin 1, and U+2028 is a line's end in JavaScript alone. */
const SUBJECT = "Größe 文書 \u{1F4E6} \u2028 end";

const note = defineJob({ kind: "note", input: z.object({ text: z.string() }), subject: ({ text }) => text });

describe("webhooks of Waybill", () => {
  const heard = [];
  const server = createServer((request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      heard.push({ headers: request.headers, body: Buffer.concat(chunks).toString(), path: request.url });
      response.writeHead(204).end();
    });
  });
  let waybill;

  before(async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const base = `http://127.0.0.1:${server.address().port}`;
    const to = (path, extra) =>
      webhookNotifier({
        endpoint: { url: `${base}/${path}`, secrets: [NEW, OLD] },
        on: ["job.completed"],
        allowLocalReceivers: true,
        ...extra,
      });
    waybill = createWaybill({
      jobs: [note],
      store: memoryStore(),
      notifiers: {
        standard: to("standard"),
        cloud: to("cloud", { format: { cloudEvents: { source: "https://example.org/notes" } } }),
      },
    });
    const worker = waybill.worker([note.handle(() => null)]);
    const stop = new AbortController();
    const running = worker.run({ signal: stop.signal });
    await waybill.submit(note, { text: SUBJECT }).unwrap();
    while (heard.length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
    stop.abort();
    await running;
  });

  after(async () => {
    await waybill.close();
    server.close();
  });

  const at = (path) => heard.find((request) => request.path === `/${path}`);

  for (const [name, Webhook] of Object.entries({ standardwebhooks: Standard, svix: Svix })) {
    it(`are verified by ${name}, with the new secret and with the old one`, () => {
      const { body, headers } = at("standard");
      for (const secret of [NEW, OLD])
        assert.equal(new Webhook(secret).verify(body, headers).data.subject, SUBJECT);
    });

    it(`are refused by ${name} when a byte of the body is another`, () => {
      const { body, headers } = at("standard");
      assert.throws(() => new Webhook(NEW).verify(body.replace("COMPLETED", "COMPLETEE"), headers));
    });

    it(`of ${name} are verified by Waybill`, async () => {
      const event = JSON.parse(at("standard").body);
      const body = JSON.stringify(event);
      const now = new Date();
      const id = "msg:1";
      const signature = new Webhook(OLD).sign(id, now, body);
      const headers = {
        "webhook-id": id,
        "webhook-timestamp": String(Math.floor(now.getTime() / 1000)),
        "webhook-signature": signature,
      };
      const verified = await verifyWebhook({ body, headers }, { secrets: [NEW, OLD] });
      assert.equal(verified.data.subject, SUBJECT);
      await assert.rejects(verifyWebhook({ body, headers }, { secrets: [NEW] }), { code: "no_match" });
    });
  }

  it("are read by cloudevents", () => {
    const { body, headers } = at("cloud");
    const event = HTTP.toEvent({ headers, body });
    assert.equal(event.validate(), true);
    assert.equal(event.source, "https://example.org/notes");
    assert.equal(event.data.subject ?? event.subject, SUBJECT);
  });
});
