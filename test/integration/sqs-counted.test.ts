import { afterEach, describe, expect, it } from "vitest";
import { createWaybill, defineJob, memoryStore } from "waybill";
import { sqsBench, type SqsBench } from "../doubles/sqs/bench.js";

const mail = defineJob({ kind: "mail", input: (value: unknown) => value as { n: number } });

let bench: SqsBench;
afterEach(() => bench.close());

describe("requests to SQS, counted", () => {
  it("100 concurrent submits", async () => {
    bench = await sqsBench();
    const waybill = createWaybill({ jobs: [mail], store: memoryStore(), queue: bench.queue });
    await Promise.all(Array.from({ length: 100 }, (_, n) => waybill.submit(mail, { n })));
    expect(bench.sqs.requests.count("SendMessageBatch")).toBe(10);
    await waybill.close();
  });
});
