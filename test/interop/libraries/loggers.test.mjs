// Loggers as they come: what a handler says has its text, its own fields and the job's.
import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { describe, it } from "node:test";
import bunyan from "bunyan";
import pino from "pino";
import winston from "winston";
import { createWaybill, defineJob, memoryStore } from "waybill";

const anything = { "~standard": { version: 1, vendor: "interop", validate: (value) => ({ value }) } };
const mail = defineJob({ kind: "mail", input: anything });

function collector() {
  const lines = [];
  const take = (text) =>
    void lines.push(
      ...text
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line)),
    );
  const stream = new Writable({
    write(chunk, _, done) {
      take(String(chunk));
      done();
    },
  });
  return { lines, stream };
}

const MAKERS = {
  pino: (stream) => pino({ level: "debug" }, stream),
  winston: (stream) =>
    winston.createLogger({ level: "debug", transports: [new winston.transports.Stream({ stream })] }),
  bunyan: (stream) => bunyan.createLogger({ name: "app", level: "debug", stream }),
};

describe("loggers", () => {
  for (const [name, make] of Object.entries(MAKERS)) {
    it(`${name}: keeps the text, the handler's fields and ours`, async () => {
      const { lines, stream } = collector();
      const waybill = createWaybill({ jobs: [mail], store: memoryStore(), logger: make(stream) });
      const running = waybill
        .worker([mail.handle(({ logger }) => logger.info("on its way", { town: "Ulm" }))])
        .run();
      const job = await waybill.submit(mail, {}).unwrap();
      await waybill.result(mail, job.id);
      await waybill.close();
      await running;
      await new Promise((resolve) => setImmediate(resolve));
      const said = lines.find(({ msg, message }) => (msg ?? message) === "on its way");
      assert.equal(said?.town, "Ulm");
      assert.equal(said?.jobId, job.id);
    });
  }
});
