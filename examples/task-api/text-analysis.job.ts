import { defineJob } from "waybill";
import { z } from "zod";

export const textAnalysis = defineJob({
  kind: "text.analysis",
  input: z.object({ text: z.string().min(1) }),
  output: z.object({
    words: z.number(),
    distinct: z.number(),
    readingSeconds: z.number(),
    frequent: z.array(z.object({ word: z.string(), times: z.number() })),
  }),
  words: {
    PENDING: "pending",
    QUEUED: "pending",
    PROCESSING: "processing",
    COMPLETED: "completed",
    FAILED: "failed",
  },
  messages: {
    QUEUED: "Your text is waiting to be read",
    PROCESSING: "Your text is being read",
    COMPLETED: "Your text was read",
  },
});
