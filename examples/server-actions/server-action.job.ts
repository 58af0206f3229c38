import { defineJob } from "waybill";
import { z } from "zod";

/** What people do to machines. A read (`describe`) is answered at once and is no job. */
export const ACTIONS = ["start", "stop", "reboot"] as const;
export type Action = (typeof ACTIONS)[number];

export const serverAction = defineJob({
  kind: "server.action",
  input: z.object({ action: z.enum(ACTIONS), instanceId: z.string().regex(/^i-[0-9a-z]{2,17}$/) }),
  subject: ({ instanceId }) => instanceId,
  // The page knows three words; PENDING is not shown to anybody.
  words: {
    PENDING: "PROCESSING",
    QUEUED: "PROCESSING",
    PROCESSING: "PROCESSING",
    COMPLETED: "COMPLETED",
    FAILED: "FAILED",
  },
  messages: {
    QUEUED: ({ input }) => `${capital(input.action)} request queued for processing`,
    PROCESSING: ({ input }) => `Processing ${input.action}`,
    COMPLETED: ({ input }) => `Successfully completed ${input.action}`,
    FAILED: ({ input }) => `Failed to complete ${input.action}`,
  },
  // Whoever pressed the button presses it again: a machine is not started twice behind somebody's back.
  retry: { maxAttempts: 1 },
});

/** What goes with a job beside its input: who is to be told, and of what. */
export interface ActionMetadata {
  readonly action: Action;
  readonly userEmail: string;
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
