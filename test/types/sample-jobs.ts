import { type } from "arktype";
import * as v from "valibot";
import { z } from "zod";
import { defineJob } from "../../src/core/define/define-job.js";

/** The third of the five systems, with zod: everything that a definition can say. */
export const recover = defineJob({
  kind: "dr.recover",
  input: z.object({ planId: z.string(), type: z.enum(["DRILL", "RECOVERY", "FAILBACK"]) }),
  output: z.object({ ready: z.number() }),
  progress: z.object({ total: z.number(), ready: z.number() }),
  phases: ["submitted", "launching", "converting"],
  external: z.object({ drsJobIds: z.array(z.string()) }),
  words: {
    PENDING: "IN_PROGRESS",
    QUEUED: "IN_PROGRESS",
    PROCESSING: { default: "SUBMITTED", launching: "LAUNCHING", converting: "CONVERTING" },
    COMPLETED: "COMPLETED",
    FAILED: { default: "FAILED", cancelled: "CANCELLED" },
  },
  messages: {
    QUEUED: (job) => `Recovery of ${job.input.planId} queued`,
    FAILED: { cancelled: "Recovery cancelled" },
  },
  subject: (input) => `plan:${input.planId}`,
  percent: (progress) => progress.ready / progress.total,
  refKeys: (ref) => ref.drsJobIds,
  queue: "slow",
});

/** With valibot: what it takes is not what the handler gets. */
export const ingest = defineJob({
  kind: "document.ingest",
  input: v.object({ documentId: v.string(), pages: v.optional(v.number(), 1) }),
  output: v.object({ chunks: v.number() }),
  phases: ["parsing", "indexing"],
});

/** With arktype: no output, no phases, no progress. */
export const mail = defineJob({ kind: "mail.send", input: type({ to: "string" }) });

export const exported = defineJob({
  kind: "data.export",
  input: z.object({ table: z.string() }),
  output: z.object({ rows: z.number(), bucket: z.string() }),
  progress: z.object({ done: z.number(), host: z.string() }),
  project: {
    output: ({ rows }) => ({ rows }),
    progress: ({ done }) => done,
    metadata: (metadata) => ({ given: metadata !== null }),
  },
});
