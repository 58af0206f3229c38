import { defineJob } from "waybill";
import { z } from "zod";

export const documentIndex = defineJob({
  kind: "document.index",
  input: z.object({ root: z.string(), path: z.string() }),
  output: z.object({ chunks: z.number(), words: z.number(), terms: z.number() }),
  progress: z.object({ total: z.number(), done: z.number() }),
  phases: ["parsing", "chunking", "indexing"],
  subject: (input) => `file:${input.path}`,
  percent: (progress) => (progress.total === 0 ? 1 : progress.done / progress.total),
  messages: { COMPLETED: "Ready to be searched", FAILED: "Could not be indexed" },
  // A crash is noticed after two seconds: somebody is watching this demo.
  leaseMs: 2_000,
});
