import { defineJob } from "waybill";
import { z } from "zod";

const server = z.object({
  id: z.string(),
  state: z.enum(["pending", "launched", "converting", "ready", "failed"]),
  /** Of the conversion, 0–1. */
  converted: z.number(),
  since: z.number(),
  launchedAt: z.number().nullable(),
  note: z.string(),
});

const counters = z.object({
  total: z.number(),
  pending: z.number(),
  /** Launched and not yet converting: each server is counted once. */
  launched: z.number(),
  converting: z.number(),
  ready: z.number(),
  failed: z.number(),
  /** When the first server was launched. */
  startedAt: z.number().nullable(),
  servers: z.array(server),
});

export const recover = defineJob({
  kind: "dr.recover",
  input: z.object({
    planId: z.enum(["billing", "search", "mail"]),
    type: z.enum(["DRILL", "RECOVERY", "FAILBACK"]),
  }),
  progress: counters,
  percent: ({ total, ready, failed }) => (ready + failed) / total,
  /** As they stood at the end: a completed execution has no progress any more. */
  output: counters,
  external: z.object({ drsJobId: z.string() }),
  refKeys: ({ drsJobId }) => [drsJobId],
  phases: ["launching", "converting"],
  words: {
    PENDING: "SUBMITTED",
    QUEUED: "SUBMITTED",
    PROCESSING: { default: "SUBMITTED", launching: "LAUNCHING", converting: "CONVERTING" },
    COMPLETED: "COMPLETED",
    FAILED: { default: "FAILED", cancelled: "CANCELLED" },
  },
  messages: {
    PENDING: "Submitted",
    QUEUED: "Waiting for a launcher",
    PROCESSING: {
      default: "The recovery service is asked for the servers",
      launching: "The recovery service launches the servers, which takes 10 to 15 minutes in all",
      converting: "Servers are converted, each in its own time",
    },
    COMPLETED: "All servers are ready",
    FAILED: "The recovery failed",
  },
  subject: ({ planId }) => `plan:${planId}`,
  expectedMs: 15 * 60_000,
  // A launcher that was killed is replaced within seconds; the service knows its token and launches nothing twice.
  leaseMs: 3_000,
});
