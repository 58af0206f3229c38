import { defineJob } from "waybill";
import { z } from "zod";

/** A document on its way into the index: parsed and cut by one worker, embedded by a second, linked by a third. */
export const ingest = defineJob({
  kind: "document.process",
  input: z.object({ documentId: z.string() }),
  phases: ["parsing", "chunking", "embedding", "indexing"],
  progress: z.object({ chunks: z.number(), embedded: z.number(), linked: z.number() }),
  percent: ({ chunks, embedded, linked }) => (chunks === 0 ? 0 : (embedded + linked) / (2 * chunks)),
  output: z.object({ chunks: z.number(), embeddingModel: z.string() }),
  /** What the other two workers go on with. A document that is processed again is another job: its id names the work. */
  external: z.object({ jobId: z.string() }),
  refKeys: ({ jobId }) => [jobId],
  words: {
    PENDING: "pending",
    QUEUED: "pending",
    PROCESSING: "processing",
    COMPLETED: "ready",
    FAILED: "failed",
  },
  messages: {
    PENDING: "Waiting to be read",
    QUEUED: "Waiting to be read",
    PROCESSING: { default: "Reading", embedding: "Embedding", indexing: "Indexing" },
    COMPLETED: "Ready to be searched",
    FAILED: {
      default: "It could not be read",
      cancelled: "Cancelled",
      deadline_exceeded: "It took too long",
    },
  },
  subject: ({ documentId }) => `document:${documentId}`,
  // The ingest worker has a loop of its own, on a message of the application's own.
  handOver: "own",
  deadlineMs: 10 * 60_000,
  // What a killed worker held comes free within seconds.
  leaseMs: 3_000,
});

/** A workspace gets a configuration of its own before anything can be put into it. */
export const provision = defineJob({
  kind: "workspace.provision",
  input: z.object({ workspaceId: z.string() }),
  output: z.object({ embeddingModel: z.string() }),
  words: {
    PENDING: "provisioning",
    QUEUED: "provisioning",
    PROCESSING: "provisioning",
    COMPLETED: "ready",
    FAILED: "error",
  },
  messages: {
    PENDING: "Waiting to be set up",
    QUEUED: "Waiting to be set up",
    PROCESSING: "Setting up",
    COMPLETED: "Set up",
    FAILED: "It could not be set up",
  },
  subject: ({ workspaceId }) => `workspace:${workspaceId}`,
  leaseMs: 3_000,
});
