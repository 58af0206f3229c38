// A program as a user writes it, and what must not compile in it.
import { createWaybill, defineJob, memoryStore } from "waybill";
import { createClient } from "waybill/client";
import { jobRoutes } from "waybill/http";
import { z } from "zod";

const ingest = defineJob({
  kind: "document.ingest",
  input: z.object({ documentId: z.string() }),
  output: z.object({ chunks: z.number() }),
  words: {
    PENDING: "UPLOADED",
    QUEUED: "UPLOADED",
    PROCESSING: "READING",
    COMPLETED: "READY",
    FAILED: "FAILED",
  },
});

const waybill = createWaybill({ jobs: [ingest], store: memoryStore() });
export const worker = waybill.worker([ingest.handle(({ input }) => ({ chunks: input.documentId.length }))]);
export const routes = jobRoutes(waybill, {
  kinds: [ingest],
  submit: [],
  authorize: () => ({ owner: "ana" }),
});
export const client = createClient<typeof ingest>({ baseUrl: "/jobs" });

export async function chunksOf(id: string): Promise<number> {
  const output = await waybill.result(ingest, id);
  // @ts-expect-error -- the output has no such member
  const pages: unknown = output.pages;
  return pages === undefined ? output.chunks : 0;
}

export async function begin(documentId: string): Promise<string> {
  // @ts-expect-error -- the input is an object
  void waybill.submit(ingest, documentId);
  const job = await waybill.submit(ingest, { documentId }).unwrap();
  if (job.status === "COMPLETED") return String(job.output.chunks);
  return job.word satisfies "UPLOADED" | "READING" | "FAILED";
}
